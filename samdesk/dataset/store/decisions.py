"""The user's decisions on proposals, by which the doubt is calibrated (``domain.doubt.fit``).

A decision is kept with the evidence as it was when it was made, which ``Facts`` has at that moment: a mask
that the user has corrected no longer shows what was doubtful about it. Undoing a decision removes it.
Decisions on images whose facts are not there yet are not kept, and proposals that were dropped for their
scores, thousands at once and unseen, are none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from samdesk.dataset.store.database import Store
from samdesk.dataset.store.facts import FEW, stored_id
from samdesk.domain.annotation import Annotation, Source
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.doubt import Decision, Evidence
from samdesk.domain.edits import is_dropped
from samdesk.domain.review import AnnotationReview

_OPEN = (AnnotationReview.PENDING, AnnotationReview.FLAGGED)
_COLUMNS = "score, mask, stability, box_agreement, border, overlap_same, overlap_other"
_EVIDENCE = f"SELECT f.id, {_COLUMNS}, min(1.0, area / max(1.0, CAST(width AS REAL) * height))"
_OF_IMAGE = f"{_EVIDENCE} FROM fact_images AS i JOIN facts AS f ON f.image = i.id WHERE i.key=?"
_PUT = f"INSERT OR REPLACE INTO decisions (wrong, id, {_COLUMNS}, area_share) VALUES (?,?,?,?,?,?,?,?,?,?)"
_CALIBRATED = "samdesk.doubt.decisions"


class Decisions:
    """Writes and reads decisions. The caller opens transactions."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def follow(self, before: ImageDocument, changed: Iterable[Annotation]) -> None:
        """Records what a change decides, or takes back; called before the facts are updated.

        Args:
            before: The image before the change.
            changed: Its annotations that have changed, as they are after it.
        """
        old = {a.id: a for a in before.all_annotations}
        pairs = [(old[a.id], a) for a in changed if a.id in old and old[a.id].review is not a.review]
        made = {a.id: a for was, a in pairs if _is_open(was) and not _is_open(a)}
        undone = [(stored_id(a.id),) for was, a in pairs if not _is_open(was) and _is_open(a)]
        other = [(_is_wrong(a), stored_id(a.id)) for was, a in pairs if not _is_open(was) and not _is_open(a)]
        if made:
            self._put(before.key, made)
        self._store.execute_many("DELETE FROM decisions WHERE id=?", undone)
        self._store.execute_many("UPDATE decisions SET wrong=? WHERE id=?", other)

    def newest(self, count: int) -> list[Decision]:
        """Returns the newest decisions, oldest first; damaged rows are left out."""
        rows = self._store.rows(
            f"SELECT wrong, {_COLUMNS}, area_share FROM decisions ORDER BY number DESC LIMIT ?", (count,)
        )
        return [Decision(_evidence(row[1:]), bool(row[0])) for row in reversed(rows) if _is_sound(row)]

    @property
    def since_calibration(self) -> int:
        """Decisions made since ``mark_calibrated``."""
        row = self._store.row("SELECT value FROM settings WHERE key=?", (_CALIBRATED,))
        text = "" if row is None else str(row[0])[:20]
        last = int(text) if text.isdecimal() and text.isascii() else 0
        return max(0, self._last - last)

    def mark_calibrated(self) -> None:
        """A calibration was made of the decisions so far."""
        value = str(self._last)
        self._store.execute("INSERT OR REPLACE INTO settings (key, value) VALUES (?,?)", (_CALIBRATED, value))

    @property
    def _last(self) -> int:
        row = self._store.row("SELECT max(number) FROM decisions")
        return row[0] if row is not None and isinstance(row[0], int) else 0

    def _put(self, key: ImageKey, made: dict[Any, Annotation]) -> None:
        wrong = {stored_id(i): _is_wrong(a) for i, a in made.items()}
        if len(wrong) > FEW:
            rows = self._store.rows(_OF_IMAGE, (key,))
        else:
            found = (self._store.row(f"{_OF_IMAGE} AND f.id=?", (key, i)) for i in wrong)
            rows = [row for row in found if row is not None]
        self._store.execute_many(_PUT, [(wrong[row[0]], *row) for row in rows if row[0] in wrong])


def _is_open(annotation: Annotation) -> bool:
    """Whether it is a proposal of a model that the user has not decided about by itself."""
    if annotation.source is Source.CARRIED:  # how sure it is was found out in another way
        return False
    return annotation.is_proposed and (annotation.review in _OPEN or is_dropped(annotation))


def _is_wrong(annotation: Annotation) -> bool:
    return annotation.review is not AnnotationReview.ACCEPTED


def _is_sound(row: tuple[Any, ...]) -> bool:
    wrong, *known = row
    numbers = [v for v in known if v is not None]
    return wrong in (0, 1) and all(isinstance(v, (int, float)) and math.isfinite(v) for v in numbers)


def _evidence(row: tuple[Any, ...]) -> Evidence:
    score, mask, stability, box, border, same, other, area = row
    return Evidence(score, mask, stability, box, bool(border), same or 0.0, other or 0.0, area or 0.0)
