"""``samdesk bench --carry``: shots with known truth, and the report."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from typer.testing import CliRunner

from samdesk.base.cv import cv2
from samdesk.bench.carry.measure import CarryStep, CarryTimes
from samdesk.bench.carry.report import CarryReport
from samdesk.bench.carry.shots import STEPS, camera_shot, object_shot
from samdesk.cli.main import cli
from samdesk.domain.geometry import regions
from tests.carry.scenes import RING, SIZE, texture

RED = np.array([255, 0, 0])


def test_the_truth_of_a_shot_lies_on_the_object() -> None:
    image = np.full((SIZE[1], SIZE[0], 3), 60, np.uint8)
    image[regions.rasterize(RING, *image.shape[:2])] = RED
    for shot in (camera_shot(image, [RING], 0.03, 1), object_shot(image, RING, 0.02, 2)):
        assert shot is not None
        shown = list(shot.images())
        assert len(shown) == STEPS + 1
        for one in shown:
            red = one.rgb[..., 0].astype(int) - one.rgb[..., 1] > 60
            truth = regions.rasterize(one.truth[0], *red.shape)
            assert (red & truth).sum() / (red | truth).sum() > 0.93
        again = list(shot.images())
        assert all(np.array_equal(a.rgb, b.rgb) for a, b in zip(shown, again, strict=True))


def test_an_object_without_room_has_no_shot() -> None:
    whole = regions.from_box(0, 0, *SIZE)
    assert object_shot(texture(0), whole, 0.3, 0) is None


def test_what_counts_as_sure_ends_at_the_first_doubt() -> None:
    def step(number: int, moved: float, sure: bool, unbroken: bool) -> CarryStep:
        return CarryStep(0, "object 2%", number, moved, 0.9, 0.5, 0.4, sure, unbroken)

    steps = (step(1, 0.9, True, True), step(2, 0.7, True, True), step(3, 0.2, False, True))
    report = CarryReport("Flint", 3, "here", (*steps, step(6, 0.1, True, False)), CarryTimes(300.4, 50.2, 4))
    assert "1 image of 3" in str(report), "as when it is stopped"
    assert "0.900 / 0.100" in str(report)
    assert "2 of 3" in str(report)
    assert "1 of 2 sure proposals are right (50.0%)" in report.markdown()
    assert "300 ms for the first object" in str(report)
    assert json.loads(json.dumps(report.as_json()))["steps"][1]["moved"] == 0.7


def test_it_measures_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), texture(3, (160, 120)))
    outline = [40, 30, 100, 30, 100, 80, 40, 80]
    row = {"id": 1, "image_id": 1, "category_id": 1, "segmentation": [outline], "iscrowd": 0}
    (tmp_path / "instances.json").write_text(
        json.dumps(
            {
                "images": [{"id": 1, "file_name": "a.png", "width": 160, "height": 120}],
                "categories": [{"id": 1, "name": "box"}],
                "annotations": [row],
            }
        )
    )
    arguments = [str(folder), "--only", "camera 8%", "--json", str(tmp_path / "out.json")]
    done = CliRunner().invoke(cli, ["bench", "--carry", *arguments])
    assert done.exit_code == 0, done.output
    assert "camera 8%" in done.output
    assert "for the first object" in done.output
    steps = json.loads((tmp_path / "out.json").read_text())["steps"]
    assert [step["step"] for step in steps] == [1, 2, 3, 4, 5, 6]
    assert steps[0]["moved"] > 0.9
