"""DecisionsController: accepts, rejects, flags and deletes the selected annotations, and brings them back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QObject, Signal

from samdesk.domain import edits
from samdesk.domain.annotation import Annotation, AnnotationId
from samdesk.domain.document import Changes, ImageDocument
from samdesk.domain.edits import Edit
from samdesk.domain.review import AnnotationReview
from samdesk.ui.annotations.panel import AnnotationsPanel
from samdesk.ui.annotations.tools import ToolsController
from samdesk.ui.canvas.tools.base import edit_title
from samdesk.ui.canvas.view import CanvasView
from samdesk.ui.editing.session import Session
from samdesk.ui.labels.controller import LabelsController


class DecisionsController(QObject):
    """What the user decides about the selected annotations, each decision one step; then on to the next one.

    A proposal of a run that is deleted counts as rejected: it stays in the store and is not proposed again.

    Signals:
        changed: What is rejected, or whether it is shown, may have changed.
    """

    changed = Signal()

    def __init__(
        self,
        session: Session,
        tools: ToolsController,
        panel: AnnotationsPanel,
        canvas: CanvasView,
        labels: LabelsController,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._tools, self._panel = session, tools, panel
        self._canvas, self._labels = canvas, labels
        section = panel.rejected
        section.toggled.connect(self.show_rejected)
        section.restore_requested.connect(self.restore)
        section.selection_changed.connect(self._outline)
        session.model.document_opened.connect(self._follow)
        session.model.document_changed.connect(self._follow_changes)

    @property
    def flagged(self) -> bool:
        """Whether everything selected is flagged."""
        chosen = self._selected()
        return bool(chosen) and all(a.review is AnnotationReview.FLAGGED for a in chosen)

    @property
    def rejected(self) -> bool:
        """Whether the image has rejected annotations."""
        return bool(self._panel.rejected.annotations)

    @property
    def rejected_shown(self) -> bool:
        """Whether the rejected annotations are shown."""
        return self._panel.rejected.shown

    def reject(self) -> None:
        """Rejects what is selected."""
        self._decide("Reject", lambda document, ids: edits.reject(document, ids), away=True)

    def flag(self) -> None:
        """Flags what is selected, or makes it pending again if all of it is flagged."""
        if self.flagged:
            self._decide("Unflag", edits.unflag)
        else:
            self._decide("Flag", lambda document, ids: edits.flag(document, ids))

    def delete(self) -> None:
        """Deletes what is selected; proposals of a run are rejected."""
        self._decide("Delete", _delete, away=True)

    def restore(self) -> None:
        """Brings back the rejected annotations that are selected in the list, else the last one."""
        document, ids = self._session.model.document, self._panel.rejected.selection
        found = [a for a in document.rejected if a.id in ids] if document is not None else []
        if not found:
            return
        back = [
            replace(
                a, review=AnnotationReview.PENDING if a.is_proposed else AnnotationReview.ACCEPTED, note=""
            )
            for a in found
        ]  # fmt: skip
        self._session.edit(edit_title("Bring back", len(back)), edits.update(back))
        self._tools.select(frozenset(ids))

    def show_rejected(self, shown: bool) -> None:
        """Lists and outlines the rejected annotations, or not."""
        self._panel.rejected.set_shown(shown)
        self._outline()
        self.changed.emit()

    def _decide(
        self,
        verb: str,
        make: Callable[[ImageDocument, frozenset[AnnotationId]], Edit],
        *,
        away: bool = False,
    ) -> None:
        """Makes an edit of the selection and goes on; ``away``: the selection leaves the list."""
        document, ids = self._session.model.document, self._tools.unlocked()
        edit = make(document, ids) if document is not None else Edit()
        if not edit:
            return
        following = self._panel.next_to(ids, 1) or (self._panel.next_to(ids, -1) if away else None)
        self._session.edit(edit_title(verb, len(ids)), edit)
        self._tools.go_on(following)

    def _selected(self) -> list[Annotation]:
        document, ids = self._session.model.document, self._tools.selection
        return [a for a in document.annotations if a.id in ids] if document is not None and ids else []

    def _follow_changes(self, changes: Changes) -> None:
        if changes.rejected or changes.labels:
            self._follow(self._session.model.document)

    def _follow(self, document: ImageDocument | None) -> None:
        self._panel.rejected.set_document(document, self._labels.labels)
        self._outline()
        self.changed.emit()

    def _outline(self) -> None:
        section = self._panel.rejected
        self._canvas.set_ghosts(section.annotations if section.shown else (), self._labels.labels)


def _delete(document: ImageDocument, ids: frozenset[AnnotationId]) -> Edit:
    proposed = [a.id for a in document.annotations if a.id in ids and a.is_of_model]
    return replace(edits.reject(document, proposed), drop=tuple(ids.difference(proposed)))
