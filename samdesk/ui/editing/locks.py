"""Locks: the annotations that the user has protected against changes."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QObject, Signal

from samdesk.domain.annotation import Annotation, AnnotationId
from samdesk.domain.document import ImageDocument
from samdesk.domain.edits import Edit
from samdesk.domain.review import AnnotationReview


class Locks(QObject):
    """The locked annotations of all images, as long as the program runs.

    A locked annotation keeps its region and its label and is not removed, whatever tool or operation asks for
    it; it can be selected, copied, raised and accepted. Undo and redo are not held up.

    Signals:
        changed: (frozenset of AnnotationId) the locked annotations.
    """

    changed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._locked: frozenset[AnnotationId] = frozenset()

    @property
    def locked(self) -> frozenset[AnnotationId]:
        """The locked annotations."""
        return self._locked

    def set_locked(self, ids: Iterable[AnnotationId], *, locked: bool) -> None:
        """Locks or unlocks annotations."""
        now = self._locked | frozenset(ids) if locked else self._locked - frozenset(ids)
        if now != self._locked:
            self._locked = now
            self.changed.emit(now)

    def held_by(self, edit: Edit, document: ImageDocument) -> frozenset[AnnotationId]:
        """The locked annotations that an edit would remove, reject, reshape or relabel."""
        if not self._locked:
            return frozenset()
        dropped = self._locked.intersection(edit.drop)
        put = {p.annotation.id: p.annotation for p in edit.put if p.annotation.id in self._locked}
        before = {a.id: a for a in document.annotations if a.id in self._locked}
        changed = {i for i, a in put.items() if i in before and _differs(before[i], a)}
        return frozenset(before.keys() & (dropped | changed))


def _differs(before: Annotation, after: Annotation) -> bool:
    rejected = after.review is AnnotationReview.REJECTED is not before.review
    return rejected or before.label_id != after.label_id or before.region != after.region
