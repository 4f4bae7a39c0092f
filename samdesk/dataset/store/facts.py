"""Facts: a narrow row for each annotation, with the indexes by which a dataset is searched and sorted.

They repeat what ``annotations`` has, without outlines and prompts, and add what is computed from these: area,
bounds, evidence and doubt. They are written in the transaction that changes the annotations. Images of stores
made by an older samdesk, and label files that were not read yet, get theirs in the background
(``dataset.background.indexing``); an image that has a row in ``fact_images`` has all of its facts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from samdesk.dataset.store.database import Store
from samdesk.dataset.store.values import stored_number
from samdesk.domain.annotation import Annotation, AnnotationId, Source
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.doubt import Calibration, Evidence, doubts, evidence, matrix
from samdesk.domain.review import AnnotationReview, ImageReview

REVIEWS = tuple(AnnotationReview)
SOURCES = tuple(Source)
IMAGE_REVIEWS = tuple(ImageReview)
"""The numbers that stand for them are their places in the order of definition."""
PENDING = REVIEWS.index(AnnotationReview.PENDING)
REJECTED = REVIEWS.index(AnnotationReview.REJECTED)

COLUMNS = (
    "number", "image", "label", "review", "source", "border", "run", "model", "score", "mask", "stability",
    "doubt", "area", "age", "box_agreement", "overlap_same", "overlap_other", "position", "note", "id",
    "x0", "y0", "x1", "y1", "track",
)  # fmt: skip
_PUT = f"INSERT OR REPLACE INTO facts ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"
_IMAGE = (
    "INSERT INTO fact_images (key, width, height, review, count, pending, stamp) VALUES (?,?,?,?,?,?,?)"
    " ON CONFLICT (key) DO UPDATE SET width=excluded.width, height=excluded.height, review=excluded.review,"
    " count=excluded.count, pending=excluded.pending, stamp=excluded.stamp"
)
_HEX = re.compile("[0-9a-f]{32}")
FEW = 4
"""Annotations whose numbers are looked up one by one."""
_CALIBRATION = "samdesk.doubt"
_RECALIBRATED = "samdesk.doubt.next"
_FARTHEST = 1e9
_AT_ONCE = 2000
"""Facts that get a new doubt between two looks at the clock."""


class Estimate(NamedTuple):
    """The evidence and the doubt of an annotation."""

    evidence: Evidence
    doubt: float


class Facts:
    """Writes the facts of images. The caller opens transactions."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def write(self, document: ImageDocument, stamp: int | None = None) -> None:
        """Writes the facts of an image anew.

        Args:
            document: The image, as it is in the store or its label file.
            stamp: Of the label file that it was read from; None: it is in the store.
        """
        image = self._write_image(document, stamp)
        self._store.execute("DELETE FROM facts WHERE image=?", (image,))
        if not document.all_annotations:
            return
        places = dict(self._store.rows("SELECT id, position FROM annotations WHERE image=?", (document.key,)))
        chosen = [(a, places.get(a.id, float(n))) for n, a in enumerate(document.all_annotations)]
        found = self._estimates(document, {a.id for a, _ in chosen}, {})
        self._put(image, chosen, found, {})

    def update(
        self,
        before: ImageDocument,
        after: ImageDocument,
        changed: Sequence[tuple[Annotation, float]],
        removed: Iterable[str],
    ) -> None:
        """Writes what a change of an image's annotations changes of its facts.

        Args:
            before: The image before.
            after: The image after.
            changed: The annotations that are new or have changed, with their positions.
            removed: The ids of those that are gone.
        """
        resized = (before.width, before.height) != (after.width, after.height)
        if resized or self.stamp(after.key) != (None,):
            self.write(after)
            return
        image = self._write_image(after, None)
        old = {a.id: a for a in before.all_annotations}
        gone = {AnnotationId(i) for i in removed}
        found = self._estimates(after, {a.id for a, _ in changed}, {a: old[a] for a in gone if a in old}, old)
        numbers = self._numbers(image, [*gone, *found])
        self._store.execute_many(
            "DELETE FROM facts WHERE number=?", [(numbers[i],) for i in gone & set(numbers)]
        )
        self._put(image, changed, found, numbers)
        put = {a.id for a, _ in changed}
        self._store.execute_many(
            "UPDATE facts SET doubt=?, overlap_same=?, overlap_other=? WHERE number=?",
            [
                (e.doubt, e.evidence.overlap_same, e.evidence.overlap_other, numbers[i])
                for i, e in found.items()
                if i not in put and i in numbers
            ],
        )

    def images(self) -> dict[str, int | None]:
        """Returns the images that have facts, with the stamps of the label files they were read from."""
        return dict(self._store.rows("SELECT key, stamp FROM fact_images"))

    def label_files(self) -> dict[str, tuple[int, int]]:
        """Returns the stamps of the label files that were read, and the number of their annotations."""
        sql = "SELECT key, stamp, count FROM fact_images WHERE stamp NOT NULL"
        return {key: (stamp, count) for key, stamp, count in self._store.rows(sql)}

    @property
    def image_count(self) -> int:
        """The number of images that have facts."""
        row = self._store.row("SELECT count(*) FROM fact_images")
        return int(row[0]) if row else 0

    def stamp(self, key: ImageKey) -> tuple[int | None] | None:
        """Returns ``images``'s value for one; None: it has no facts."""
        row = self._store.row("SELECT stamp FROM fact_images WHERE key=?", (key,))
        return None if row is None else (row[0],)

    # -- doubt

    @property
    def calibration(self) -> Calibration | None:
        """The weights of the user's decisions; None: the formula's. Damaged ones are taken for none."""
        row = self._store.row("SELECT value FROM settings WHERE key=?", (_CALIBRATION,))
        try:
            return None if row is None else Calibration.from_json(json.loads(row[0]))
        except (ValueError, TypeError):
            return None

    def set_calibration(self, calibration: Calibration | None) -> None:
        """Sets the weights; the doubts of all annotations follow with ``recalibrate``."""
        if calibration is None:
            self._store.execute("DELETE FROM settings WHERE key=?", (_CALIBRATION,))
        else:
            self._set(_CALIBRATION, json.dumps(calibration.to_json()))
        self._set(_RECALIBRATED, "0")

    @property
    def recalibrated(self) -> int | None:
        """The number up to which facts have the doubt by the newest weights; None: all have."""
        row = self._store.row("SELECT value FROM settings WHERE key=?", (_RECALIBRATED,))
        text = "" if row is None else str(row[0])[:20]
        return int(text) if text.isdecimal() and text.isascii() else None

    def recalibrate(self) -> bool:
        """Computes the doubt of some more annotations. Returns whether all are done."""
        start = self.recalibrated
        if start is None:
            return True
        rows = self._store.rows(
            "SELECT number, score, mask, stability, box_agreement, border, overlap_same, overlap_other,"
            " min(1.0, area / max(1.0, CAST(width AS REAL) * height)) FROM facts"
            " JOIN fact_images ON fact_images.id = image WHERE number > ? ORDER BY number LIMIT ?",
            (start, _AT_ONCE),
        )
        if rows:
            table = np.array([row[1:] for row in rows], dtype=np.float64)
            found = doubts(table, self.calibration).tolist()
            self._store.execute_many(
                "UPDATE facts SET doubt=? WHERE number=?",
                [(doubt, row[0]) for doubt, row in zip(found, rows, strict=True)],
            )
        if len(rows) == _AT_ONCE:
            self._set(_RECALIBRATED, str(rows[-1][0]))
            return False
        self._store.execute("DELETE FROM settings WHERE key=?", (_RECALIBRATED,))
        return True

    def _set(self, name: str, value: str) -> None:
        self._store.execute("INSERT OR REPLACE INTO settings (key, value) VALUES (?,?)", (name, value))

    def _estimates(
        self,
        document: ImageDocument,
        changed: set[Any],
        gone: dict[Any, Annotation],
        old: dict[Any, Annotation] | None = None,
    ) -> dict[str, Estimate]:
        """Evidence and doubt of the changed annotations and of those whose overlaps may have changed."""
        result: dict[str, Estimate] = {}
        left = [*gone.values(), *(old[i] for i in changed if i in old)] if old else list(gone.values())
        for group, others in (
            (document.annotations, [a for a in left if a.review is not AnnotationReview.REJECTED]),
            (document.rejected, [a for a in left if a.review is AnnotationReview.REJECTED]),
        ):
            some, context = _around(group, changed, others)
            if not some:
                continue
            rows = _evidence(document, [group[i] for i in context])
            chosen = [(group[i].id, row) for i, row in zip(context, rows, strict=True) if i in some]
            values = doubts(matrix([row for _, row in chosen]), self.calibration)
            values = np.nan_to_num(values, nan=1.0).tolist()
            result.update(
                (name, Estimate(row, doubt)) for (name, row), doubt in zip(chosen, values, strict=True)
            )
        return result

    # -- rows

    def _write_image(self, document: ImageDocument, stamp: int | None) -> int:
        pending = sum(a.review is AnnotationReview.PENDING for a in document.annotations)
        review = IMAGE_REVIEWS.index(document.review)
        self._store.execute(
            _IMAGE,
            (
                document.key,
                document.width,
                document.height,
                review,
                len(document.annotations),
                pending,
                stamp,
            ),
        )
        row = self._store.row("SELECT id FROM fact_images WHERE key=?", (document.key,))
        assert row is not None
        return int(row[0])

    def _numbers(self, image: int, ids: Sequence[str]) -> dict[str, int]:
        """The numbers of those annotations of an image that have facts."""
        if len(ids) > FEW:
            rows = self._store.rows("SELECT id, number FROM facts WHERE image=?", (image,))
            return {id_from(value): number for value, number in rows}
        found = {}
        for name in ids:
            row = self._store.row("SELECT number FROM facts WHERE image=? AND id=?", (image, stored_id(name)))
            if row is not None:
                found[name] = int(row[0])
        return found

    def _put(
        self,
        image: int,
        chosen: Sequence[tuple[Annotation, float]],
        found: dict[str, Estimate],
        numbers: dict[str, int],
    ) -> None:
        if not chosen:
            return
        row = self._store.row("SELECT max(age) FROM facts")
        age = (row[0] if row and isinstance(row[0], int) else 0) + 1
        regions = np.empty(len(chosen), dtype=object)
        regions[:] = [a.region for a, _ in chosen]
        areas, corners = _areas(regions), _corners(regions)
        word = cache(self._word)
        rows = []
        for (a, position), area, corner in zip(chosen, areas, corners, strict=True):
            e, doubt = found[a.id]
            rows.append(
                (
                    numbers.get(a.id), image, word("label", a.label_id), REVIEWS.index(a.review),
                    SOURCES.index(a.source), int(e.border), word("run", a.run_id),
                    word("model", a.model or None), stored_number(a.detector_score),
                    stored_number(a.mask_score), stored_number(a.stability), stored_number(doubt), area, age,
                    stored_number(e.box_agreement), e.overlap_same, e.overlap_other, position,
                    a.note or None, stored_id(a.id), *corner,
                    stored_id(a.track) if a.track else None,
                )
            )  # fmt: skip
        self._store.execute_many(_PUT, rows)

    def _word(self, kind: str, text: str | None) -> int | None:
        """Returns the number that stands for a label, run or model, and gives it one if it has none."""
        if text is None:
            return None
        self._store.execute("INSERT OR IGNORE INTO fact_words (kind, text) VALUES (?,?)", (kind, text))
        row = self._store.row("SELECT id FROM fact_words WHERE kind=? AND text=?", (kind, text))
        return None if row is None else int(row[0])


