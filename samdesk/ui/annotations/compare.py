"""CompareController: shows annotations before and after their last change, or while their mask is open."""

from __future__ import annotations

import time
from collections.abc import Iterable

import numpy as np
import shapely
from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtGui import QKeyEvent

from samdesk.domain.annotation import AnnotationId
from samdesk.domain.document import Changes, ImageDocument
from samdesk.domain.geometry.types import Region
from samdesk.ui.canvas.layers.comparison import RegionComparison
from samdesk.ui.canvas.view import CanvasView
from samdesk.ui.editing.session import Session
from samdesk.ui.kit.messages import Messages
from samdesk.ui.prompting.annotate import AnnotateController

HOLD_S = 0.4
"""A key held for longer shows the comparison only while it is held."""


class CompareController(QObject):
    """Remembers the regions that edits of the image on screen have replaced, and shows them.

    Signals:
        changed: ``shown`` has changed.
    """

    changed = Signal()

    def __init__(
        self,
        session: Session,
        canvas: CanvasView,
        annotate: AnnotateController,
        messages: Messages,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._model, self._canvas = session.model, canvas
        self._annotate, self._messages = annotate, messages
        self._document: ImageDocument | None = session.model.document
        self._before: dict[AnnotationId, Region] = {}
        self._latest: frozenset[AnnotationId] = frozenset()  # what the last change changed
        self._shown = self._passing = False
        self._shown_at = 0.0  # when a key showed it; 0: it was released since
        session.model.document_opened.connect(self._open)
        session.model.document_changed.connect(self._remember)
        canvas.selection_changed.connect(lambda _ids: self._follow())
        canvas.pressed.connect(lambda: self._hide() if self._passing else None)
        annotate.changed.connect(self._follow)
        canvas.installEventFilter(self)

    @property
    def shown(self) -> bool:
        """Whether a comparison is on the canvas."""
        return self._shown

    def toggle(self, shown: bool) -> None:
        """Shows or hides the comparison of what is open or selected, else of the last change."""
        if not shown:
            self._hide()
            return
        pairs = self._pairs()
        if not pairs:
            self._messages.info("Nothing to compare: no outline was changed.", key="compare", seconds=4)
            self.changed.emit()
            return
        self._shown_at = time.monotonic()
        self._show(pairs)

    def show_change(self) -> None:
        """Shows the last change until the next press on the canvas, edit or change of the selection."""
        pairs = self._pairs()
        if pairs:
            self._show(pairs)
            self._passing = True

    def _show(self, pairs: list[tuple[Region, Region]]) -> None:
        self._shown, self._passing = True, False
        self._canvas.set_comparison(RegionComparison(pairs))
        self.changed.emit()

    def _hide(self) -> None:
        if self._shown:
            self._shown = self._passing = False
            self._canvas.set_comparison(None)
            self.changed.emit()

    def _follow(self) -> None:
        if not self._shown:
            return
        pairs = [] if self._passing else self._pairs()
        if pairs:
            self._canvas.set_comparison(RegionComparison(pairs))
        else:
            self._hide()

    def _pairs(self) -> list[tuple[Region, Region]]:
        """The regions to compare, before and after."""
        document, opened, proposal = self._model.document, self._annotate.reopened, self._annotate.proposal
        if document is None or (opened is None and self._annotate.has_prompts):
            return []  # the mask of another object is being made: an old change would lie over it
        if opened is not None and proposal is not None:
            old = document.find(opened)
            return [] if old is None or old.region == proposal.region else [(old.region, proposal.region)]
        chosen = self._known(self._canvas.selection) or self._known(self._latest)
        return [(self._before[a.id], a.region) for a in document.annotations if a.id in chosen]

    def _known(self, ids: Iterable[AnnotationId]) -> set[AnnotationId]:
        return self._before.keys() & set(ids)

    def _open(self, document: ImageDocument | None) -> None:
        self._document, self._latest = document, frozenset()
        self._before.clear()
        self._hide()

    def _remember(self, changes: Changes) -> None:
        old, new = self._document, self._model.document
        self._document = new
        if old is None or new is None or not changes.geometry:
            return
        before = {a.id: a.region for a in old.annotations if a.id in changes.modified}
        now = [a for a in new.annotations if a.id in before and a.region is not before[a.id]]
        same = shapely.equals_exact([before[a.id] for a in now], [a.region for a in now], 0.0)
        changed = [a.id for a, equal in zip(now, np.atleast_1d(same), strict=True) if not equal]
        self._before.update((i, before[i]) for i in changed)
        for gone in changes.removed:
            self._before.pop(gone, None)
        self._latest = frozenset(changed) or self._latest
        self._follow()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Hides the comparison when the key that showed it is released after it was held."""
        if isinstance(event, QKeyEvent) and event.type() is QEvent.Type.KeyRelease and self._shown_at:
            if event.isAutoRepeat():
                return False
            held, self._shown_at = time.monotonic() - self._shown_at > HOLD_S, 0.0
            if held:
                self._hide()
        return super().eventFilter(watched, event)
