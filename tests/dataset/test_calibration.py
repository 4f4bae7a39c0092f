"""The doubt of a dataset follows the user's decisions, after every 50 of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from samdesk.dataset.background.calibration import recalibrate
from samdesk.dataset.dataset import Dataset
from samdesk.dataset.search import find_annotations
from samdesk.domain import edits
from samdesk.domain.annotation import Annotation, AnnotationId, RunId, Source
from samdesk.domain.document import ImageKey
from samdesk.domain.doubt import doubt, evidence
from samdesk.domain.edits import Edit, Transaction
from samdesk.domain.geometry.regions import from_box
from samdesk.domain.review import AnnotationReview
from samdesk.domain.search import Search
from tests.dataset.dataset_kit import photos, with_labels

KEY = ImageKey("a.png")


@pytest.fixture
def dataset(tmp_path: Path) -> Iterator[Dataset]:
    """One image with 60 proposals of a run; the first 20 have a low detector score."""
    photos(tmp_path, KEY)
    opened = Dataset.open(tmp_path)
    with_labels(opened, "person")
    label = opened.labels.labels[0].id
    proposals = [
        Annotation(
            AnnotationId(f"p{i}"),
            label,
            from_box(i % 10, i // 10, i % 10 + 0.9, i // 10 + 0.9),
            Source.YOLO_SAM,
            AnnotationReview.PENDING,
            detector_score=0.1 if i < 20 else 0.9,
            mask_score=0.9,
            stability=0.8,
            run_id=RunId("r"),
        )
        for i in range(60)
    ]
    opened.commit(Transaction("Auto-annotate", ((KEY, edits.add(proposals)),)))
    yield opened
    opened.close()


def ids(first: int, end: int) -> list[AnnotationId]:
    return [AnnotationId(f"p{i}") for i in range(first, end)]


def by_user(dataset: Dataset, edit: Edit) -> None:
    made = edits.by_user(edit, dataset.load(KEY))
    dataset.commit(Transaction("Edit", ((KEY, made),)))


def correct(dataset: Dataset, number: int) -> None:
    """Draws a proposal anew, which takes its scores."""
    old = dataset.load(KEY).find(AnnotationId(f"p{number}"))
    assert old is not None
    by_user(dataset, edits.update([replace(old, region=from_box(0, 0, 3, 3), detector_score=None)]))


def test_after_50_decisions_the_doubt_follows_them(dataset: Dataset) -> None:
    by_user(dataset, edits.accept(dataset.load(KEY), ids(0, 20)))  # this user likes low scores, ...
    by_user(dataset, edits.reject(dataset.load(KEY), ids(20, 44)))
    for number in range(44, 49):
        correct(dataset, number)
    assert recalibrate(dataset) is None  # 49
    before = {a.id: a.doubt for a in find_annotations(dataset, Search()).annotations}
    by_user(dataset, edits.reject(dataset.load(KEY), ids(49, 50)))
    calibration = recalibrate(dataset)
    assert calibration is not None
    assert (calibration.decisions, calibration.fitted) == (50, True)
    assert calibration.text == "Doubt now follows your 50 decisions on this dataset."
    assert recalibrate(dataset) is None
    while dataset.unfinished:
        dataset.advance(1.0)
    after = {a.id: a.doubt for a in find_annotations(dataset, Search()).annotations}
    assert after["p55"] > before["p55"]  # ... and not high ones
    document = dataset.load(KEY)
    assert after["p55"] == pytest.approx(
        doubt(evidence(document)[[a.id for a in document.annotations].index("p55")], calibration), abs=1e-6
    )


def test_decisions_keep_the_evidence_of_what_was_proposed(dataset: Dataset) -> None:
    correct(dataset, 0)
    by_user(dataset, edits.reject(dataset.load(KEY), ids(0, 1)))  # another decision on the same proposal
    (decision,) = dataset.core.rows.decisions.newest(10)
    assert decision.wrong
    assert (decision.evidence.detector_score, decision.evidence.stability) == (0.1, 0.8)
    assert decision.evidence.area_share < 0.1  # and not that of the large box


def test_undo_takes_a_decision_back_and_redo_makes_it_again(dataset: Dataset) -> None:
    decisions = dataset.core.rows.decisions
    by_user(dataset, edits.reject(dataset.load(KEY), ids(0, 10)))
    assert [d.wrong for d in decisions.newest(100)] == [True] * 10
    dataset.undo()
    assert decisions.newest(100) == []
    dataset.redo()
    by_user(dataset, edits.accept(dataset.load(KEY), ids(0, 1)))  # it was right after all
    assert sorted(d.wrong for d in decisions.newest(100)) == [False] + [True] * 9


def test_what_is_no_decision_is_not_counted(dataset: Dataset) -> None:
    by_user(dataset, edits.flag(dataset.load(KEY), ids(0, 1)))
    by_user(dataset, edits.unflag(dataset.load(KEY), ids(0, 1)))
    own = replace(dataset.load(KEY).annotations[0], id=AnnotationId("own"), run_id=None, source=Source.MANUAL)
    by_user(dataset, edits.add([own]))
    dataset.commit(Transaction("Undo", ((KEY, edits.remove(ids(1, 3))),)))  # as undoing a run does
    assert dataset.core.rows.decisions.newest(100) == []
    by_user(dataset, edits.flag(dataset.load(KEY), ids(0, 1)))
    by_user(dataset, edits.accept(dataset.load(KEY), ids(0, 1)))
    assert [d.wrong for d in dataset.core.rows.decisions.newest(100)] == [False]


def test_what_was_dropped_for_its_score_is_no_decision_until_the_user_makes_one(dataset: Dataset) -> None:
    decisions = dataset.core.rows.decisions
    by_user(dataset, edits.drop_pending(dataset.load(KEY), ids(0, 60), "detector score under 0.95"))
    assert len(dataset.load(KEY).rejected) == 60
    assert decisions.newest(100) == []
    assert recalibrate(dataset) is None
    dataset.undo()
    by_user(dataset, edits.reject(dataset.load(KEY), ids(0, 2)))
    assert [d.wrong for d in decisions.newest(100)] == [True, True]
    by_user(dataset, edits.drop_pending(dataset.load(KEY), ids(0, 60), "detector score under 0.95"))
    assert [d.wrong for d in decisions.newest(100)] == [True, True]
