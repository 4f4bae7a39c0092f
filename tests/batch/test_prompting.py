"""A run that looks for concepts: its detector is prompted, or the run is refused in words."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from shapely.geometry import MultiPolygon, Polygon, box

from samdesk.base.jobs import CancelToken
from samdesk.batch.concepts import PlannedConcept, PlannedExample
from samdesk.batch.merge import run_edit
from samdesk.batch.models import Fallback, Loaders
from samdesk.batch.pipeline import AutoAnnotateJob
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.batch.report import BatchSummary
from samdesk.batch.run_record import plan_of
from samdesk.batch.targets.dataset import DatasetPlace
from samdesk.dataset import queries
from samdesk.dataset.dataset import Dataset
from samdesk.domain.annotation import Annotation, RunId, new_annotation_id
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import Edit, Transaction, add, by_user
from samdesk.domain.geometry.regions import from_box
from samdesk.domain.geometry.types import Region
from samdesk.domain.review import AnnotationReview, ImageReview, ReviewChange
from samdesk.engine.protocols import EngineError, OutOfMemory
from samdesk.images.sources import ImageSet
from tests.dataset.dataset_kit import with_labels
from tests.helpers.concepts import ColourConcepts
from tests.helpers.finding import ColourDetector, InnerPredictor
from tests.helpers.make import annotation, photo, truncated_image

RED, BLUE = (32.0, 48.0, 128.0, 168.0), (176.0, 72.0, 272.0, 192.0)
"""The boxes of the ellipse and the rectangle of ``photo``."""
PLAN = AutoAnnotatePlan("open.pt", "inner.pt", concepts=(PlannedConcept("thing", ("red",)),))
NAMES = tuple(f"{number}.png" for number in range(4))


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for number, name in enumerate(NAMES):
        photo(tmp_path / name, seed=number)
    return tmp_path


def annotate(
    folder: Path,
    plan: AutoAnnotatePlan,
    model: ColourConcepts | ColourDetector | None = None,
    *,
    fallback: Fallback = Fallback(),  # noqa: B008 - frozen
    cancel: CancelToken | None = None,
) -> tuple[BatchSummary, list[str]]:
    notices: list[str] = []
    detector = model or ColourConcepts()
    loaders = Loaders(
        lambda *_: detector,  # type: ignore[arg-type, return-value]
        lambda *_: InnerPredictor(),
        lambda: "inner.pt",
        lambda: pytest.fail("a detector was looked for that cannot find concepts"),
    )
    with closing(Dataset.open(folder)) as dataset:
        keys = dataset.keys
    job = AutoAnnotateJob(plan, loaders, fallback, notice=notices.append, cancel=cancel or CancelToken())
    return DatasetPlace(ImageSet(folder, keys)).annotate(job), notices


def concept(label: str, *texts: str, on: tuple[tuple[str, tuple[float, ...]], ...] = ()) -> PlannedConcept:
    examples = tuple(PlannedExample(key, box) for key, box in on)  # type: ignore[arg-type]
    return PlannedConcept(label, texts, examples)


def found(folder: Path, name: str) -> list[tuple[str, tuple[int, ...], AnnotationReview]]:
    """Label, bounds and state of the annotations of an image."""
    with closing(Dataset.open(folder)) as dataset:
        labels = {label.id: label.name for label in dataset.labels}
        return [
            (labels[a.label_id], tuple(round(v) for v in a.region.bounds), a.review)
            for a in dataset.load(ImageKey(name)).annotations
        ]


def accept(folder: Path, name: str, region: Region, edit: Edit | None = None) -> Annotation:
    """Draws an annotation of the label "thing" by hand."""
    with closing(Dataset.open(folder)) as dataset:
        labels = dataset.labels if "thing" in dataset.labels.names else with_labels(dataset, "thing")
        drawn = Annotation(new_annotation_id(), labels.labels[0].id, region)
        key = ImageKey(name)
        dataset.commit(Transaction("Draw", ((key, by_user(add([drawn]), dataset.load(key))),)))
        if edit is not None:
            dataset.commit(Transaction("Step", ((key, edit),)))
        return drawn


@pytest.mark.parametrize("source", ["detector", "segmenter"])
def test_what_is_found_has_the_label_of_its_concept(images: Path, source: str) -> None:
    wanted = (concept("apple", "red ellipse"), concept("sky", on=(("2.png", BLUE),)))
    summary, notices = annotate(images, replace(PLAN, concepts=wanted, objects_from=source))  # type: ignore[arg-type]
    assert (summary.annotated, summary.annotations, notices) == (4, 8, [])
    assert [name for name, _, _ in found(images, "0.png")] == ["apple", "sky"]
    assert {state for _, _, state in found(images, "0.png")} == {AnnotationReview.PENDING}
    with closing(Dataset.open(images)) as dataset:
        (run,) = queries.runs(dataset)
        assert plan_of(run.record).concepts == wanted
        assert [label.wanted for label in run.labels] == ["apple", "sky"]
        assert json.loads(json.dumps(dict(run.record.parameters)))["concepts"][1]["examples"]


def test_thresholds_and_names_are_by_label(images: Path) -> None:
    wanted = (concept("apple", "red"), concept("sky", "blue"))
    plan = replace(PLAN, concepts=wanted, class_conf=(("sky", 0.7),), mapping=(("apple", "Fruit"),))
    annotate(images, plan)
    assert [name for name, _, _ in found(images, "1.png")] == ["Fruit"]  # the rectangle has 0.6


def test_an_example_that_cannot_be_had_costs_only_itself(images: Path) -> None:
    truncated_image(images / "3.png", 0.5)
    photo(images / "1.png", 100, 80)
    wanted = concept("thing", on=(("gone.png", RED), ("1.png", BLUE), ("3.png", BLUE), ("0.png", RED)))
    model = ColourConcepts()
    _, notices = annotate(images, replace(PLAN, concepts=(wanted,)), model)
    assert [len(asked[0].exemplars) for asked in model.asked] == [2, 1]
    left_out = [text for text in notices if text.startswith("An example of thing is left out: ")]
    assert [name for name in ("gone.png", "1.png", "3.png") if any(name in text for text in left_out)] == [
        "gone.png", "1.png", "3.png",
    ]  # fmt: skip
    assert len(left_out) == 3
    assert len(found(images, "2.png")) == 1
    with pytest.raises(EngineError, match="nothing to look for thing by"):
        annotate(images, replace(PLAN, concepts=(concept("thing", on=(("gone.png", RED),)),)))


def test_without_words_the_examples_go_on_or_the_run_is_refused(images: Path) -> None:
    both = concept("thing", "red", on=(("0.png", RED),))
    _, notices = annotate(images, replace(PLAN, concepts=(both,)), ColourConcepts(texts=False))
    assert notices == ["Words need the file words.ts, which is not on this machine. Only examples are used."]
    assert len(found(images, "1.png")) == 1
    plan = replace(PLAN, concepts=(both, concept("sky", "blue")), existing="add")
    with pytest.raises(EngineError, match=r"words\.ts.*no example of sky"):
        annotate(images, plan, ColourConcepts(texts=False))


def test_the_wrong_kind_of_model_is_refused_and_none_takes_its_place(images: Path) -> None:
    any_other = Fallback(detector=True, predictor=True)
    with pytest.raises(EngineError, match=r"colour\.pt finds its own classes only"):
        annotate(images, PLAN, ColourDetector(), fallback=any_other)
    with pytest.raises(EngineError, match=r"open\.pt has no classes of its own"):
        annotate(images, replace(PLAN, concepts=()), ColourConcepts())

    def missing(*_: object) -> ColourDetector:
        raise EngineError("open.pt is not on this machine.")

    loaders = Loaders(missing, lambda *_: InnerPredictor(), lambda: "inner.pt", lambda: "colour.pt")
    with pytest.raises(EngineError, match="not on this machine"):
        loaders.annotator(PLAN, lambda _: None, fallback=any_other)
    with closing(Dataset.open(images)) as dataset:
        assert not queries.runs(dataset)


def test_a_model_that_does_not_fit_the_gpu_is_prompted_again_on_the_cpu(images: Path) -> None:
    asked: list[str] = []
    notices: list[str] = []

    class Small(ColourConcepts):
        def find(self, *args: object, **more: object) -> object:  # type: ignore[override]
            asked.append(self.device)
            if self.device != "cpu":
                raise OutOfMemory("Out of memory.")
            return super().find(*args, **more)  # type: ignore[arg-type]

    loaders = Loaders(
        lambda _name, device, _precision: Small(device or "cuda:0"),  # type: ignore[arg-type, return-value]
        lambda *_: InnerPredictor(),
        lambda: "inner.pt",
    )
    plan = replace(PLAN, concepts=(concept("thing", "red", on=(("gone.png", RED),)),))
    annotator = loaders.annotator(plan, notices.append)
    assert asked == ["cuda:0", "cpu"]
    assert annotator.source.names == ("thing",)
    assert [text for text in notices if "left out" in text] == [notices[0]]


def test_a_cancelled_run_stops_between_two_examples(images: Path) -> None:
    cancel = CancelToken()

    class Cancelled(ColourConcepts):
        def find(self, *args: object, **more: object) -> object:  # type: ignore[override]
            cancel.cancel()
            return super().find(*args, **more)  # type: ignore[arg-type]

    plan = replace(PLAN, concepts=(concept("thing", on=(("0.png", RED),)),))
    summary, _ = annotate(images, plan, Cancelled(), cancel=cancel)
    assert (summary.cancelled, summary.annotated) == (True, 0)
    with closing(Dataset.open(images)) as dataset:
        assert not queries.runs(dataset)


@pytest.mark.parametrize("accepted", [False, True])
def test_an_image_edited_by_hand_gets_more_like_the_example_and_nothing_twice(
    images: Path, accepted: bool
) -> None:
    done = Edit(review=ReviewChange.SET_ACCEPTED) if accepted else None
    example = accept(images, "0.png", from_box(*RED), done)
    wanted = concept("thing", "blue", on=(("0.png", RED),))
    plan = replace(PLAN, concepts=(wanted,), existing="add")
    summary, _ = annotate(images, plan)
    assert summary.reasons == {"edited by hand": 1}
    assert len(found(images, "0.png")) == 1

    summary, _ = annotate(images, replace(plan, edited=True))
    assert summary.annotations == 1
    (_, bounds, state), (label, more, pending) = found(images, "0.png")
    assert (bounds, state) == (tuple(map(round, RED)), AnnotationReview.ACCEPTED)
    assert (label, pending, more[0] > 160) == ("thing", AnnotationReview.PENDING, True)
    with closing(Dataset.open(images)) as dataset:
        document = dataset.load(ImageKey("0.png"))
        assert document.review is ImageReview.EDITED, "an accepted image has something to review now"
        (run, *_) = queries.runs(dataset)
        assert (run.record.adds_to_edited, plan_of(run.record).edited) == (True, True)

    again, _ = annotate(images, replace(plan, edited=True))
    assert again.annotations == 0
    with closing(Dataset.open(images)) as dataset:
        dataset.undo()
        dataset.undo()
        document = dataset.load(ImageKey("0.png"))
        assert [a.id for a in document.annotations] == [example.id]
        assert document.review is (ImageReview.ACCEPTED if accepted else ImageReview.EDITED)


def test_an_object_that_is_annotated_with_a_box_is_not_proposed_again() -> None:
    drawn = annotation("box", region=from_box(10, 10, 90, 70))
    there = ImageDocument(ImageKey("a.png"), 100, 80, (drawn,))
    pencil = MultiPolygon([Polygon([(10, 10), (14, 10), (90, 66), (90, 70), (86, 70), (10, 14)])])
    beside = MultiPolygon([box(60, 10, 90, 30)])
    fresh = [annotation("pencil", region=pencil), annotation("beside", region=beside)]
    assert [p.annotation.id for p in run_edit(there, fresh, "add").put] == ["beside"]
    other_label = [annotation("other", label="x", region=pencil)]
    assert len(run_edit(there, other_label, "add").put) == 1


def test_the_store_lets_no_run_change_what_is_on_an_edited_image(images: Path) -> None:
    drawn = accept(images, "0.png", from_box(*RED))
    key = ImageKey("0.png")
    with closing(Dataset.open(images)) as dataset:
        from samdesk.batch.run_record import record_of

        run: RunId = dataset.begin_run("Find", record_of(replace(PLAN, existing="add", edited=True)), [key])
        assert not dataset.commit_run(run, key, Edit(drop=(drawn.id,)))
        moved = replace(drawn, region=from_box(*BLUE))
        assert not dataset.commit_run(run, key, add([moved]))
        assert dataset.load(key).annotations == (drawn,)


def test_plans_that_make_no_sense_are_refused() -> None:
    two = (PlannedConcept("A  b", ("x",)), PlannedConcept("a B", ("y",)))
    for change, words in (
        ({"concepts": two}, "twice"),
        ({"concepts": (PlannedConcept(" ", ("x",)),)}, "needs a label"),
        ({"objects_from": "boxes"}, "nothing to look for"),
        ({"edited": True}, "only get new objects"),
    ):
        with pytest.raises(ValueError, match=words):
            replace(PLAN, **change)  # type: ignore[arg-type]
