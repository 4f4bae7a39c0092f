"""Searches of a dataset, and the facts that they read."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from samdesk.base.jobs import Cancelled, CancelToken
from samdesk.dataset.dataset import Dataset
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
from samdesk.domain.annotation import Annotation, Source
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.doubt import FORMULA, Calibration, Weights, doubt, evidence
from samdesk.domain.edits import Edit, Transaction, accept, accept_image, add, by_user, flag, reject, remove, update
from samdesk.domain.review import AnnotationReview, ImageReview, ReviewChange
from samdesk.domain.search import AnyOf, Bounds, Search, Term, matcher, parse
from samdesk.domain.search_words import SortKey
from tests.dataset.dataset_kit import SQUARE, drawn, photos, region, with_labels

NAMES = ("a1.png", "a2.png", "a10.png", "sub/ä_B.png", "zero.png")
LABELS = ("person", "traffic light", "Car")
MODELS = ("", "yolo11n.pt + flint", "mobile_sam.pt")


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
    find_annotations(dataset, Search())
    while dataset.unfinished:
        dataset.advance(1.0)


def commit(dataset: Dataset, key: str, edit: Edit | Callable[[ImageDocument], Edit]) -> None:
    document = dataset.load(ImageKey(key))
    made = edit(document) if callable(edit) else edit
    dataset.commit(Transaction("Edit", ((ImageKey(key), made),)))


def found(dataset: Dataset, text: str) -> list[str]:
    return [a.id for a in find_annotations(dataset, parse(text)).annotations]


def make(dataset: Dataset, name: str, label: int = 0, **more: object) -> Annotation:
    made = drawn(dataset.labels.labels[label].id, **{"x": 10, **more})  # type: ignore[arg-type]
    return replace(made, id=name)  # type: ignore[arg-type]


# What is found is what the documents have


@st.composite
def annotations(draw: st.DrawFn) -> dict[str, object]:
    score = st.none() | st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])
    review = draw(st.sampled_from(list(AnnotationReview)))
    return {
        "label": draw(st.integers(0, 2)),
        "x": draw(st.sampled_from([0, 10, 44])),
        "review": review,
        "source": draw(st.sampled_from(list(Source))),
        "detector_score": draw(score),
        "mask_score": draw(score),
        "stability": draw(score),
        "model": draw(st.sampled_from(MODELS)),
        "note": draw(st.sampled_from(["", "blurred 50%", "zu ÄHNLICH"])),
        "run_id": draw(st.sampled_from([None, "r1", "r2"])),
    }


shares = st.sampled_from([0.0, 0.25, 0.5, 0.75])


@st.composite
def terms(draw: st.DrawFn) -> Term:
    field = draw(st.sampled_from(["class", "score", "mask", "stability", "doubt", "state", "image", "is", "source",
                                  "area", "count", "with", "without", "run", "model", "note", "name"]))  # fmt: skip
    values = {
        "class": ["person", "TRAFFIC*", "car", "none of them"], "with": ["person", "car"], "without": ["person"],
        "state": [r.value for r in AnnotationReview], "image": ["new", "to-review", "edited", "done", "flagged", "empty"],
        "is": ["flagged", "touching-border", "rejected", "new", "done", "pending", "empty"],
        "source": ["auto", "sam", "manual", "import"], "run": ["any", "none", "r1", "R"], "model": ["none", "YOLO", "*sam"],
        "note": ["none", "50%", "ähnlich", "b*r"], "name": ["A1", "10", "ä_b", "sub/", "_"],
    }  # fmt: skip
    test: AnyOf | Bounds
    if field in values:
        test = AnyOf(tuple(draw(st.lists(st.sampled_from(values[field]), min_size=1, max_size=2, unique=True))))
    else:
        scale = {"area": 600, "count": 4}.get(field, 1)
        low, high = sorted([draw(shares) * scale, draw(shares) * scale])
        test = draw(st.sampled_from([Bounds(low, high), Bounds(low=low, above=True), Bounds(high=high, below=True)]))
    return Term(field, test, draw(st.booleans()))


def in_bounds(value: float | None, test: Bounds) -> bool:
    if value is None:
        return False
    low = test.low is None or (value > test.low if test.above else value >= test.low)
    return low and (test.high is None or (value < test.high if test.below else value <= test.high))


def image_fits(document: ImageDocument, value: str) -> bool:
    pending = sum(a.review is AnnotationReview.PENDING for a in document.annotations)
    return {
        "new": document.review is ImageReview.UNREVIEWED and not pending,
        "to-review": pending > 0 and document.review is not ImageReview.ACCEPTED,
        "edited": document.review is ImageReview.EDITED,
        "flagged": document.review is ImageReview.FLAGGED,
        "done": document.review is ImageReview.ACCEPTED,
        "empty": not document.annotations,
    }.get(value, False)


def of_image(term: Term, document: ImageDocument, names: dict[str, str]) -> bool | None:
    """Whether a term fits an image by itself; None: it is about annotations only."""
    test = term.test
    if isinstance(test, Bounds):
        return in_bounds(len(document.annotations), test) if term.field == "count" else None
    classes = [names[a.label_id] for a in document.annotations]
    if term.field in ("with", "without"):
        has = any(matcher(value)(name) for value in test.values for name in classes)
        return has == (term.field == "with")
    if term.field == "name":
        return any(matcher(value, anywhere=True)(document.key) for value in test.values)
    if term.field in ("image", "is"):
        known = {"new", "to-review", "edited", "flagged", "done", "empty"}.intersection(test.values)
        return any(image_fits(document, value) for value in known) if known else None
    return None


def of_annotation(
    term: Term, document: ImageDocument, a: Annotation, doubt_of: float, names: dict[str, str]
) -> bool | None:
    """Whether a term fits an annotation; None: it is about images only."""
    test = term.test
    if term.field in ("count", "with", "without", "name", "image"):
        return None
    if isinstance(test, Bounds):
        values = {"score": a.detector_score, "mask": a.mask_score, "stability": a.stability,
                  "doubt": doubt_of, "area": a.region.area}  # fmt: skip
        return in_bounds(values[term.field], test)
    fits: dict[str, Callable[[str], bool]] = {
        "class": lambda v: matcher(v)(names[a.label_id]),
        "state": lambda v: a.review.value == v,
        "source": lambda v: a.source.value == {"auto": "yolo+sam"}.get(v, v),
        "run": lambda v: {"any": a.run_id is not None, "none": a.run_id is None}.get(
            v, (a.run_id or "?").startswith(v.lower())
        ),
        "model": lambda v: not a.model if v == "none" else bool(a.model) and matcher(v, anywhere=True)(a.model),
        "note": lambda v: not a.note if v == "none" else bool(a.note) and matcher(v, anywhere=True)(a.note),
        "is": lambda v: a.review.value == v or (v == "touching-border" and touches(a)),
    }  # fmt: skip
    if term.field != "is":
        return any(fits[term.field](v) for v in test.values)
    own = [v for v in test.values if v in {r.value for r in AnnotationReview} | {"touching-border"}]
    if not own:
        return None
    others = [v for v in test.values if v not in own]
    return any(fits["is"](v) for v in own) or any(image_fits(document, v) for v in others)


def touches(a: Annotation) -> bool:
    x0, y0, x1, y1 = a.region.bounds
    return x0 <= 1 or y0 <= 1 or x1 >= 63 or y1 >= 47


def expected(dataset: Dataset, search: Search) -> tuple[list[str], set[str]]:
    """The annotations and images that a search should find, from the documents."""
    names = {label.id: label.name for label in dataset.labels}
    wants_rejected = any(
        not t.negated and t.field in ("state", "is") and isinstance(t.test, AnyOf) and "rejected" in t.test.values
        for t in search.terms
    )  # fmt: skip
    ids, images = [], set()
    for key in dataset.keys:
        document = dataset.load(key)
        alone = [(of_image(t, document, names), t) for t in search.terms]
        if all(fits is not None and fits != t.negated for fits, t in alone):
            images.add(str(key))
        doubts = dict(zip((a.id for a in document.annotations), map(doubt, evidence(document)), strict=True))
        apart = replace(document, annotations=document.rejected)
        doubts |= dict(zip((a.id for a in apart.annotations), map(doubt, evidence(apart)), strict=True))
        for a in document.all_annotations:
            if a.review is AnnotationReview.REJECTED and not wants_rejected:
                continue
            own = [(of_annotation(t, document, a, doubts[a.id], names), t) for t in search.terms]
            if all(
                (of_image(t, document, names) if fits is None else fits) != t.negated for fits, t in own
            ):
                ids.append(a.id)
                images.add(str(key))
    return ids, images


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_a_search_finds_what_filtering_the_documents_does(dataset: Dataset, data: st.DataObject) -> None:
    for key in NAMES[:4]:
        commit(dataset, key, lambda d: remove(a.id for a in d.all_annotations))
        made = data.draw(st.lists(annotations(), max_size=4))
        some = [make(dataset, f"{key}{n}", **more) for n, more in enumerate(made)]  # type: ignore[arg-type]
        review = data.draw(st.sampled_from(list(ImageReview)))
        commit(dataset, key, replace(add(some), review=None))
        commit(dataset, key, Edit(review=ReviewChange.to(review)))
    index(dataset)
    for _ in range(6):
        search = Search(tuple(data.draw(st.lists(terms(), max_size=3))))
        check(dataset, search)


def check(dataset: Dataset, search: Search) -> None:
    ids, images = expected(dataset, search)
    page = find_annotations(dataset, search)
    assert sorted(a.id for a in page.annotations) == sorted(ids), str(search)
    assert find_images(dataset, search) == tuple(key for key in dataset.keys if key in images), str(search)
    counts = count(dataset, search)
    assert (counts.images, counts.annotations, page.total) == (len(images), len(ids), len(ids)), str(search)
