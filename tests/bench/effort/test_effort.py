"""``samdesk bench --effort``: a simulated annotator makes drawn images right."""

from __future__ import annotations

import json
from collections import Counter
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from samdesk.base.cv import cv2
from samdesk.base.jobs import CancelToken
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.bench.effort import outlines
from samdesk.bench.effort.annotator import SimulatedAnnotator
from samdesk.bench.effort.mask_session import MaskModel
from samdesk.bench.effort.matching import match
from samdesk.bench.effort.mouse import LONGEST_STROKE, Mouse, gestures_of, zoom_for
from samdesk.bench.effort.patch import ScreenPatch
from samdesk.bench.effort.report import EffortReport
from samdesk.bench.effort.review_queue import judged, queue_figures
from samdesk.bench.effort.run import Played, auto_annotated, play
from samdesk.bench.effort.stroke_plan import plan_strokes
from samdesk.bench.effort.truth import IOU, TruthError, TruthImage, read_truth
from samdesk.bench.effort.workspace import ALL_TOOLS, TODAYS_TOOLS, ToolSet, Workspace
from samdesk.cli.main import cli
from samdesk.domain.annotation import AnnotationId
from samdesk.domain.geometry.regions import from_box, from_ring, iou
from samdesk.domain.geometry.types import FloatArray, Frame, RgbImage
from samdesk.domain.prompts import BoxPrompt, MaskCandidate, PointPrompt, PromptSet
from samdesk.domain.review import AnnotationReview, ImageReview
from samdesk.engine.embedding import Embedding
from samdesk.images.reader import read_image
from tests.helpers import make
from tests.helpers.finding import ColourDetector, InnerPredictor

PLAN = AutoAnnotatePlan(det_model="colour.pt", sam_model="fill.pt")
ELLIPSE = [(80 + 48 * np.cos(t), 108 + 60 * np.sin(t)) for t in np.linspace(0, 2 * np.pi, 60, endpoint=False)]
BOX = [(176, 72), (272, 72), (272, 192), (176, 192)]
GAP = [(176, 72), (272, 72), (272, 192), (230, 192), (230, 110), (176, 110)]
"""A part of the box that no colour shows."""


class FillPredictor(InnerPredictor):
    """A point or the middle of a box is answered by what has its colour; more points change nothing."""

    def encode(self, image: RgbImage, **_: Any) -> Embedding:
        side = float(max(image.shape[:2]))
        return Embedding("fill", image.shape[:2], Frame(0, 0, side), cv2.medianBlur(image, 5), 0)

    def predict(
        self, embedding: Embedding, prompts: PromptSet, *, multimask: bool = True
    ) -> list[MaskCandidate]:
        if prompts.mask is not None:
            logits = prompts.mask.logits
        else:
            at, image = _place(prompts), embedding.data.astype(int)
            like = np.abs(image - image[int(at.y), int(at.x)]).sum(axis=2) < 60
            side = max(like.shape)
            padded = np.zeros((side, side), np.float32)
            padded[: like.shape[0], : like.shape[1]] = like
            logits = cv2.resize(padded, (256, 256), interpolation=cv2.INTER_AREA) * 20 - 10
        hw = embedding.image_hw
        return [
            MaskCandidate(logits.astype(np.float32), embedding.frame, image_hw=hw, score=0.9, stability=0.9)
        ]

    def predict_boxes(self, embedding: Embedding, boxes: FloatArray) -> list[MaskCandidate]:
        return [self.predict(embedding, PromptSet(box=BoxPrompt(*box)))[0] for box in boxes.tolist()]


def _place(prompts: PromptSet) -> PointPrompt:
    if prompts.points or prompts.box is None:
        return prompts.points[0]
    x0, y0, x1, y1 = prompts.box.xyxy
    return PointPrompt((x0 + x1) / 2, (y0 + y1) / 2)


