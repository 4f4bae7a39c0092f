"""Searches of a dataset: queries that ``StorageClient.ask`` runs on the storage thread.

All of them read the facts of the annotations (``store.facts``), no documents, and have a bound: with a
million annotations a page of a search takes up to 0.3 s, the next annotation of a review a few milliseconds.
All may be cancelled.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Any, TypeAlias

import numpy as np

from samdesk.base.bulk import BulkProgress, breathing
from samdesk.base.jobs import CancelToken
from samdesk.dataset.background.image_order import sorted_images
from samdesk.dataset.background.of_image import doubts_of_image
from samdesk.dataset.background.positions import count_positions
from samdesk.dataset.background.results import Plan, Result, Results, plan, search_sort
from samdesk.dataset.dataset import Dataset
from samdesk.dataset.store.conditions import PENDING_ONLY, asks_for_states, conditions
from samdesk.dataset.store.database import Store
from samdesk.dataset.store.facts import REVIEWS, SOURCES, id_from
from samdesk.domain.annotation import AnnotationId, RunId, Source
from samdesk.domain.document import ImageKey
from samdesk.domain.labels import LabelId
from samdesk.domain.review import AnnotationReview
from samdesk.domain.search import Search
from samdesk.domain.search_words import SortKey

Vector: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
Integers: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]

_REVIEWED_AT_ONCE, _MOST_REVIEWED = 64, 4096
"""Annotations looked at for the next of a review: at first, and at most where many were decided at once."""
_REVIEW = "review "
_COLUMNS = (
    "f.number, f.image, f.label, f.review, f.source, f.score, f.mask, f.stability, f.doubt, f.area,"
    " f.x0, f.y0, f.x1, f.y1, f.run, f.model, f.note, f.id"
)
_CARRIED = SOURCES.index(Source.CARRIED)
_FROM = f"(CASE WHEN track IS NOT NULL AND model IS NULL THEN {_CARRIED} ELSE source END)"
"""The source, also of what was carried along and edited since."""
_OF_MODEL = f"(run IS NOT NULL AND source NOT IN ({SOURCES.index(Source.IMPORT)}, {_CARRIED}))"
_PACKED = f"(label << 27) + (coalesce(model, 0) << 7) + (review << 4) + ({_FROM} << 1) + {_OF_MODEL}"
"""Label, model (up to a million), state and source in one number, which is read three times as fast."""
_TABULATED = 100_000
"""Annotations read between two looks for images to be shown."""
_SHARES = ("score", "mask", "stability", "doubt")


@dataclass(frozen=True)
class FoundAnnotation:
    """An annotation that a search has found, without its region.

    Attributes:
        image: Its image.
        id: Its id.
        label_id: Its class.
        review: What the user has decided.
        source: What created it.
        detector_score: Confidence of the detector, 0..1.
        mask_score: Predicted IoU, 0..1.
        doubt: 0..1, 1 the most doubtful.
        area: Pixels.
        bounds: x0, y0, x1, y1, whole pixels.
        run_id: The run that made it.
        model: The models that proposed it.
        note: Why it is flagged.
        stability: Of its mask, 0..1.
        number: Identifies it in results of this dataset.
    """

    image: ImageKey
    id: AnnotationId
    label_id: LabelId
    review: AnnotationReview
    source: Source
    detector_score: float | None
    mask_score: float | None
    doubt: float
    area: float
    bounds: tuple[int, int, int, int]
    run_id: RunId | None
    model: str
    note: str
    stability: float | None = None
    number: int = 0


@dataclass(frozen=True)
class FoundCursor:
    """Where the next page of a search begins.

    Attributes:
        result: Names the result.
        start: Number of annotations before it.
    """

    result: str
    start: int


@dataclass(frozen=True)
class FoundPage:
    """A part of what a search has found.

    Attributes:
        annotations: In order.
        total: Number of annotations that the search has found.
        cursor: Of the next page; None: this is the last.
        progress: How far the dataset is read, if not all of its annotations can be found yet.
    """

    annotations: tuple[FoundAnnotation, ...]
    total: int
    cursor: FoundCursor | None
    progress: BulkProgress | None = None


@dataclass(frozen=True)
class Counts:
    """How much a search finds.

    Attributes:
        images: Number of images.
        annotations: Number of annotations.
        progress: As in ``FoundPage``.
    """

    images: int
    annotations: int
    progress: BulkProgress | None = None


@dataclass(frozen=True)
class Histogram:
    """How a value is distributed.

    Attributes:
        edges: Of the bins, rising, one more than bins. A bin has its lower edge; the last has both.
        counts: Annotations in each bin.
        unknown: Annotations without the value.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    unknown: int = 0


