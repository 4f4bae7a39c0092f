"""An object on several images is one track again after an export and an import."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from samdesk.dataset.dataset import Dataset
from samdesk.domain.annotation import TrackId
from samdesk.domain.document import ImageKey
from samdesk.domain.edits import add
from samdesk.exchange.access import DirectAccess
from samdesk.exchange.exporting.plan import ExportPlan
from samdesk.exchange.exporting.report import ExportReport
from samdesk.exchange.exporting.run import export
from samdesk.exchange.importing.plan import ImportPlan
from samdesk.exchange.importing.session import import_into
from tests.dataset.dataset_kit import drawn, photos, user, with_labels

NAMES = ("a.jpg", "b.jpg", "c.jpg")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dataset]:
    """Objects at 2 (on three images) and 30 (on two), and one by itself on each image. It is not changed."""
    folder = tmp_path_factory.mktemp("photos")
    keys = photos(folder, *NAMES)
    opened = Dataset.open(folder)
    (label,) = with_labels(opened, "cat")
    first = [drawn(label.id, 2), drawn(label.id, 30)]
    carried = [
        [replace(drawn(label.id, x), track=a.track_of) for a, x in zip(first, (2, 30), strict=True)]
        for _ in "bc"
    ]
    for key, made in zip(keys, (first, carried[0], carried[1][:1]), strict=True):
        opened.commit(user(key, add([*made, drawn(label.id, 16, 26, track=TrackId(f"{key:e<32}"))])))
    yield opened
    opened.close()


def exported(dataset: Dataset, folder: Path, format_id: str) -> ExportReport:
    plan = ExportPlan(format_id=format_id)
    return export(DirectAccess(dataset), plan, folder, processes=0)


def tracks(dataset: Dataset) -> dict[int, set[str]]:
    """The names of the tracks of the objects, by where they are."""
    found: dict[int, set[str]] = {}
    for name in NAMES:
        for a in dataset.load(ImageKey(name)).annotations:
            found.setdefault(round(a.region.bounds[0]), set()).add(a.track)
    return found


@pytest.mark.parametrize("format_id", ["coco", "csv", "cvat", "labelme"])  # others: see check_format
def test_an_object_is_one_track_again(format_id: str, dataset: Dataset, tmp_path: Path) -> None:
    report = exported(dataset, tmp_path / "out", format_id)
    assert "track" not in report.losses
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    photos(fresh, *NAMES)
    again = Dataset.open(fresh)
    import_into(again, [tmp_path / "out"], ImportPlan(), format_id=format_id)
    first, second, alone = (
        track for _, track in sorted(tracks(again).items(), key=lambda p: (p[0] == 16, p[0]))
    )
    ids = [a.track_of for a in dataset.load(ImageKey("a.jpg")).annotations]
    assert (first, second, alone) == ({ids[0]}, {ids[1]}, {""})
    assert not any(
        name == "track_id"
        for key in NAMES
        for a in again.load(ImageKey(key)).annotations
        for name, _ in a.attributes
    )
    again.close()


def test_coco_numbers_tracks_and_other_programs_tracks_are_read(dataset: Dataset, tmp_path: Path) -> None:
    exported(dataset, tmp_path / "out", "coco")
    file = tmp_path / "out" / "annotations" / "instances.json"
    content = json.loads(file.read_text("utf-8"))
    numbers = [a.get("track_id") for a in content["annotations"]]
    assert sorted(filter(None, numbers)) == [1, 1, 1, 2, 2] or sorted(filter(None, numbers)) == [
        1,
        1,
        2,
        2,
        2,
    ]
    for a in content["annotations"]:
        a.pop("track", None)  # as TAO and BURST have it
    file.write_text(json.dumps(content), "utf-8")
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    photos(fresh, *NAMES)
    again = Dataset.open(fresh)
    import_into(again, [file], ImportPlan())
    found = tracks(again)
    assert [len(found[x]) for x in (2, 30)] == [1, 1]
    assert found[16] == {""}
    assert not found[2] & found[30]
    again.close()


def test_a_format_that_holds_no_tracks_says_so(dataset: Dataset, tmp_path: Path) -> None:
    report = exported(dataset, tmp_path / "out", "yolo-seg")
    assert report.losses["track"] == 5
    assert "tracks that the format cannot hold" in report.text
