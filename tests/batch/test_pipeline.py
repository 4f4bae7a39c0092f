"""The auto-annotate pipeline: classes, duplicates, images edited by hand, stop and resume."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samdesk.base.jobs import CancelToken
from samdesk.batch.merge import EDITED, HAS_ANNOTATIONS, NOT_FROM_A_RUN, run_edit, skip_reason
from samdesk.batch.models import Annotator, Fallback, Models, find_objects
from samdesk.batch.pipeline import AutoAnnotateJob, annotate_images, run
from samdesk.batch.plan import AutoAnnotatePlan, Existing
from samdesk.batch.report import BatchProgress, BatchSummary
from samdesk.batch.sources.base import SourceImage
from samdesk.batch.sources.detector import DetectorSource
from samdesk.batch.targets.base import ImageProblem, RunStopped
from samdesk.batch.targets.documents import DatasetTarget
from samdesk.batch.targets.reading import ImageReads
from samdesk.dataset.change import RunEdit
from samdesk.dataset.runs.annotated import AnnotatedImage
from samdesk.dataset.runs.record import RunImage, RunRecord
from samdesk.domain.annotation import Annotation, AnnotationId, RunId, Source
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import Edit, by_user, reject, update
from samdesk.domain.geometry.regions import iou
from samdesk.domain.geometry.types import RgbImage
from samdesk.domain.labels import LabelId, LabelSet
from samdesk.domain.review import AnnotationReview, ImageReview
from samdesk.engine.protocols import EngineError, OutOfMemory
from tests.helpers.finding import NAMES, ColourDetector, ColourModels, InnerPredictor, annotated, seeded_yolo
from tests.helpers.make import annotation, document, photo, square

PLAN = AutoAnnotatePlan("colour.pt", "inner.pt")
LABELS = LabelSet.from_names(NAMES)
LABEL_IDS = {label.name: label.id for label in LABELS}


class Memory:
    """Documents in memory."""

    def __init__(self, folder: Path, count: int = 4) -> None:
        self.folder = folder
        self.keys = [ImageKey(f"{i}.png") for i in range(count)]
        for i, key in enumerate(self.keys):
            photo(folder / key, seed=i)
        self.documents = {key: ImageDocument(key, 320, 240) for key in self.keys}
        self.full_after = 10**6
        self.runs: list[str] = []
        self.noted: list[tuple[ImageKey, str, str]] = []

    def load(self, key: ImageKey) -> ImageDocument:
        return self.documents[key]

    def annotated(self, keys: Sequence[ImageKey]) -> dict[ImageKey, AnnotatedImage]:
        return {key: annotated(self.documents[key]) for key in keys}

    def begin_run(
        self, text: str, record: RunRecord, keys: Sequence[ImageKey], names: Iterable[str]
    ) -> RunId:
        self.runs.append("open")
        return RunId("run")

    def resume_run(self, run_id: RunId) -> None:
        raise NotImplementedError

    def run_images(self, run_id: RunId) -> tuple[RunImage, ...]:
        raise NotImplementedError

    def note_image(self, run_id: RunId, key: ImageKey, state: str, message: str) -> None:
        self.noted.append((key, state, message))

    def end_run(self, run_id: RunId) -> None:
        self.runs[-1] = "closed"

    def commit_run(self, run_id: RunId, key: ImageKey, edit: RunEdit, labels: Sequence[str]) -> bool:
        if self.full_after == 0:
            raise RunStopped("the disk is full")
        self.full_after -= 1
        made = edit(self.documents[key], LABEL_IDS) if callable(edit) else edit
        assert made is not None
        self.documents[key], _ = made.apply(self.documents[key])
        return True

    def read(self, path: Path) -> RgbImage:
        if path.stat().st_size == 0:
            raise ImageProblem(f"{path.name}: the file is empty")
        return np.asarray(Image.open(path))

    def target(self, existing: str = "skip") -> DatasetTarget:
        plan = replace(PLAN, existing=existing)  # type: ignore[arg-type]
        return DatasetTarget(self.keys, self, ImageReads(self.folder, self.read), plan.existing)

    def annotate(
        self, existing: str = "skip", shelf: ColourModels | None = None, **options: object
    ) -> BatchSummary:
        job = AutoAnnotateJob(PLAN, (shelf or ColourModels()).loaders, **options)  # type: ignore[arg-type]
        return annotate_images(self.target(existing), job)

    def content(self) -> dict[ImageKey, list[tuple[LabelId, bytes, float | None]]]:
        return {
            key: [(a.label_id, a.region.wkb, a.detector_score) for a in d.annotations]
            for key, d in self.documents.items()
        }


def source_image(pixels: RgbImage) -> SourceImage:
    """An image in memory."""
    return SourceImage(ImageKey("a.png"), pixels)


def run_with(annotator: Annotator, target: DatasetTarget) -> BatchSummary:
    """A run with models that are loaded already."""
    todo = target.dry_run()
    with target.begin(PLAN, NAMES) as writer:
        return run(target, writer, annotator, todo, AutoAnnotateJob(PLAN, ColourModels().loaders))


def test_each_mask_keeps_the_class_of_its_own_box_whatever_its_score(tmp_path: Path) -> None:
    image = np.asarray(Image.open(photo(tmp_path / "a.png")))
    found = find_objects(
        DetectorSource(ColourDetector(), PLAN), InnerPredictor(scores=(0.01, 0.9)), source_image(image)
    )
    assert [(f.detection.class_id, f.mask_score) for f in found] == [(0, 0.01), (2, 0.9)]
    for one in found:
        x0, y0, x1, y1 = one.region.bounds
        assert (x0, y0, x1, y1) == pytest.approx(
            (one.detection.x0 + 2, one.detection.y0 + 2, one.detection.x1 - 2, one.detection.y1 - 2), abs=1.5
        )


def test_annotations_of_a_run_carry_source_scores_and_prompt(tmp_path: Path) -> None:
    memory = Memory(tmp_path, 1)
    summary = memory.annotate()
    first, second = memory.documents[memory.keys[0]].annotations
    assert (first.source, first.review, first.run_id) == (Source.YOLO_SAM, AnnotationReview.PENDING, "run")
    assert (first.detector_score, first.mask_score) == (0.9, 0.95)
    assert (first.stability, first.model) == (1.0, "colour.pt + inner.pt")
    assert first.prompts is not None
    assert first.prompts.box is not None
    assert first.prompts.box.xyxy == pytest.approx((32, 48, 129, 169), abs=1)
    assert [LABELS.get(a.label_id).name for a in (first, second)] == ["ellipse", "box"]
    assert (summary.annotated, summary.annotations, summary.ok) == (1, 2, True)


def test_an_empty_mask_leaves_the_box_and_a_note(tmp_path: Path) -> None:
    memory = Memory(tmp_path, 1)
    annotator = Annotator(
        Models(ColourDetector(), InnerPredictor(empty=(1,))), PLAN, lambda: pytest.fail("no GPU"), print
    )
    summary = run_with(annotator, memory.target())
    second = memory.documents[memory.keys[0]].annotations[1]
    assert second.mask_score == 0.0
    assert second.prompts is not None
    assert second.prompts.box is not None
    assert second.region.bounds == second.prompts.box.xyxy
    assert summary.annotations == 2
    assert [n.key for n in summary.notes] == [memory.keys[0]]


def test_an_image_without_objects_is_done_and_counted_as_empty(tmp_path: Path) -> None:
    memory = Memory(tmp_path, 1)
    Image.new("RGB", (320, 240), (90, 90, 90)).save(tmp_path / memory.keys[0])
    shelf = ColourModels()
    summary = memory.annotate(shelf=shelf)
    assert (summary.annotated, summary.empty, summary.annotations) == (1, 1, 0)
    assert shelf.predictors[0].encoded == 0, "the image was encoded though nothing was found"
    assert memory.documents[memory.keys[0]].revision == 1, "nothing was stored"


@pytest.mark.parametrize(
    ("changes", "made_by_run", "expected"),
    [
        ({"review": ImageReview.EDITED}, False, (EDITED, EDITED, EDITED)),
        ({"review": ImageReview.ACCEPTED}, True, (EDITED, EDITED, EDITED)),
        ({"review": ImageReview.EDITED, "annotations": ()}, False, (EDITED, EDITED, EDITED)),
        ({"annotations": ()}, False, (None, None, None)),
        ({}, False, (HAS_ANNOTATIONS, None, NOT_FROM_A_RUN)),
        ({}, True, (HAS_ANNOTATIONS, None, None)),
    ],
)
def test_which_images_a_run_skips(
    changes: dict[str, object], made_by_run: bool, expected: tuple[str | None, ...]
) -> None:
    there = document("a")
    if made_by_run:
        there, _ = update(
            [replace(there.annotations[0], run_id=RunId("r"), review=AnnotationReview.PENDING)]
        ).apply(there)
    there = replace(there, **changes)  # type: ignore[arg-type]
    assert tuple(skip_reason(there, e) for e in ("skip", "add", "replace")) == expected


def test_add_skips_duplicates_of_the_same_label() -> None:
    there = document("a")
    same = annotation("same", region=square(12, 10))  # IoU 0.82 with "a"
    other_label = annotation("other label", "bus", region=square(12, 10))
    elsewhere = annotation("elsewhere", region=square(25, 10))  # IoU 0.14
    after, _ = run_edit(there, [same, other_label, elsewhere], "add").apply(there)
    assert [a.id for a in after.annotations] == ["a", "other label", "elsewhere"]


def test_two_detections_of_one_run_are_never_each_others_duplicates() -> None:
    there = document()
    after, _ = run_edit(there, [annotation("a"), annotation("b")], "add").apply(there)
    assert len(after.annotations) == 2


def test_replace_removes_only_annotations_of_an_earlier_run() -> None:
    by_run = annotation("by run", region=square(50, 50), run_id=RunId("old"), review=AnnotationReview.PENDING)
    imported = annotation("imported", source=Source.IMPORT)
    there = ImageDocument(ImageKey("a.jpg"), 100, 80, (by_run, imported))
    fresh = [annotation("new", region=square(50, 48)), annotation("again", region=square(11, 10))]
    after, inverse = run_edit(there, fresh, "replace").apply(there)
    assert [a.id for a in after.annotations] == ["imported", "new"]
    assert inverse.apply(after)[0].annotations == there.annotations


def test_a_run_made_again_replaces_what_that_run_made_and_the_user_has_not_reviewed() -> None:
    mine, others, accepted = (
        annotation(name, region=square(x, 10), run_id=RunId(run), review=review)
        for name, x, run, review in (
            ("mine", 10, "one", AnnotationReview.PENDING),
            ("others", 60, "two", AnnotationReview.PENDING),
            ("accepted", 110, "one", AnnotationReview.ACCEPTED),
        )
    )
    there = ImageDocument(ImageKey("a.jpg"), 300, 80, (mine, others, accepted))
    fresh = [annotation("new", region=square(10, 10)), annotation("again", region=square(60, 10))]
    after, _ = run_edit(there, fresh, "replace", "one").apply(there)
    assert [a.id for a in after.annotations] == ["others", "accepted", "new"]
    of_another = ImageDocument(ImageKey("a.jpg"), 300, 80, (others,))
    assert skip_reason(of_another, "replace", "one") == NOT_FROM_A_RUN
    assert skip_reason(of_another, "replace", "two") is None


@pytest.mark.parametrize("existing", ["add", "replace"])
def test_what_the_user_rejected_is_not_proposed_again(existing: Existing) -> None:
    there = document("a")
    rejected, _ = by_user(reject(there, [AnnotationId("a")]), there).apply(there)
    assert not rejected.annotations
    assert skip_reason(rejected, "skip") is None, "other objects may be found on it"
    same = annotation("same", region=square(12, 10))  # IoU 0.82 with "a"
    others = [
        annotation("other label", "bus", region=square(12, 10)),
        annotation("far", region=square(25, 10)),
    ]
    after, _ = run_edit(rejected, [same, *others], existing).apply(rejected)
    assert [a.id for a in after.annotations] == ["other label", "far"]
    assert [a.id for a in after.rejected] == ["a"]


def test_an_annotation_edited_by_hand_is_none_that_a_run_replaces() -> None:
    there = document("a")
    made = replace(there.annotations[0], run_id=RunId("r"))
    there, _ = by_user(update([made]), there).apply(there)
    assert skip_reason(there, "replace") == EDITED
    assert not there.annotations[0].is_untouched
    assert there.annotations[0].run_id == "r"


def test_running_again_changes_nothing(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    memory.annotate()
    before = dict(memory.documents)
    for existing in ("skip", "add"):
        summary = memory.annotate(existing)
        assert summary.annotations == 0
        assert {k: d.annotations for k, d in memory.documents.items()} == {
            k: d.annotations for k, d in before.items()
        }
    content = memory.content()
    memory.annotate("replace")
    assert memory.content() == content


def test_cancel_and_resume_give_the_same_as_one_run(tmp_path: Path) -> None:
    one = Memory(tmp_path / "one", 6)
    one.annotate()
    two = Memory(tmp_path / "two", 6)
    cancel = CancelToken()
    shelf = ColourModels(before=lambda call: cancel.cancel() if call == 3 else None)
    first = two.annotate(shelf=shelf, cancel=cancel)
    assert (first.cancelled, first.annotated) == (True, 3), (
        "the current image is finished, the next not begun"
    )
    second = two.annotate()
    assert (second.cancelled, second.annotated, len(second.skipped)) == (False, 3, 3)
    assert two.content() == one.content()


def test_a_cancel_during_the_last_image_is_no_cancel(tmp_path: Path) -> None:
    memory = Memory(tmp_path, 2)
    cancel = CancelToken()
    shelf = ColourModels(before=lambda call: cancel.cancel() if call == 2 else None)
    assert not memory.annotate(shelf=shelf, cancel=cancel).cancelled


def test_an_image_edited_during_the_run_is_skipped(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    key = memory.keys[2]

    def draw(call: int) -> None:
        if call == 2:
            there = memory.documents[key]
            memory.documents[key], _ = by_user(Edit(put=()), there).apply(there)

    summary = memory.annotate(shelf=ColourModels(before=draw))
    assert memory.documents[key].annotations == ()
    assert [(s.key, s.reason) for s in summary.skipped] == [(key, EDITED)]
    assert summary.annotated == 3


@pytest.mark.logs("batch.stages: ")
def test_bad_images_are_listed_and_the_run_goes_on(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    (tmp_path / memory.keys[1]).write_bytes(b"")

    def fail(call: int) -> None:
        if call == 2:  # the third image: the second never gets to the detector
            raise EngineError("the network tripped")
        if call == 3:
            raise ZeroDivisionError("oops")

    failed_keys: list[str] = []
    seen: list[BatchProgress] = []
    summary = memory.annotate(
        shelf=ColourModels(before=fail), failed=lambda f: failed_keys.append(f.key), progress=seen.append
    )
    assert [(f.key, f.message) for f in summary.failed] == [
        ("1.png", "1.png: the file is empty"),
        ("2.png", "the network tripped"),
        ("3.png", "ZeroDivisionError: oops"),
    ]
    assert failed_keys == ["1.png", "2.png", "3.png"]
    assert (summary.annotated, summary.ok) == (1, False)
    assert [(p.done, p.failed) for p in seen] == [(0, 0), (1, 0), (2, 1), (3, 2), (4, 3)]
    assert seen[-1].seconds_left == 0


def test_a_full_disk_stops_the_run_and_keeps_finished_images(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    memory.full_after = 2
    summary = memory.annotate()
    assert (summary.annotated, summary.stopped, summary.ok) == (2, "the disk is full", False)


def test_out_of_gpu_memory_images_are_done_on_the_cpu_with_one_notice(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    notices: list[str] = []
    devices: list[str] = []

    def full(call: int) -> None:
        devices.append("gpu")
        raise OutOfMemory("the device is full")

    shelf = ColourModels(before=full, gpu=True)
    annotator = shelf.loaders.annotator(PLAN, notices.append)
    shelf._before = lambda call: devices.append("cpu")
    summary = run_with(annotator, memory.target())
    assert (summary.annotated, summary.annotations) == (4, 8)
    assert devices[0] == "gpu"
    assert devices.count("cpu") == 4, "each image once, and none without having been tried on the GPU"
    assert len(notices) == 1
    assert "CPU" in notices[0]
    assert shelf.asked[2:] == [("colour.pt", "cpu"), ("inner.pt", "cpu")], "loaded more than once"


def test_out_of_memory_on_the_cpu_is_a_failure(tmp_path: Path) -> None:
    memory = Memory(tmp_path, 1)

    def full(call: int) -> None:
        raise OutOfMemory("no memory left")

    shelf = ColourModels(before=full)
    summary = memory.annotate(shelf=shelf)
    assert [f.message for f in summary.failed] == ["no memory left"]
    assert len(shelf.asked) == 2, "loaded again for the CPU, where it was already"


def test_a_fallback_model_is_used_only_when_allowed_and_is_named() -> None:
    notices: list[str] = []
    plan = AutoAnnotatePlan("yolo11x.pt", "sam_b.pt")
    annotator = ColourModels().loaders.annotator(
        plan, notices.append, fallback=Fallback(detector=True, predictor=True)
    )
    assert annotator.models.detector.info.name == "colour.pt"
    assert annotator.models.predictor.info.name == "inner.pt"
    assert "yolo11x.pt is unavailable; Colours finds the objects instead" in notices[0]
    assert "sam_b.pt is unavailable; Inner draws the masks instead" in notices[1]
    with pytest.raises(EngineError, match=r"'yolo11x\.pt' is neither a known model nor a file"):
        ColourModels().loaders.annotator(plan, notices.append, fallback=Fallback(predictor=True))
    plan = AutoAnnotatePlan("colour.pt", "sam_b.pt")
    with pytest.raises(EngineError, match=r"sam_b\.pt are not on this machine"):
        ColourModels().loaders.annotator(plan, notices.append, fallback=Fallback(detector=True))


def test_the_cpu_uses_the_fallback_models_too() -> None:
    def full_on_the_gpu(_call: int) -> None:
        if len(shelf.detectors) == 1:
            raise OutOfMemory("no memory left")

    shelf = ColourModels(full_on_the_gpu, gpu=True)
    plan = AutoAnnotatePlan("yolo11x.pt", "sam_b.pt")
    annotator = shelf.loaders.annotator(plan, print, fallback=Fallback(detector=True, predictor=True))
    shelf.asked.clear()
    annotator.find([source_image(np.zeros((20, 20, 3), np.uint8))])
    assert shelf.asked == [("colour.pt", "cpu"), ("inner.pt", "cpu")]


def test_the_dry_run_counts_and_gives_reasons(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    first, second = memory.keys[:2]
    memory.documents[first] = replace(memory.documents[first], review=ImageReview.EDITED)
    memory.documents[second] = replace(document("a"), key=second)
    counted = memory.target().dry_run()
    assert counted.annotate == tuple(memory.keys[2:])
    assert counted.text == (
        f"2 of 4 images will be annotated; 1 skipped: {EDITED}; 1 skipped: {HAS_ANNOTATIONS}"
    )


def test_detector_classes_become_labels_by_name() -> None:
    labels = LabelSet.from_names(["box", "person"])
    plan = replace(PLAN, mapping=(("ellipse", "person"), ("nothing", "")))
    assert plan.used_classes(NAMES) == (0, 2)
    wanted = plan.label_names(NAMES)
    assert wanted == {0: "person", 2: "box"}
    assert {c: labels.match(name) for c, name in wanted.items()} == {0: labels.labels[1], 2: labels.labels[0]}
    assert PLAN.label_names(NAMES) == {0: "ellipse", 1: "nothing", 2: "box"}
    assert replace(PLAN, classes=(0,)).label_names(NAMES) == {0: "ellipse"}


@pytest.mark.parametrize(
    "wrong", [{"conf": 1.5}, {"iou": -0.1}, {"imgsz": 0}, {"max_det": 0}, {"classes": ()}, {"existing": "no"}]
)
def test_invalid_parameters_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        replace(PLAN, **wrong)  # type: ignore[arg-type]


def test_a_class_the_detector_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="classes 0 to 2"):
        ColourModels().loaders.annotator(replace(PLAN, classes=(7,)), print)


def test_a_real_yolo_and_flint_annotate_every_detection(tmp_path: Path) -> None:
    """A network of random weights finds noise: what counts is one annotation a detection, in order."""
    from samdesk.engine.models.load import load_detector, load_predictor

    image = np.asarray(Image.open(photo(tmp_path / "a.png", 160, 120)))
    detector = load_detector(str(seeded_yolo(tmp_path)), "cpu")
    predictor = load_predictor("flint", "cpu")
    plan = AutoAnnotatePlan(conf=1e-7, iou=0.1, imgsz=160, max_det=4)
    boxes = detector.detect([image], conf=1e-7, iou=0.1, imgsz=160, max_det=4)[0]
    assert len(boxes) == 4
    found = find_objects(DetectorSource(detector, plan), predictor, source_image(image))
    assert [f.detection for f in found] == boxes
    for one in found:
        assert not one.region.is_empty


def test_regions_of_a_run_lie_in_the_image(tmp_path: Path) -> None:
    memory = Memory(tmp_path, 1)
    memory.annotate()
    made: tuple[Annotation, ...] = memory.documents[memory.keys[0]].annotations
    assert all(a.region.bounds[0] >= 0 and a.region.bounds[2] <= 320 for a in made)
    assert iou(made[0].region, made[1].region) == 0