@dataclass(frozen=True)
class AgreementRow:
    """What became of the proposals of a model for a class.

    Attributes:
        label_id: The class.
        model: The models that proposed them.
        accepted: Number accepted unchanged.
        corrected: Number corrected.
        rejected: Number rejected.
        missed: Number that the user has added on images with proposals of this model.
        pending: Number not decided yet, with those flagged.
    """

    label_id: LabelId
    model: str
    accepted: int = 0
    corrected: int = 0
    rejected: int = 0
    missed: int = 0
    pending: int = 0

    @property
    def rate(self) -> float | None:
        """The share of all objects that were proposed right, 0..1; None: nothing is decided."""
        decided = self.accepted + self.corrected + self.rejected + self.missed
        return self.accepted / decided if decided else None


def find_annotations(
    dataset: Dataset,
    search: Search,
    limit: int = 200,
    after: FoundCursor | None = None,
    offset: int = 0,
    cancel: CancelToken | None = None,
) -> FoundPage:
    """Returns the annotations that a search finds, a page at a time.

    The order of a result stays from page to page, whatever changes meanwhile; annotations deleted since are
    left out.

    Args:
        dataset: The dataset.
        search: What to find; without ``sort`` by image name.
        limit: The most to return.
        after: The cursor of the page before; None: the first, of a new result.
        offset: Without ``after``: the number of annotations before the page, of the same result as the page
            before if that is of the same search.
        cancel: Cancels it.

    Raises:
        Cancelled: It was cancelled.
        StoreError: The store cannot be read.
    """
    with _reading(dataset, cancel) as (store, results):
        name = str(search)
        start = offset if after is None else after.start
        result = results.get(name) if start else None
        if result is None:
            result = results.keep(name, _result(dataset, store, search, SortKey.NAME))
        result.reach(store, results.order, start + limit)
        numbers = result.numbers[start : start + limit]
        found = _annotations(store, results, numbers)
        more = not result.complete or start + limit < len(result.numbers)
        cursor = FoundCursor(name, start + limit) if more else None
        return FoundPage(
            tuple(found[n] for n in numbers if n in found), result.total, cursor, progress(dataset)
        )


def find_images(
    dataset: Dataset, search: Search, cancel: CancelToken | None = None, *, by_sort: bool = False
) -> tuple[ImageKey, ...]:
    """Returns the images that a search finds, in the order of the dataset; its ``sort`` makes no difference.

    With ``by_sort`` they are in the order of its ``sort``: by that of their annotations which comes first.

    An image is found if it has an annotation that fits all words, or if no word is about annotations and all
    fit the image. Raises as ``find_annotations``.
    """
    with _reading(dataset, cancel) as (store, results):
        query = _plan(dataset, store, results, search)
        if by_sort and search.sort is not None:
            return sorted_images(store, results.order, dataset.labels, query, partial(_images, store))
        return results.order.in_order(_images(store, query))


def count(dataset: Dataset, search: Search, cancel: CancelToken | None = None) -> Counts:
    """Returns how many images and annotations a search finds. Raises as ``find_annotations``."""
    with _reading(dataset, cancel) as (store, results):
        query = _plan(dataset, store, results, search)
        images, annotations = results.count(store, query)
        if query.alone is not None:
            images = len(_images(store, query)) if query.annotated else query.count_alone(store)
        return Counts(images, annotations, progress(dataset))


