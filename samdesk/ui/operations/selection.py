"""Selection: the selected annotations and their neighbours as operations see them, and who computes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import shapely
from PySide6.QtCore import QObject

from samdesk.domain.annotation import Annotation
from samdesk.domain.document import ImageDocument
from samdesk.domain.operations import OperationError
from samdesk.ui.canvas.view import CanvasView
from samdesk.ui.editing.session import Session
from samdesk.workers.computing import ComputingThread
from samdesk.workers.failure import Failure, describe

T = TypeVar("T")

AT_ONCE = 3_000
"""Vertices up to which an operation takes a few milliseconds, and is computed by the window itself."""


class Selection(QObject):
    """The selected annotations as operations see them.

    Locked annotations are left alone, and so are hidden neighbours: nothing changes that cannot be seen.
    """

    def __init__(self, session: Session, canvas: CanvasView, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._canvas = session, canvas

    @property
    def document(self) -> ImageDocument | None:
        """The document on screen."""
        return self._session.model.document

    def free(self) -> list[Annotation]:
        """The selected annotations that are not locked, in painting order."""
        locked, chosen = self._session.locks.locked, self._canvas.selection
        annotations = self.document.annotations if self.document is not None else ()
        return [a for a in annotations if a.id in chosen and a.id not in locked]

    def others(self, *, may_change: bool) -> list[Annotation]:
        """The visible annotations that are not selected, in painting order.

        Args:
            may_change: Without locked ones.
        """
        out = self._canvas.selection | (self._session.locks.locked if may_change else frozenset())
        annotations = self.document.annotations if self.document is not None else ()
        return [a for a in annotations if a.id not in out and self._canvas.shape(a.id) is not None]

    def note_locked(self) -> None:
        """Says that nothing was changed because the selected annotations are locked."""
        locked = self._canvas.selection & self._session.locks.locked
        if locked:
            self._session.locked.emit(locked)


def compute(
    client: ComputingThread,
    annotations: Sequence[Annotation],
    operation: Callable[[], T],
    then: Callable[[T], None],
    refused: Callable[[Failure], None],
) -> None:
    """Computes something about annotations: at once if they are few, else in the background."""
    vertices = sum(shapely.get_num_coordinates([a.region for a in annotations]))
    if client.busy or vertices > AT_ONCE:
        client.run(operation, then, refused)
        return
    try:
        result = operation()
    except OperationError as error:
        refused(describe(error, "changing annotations"))
        return
    then(result)