def write_dataset(folder: Path, truths: list[list[tuple[int, list[tuple[float, float]]]]]) -> Path:
    """Images with a red ellipse and a blue box, and what is said to be on each."""
    images, annotations, ids = [], [], count(1)
    for i, truth in enumerate(truths):
        path = make.photo(folder / "images" / f"{i}.png", seed=i)
        images.append({"id": i, "file_name": path.name, "width": 320, "height": 240})
        for category, ring in truth:
            flat = [float(v) for point in ring for v in point]
            annotations.append(
                {"id": next(ids), "image_id": i, "category_id": category, "segmentation": [flat]}
            )
    names = [{"id": 1, "name": "ellipse"}, {"id": 2, "name": "box"}, {"id": 3, "name": "gap"}]
    values = {"images": images, "annotations": annotations, "categories": names}
    (folder / "instances.json").write_text(json.dumps(values), "utf-8")
    return folder


def played(truth: TruthImage, tools: ToolSet, empty: bool = False) -> Workspace:
    image, predictor = read_image(truth.path), FillPredictor()
    document = auto_annotated(truth, image, ColourDetector(), predictor, PLAN)
    if empty:
        document = type(document)(document.key, document.width, document.height)
    ids = count()
    window = Workspace(document, tools, lambda: AnnotationId(f"new-{next(ids)}"))
    model = MaskModel(predictor, predictor.encode(image))
    annotator = SimulatedAnnotator(truth, window, model, Mouse(truth.key, truth.image_hw))
    annotator.work()
    assert annotator.unfinished == 0
    return window