def next_in_review(
    dataset: Dataset,
    search: Search,
    after: FoundAnnotation | None = None,
    skip: Collection[AnnotationId] = (),
    cancel: CancelToken | None = None,
) -> FoundAnnotation | None:
    """Returns the next annotation to review, or None after the last.

    The order is made when a review begins and stays. An annotation that does not fit the search any more,
    because it was decided, is passed over.

    Args:
        dataset: The dataset.
        search: What to review; pending annotations unless it names states, the most doubtful first unless it
            has another order.
        after: The annotation before it; None: a review begins.
        skip: Annotations to pass over.
        cancel: As in ``find_annotations``, which also tells what is raised.
    """
    with _reading(dataset, cancel) as (store, results):
        name = f"{_REVIEW}{search}"
        result = results.get(name) if after is not None else None
        if result is None:
            result = results.keep(name, _result(dataset, store, search, SortKey.DOUBT, review=True))
        place = 0 if after is None else result.place(after.number) + 1
        some = _REVIEWED_AT_ONCE
        while True:
            result.reach(store, results.order, place + some)
            numbers = result.numbers[place : place + some]
            if not numbers:
                return None
            found = _annotations(store, results, numbers, result.plan.where)
            for number in numbers:
                if number in found and found[number].id not in skip:
                    return found[number]
            place, some = place + some, min(4 * some, _MOST_REVIEWED)


def review_count(dataset: Dataset, search: Search, cancel: CancelToken | None = None) -> Counts:
    """Returns ``count`` of what ``next_in_review`` walks along."""
    with _reading(dataset, cancel) as (store, results):
        query = _plan(dataset, store, results, search, review=True)
        images, annotations = results.count(store, query)
        return Counts(images, annotations, progress(dataset))


def histogram(
    dataset: Dataset, search: Search, field: str, bins: int = 20, cancel: CancelToken | None = None
) -> Histogram:
    """Returns how a value of the annotations that a search finds is distributed.

    Args:
        dataset: The dataset.
        search: Whose annotations.
        field: "score", "mask", "stability", "doubt": bins of the same width from 0 to 1; "area": of the same
            ratio, from 1 pixel to the largest.
        bins: How many.
        cancel: As in ``find_annotations``, which also tells what is raised.
    """
    if field not in (*_SHARES, "area"):
        raise ValueError(f"no histogram of {field!r}")
    with _reading(dataset, cancel) as (store, results):
        query = _plan(dataset, store, results, search)
        values = _numbers(store, [f"f.{field}"], f"FROM {query.table} WHERE {query.where}")
    known = values[values >= 0]
    if field == "area":
        edges = np.concatenate([[0.0], np.geomspace(1.0, max(2.0, known.max(initial=0.0)), bins)])
    else:
        edges = np.arange(bins + 1) / bins  # 3/5 is 0.6, which 3 * 0.2 is not
    counts, _ = np.histogram(np.clip(known, edges[0], edges[-1]), edges)
    return Histogram(tuple(edges.tolist()), tuple(counts.tolist()), len(values) - len(known))


def tally(
    dataset: Dataset, search: Search, field: str, cancel: CancelToken | None = None
) -> tuple[tuple[str, int], ...]:
    """Returns how many annotations that a search finds have each value of a field, the most first.

    Args:
        dataset: The dataset.
        search: Whose annotations.
        field: "class" (values are label ids), "state", "source", "run" or "model" ("": none).
        cancel: As in ``find_annotations``, which also tells what is raised.
    """
    columns = {"class": "label", "state": "review", "source": "source", "run": "run", "model": "model"}
    with _reading(dataset, cancel) as (store, results):
        query = _plan(dataset, store, results, search)
        values = _numbers(store, [f"f.{columns[field]}"], f"FROM {query.table} WHERE {query.where}")
        words = dict(store.rows("SELECT id, text FROM fact_words"))
    names: dict[int, str] = {**words, -1: ""}
    if field in ("state", "source"):
        names = dict(enumerate(v.value for v in (REVIEWS if field == "state" else SOURCES)))
    found, counts = np.unique(values.astype(np.int64), return_counts=True)
    pairs = [(names.get(v, ""), n) for v, n in zip(found.tolist(), counts.tolist(), strict=True)]
    return tuple(sorted(pairs, key=lambda pair: (-pair[1], pair[0])))


