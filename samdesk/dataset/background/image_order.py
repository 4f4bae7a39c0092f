"""The order of the images that a sorted search has found: by the best of their annotations it finds."""

from __future__ import annotations

from collections.abc import Collection
from random import Random

from samdesk.dataset.background.results import ImageOrder, Plan, label_ranks
from samdesk.dataset.store.database import Store
from samdesk.domain.document import ImageKey
from samdesk.domain.labels import LabelSet
from samdesk.domain.search_words import SortKey

_LARGEST_FIRST = {SortKey.DOUBT: "f.doubt", SortKey.AGE: "f.age"}
_SMALLEST_FIRST = {SortKey.SCORE: "f.score", SortKey.MASK: "f.mask", SortKey.SIZE: "f.area"}


def sorted_images(
    store: Store, order: ImageOrder, labels: LabelSet, query: Plan, images: Collection[int]
) -> tuple[ImageKey, ...]:
    """Returns images by what comes first of their annotations; those without any come last.

    Args:
        store: Where the facts are.
        order: The images of the dataset.
        labels: The label set.
        query: The search and its order.
        images: The numbers of the images that it has found.

    Raises:
        StoreError: The store cannot be read.
    """
    key, reverse = query.sort.key, query.sort.reverse
    places = order.places
    listed = sorted((image for image in images if image in places), key=places.__getitem__)
    if key is SortKey.NAME:
        listed = listed[::-1] if reverse else listed
    elif key is SortKey.RANDOM:
        Random(query.sort.seed).shuffle(listed)
        listed = listed[::-1] if reverse else listed
    else:
        values = _values(store, labels, query)
        largest = (key in _LARGEST_FIRST) != reverse
        found = [image for image in listed if image in values]
        found.sort(key=values.__getitem__, reverse=largest)
        listed = found + [image for image in listed if image not in values]
    return tuple(order.keys[places[image]] for image in listed)


def _values(store: Store, labels: LabelSet, query: Plan) -> dict[int, float]:
    """What each image is sorted by: the value of that of its annotations that comes first."""
    key, reverse = query.sort.key, query.sort.reverse
    if key is SortKey.CLASS:
        ranks, values = label_ranks(store, labels), dict[int, float]()
        best = max if reverse else min
        for image, label in store.rows(
            f"SELECT DISTINCT f.image, f.label FROM {query.table} WHERE {query.where}"
        ):
            rank = float(ranks.get(label, len(ranks)))
            values[image] = best(values.get(image, rank), rank)
        return values
    column = _LARGEST_FIRST.get(key) or _SMALLEST_FIRST[key]
    best_of = "max" if (key in _LARGEST_FIRST) != reverse else "min"
    rows = store.rows(
        f"SELECT f.image, {best_of}({column}) FROM {query.table} WHERE {query.where} AND {column} IS NOT NULL"
        " GROUP BY f.image"
    )
    return dict(rows)