def stored_id(name: str) -> str | bytes:
    """Returns the id of an annotation or a track as facts have it: 32 hexadecimal digits as 16 bytes."""
    return bytes.fromhex(name) if _HEX.fullmatch(name) else name


def id_from(value: Any) -> str:
    """Returns the id that ``stored_id`` was given."""
    return value.hex() if isinstance(value, bytes) else str(value)


def _evidence(document: ImageDocument, group: Sequence[Annotation]) -> list[Evidence]:
    """The evidence of annotations of a document among each other."""
    try:
        with np.errstate(all="ignore"):  # regions that are refused when all is written
            return evidence(replace(document, annotations=tuple(group)))
    except shapely.errors.GEOSException:  # without overlaps: it must not keep the change from being saved
        return [evidence(replace(document, annotations=(a,)))[0] for a in group]


def _around(
    annotations: Sequence[Annotation], changed: set[Any], others: Sequence[Annotation]
) -> tuple[set[int], list[int]]:
    """Finds what a change of some annotations concerns, by their bounds.

    Args:
        annotations: Those of a document.
        changed: The ids of those that are new or have changed.
        others: What has gone, or was before.

    Returns:
        The places of the changed annotations and of those that they, or ``others``, meet; and the places of
        these and of all that those meet.
    """
    first = {i for i, a in enumerate(annotations) if a.id in changed}
    if not annotations or not (first or others):
        return set(), []
    if len(first) == len(annotations):
        return first, list(range(len(annotations)))
    bounds = _bounds(annotations)
    moved = np.concatenate([bounds[sorted(first)], _bounds(others)])
    some = _meeting(bounds, moved)
    some[sorted(first)] = True
    context = _meeting(bounds, bounds[some]) | some
    return set(np.flatnonzero(some).tolist()), np.flatnonzero(context).tolist()