def positions(
    dataset: Dataset, search: Search, cells: tuple[int, int] = (16, 12), cancel: CancelToken | None = None
) -> tuple[tuple[int, ...], ...]:
    """Returns where on their images the annotations that a search finds are, see ``count_positions``."""
    with _reading(dataset, cancel) as (store, results):
        return count_positions(store, _plan(dataset, store, results, search), cells)


def doubts_on(dataset: Dataset, search: Search, key: ImageKey) -> dict[AnnotationId, float]:
    """Returns the annotations of one image that a search finds, and their doubts, 0..1."""
    with _reading(dataset, None) as (store, results):
        return doubts_of_image(store, _plan(dataset, store, results, search), key)


def agreement(dataset: Dataset, cancel: CancelToken | None = None) -> tuple[AgreementRow, ...]:
    """Returns what became of all proposals, by class and model. Raises as ``find_annotations``.

    What the user has added counts as missed by the model with the most annotations on that image.
    """
    with _reading(dataset, cancel) as (store, results):
        listed = "image NOT IN (SELECT image FROM temp.unlisted)" if results.order.unlisted else "1"
        row = store.row("SELECT max(number) FROM facts")
        starts = range(0, (row[0] if row else None) or 1, _TABULATED)
        parts = [
            _numbers(
                store, ["image", _PACKED],
                f"FROM facts WHERE number > {start} AND number <= {start + _TABULATED} AND {listed}",
            )
            for start in breathing(starts, "Comparing with the proposals", dataset.core.breathe)
        ]  # fmt: skip
        words = dict(store.rows("SELECT id, text FROM fact_words"))
    return _agreement(np.concatenate(parts), words)


def _agreement(table: Vector, words: dict[int, str]) -> tuple[AgreementRow, ...]:
    image, packed = table.astype(np.int64).T
    label, model, review, source, run = (
        packed >> 27,
        packed >> 7 & 0xFFFFF,
        packed >> 4 & 7,
        packed >> 1 & 7,
        packed & 1,
    )
    states = {state: review == place for place, state in enumerate(REVIEWS)}
    accepted, flagged = states[AnnotationReview.ACCEPTED], states[AnnotationReview.FLAGGED]
    proposed = (run > 0) | states[AnnotationReview.CORRECTED] | states[AnnotationReview.PENDING]
    proposed &= source != _CARRIED  # neither a model's, nor missed by one
    by_user = ~proposed & (accepted | flagged) & ~np.isin(source, (SOURCES.index(Source.IMPORT), _CARRIED))
    most = {of_image: of_model for (of_image, of_model), _ in _pairs(image[proposed], model[proposed])[::-1]}
    rows: dict[tuple[int, int], Counter[AnnotationReview | None]] = defaultdict(Counter)
    for state, chosen in states.items():
        for pair, n in _pairs(label[proposed & chosen], model[proposed & chosen]):
            rows[pair][state] += n
    for (of_image, of_label), n in _pairs(image[by_user], label[by_user]):
        if of_image in most:
            rows[of_label, most[of_image]][None] += n
    result = (
        AgreementRow(
            LabelId(words.get(of_label, "")), words.get(of_model, ""), n[AnnotationReview.ACCEPTED],
            n[AnnotationReview.CORRECTED], n[AnnotationReview.REJECTED], n[None],
            n[AnnotationReview.PENDING] + n[AnnotationReview.FLAGGED],
        )
        for (of_label, of_model), n in rows.items()
    )  # fmt: skip
    return tuple(sorted(result, key=lambda row: (row.label_id, row.model)))


