"""The order of the images that a sorted search has found: by the best of their annotations it finds."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from random import Random

from samdesk.dataset.background.results import ImageOrder, Plan, label_ranks
from samdesk.dataset.store.database import Store
from samdesk.domain.document import ImageKey
from samdesk.domain.labels import LabelSet
from samdesk.domain.search_words import SortKey

_LARGEST_FIRST = {SortKey.DOUBT: "f.doubt", SortKey.AGE: "f.age"}
_SMALLEST_FIRST = {SortKey.SCORE: "f.score", SortKey.MASK: "f.mask", SortKey.SIZE: "f.area"}


def sorted_images(
    store: Store, order: ImageOrder, labels: LabelSet, query: Plan, found: Callable[[Plan], Collection[int]]
) -> tuple[ImageKey, ...]:
    """Returns images by what comes first of their annotations; those without any come last.

    Args:
        store: Where the facts are.
        order: The images of the dataset.
        labels: The label set.
        query: The search and its order.
        found: Returns the numbers of the images that a search finds.

    Raises:
        StoreError: The store cannot be read.
    """
    key, reverse = query.sort.key, query.sort.reverse
    places = order.places
    values: dict[int, float | None] = {}
    if key in (SortKey.NAME, SortKey.RANDOM):
        images = found(query)
    else:
        values = _values(store, labels, query)
        images = values.keys() | found(replace(query, annotated=False)) if query.alone else values.keys()
    listed = sorted((image for image in images if image in places), key=places.__getitem__)
    if key is SortKey.RANDOM:
        Random(query.sort.seed).shuffle(listed)
    if key in (SortKey.NAME, SortKey.RANDOM):
        listed = listed[::-1] if reverse else listed
    else:
        largest = (key in _LARGEST_FIRST) != reverse
        known = {image: value for image, value in values.items() if value is not None}
        ranked = sorted((i for i in listed if i in known), key=known.__getitem__, reverse=largest)
        listed = ranked + [image for image in listed if image not in known]
    return tuple(order.keys[places[image]] for image in listed)


def _values(store: Store, labels: LabelSet, query: Plan) -> dict[int, float | None]:
    """What each image is sorted by: the value of that of its annotations that comes first; None: unknown."""
    key, reverse = query.sort.key, query.sort.reverse
    if key is SortKey.CLASS:
        ranks, values = label_ranks(store, labels), dict[int, float | None]()
        for image, label in store.rows(
            f"SELECT DISTINCT f.image, f.label FROM {query.table} WHERE {query.where}"
        ):
            rank = float(ranks.get(label, len(ranks)))
            before = values.get(image)
            values[image] = rank if before is None else (max if reverse else min)(before, rank)
        return values
    column = _LARGEST_FIRST.get(key) or _SMALLEST_FIRST[key]
    best_of = "max" if (key in _LARGEST_FIRST) != reverse else "min"
    table = query.table.replace("NOT INDEXED", "INDEXED BY facts_by_image")  # so nothing has to be sorted
    sql = f"SELECT f.image, {best_of}({column}) FROM {table} WHERE {query.where} GROUP BY f.image"
    return dict(store.rows(sql))
