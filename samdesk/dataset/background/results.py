"""The results of searches: which annotations, in which order, as far as they were asked for.

Once found, the order of a result stays whatever is decided meanwhile: a review and a contact sheet walk along
it.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from random import Random
from typing import Any

import numpy as np

from samdesk.dataset.store.conditions import Conditions
from samdesk.dataset.store.database import Store
from samdesk.dataset.store.facts import REVIEWS
from samdesk.domain.document import ImageKey
from samdesk.domain.labels import LabelSet
from samdesk.domain.search import Search, Sort
from samdesk.domain.search_words import SortKey

_MOST_SORTED = 20_000
"""Annotations that are found at once and sorted here; of more, the first are found along an index."""
_MOST_WALKED = 50_000
"""Annotations found along an index; to go on farther, all facts are read, which takes as long."""
_PART = 1000
_RARE = 20
"""An index is used instead of reading all facts where it leaves less than one in so many."""
_KEPT = 8
_PRIME = (1 << 31) - 1
_SORTED_BY = {
    SortKey.DOUBT: ("f.doubt", True),
    SortKey.SCORE: ("f.score", False),
    SortKey.MASK: ("f.mask", False),
    SortKey.SIZE: ("f.area", False),
    SortKey.AGE: ("f.age", True),
}
"""The column, and whether the largest comes first."""
_INDEXES = {"f.doubt": "doubt", "f.score": "score", "f.mask": "mask", "f.area": "area", "f.age": "age"}


class ImageOrder:
    """The images of a dataset in its order, by their numbers in the facts.

    Attributes:
        keys: In natural order.
        places: The place of each image that has facts, by its number.
        unlisted: Whether there are facts of images that are not in the dataset.
    """

    def __init__(self) -> None:
        self.keys: tuple[ImageKey, ...] = ()
        self.places: dict[int, int] = {}
        self.unlisted = False
        self._known: dict[str, int] = {}
        self._highest = 0
        self._store: Store | None = None

    def refresh(self, store: Store, keys: tuple[ImageKey, ...]) -> None:
        """Takes over the images that have come since; 100,000 take 0.15 s the first time."""
        if keys is not self.keys or store is not self._store:
            self._known = {key: place for place, key in enumerate(keys)}
            self.keys, self._store = keys, store
            self.places, self._highest, self.unlisted = {}, 0, False
            store.execute("DROP TABLE IF EXISTS temp.unlisted")
        rows = store.rows("SELECT id, key FROM fact_images WHERE id > ?", (self._highest,))
        others = []
        for number, key in rows:
            place = self._known.get(key)
            if place is None:
                others.append((number,))
            else:
                self.places[number] = place
        if rows:
            self._highest = max(row[0] for row in rows)
        if others:
            store.execute("CREATE TABLE IF NOT EXISTS temp.unlisted (image INTEGER PRIMARY KEY)")
            store.execute_many("INSERT OR IGNORE INTO temp.unlisted VALUES (?)", others)
            self.unlisted = True

    def in_order(self, images: Iterable[int]) -> tuple[ImageKey, ...]:
        """Returns the names of images, by their numbers, in the order of the dataset."""
        places = sorted(self.places[image] for image in images if image in self.places)
        return tuple(self.keys[place] for place in places)


@dataclass(frozen=True)
class Plan:
    """A search as SQL.

    Attributes:
        where: The condition of the annotations it finds, on ``f``.
        alone: The condition of the images it finds whatever annotations they have; None: none.
        table: ``facts f``, and how it is read.
        sort: What comes first.
        annotated: Whether annotations decide about images.
    """

    where: str
    alone: str | None
    table: str
    sort: Sort
    annotated: bool

    def count(self, store: Store) -> tuple[int, int]:
        """Returns the number of images that have such annotations, and of these. Raises ``StoreError``."""
        if self.annotated:
            sql = f"SELECT count(DISTINCT f.image), count(*) FROM {self.table} WHERE {self.where}"
        else:  # all that are shown, which the images know
            sql = f"SELECT sum(i.count > 0), sum(i.count) FROM fact_images i WHERE {self.alone or 1}"
        row = store.row(sql)
        return (int(row[0] or 0), int(row[1] or 0)) if row else (0, 0)

    def count_alone(self, store: Store) -> int:
        """Returns the number of images found whatever annotations they have. Raises ``StoreError``."""
        row = store.row(f"SELECT count(*) FROM fact_images i WHERE {self.alone or 0}")
        return int(row[0]) if row else 0


def plan(store: Store, order: ImageOrder, found: Conditions, sort: Sort) -> Plan:
    """Returns how a search is answered. Raises ``StoreError``."""
    listed = ["i.id NOT IN (SELECT image FROM temp.unlisted)"] if order.unlisted else []
    images = " AND ".join([*found.images, *listed])
    alone = None if found.alone is None else " AND ".join([*found.alone, *listed]) or "1"
    parts = list(found.annotations)
    how = "NOT INDEXED"
    if found.labels is not None and _is_rare(store, "label", found.labels):
        how = "INDEXED BY facts_by_label"
    if images:
        parts.append(f"f.image IN (SELECT i.id FROM fact_images i WHERE {images})")
        if how == "NOT INDEXED" and found.images and _few_images(store, images):
            how = "INDEXED BY facts_by_image"
    where = " AND ".join(parts) or "1"
    return Plan(where, alone, f"facts f {how}", sort, found.annotated)


def _is_rare(store: Store, column: str, values: Sequence[int]) -> bool:
    row = store.row(f"SELECT count(*) FROM facts WHERE {column} IN ({','.join(map(str, values))})")
    return row is not None and int(row[0]) * _RARE < _size(store)


def _few_images(store: Store, where: str) -> bool:
    row = store.row(f"SELECT count(*), (SELECT count(*) FROM fact_images) FROM fact_images i WHERE {where}")
    return row is not None and int(row[0]) * _RARE < int(row[1])


def _size(store: Store) -> int:
    row = store.row("SELECT max(number) FROM facts")
    return int(row[0] or 0) if row else 0


@dataclass(frozen=True)
class _Segment:
    """A part of an order: all that fit a condition, by a column.

    Attributes:
        where: The condition, on ``f``.
        column: What they are sorted by, then by number; "": by number alone.
        descending: The largest first.
    """

    where: str = "1"
    column: str = ""
    descending: bool = False


@dataclass
class Result:
    """What a search has found.

    Attributes:
        plan: The search.
        total: Number of annotations it found.
        numbers: Those found so far, in order.
        complete: Whether these are all.
    """

    plan: Plan
    total: int
    numbers: array[int] = field(default_factory=lambda: array("q"))
    complete: bool = False
    _segment: int = 0
    _after: tuple[Any, int] | None = None
    _segments: tuple[_Segment, ...] = ()
    _images: list[int] | None = None

    @classmethod
    def of(
        cls,
        store: Store,
        order: ImageOrder,
        labels: LabelSet,
        plan: Plan,
        count: Callable[[Plan], tuple[int, int]],
    ) -> Result:
        """Finds the first annotations of a search, and how many there are. Raises ``StoreError``."""
        key = _key(plan.sort)
        rows = store.rows(
            f"SELECT {key}, f.number, f.image, f.position, f.label, f.review FROM {plan.table}"
            f" WHERE {plan.where} LIMIT {_MOST_SORTED + 1}"
        )
        if len(rows) <= _MOST_SORTED:
            rows.sort(key=_python_key(store, order, labels, plan.sort))
            return cls(plan, len(rows), array("q", [row[1] for row in rows]), complete=True)
        return cls(plan, count(plan)[1], _segments=tuple(_segments(store, labels, plan.sort)))

    def reach(self, store: Store, order: ImageOrder, count: int) -> None:
        """Finds more until there are ``count`` annotations, or all. Raises ``StoreError``."""
        walks = self.plan.sort.key is SortKey.CLASS or count - len(self.numbers) <= _MOST_WALKED
        if not (self.complete or walks):
            self._all(store, order)
        while not self.complete and len(self.numbers) < count:
            more = max(count - len(self.numbers), _PART)
            if self.plan.sort.key is SortKey.NAME:
                self._by_image(store, order)
            else:
                self._along(store, more)

    def place(self, number: int) -> int:
        """Returns the place of an annotation in it; -1 if it is not there."""
        try:
            return self.numbers.index(number)
        except ValueError:
            return -1

    def _all(self, store: Store, order: ImageOrder) -> None:
        """Finds all that are left in one pass; those found so far stay where they are."""
        sort = self.plan.sort
        by_name = sort.key is SortKey.NAME
        key = "f.image, f.position" if by_name else f"coalesce({_key(sort)}, -1), 0"
        sql = f"SELECT {key}, f.number FROM {self.plan.table} WHERE {self.plan.where}"
        table = np.fromiter(chain.from_iterable(store.stream(sql)), dtype=np.float64).reshape(-1, 3)
        first, second, numbers = table.T
        if by_name:
            places = np.array([order.places.get(int(image), 0) for image in first.tolist()])
            ranks = np.lexsort((numbers, second, -places if sort.reverse else places))
        else:
            way = -1.0 if self._segments[0].descending else 1.0
            unknown = first < 0 if len(self._segments) > 1 else np.zeros(len(first), dtype=bool)
            ranks = np.lexsort((np.where(unknown, 1.0, way) * numbers, way * first, unknown))
        found = numbers[ranks].astype(np.int64)
        self.numbers.extend(found[~np.isin(found, np.array(self.numbers))].tolist())
        self.complete = True

    def _along(self, store: Store, more: int) -> None:
        """Finds more along an index."""
        segment = self._segments[self._segment]
        sign, way = ("<", " DESC") if segment.descending else (">", "")
        after, values = "1", []
        if self._after is not None and segment.column:
            after, values = f"({segment.column}, f.number) {sign} (?, ?)", [*self._after]
        elif self._after is not None:
            after, values = "f.number > ?", [self._after[1]]
        columns = f"{segment.column}{way}, f.number{way}" if segment.column else "f.number"
        rows = store.rows(
            f"SELECT f.number, {segment.column or 'NULL'} FROM {_along(segment)}"
            f" WHERE {segment.where} AND {after} AND {self.plan.where} ORDER BY {columns} LIMIT {more}",
            values,
        )
        self.numbers.extend(row[0] for row in rows)
        if rows:
            self._after = (rows[-1][1], rows[-1][0])
        if len(rows) < more:
            self._segment, self._after = self._segment + 1, None
            self.complete = self._segment == len(self._segments)

    def _by_image(self, store: Store, order: ImageOrder) -> None:
        """Finds the annotations of the next images."""
        if self._images is None:  # the next one last
            first = not self.plan.sort.reverse
            self._images = sorted(order.places, key=order.places.__getitem__, reverse=first)
        some = self._images[-_PART:][::-1]
        del self._images[-_PART:]
        self.complete = not self._images
        place = {image: n for n, image in enumerate(some)}
        rows = store.rows(
            "SELECT f.image, f.position, f.number FROM facts f INDEXED BY facts_by_image"
            f" WHERE f.image IN ({','.join(map(str, some))}) AND {self.plan.where}"
        )
        rows.sort(key=lambda row: (place[row[0]], row[1], row[2]))
        self.numbers.extend(row[2] for row in rows)


class Results:
    """The newest results, so that the next page of one goes on where it was."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Result] = OrderedDict()
        self._counted: OrderedDict[Plan, tuple[tuple[int, int], tuple[int, int]]] = OrderedDict()
        self.order = ImageOrder()

    def count(self, store: Store, plan: Plan) -> tuple[int, int]:
        """Returns ``plan.count``, which is made once until the store changes, whatever the order is."""
        plan = replace(plan, sort=Sort(SortKey.NAME))
        known = self._counted.get(plan)
        if known is None or known[0] != store.changes:
            known = self._counted[plan] = store.changes, plan.count(store)
            while len(self._counted) > _KEPT:
                self._counted.popitem(last=False)
        return known[1]

    def get(self, name: str) -> Result | None:
        """Returns a result that is kept."""
        return self._kept.get(name)

    def keep(self, name: str, result: Result) -> Result:
        """Keeps a result in place of the one of that name."""
        self._kept[name] = result
        self._kept.move_to_end(name)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return result