def _pairs(first: Integers, second: Integers) -> list[tuple[tuple[int, int], int]]:
    """How often each pair of numbers below 2**31 occurs, the most first."""
    found, counts = np.unique(first << 32 | second, return_counts=True)
    pairs = zip(found.tolist(), counts.tolist(), strict=True)
    return [((p >> 32, p & 0xFFFFFFFF), n) for p, n in sorted(pairs, key=lambda pair: -pair[1])]


def progress(dataset: Dataset) -> BulkProgress | None:
    """Returns how far the dataset is read for searches; None: all annotations can be found."""
    return dataset.indexing.progress


@contextmanager
def _reading(dataset: Dataset, cancel: CancelToken | None) -> Iterator[tuple[Store, Results]]:
    dataset.indexing.want()
    store, results = dataset.core.rows.store, dataset.indexing.results
    with store.interruptible(cancel):
        results.order.refresh(store, dataset.keys)
        yield store, results


def _plan(dataset: Dataset, store: Store, results: Results, search: Search, *, review: bool = False) -> Plan:
    found = conditions(store, dataset.labels, search)
    if review and not asks_for_states(search):
        found = replace(found, annotations=(*found.annotations, PENDING_ONLY), annotated=True)
    default = SortKey.DOUBT if review else SortKey.NAME
    return plan(store, results.order, found, search_sort(search, default))


def _result(
    dataset: Dataset, store: Store, search: Search, default: SortKey, *, review: bool = False
) -> Result:
    results = dataset.indexing.results
    query = _plan(dataset, store, results, search, review=review)
    return Result.of(store, results.order, dataset.labels, query, partial(results.count, store))


def _images(store: Store, query: Plan) -> set[int]:
    """The numbers of the images that a search finds."""
    found: set[int] = set()
    if query.alone is not None:
        found |= {row[0] for row in store.rows(f"SELECT i.id FROM fact_images i WHERE {query.alone}")}
    if query.alone is None or query.annotated:
        rows = store.rows(f"SELECT DISTINCT f.image FROM {query.table} WHERE {query.where}")
        found |= {row[0] for row in rows}
    return found


def _annotations(
    store: Store, results: Results, numbers: Sequence[int], where: str = "1"
) -> dict[int, FoundAnnotation]:
    """Annotations by their numbers, as they are now, if they fit a condition."""
    some = ",".join(map(str, numbers))
    rows = store.rows(f"SELECT {_COLUMNS} FROM facts f WHERE f.number IN ({some}) AND {where}")
    ids = {n for row in rows for n in (row[2], row[14], row[15]) if n is not None}
    words = dict(store.rows(f"SELECT id, text FROM fact_words WHERE id IN ({','.join(map(str, ids))})"))
    found = {}
    for row in rows:
        place = results.order.places.get(row[1])
        if place is not None:
            found[row[0]] = _annotation(results.order.keys[place], row, words)
    return found


def _annotation(image: ImageKey, row: tuple[Any, ...], words: dict[int, str]) -> FoundAnnotation:
    number, _, label, review, source, score, mask, stability, doubt, area, *bounds, run, model, note, name = (
        row
    )
    x0, y0, x1, y1 = bounds
    return FoundAnnotation(
        image, AnnotationId(id_from(name)), LabelId(words.get(label, "")), REVIEWS[review], SOURCES[source],
        score, mask, doubt, area, (x0, y0, x1, y1), RunId(words[run]) if run in words else None,
        words.get(model, ""), note or "", stability, number,
    )  # fmt: skip


def _numbers(store: Store, columns: Sequence[str], rest: str) -> Vector:
    """Columns of many rows, (N,) or (N, columns) float64; -1 is NULL."""
    selected = ", ".join(f"coalesce({column}, -1)" for column in columns)
    values = np.fromiter(chain.from_iterable(store.stream(f"SELECT {selected} {rest}")), dtype=np.float64)
    return values if len(columns) == 1 else values.reshape(-1, len(columns))
