"""Searches of a dataset, and the facts that they read."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Timer
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from samdesk.base.jobs import Cancelled, CancelToken
from samdesk.dataset import search as search_module
from samdesk.dataset.background import results
from samdesk.dataset.dataset import Dataset
from samdesk.dataset.rescan import recheck, update_images
from samdesk.dataset.search import (
    FoundAnnotation,
    agreement,
    count,
    find_annotations,
    find_images,
    histogram,
    next_in_review,
    progress,
    review_count,
    tally,
)
from samdesk.domain.annotation import Annotation, AnnotationId, RunId, Source
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.doubt import FORMULA, Calibration, Weights, doubt, evidence
from samdesk.domain.edits import Edit, Transaction, accept, add, by_user, flag, reject, remove, update
from samdesk.domain.review import AnnotationReview, ImageReview, ReviewChange
from samdesk.domain.search import Search, parse
from samdesk.domain.split import SplitChange
from samdesk.images.sources import survey
from tests.dataset.dataset_kit import SQUARE, drawn, photos, region, with_labels
from tests.dataset.search_oracle import ANNOTATIONS, SPLIT_OF, doubts_of, expected, terms

NAMES = ("a1.png", "a2.png", "a10.png", "sub/ä_B.png", "zero.png")
LABELS = ("person", "traffic light", "Car")


@pytest.fixture
def dataset(tmp_path: Path) -> Iterator[Dataset]:
    """Five images; three labels."""
    photos(tmp_path, *NAMES)
    opened = Dataset.open(tmp_path)
    with_labels(opened, *LABELS)
    yield opened
    opened.close()


def index(dataset: Dataset) -> None:
    """Does all that is done in the background."""
    progress(dataset)
    count(dataset, Search())
    while dataset.unfinished:
        dataset.advance(1.0)
    assert progress(dataset) is None


def commit(dataset: Dataset, key: str, edit: Edit | Callable[[ImageDocument], Edit]) -> None:
    made = edit(dataset.load(ImageKey(key))) if callable(edit) else edit
    dataset.commit(Transaction("Edit", ((ImageKey(key), made),)))


def found(dataset: Dataset, text: str) -> str:
    return " ".join(a.id for a in find_annotations(dataset, parse(text)).annotations)


def make(dataset: Dataset, name: str, label: int = 0, **more: Any) -> Annotation:
    return replace(drawn(dataset.labels.labels[label].id, **more), id=AnnotationId(name))


def facts(dataset: Dataset) -> list[tuple[Any, ...]]:
    """All facts but what says when they were written."""
    return dataset.core.rows.store.rows(
        "SELECT key, i.review, i.count, pending, label, f.review, source, border, run, model, score, mask,"
        " stability, doubt, area, box_agreement, overlap_same, overlap_other, note, f.id, x0, y0, x1, y1,"
        " (SELECT count(*) FROM facts g WHERE g.image = f.image AND g.position < f.position"
        " AND (g.review = 3) = (f.review = 3))"
        " FROM fact_images i LEFT JOIN facts f ON f.image = i.id ORDER BY key, f.id"
    )


# What is found


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_a_search_finds_what_filtering_the_documents_does(dataset: Dataset, data: st.DataObject) -> None:
    splits = (SplitChange(ImageKey(key), None, split) for key, split in SPLIT_OF.items())
    dataset.commit(Transaction("Split", splits=tuple(splits)))
    for key in NAMES[:4]:
        made = data.draw(st.lists(ANNOTATIONS, max_size=4))
        some = [make(dataset, f"{key}{n}", **more) for n, more in enumerate(made)]
        commit(dataset, key, lambda d: remove(a.id for a in d.all_annotations))
        commit(dataset, key, add(some))
        commit(dataset, key, Edit(review=ReviewChange.to(data.draw(st.sampled_from(list(ImageReview))))))
    index(dataset)
    for _ in range(6):
        search = Search(tuple(data.draw(st.lists(terms(), max_size=3))))
        ids, images = expected(dataset, search)
        page, counts = find_annotations(dataset, search), count(dataset, search)
        assert sorted(a.id for a in page.annotations) == sorted(ids), str(search)
        assert find_images(dataset, search) == tuple(k for k in dataset.keys if k in images), str(search)
        numbers = (counts.images, counts.annotations, page.total)
        assert numbers == (len(images), len(ids), len(ids)), str(search)


RUN: dict[str, Any] = {"review": AnnotationReview.PENDING, "run_id": "r1", "model": "yolo11n.pt"}


def scored(dataset: Dataset) -> None:
    """Pending annotations a to d on two images, of a run."""
    a = make(dataset, "a", 1, x=3, y=3, detector_score=0.9, mask_score=0.5, **RUN)
    b = make(dataset, "b", 0, x=30, y=3, detector_score=0.2, mask_score=0.9, **RUN)
    c = make(dataset, "c", 2, x=3, y=3, detector_score=0.6, **RUN)
    d = make(dataset, "d", 0, x=30, y=3, mask_score=0.7, **RUN)
    commit(dataset, "a10.png", add([replace(a, region=region(3, 3, 9, 9)), b]))
    commit(dataset, "a2.png", add([c, replace(d, region=region(30, 3, 30, 30))]))


SORTS = {
    "": "c d a b",  # a2 before a10
    "sort:-name": "a b c d",
    "sort:score": "b c a d",
    "sort:-score": "a c b d",
    "sort:mask": "a d b c",
    "sort:size": "a b c d",
    "sort:-size": "d c b a",
    "sort:class": "b d a c",
    "sort:-class": "c a b d",
    "sort:age": "d c b a",
    "sort:-age": "a b c d",
    "sort:doubt": "b d c a",
}


@pytest.mark.parametrize("many", ["", "walked", "at once"])
def test_annotations_are_sorted(dataset: Dataset, many: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scored(dataset)
    shuffled = {f"sort:random({seed})": found(dataset, f"sort:random({seed})") for seed in range(8)}
    assert len(set(shuffled.values())) > 3
    if many:  # along an index, a part at a time
        monkeypatch.setattr(results, "_MOST_SORTED", 1)
        monkeypatch.setattr(results, "_PART", 1)
    if many == "at once":
        monkeypatch.setattr(results, "_MOST_WALKED", 0)
    for text, order in {**SORTS, **shuffled}.items():
        assert found(dataset, text) == order, text
        assert found(dataset, f"-class:car {text}") == order.replace("c", "").strip().replace("  ", " "), text


def test_the_doubtful_come_first_by_their_doubt(dataset: Dataset) -> None:
    scored(dataset)
    doubts = {
        k: v for key in ("a2.png", "a10.png") for k, v in doubts_of(dataset.load(ImageKey(key))).items()
    }
    page = find_annotations(dataset, parse("sort:doubt"))
    assert {a.id: a.doubt for a in page.annotations} == doubts
    assert [a.id for a in page.annotations] == sorted(doubts, key=doubts.__getitem__, reverse=True)


@pytest.mark.parametrize("many", [False, True])
def test_pages_follow_each_other_whatever_is_decided(
    dataset: Dataset, many: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "_MOST_SORTED", 1 if many else 100)
    monkeypatch.setattr(results, "_PART", 1)
    scored(dataset)
    search = parse("state:pending sort:size")
    page = find_annotations(dataset, search, limit=2)
    assert ([a.id for a in page.annotations], page.total) == (["a", "b"], 4)
    commit(dataset, "a10.png", remove([AnnotationId("a")]))
    commit(dataset, "a2.png", lambda document: accept(document, [AnnotationId("c")]))
    following = find_annotations(dataset, search, limit=2, after=page.cursor)
    expected = ["d"] if many else ["c", "d"]  # of few, the order was made at once
    assert [a.id for a in following.annotations] == expected
    assert following.cursor is None
    assert following.total == 4
    assert [a.id for a in find_annotations(dataset, search, limit=1, offset=1).annotations] == ["b"]
    assert find_annotations(dataset, search).total == 2


def test_a_found_annotation_tells_what_the_document_has(dataset: Dataset) -> None:
    scored(dataset)
    (a,) = find_annotations(dataset, parse('class:"traffic light"')).annotations
    assert a == FoundAnnotation(
        ImageKey("a10.png"), AnnotationId("a"), dataset.labels.labels[1].id, AnnotationReview.PENDING,
        Source.MANUAL, 0.9, 0.5, a.doubt, 81.0, (3, 3, 12, 12), RunId("r1"), "yolo11n.pt", "", None, a.number,
    )  # fmt: skip


def test_a_rejected_annotation_is_found_by_its_state_only(dataset: Dataset) -> None:
    scored(dataset)
    commit(dataset, "a2.png", lambda document: reject(document, [AnnotationId("c")]))
    assert found(dataset, "") == "d a b"
    assert found(dataset, "state:rejected") == "c"
    assert found(dataset, "class:car") == ""
    assert find_images(dataset, parse("count:1")) == ("a2.png",)
    assert count(dataset, parse("is:rejected")).images == 1


# Review


def test_a_review_walks_along_the_doubtful_and_passes_over_what_was_decided(dataset: Dataset) -> None:
    scored(dataset)
    first = next_in_review(dataset, Search())
    assert first is not None
    assert first.id == "b"
    assert review_count(dataset, Search()).annotations == 4
    commit(dataset, "a10.png", lambda d: accept(d, [AnnotationId("a"), AnnotationId("b")]))
    commit(dataset, "a2.png", lambda d: add([make(dataset, "new", detector_score=0.01, **RUN)]))
    second = next_in_review(dataset, Search(), first)
    assert second is not None
    assert second.id == "d"  # neither the decided a, nor the new one, which is more doubtful
    commit(dataset, "a2.png", lambda d: flag(d, [AnnotationId("d")], "blurred"))
    third = next_in_review(dataset, Search(), second)
    assert third is not None
    assert third.id == "c"
    assert next_in_review(dataset, Search(), third) is None
    assert next_in_review(dataset, Search(), second, skip=[AnnotationId("c")]) is None
    begun = next_in_review(dataset, parse("is:flagged"))
    assert begun is not None
    assert (begun.id, begun.note) == ("d", "blurred")


def test_a_review_of_many_goes_on_where_it_was(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "_MOST_SORTED", 1)
    monkeypatch.setattr(results, "_PART", 1)
    monkeypatch.setattr(search_module, "_REVIEWED_AT_ONCE", 1)
    scored(dataset)
    at, seen = None, []
    while (at := next_in_review(dataset, parse("sort:mask"), at)) is not None:
        seen.append(at.id)
    assert seen == ["a", "d", "b", "c"]


# Figures


def test_a_histogram_counts_what_a_search_finds(dataset: Dataset) -> None:
    scored(dataset)
    scores = histogram(dataset, Search(), "score", bins=5)
    assert scores.edges == pytest.approx((0, 0.2, 0.4, 0.6, 0.8, 1))
    assert (scores.counts, scores.unknown) == ((0, 1, 0, 1, 1), 1)
    assert histogram(dataset, parse("class:person"), "area", bins=4).counts == (0, 0, 0, 2)
    assert histogram(dataset, parse("class:none"), "area", bins=4).counts == (0, 0, 0, 0)
    person, light, car = (label.id for label in dataset.labels)
    assert tally(dataset, Search(), "class") == ((person, 2), *sorted([(light, 1), (car, 1)]))
    assert tally(dataset, Search(), "state") == (("pending", 4),)
    assert tally(dataset, Search(), "model") == (("yolo11n.pt", 4),)


def test_agreement_counts_what_became_of_proposals(dataset: Dataset) -> None:
    scored(dataset)
    person, light, car = (label.id for label in dataset.labels)
    commit(dataset, "a10.png", lambda d: accept(d, [AnnotationId("a")]))
    moved = replace(make(dataset, "b", **RUN), region=region(20, 20))
    commit(dataset, "a10.png", lambda d: by_user(update([moved]), d))
    commit(dataset, "a2.png", lambda d: reject(d, [AnnotationId("c")]))
    for key in ("a2.png", "zero.png"):  # no model has proposed anything on zero.png
        commit(
            dataset, key, by_user(add([make(dataset, f"drawn {key}")]), ImageDocument(ImageKey(key), 9, 9))
        )
    carried = {"track": "t", "source": Source.CARRIED, "run_id": "c1"}
    of_carry = [
        make(dataset, f"carried {review.value}", 2, review=review, **carried) for review in AnnotationReview
    ]
    commit(dataset, "a2.png", add(of_carry))  # neither proposed nor missed by a model
    redrawn = of_carry[list(AnnotationReview).index(AnnotationReview.PENDING)].redrawn(region(12, 12))
    commit(dataset, "a2.png", lambda d: by_user(update([redrawn]), d))
    assert dataset.load(ImageKey("a2.png")).find(redrawn.id).review is AnnotationReview.CORRECTED
    rows = {row.label_id: row for row in agreement(dataset)}
    assert len(rows) == len(agreement(dataset)) == 3
    assert {row.model for row in rows.values()} == {"yolo11n.pt"}
    assert (rows[light].accepted, rows[light].rate) == (1, 1.0)
    assert (rows[person].corrected, rows[person].pending, rows[person].missed) == (1, 1, 1)
    assert (rows[person].rate, rows[car].rejected) == (0.0, 1)
    assert (rows[car].accepted, rows[car].corrected, rows[car].missed, rows[car].pending) == (0, 0, 0, 0)


# The facts


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_facts_stay_exact_with_edits_undo_and_redo(dataset: Dataset, data: st.DataObject) -> None:
    for key in NAMES:
        commit(dataset, key, lambda d: remove(a.id for a in d.all_annotations))
    states = [facts(dataset)]
    for _ in range(5):
        key = data.draw(st.sampled_from(NAMES[:2]))
        names = data.draw(st.lists(st.sampled_from("abcdef"), max_size=3, unique=True))
        made = [make(dataset, f"{key}{name}", **data.draw(ANNOTATIONS)) for name in names]
        gone = data.draw(st.lists(st.sampled_from("abcdef"), max_size=2))
        commit(dataset, key, replace(add(made), drop=tuple(AnnotationId(f"{key}{name}") for name in gone)))
        states.append(facts(dataset))
    with dataset.core.rows.store.transaction():
        for key in NAMES:
            dataset.core.rows.facts.write(dataset.load(ImageKey(key)))
    assert facts(dataset) == states[-1]
    for state in states[-2::-1]:
        dataset.undo()
        assert facts(dataset) == state
    for state in states[1:]:
        dataset.redo()
        assert facts(dataset) == state


def test_an_older_store_gets_its_facts_in_the_background_even_if_killed(tmp_path: Path) -> None:
    fixture = Path(__file__).parents[1] / "data" / "v5" / "photos"
    folder = Path(shutil.copytree(fixture, tmp_path / "photos"))
    dataset = Dataset.open(folder)
    assert progress(dataset) is not None
    while dataset.unfinished and not facts(dataset):
        dataset.advance(0.0)
    assert 0 < len({row[0] for row in facts(dataset)}) < len(dataset.keys)
    killed = Path(shutil.copytree(folder, tmp_path / "killed"))
    index(dataset)
    for text in ("", "state:pending", "score:>0.5", "is:touching-border", "image:done"):
        ids, images = expected(dataset, parse(text))
        assert sorted(found(dataset, text).split()) == sorted(ids), text
        assert set(find_images(dataset, parse(text))) == images, text
    complete = facts(dataset)
    dataset.close()
    for again in (folder, killed):
        dataset = Dataset.open(again)
        index(dataset)
        assert facts(dataset) == complete
        dataset.close()


def test_label_files_are_read_once_a_search_is_used_and_again_when_they_change(tmp_path: Path) -> None:
    photos(tmp_path, *NAMES)
    (tmp_path / "a1.txt").write_text(f"0 {SQUARE}\n1 {SQUARE}\n")
    (tmp_path / "zero.txt").write_text("nonsense\n")
    dataset = Dataset.open(tmp_path)
    while dataset.unfinished:
        dataset.advance(1.0)
    assert facts(dataset) == []
    index(dataset)
    ids = [a.id for a in dataset.load(ImageKey("a1.png")).annotations]
    assert found(dataset, "source:import").split() == ids
    assert find_images(dataset, parse("image:empty")) == NAMES[1:]
    assert dataset.core.rows.keys() == []
    before = facts(dataset)
    dataset.core.save_settings()
    dataset.close()
    dataset = Dataset.open(tmp_path)
    index(dataset)
    assert facts(dataset) == before
    (tmp_path / "a1.txt").write_text(f"1 {SQUARE}\n")
    (tmp_path / "a2.txt").write_text(f"0 {SQUARE}\n")
    recheck(dataset, [], [ImageKey("a1.png"), ImageKey("a2.png")])
    index(dataset)
    assert [count(dataset, parse(f"name:{name}")).annotations for name in ("a1", "a2")] == [1, 1]
    (tmp_path / "a2.txt").unlink()
    recheck(dataset, [], [ImageKey("a2.png")])
    index(dataset)
    assert count(dataset, parse("name:a2")).annotations == 0
    commit(dataset, "a1.png", add([make(dataset, "x")]))
    assert len(found(dataset, "name:a1").split()) == 2
    assert notices_about(dataset) <= 1  # of the image that was opened
    dataset.close()


def notices_about(dataset: Dataset) -> int:
    return sum(notice.key is not None for notice in dataset.notices())


def test_images_that_have_gone_are_not_found_and_new_ones_are(dataset: Dataset) -> None:
    scored(dataset)
    index(dataset)
    (dataset.folder / "a10.png").unlink()
    photos(dataset.folder, "a3.png")
    update_images(dataset, survey(dataset.folder), None)
    index(dataset)
    assert found(dataset, "") == "c d"
    assert find_images(dataset, parse("count:0")) == ("a1.png", "a3.png", "sub/ä_B.png", "zero.png")
    assert count(dataset, Search()).annotations == 2
    assert next_in_review(dataset, parse("class:person,traffic*")).id == "d"  # type: ignore[union-attr]


def test_a_calibration_reaches_all_doubts_and_is_kept(dataset: Dataset) -> None:
    scored(dataset)
    weights = Weights(FORMULA.intercept, (0.0, 9.0, *FORMULA.terms[2:]))
    calibration = Calibration(weights, 50, True, 0.1, 0.2)
    dataset.set_calibration(calibration)
    index(dataset)
    commit(dataset, "zero.png", add([make(dataset, "e", mask_score=0.1, **RUN)]))

    def doubts() -> dict[str, float]:
        return {a.id: a.doubt for a in find_annotations(dataset, Search()).annotations}

    def all_doubts(used: Calibration | None) -> dict[str, float]:
        documents = [dataset.load(key) for key in dataset.keys]
        return {
            a.id: pytest.approx(doubt(row, used), abs=1e-12)
            for document in documents
            for a, row in zip(document.annotations, evidence(document), strict=True)
        }

    assert doubts() == all_doubts(calibration)
    assert found(dataset, "sort:doubt").startswith("e a d")
    assert dataset.core.rows.facts.calibration == calibration
    dataset.set_calibration(None)
    index(dataset)
    assert doubts() == all_doubts(None)


def test_a_search_may_be_cancelled(dataset: Dataset) -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        find_annotations(dataset, Search(), cancel=cancel)
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
    slow = CancelToken()
    store = dataset.core.rows.store
    Timer(0.05, slow.cancel).start()
    with pytest.raises(Cancelled), store.interruptible(slow):
        store.rows(endless)
    commit(dataset, "a1.png", add([make(dataset, "x")]))
    assert found(dataset, "") == "x"


def test_a_read_only_dataset_is_searched_as_far_as_its_store_goes(dataset: Dataset) -> None:
    scored(dataset)
    index(dataset)
    other = Dataset.open(dataset.folder)
    assert other.read_only
    assert found(other, "sort:size") == "a b c d"
    assert not other.indexing.pending
    other.close()