def assert_right(window: Workspace, truth: TruthImage) -> None:
    """Every object is there, nothing else is, and the image is accepted."""
    matching = match(window.document.annotations, truth)
    assert (matching.missing, matching.false, matching.relabel) == ((), (), ())
    assert all(iou(a.region, o.region) >= IOU for o, a in matching.pairs)
    assert len(matching.pairs) == len(truth.objects)
    assert window.document.review is ImageReview.ACCEPTED


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Proposals are right on the first image; on the second one is false, one has a wrong label and shape."""
    return write_dataset(tmp_path, [[(1, ELLIPSE), (2, BOX)], [(3, GAP)]])


def test_what_is_right_takes_one_gesture(folder: Path) -> None:
    truth = read_truth(folder)[0]
    window = played(truth, ALL_TOOLS)
    assert window.spent == Counter({"accept image": 1})
    assert_right(window, truth)


def test_what_is_wrong_is_removed_relabelled_and_redrawn(folder: Path) -> None:
    truth = read_truth(folder)[1]
    for tools in (ALL_TOOLS, TODAYS_TOOLS):
        window = played(truth, tools)
        assert_right(window, truth)
        assert window.spent["remove"] == 2  # a click and a key
        assert window.spent["accept image"] == 1
        if tools is ALL_TOOLS:
            assert [a.review for a in window.document.rejected] == [AnnotationReview.REJECTED]
            assert window.spent["relabel"] == 2
            assert window.spent["brush, lasso"] >= 1
            least = window.total
        else:
            assert window.spent["relabel"] == 3
            assert window.total > least  # without a brush it is clicked corner by corner


def test_an_empty_image_is_annotated(folder: Path) -> None:
    truth = read_truth(folder)[0]
    window = played(truth, TODAYS_TOOLS, empty=True)
    assert_right(window, truth)
    # A label, the segment tool, a click and Enter; the tool stays on for the second.
    assert window.spent == Counter({"new: mask model": 4 + 3, "accept image": 1})


def test_it_is_deterministic_and_can_be_stopped(folder: Path) -> None:
    truth, cancel = read_truth(folder), CancelToken()

    def first_only(done: int, _total: int) -> None:
        if done == 0:
            cancel.cancel()

    def all_of(images: list[TruthImage]) -> Played:
        return play(images, ColourDetector(), FillPredictor(), PLAN, lambda *_: None, CancelToken())

    all_of_it = all_of(truth)
    assert all_of_it.efforts[4:] == all_of(truth[1:]).efforts
    stopped = play(truth, ColourDetector(), FillPredictor(), PLAN, first_only, cancel)
    assert stopped.efforts == all_of_it.efforts[:4]
    report = EffortReport("Colours", "Fill", 2, stopped.efforts, None)
    assert "1 image of 2, stopped" in str(report)
    queue = queue_figures(judged(all_of_it.proposals))
    assert queue is not None
    assert (queue.proposals, queue.wrong) == (4, 2)
    full = EffortReport("Colours", "Fill", 2, all_of_it.efforts, queue)
    assert "fewer gestures with all tools than with" in str(full)
    assert "Doubtful first: 4 proposals, 2 of them wrong." in full.markdown()


def test_the_command_with_flint(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path, [[(1, ELLIPSE)]])
    done = CliRunner().invoke(cli, ["bench", str(folder), "--effort", "--json", str(tmp_path / "out.json")])
    assert done.exit_code == 0, done.output
    assert "1 image with 1 object to get right" in done.output
    values = json.loads((tmp_path / "out.json").read_text("utf-8"))
    assert len(values["images"]) == 4
    assert all(row["unfinished"] == 0 for row in values["images"])


def test_no_ground_truth_is_reported(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["bench", str(tmp_path), "--effort"])
    assert done.exit_code == 2
    assert "There is no instances.json" in done.output
    (tmp_path / "instances.json").write_text('{"images": 3}', "utf-8")
    with pytest.raises(TruthError, match="not a COCO annotation file"):
        read_truth(tmp_path)


def test_small_objects_and_crowds_are_tolerated(tmp_path: Path) -> None:
    small = [(10, 10), (25, 10), (25, 25), (10, 25)]
    truth = read_truth(write_dataset(tmp_path, [[(1, small), (2, BOX)]]))[0]
    assert [o.label for o in truth.objects] == ["box"]
    assert truth.tolerates(from_ring(small), "ellipse")
    assert not truth.tolerates(from_ring(small), "box")
    values = json.loads((tmp_path / "instances.json").read_text("utf-8"))
    mask = {"size": [240, 320], "counts": [240 * 100, 240 * 50, 240 * 170]}
    values["annotations"][1] |= {"iscrowd": 1, "segmentation": mask}
    (tmp_path / "instances.json").write_text(json.dumps(values), "utf-8")
    truth = read_truth(tmp_path)[0]
    assert truth.objects == ()
    assert truth.tolerates(from_box(100, 0, 180, 50), "box")  # 5/8 of it lies in the crowd
    assert not truth.tolerates(from_box(130, 0, 180, 50), "box")


def test_strokes_are_planned_from_what_is_seen_to_be_wrong() -> None:
    target, hw = from_box(20, 20, 120, 120), (200, 200)
    for mask in (from_box(20, 20, 120, 80), from_box(20, 20, 120, 180)):  # a part is missing; a leak
        patch = ScreenPatch.around([mask, target], hw)
        plan = plan_strokes(patch.raster(mask), patch.raster(target), patch, 1.0, 0.86)
        assert plan is not None
        assert len(plan) == 1
        assert plan[0].adds is (mask.area < target.area)


def test_a_mouse_is_not_exact_and_long_strokes_count_more() -> None:
    line = np.array([[0.0, 0.0], [LONGEST_STROKE * 1.5, 0.0]])
    assert (gestures_of(line, 1.0), gestures_of(line, 2.0), gestures_of(line[:1], 1.0)) == (2, 3, 1)
    assert (zoom_for((0, 0, 10, 10)), zoom_for((0, 0, 250, 100)), zoom_for((0, 0, 4000, 100))) == (
        8.0,
        2.0,
        1.0,
    )
    off = Mouse("a", (100, 2000)).stroke(line, 1.0)[:, 1]
    assert 1.0 < off.std() < 3.0
    assert np.abs(np.diff(off)).mean() < off.std()  # it wavers, it does not jump


def test_polygons_have_as_few_vertices_as_do() -> None:
    assert (
        outlines.clicks_of(outlines.fewest_vertices(from_box(0, 0, 50, 50), 0.9) or from_box(0, 0, 1, 1)) == 5
    )
    disc = from_ring(ELLIPSE)
    polygon = outlines.fewest_vertices(disc, 0.9)
    assert polygon is not None
    assert iou(polygon, disc) >= 0.9
    assert 5 <= outlines.clicks_of(polygon) <= 12
    dragged = outlines.best_drag(from_ring([(0, 0), (50, 0), (90, 90), (0, 50)]), from_box(0, 0, 50, 50))
    assert dragged is not None
    assert dragged[1] == pytest.approx(1.0)
