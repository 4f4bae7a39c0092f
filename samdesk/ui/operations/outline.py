"""OutlineController: shows the selection smoothed, simplified or tidied while the user moves a slider."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QObject, Signal

from samdesk.domain import edits, operations
from samdesk.domain.annotation import Annotation, AnnotationId
from samdesk.domain.document import ImageDocument
from samdesk.domain.operations import Adjustment
from samdesk.settings.table import OUTLINE_KIND, Settings
from samdesk.ui.editing.session import Session
from samdesk.ui.kit.messages import Messages
from samdesk.ui.operations.kinds import KINDS, OutlineKind
from samdesk.ui.operations.outline_bar import OutlineBar
from samdesk.ui.operations.selection import Selection, compute
from samdesk.workers.computing import ComputingThread
from samdesk.workers.failure import Failure

_OUTLINE = "outline"


@dataclass
class OutlineAdjusting:
    """What is being adjusted.

    Attributes:
        document: The document before.
        originals: The annotations before.
        kind: What is done to them.
        result: What is on screen; None: the originals.
        keep: The user has accepted, and the result is not there yet.
    """

    document: ImageDocument
    originals: tuple[Annotation, ...]
    kind: OutlineKind
    result: Adjustment | None = None
    keep: bool = False


class OutlineController(QObject):
    """The selection as it would be; nothing is changed until the user accepts it, as one step.

    Another selection or another image goes back to what was there before; another edit, which begins with
    what is on screen, keeps it.

    Signals:
        changed: ``active`` has changed.
    """

    changed = Signal()

    def __init__(
        self,
        session: Session,
        selection: Selection,
        client: ComputingThread,
        settings: Settings,
        messages: Messages,
        bar: OutlineBar,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._selection, self._client = session, selection, client
        self._settings, self._messages, self._bar = settings, messages, bar
        self._now: OutlineAdjusting | None = None
        bar.kind_chosen.connect(self.choose)
        bar.amount_changed.connect(self._follow_amount)
        bar.accepted.connect(self.accept)
        bar.cancelled.connect(self.cancel)
        session.run_changed.connect(self._follow_run)
        session.model.document_opened.connect(lambda _document: self.cancel())

    @property
    def active(self) -> bool:
        """Whether the selection is being adjusted."""
        return self._now is not None

    @property
    def kind(self) -> OutlineKind:
        """What is adjusted, or was last."""
        known = self._settings.get(OUTLINE_KIND)
        return next((kind for kind in KINDS if kind.id == known), KINDS[0])

    def open(self, kind: OutlineKind | None = None) -> None:
        """Opens the bar and shows the selection adjusted; if it is open, goes on to the next kind."""
        if self._now is not None:
            index = KINDS.index(self._now.kind)
            self.choose(kind or KINDS[(index + 1) % len(KINDS)])
            return
        self._session.end_run()
        document, chosen = self._selection.document, self._selection.free()
        if document is None or self._session.read_only:
            return
        if not chosen:
            self._selection.note_locked()
            return
        self._now = OutlineAdjusting(document, tuple(chosen), kind or self.kind)
        self._bar.open(self._now.kind, self._settings.get(self._now.kind.setting))
        self.changed.emit()
        self._compute()

    def choose(self, kind: OutlineKind) -> None:
        """Adjusts in another way, beginning with the originals again."""
        now = self._now
        if now is not None:
            now.kind = kind
            self._bar.set_kind(kind, self._settings.get(kind.setting))
            self._compute()

    def step(self, steps: int) -> None:
        """Moves the slider by steps."""
        self._bar.step(steps)

    def accept(self) -> None:
        """Keeps what is shown, as one step."""
        now = self._now
        if now is None:
            return
        if self._client.busy:
            now.keep = True  # as soon as it is computed
            return
        self._settings.set(OUTLINE_KIND, now.kind.id)
        self._now = None
        self._session.keep_run()
        self._close()

    def cancel(self) -> None:
        """Shows the selection as it was."""
        if self._now is not None:
            self._now = None
            self._client.drop()
            self._session.drop_run()
            self._close()

    def follow_selection(self, ids: frozenset[AnnotationId]) -> None:
        """Cancels if something else is selected now."""
        if self._now is not None and ids != {a.id for a in self._now.originals}:
            self.cancel()

    def _close(self) -> None:
        self._bar.close_bar()
        self.changed.emit()

    def _follow_amount(self, amount: float) -> None:
        if self._now is not None:
            self._settings.set(self._now.kind.setting, amount)
            self._compute()

    def _follow_run(self) -> None:
        """Closes the bar if what was shown has been kept or taken back otherwise."""
        if self._now is not None and self._now.result is not None and not self._session.run_text:
            self.cancel()

    def _compute(self) -> None:
        now = self._now
        if now is None:
            return
        amount = self._settings.get(now.kind.setting)
        compute(
            self._client,
            now.originals,
            partial(operations.adjust, now.document, now.originals, now.kind.id, amount),
            partial(self._show, now),
            self._refuse,
        )

    def _show(self, now: OutlineAdjusting, result: Adjustment) -> None:
        if now is not self._now:
            return
        changed = _changed(now, result)
        if now.result is not None and not _changed(now, now.result).keys() <= changed.keys():
            now.result = None  # some are as they were again
            self._session.drop_run()
        now.result = result if changed else None
        if changed:
            self._session.edit_in_run(now.kind.text, edits.update(changed.values()), _OUTLINE, held=True)
        self._bar.set_result(result)
        if now.keep:
            self.accept()

    def _refuse(self, failure: Failure) -> None:
        self.cancel()
        self._messages.warn(failure.text)


def _changed(now: OutlineAdjusting, result: Adjustment) -> dict[AnnotationId, Annotation]:
    pairs = zip(result.annotations, now.originals, strict=True)
    return {a.id: a for a, before in pairs if a is not before}