def _areas(regions: NDArray[np.object_]) -> list[float]:
    with np.errstate(all="ignore"):
        found: list[float] = np.nan_to_num(shapely.area(regions)).tolist()
    return found


def _corners(regions: NDArray[np.object_]) -> list[list[int]]:
    """The bounds of regions in whole pixels, x0, y0, x1, y1."""
    bounds = np.clip(np.nan_to_num(shapely.bounds(regions)), -_FARTHEST, _FARTHEST)
    found: list[list[int]] = (
        np.column_stack([np.floor(bounds[:, :2]), np.ceil(bounds[:, 2:])]).astype(int).tolist()
    )
    return found


def _bounds(annotations: Sequence[Annotation]) -> NDArray[np.float64]:
    regions = np.empty(len(annotations), dtype=object)
    regions[:] = [a.region for a in annotations]
    found: NDArray[np.float64] = shapely.bounds(regions).reshape(-1, 4)
    return found


def _meeting(bounds: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of some rectangles (N, 4) meet any of others (M, 4); (N,) bool."""
    found = np.zeros(len(bounds), dtype=bool)
    for x0, y0, x1, y1 in others.tolist():
        found |= (bounds[:, 0] <= x1) & (bounds[:, 2] >= x0) & (bounds[:, 1] <= y1) & (bounds[:, 3] >= y0)
        if found.all():
            break
    return found