def _key(sort: Sort) -> str:
    """The SQL of what annotations are sorted by."""
    if sort.key is SortKey.RANDOM:
        rng = Random(sort.seed)
        a, b = rng.randrange(1, _PRIME), rng.randrange(1, _PRIME)
        number = f"(f.number % {_PRIME})"
        return f"(({number} * {number} % {_PRIME} * {a} + {number} * {b}) % {_PRIME})"
    return _SORTED_BY[sort.key][0] if sort.key in _SORTED_BY else "NULL"


def _segments(store: Store, labels: LabelSet, sort: Sort) -> Iterable[_Segment]:
    column = _key(sort)
    if sort.key is SortKey.CLASS:
        numbers = _ranked(store, labels)
        for number in reversed(numbers) if sort.reverse else numbers:
            for review in range(len(REVIEWS)):
                yield _Segment(f"f.label = {number} AND f.review = {review}", "f.image")
        return
    descending = sort.key in _SORTED_BY and _SORTED_BY[sort.key][1] != sort.reverse
    if sort.key is SortKey.RANDOM:
        descending = sort.reverse
    nullable = sort.key in (SortKey.SCORE, SortKey.MASK)
    yield _Segment(f"{column} IS NOT NULL" if nullable else "1", column, descending)
    if nullable:
        yield _Segment(f"{column} IS NULL")


