"""The examples of labels in a dataset: a query, of the facts of its accepted annotations."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from samdesk.base.bulk import breathing
from samdesk.base.jobs import CancelToken
from samdesk.dataset.background.results import ImageOrder
from samdesk.dataset.dataset import Dataset
from samdesk.dataset.examples.choosing import Candidate, chosen
from samdesk.dataset.store.database import Store
from samdesk.dataset.store.facts import REVIEWS, id_from
from samdesk.domain.annotation import Annotation, AnnotationId
from samdesk.domain.document import ImageKey
from samdesk.domain.labels import LabelId

MOST_CANDIDATES = 512
"""Annotations of a label that are compared; of more, the largest and whole ones, from anywhere."""
_ACCEPTED = ",".join(str(i) for i, review in enumerate(REVIEWS) if review.is_accepted)
_COLUMNS = "f.number, f.image, f.x0, f.y0, f.x1, f.y1, f.border, f.overlap_same, f.id, i.width, i.height"
_SHARE = "min(0.1, min(f.x1 - f.x0, f.y1 - f.y0) * 1.0 / max(1, i.width, i.height))"
"""Of the shorter side in the image; what is large enough is all the same, and comes in no order of size."""
_SPREAD = "(f.image * 7919) % 100003"


@dataclass(frozen=True)
class LabelExample:
    """An accepted annotation that shows what a label means.

    Attributes:
        image: Its image.
        annotation: Its id.
        box: Its bounds in whole pixels, x0, y0, x1, y1.
    """

    image: ImageKey
    annotation: AnnotationId
    box: tuple[float, float, float, float]


def example_of(key: ImageKey, annotation: Annotation) -> LabelExample:
    """An annotation of an image as an example, with the box that ``examples`` would give it."""
    x0, y0, x1, y1 = annotation.region.bounds
    box = float(math.floor(x0)), float(math.floor(y0)), float(math.ceil(x1)), float(math.ceil(y1))
    return LabelExample(key, annotation.id, box)


def examples(
    dataset: Dataset, labels: Sequence[LabelId], count: int, cancel: CancelToken | None = None
) -> dict[LabelId, tuple[LabelExample, ...]]:
    """Returns good examples of labels, the best first: accepted annotations, see ``choosing``.

    Nothing is read but facts: a label with 300,000 annotations takes 0.3 s, and images are read in the pauses
    between two labels. Nothing is known of annotations that are not indexed yet, see
    ``dataset.indexing.progress``.

    Args:
        dataset: The dataset.
        labels: Each gets an entry.
        count: The most of a label.
        cancel: Cancels it.

    Raises:
        Cancelled: It was cancelled.
        StoreError: The store cannot be read.
    """
    dataset.indexing.want()
    store, order = dataset.core.rows.store, dataset.indexing.results.order
    with store.interruptible(cancel):
        order.refresh(store, dataset.keys)
        result = {}
        for label in breathing(labels, "Choosing examples", dataset.core.breathe):
            result[label] = tuple(_examples(dataset, store, order, label, count))
        return result


def _examples(
    dataset: Dataset, store: Store, order: ImageOrder, label: LabelId, count: int
) -> Iterator[LabelExample]:
    row = store.row("SELECT id FROM fact_words WHERE kind='label' AND text=?", (label,))
    if row is None or count < 1:
        return
    rows = _rows(store, order, int(row[0]), a_image=True)
    if len({found[1] for found in rows}) < count:  # then several of an image
        rows = [*rows, *_rows(store, order, int(row[0]), a_image=False)]
    known = {found[0]: found for found in rows if found[1] in order.places}
    left = [_candidate(order, known[number]) for number in sorted(known)]
    taken = 0
    for candidate in chosen(left):
        key, name = ImageKey(candidate.image), AnnotationId(str(candidate.name))
        annotation = dataset.core.rows.annotation(key, name, candidate.size)
        if annotation is not None and annotation.is_crowd:
            continue
        yield LabelExample(key, name, candidate.box)
        taken += 1
        if taken == count:
            return


def _rows(store: Store, order: ImageOrder, label: int, *, a_image: bool) -> list[tuple[Any, ...]]:
    """Facts of accepted annotations of a label, whole and large ones first; ``a_image``: one an image."""
    listed = " AND f.image NOT IN (SELECT image FROM temp.unlisted)" if order.unlisted else ""
    where = f"WHERE f.label={label} AND f.review IN ({_ACCEPTED}){listed}"
    table = f"FROM facts f JOIN fact_images i ON i.id = f.image {where}"
    rank = f"{_SHARE} - f.border"
    if a_image:  # SQLite takes the other columns from the row that has the maximum
        sql = f"SELECT {_COLUMNS}, max({rank} - f.number * 1e-12) AS rank {table} GROUP BY f.image"
    else:
        sql = f"SELECT {_COLUMNS}, {rank} AS rank {table}"
    return store.rows(f"{sql} ORDER BY round(rank, 3) DESC, {_SPREAD}, f.number LIMIT {MOST_CANDIDATES}")


def _candidate(order: ImageOrder, row: tuple[Any, ...]) -> Candidate:
    _, image, x0, y0, x1, y1, border, overlap, name, width, height, _ = row
    place = order.places[image]
    return Candidate(
        order.keys[place],
        (float(x0), float(y0), float(x1), float(y1)),
        (width, height),
        place / max(len(order.keys), 1),
        bool(border),
        float(overlap or 0.0),
        id_from(name),
    )