def _along(segment: _Segment) -> str:
    if segment.where.startswith("f.label"):
        return "facts f INDEXED BY facts_by_label"
    if segment.column in _INDEXES:
        return f"facts f INDEXED BY facts_by_{_INDEXES[segment.column]}"
    return "facts f NOT INDEXED"


def _ranked(store: Store, labels: LabelSet) -> list[int]:
    """The numbers of labels in the order of the label set; those that are in none come last."""
    rows = store.rows("SELECT id, text FROM fact_words WHERE kind='label'")
    ids = labels.class_ids
    return [number for _, number in sorted((ids.get(text, len(ids)), number) for number, text in rows)]


def label_ranks(store: Store, labels: LabelSet) -> dict[int, int]:
    """Returns the place of each label in the label set, by its number; those in none come last."""
    return {number: rank for rank, number in enumerate(_ranked(store, labels))}


def _python_key(
    store: Store, order: ImageOrder, labels: LabelSet, sort: Sort
) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    """The order of rows of (key, number, image, position, label, review), as that of the segments."""
    if sort.key is SortKey.NAME:
        places, way = order.places, -1 if sort.reverse else 1
        return lambda row: (way * places.get(row[2], 0), row[3], row[1])
    if sort.key is SortKey.CLASS:
        ranks = label_ranks(store, labels)
        way = -1 if sort.reverse else 1
        return lambda row: (way * ranks.get(row[4], 0), row[5], row[2], row[1])
    segment = next(iter(_segments(store, labels, sort)))
    way = -1 if segment.descending else 1
    return lambda row: (1, row[1], 0) if row[0] is None else (0, way * row[0], way * row[1])


def search_sort(search: Search, default: SortKey) -> Sort:
    """Returns the order of a search, or another one if it has none."""
    return search.sort or Sort(default)
