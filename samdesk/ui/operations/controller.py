"""OperationsController: merges, subtracts, tidies and grows the selected annotations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QObject, Signal

from samdesk.domain import operations
from samdesk.domain.annotation import Annotation
from samdesk.domain.document import ImageDocument
from samdesk.domain.operations import OperationResult
from samdesk.settings.table import SPECK_AREA, Settings
from samdesk.ui.editing.session import Session
from samdesk.ui.kit.message_bar import Action
from samdesk.ui.kit.messages import Messages
from samdesk.ui.operations.kinds import TIDY
from samdesk.ui.operations.selection import Selection, compute
from samdesk.workers.computing import ComputingThread
from samdesk.workers.failure import Failure

_KEY = "operation"
_GROW = "grow"

Prepare = Callable[[ImageDocument, list[Annotation]], Callable[[], OperationResult]]


@dataclass
class GrowRun:
    """Presses of + and - in a row.

    Attributes:
        originals: The annotations before the first press.
        pixels: Of all presses together.
        text: Of the step on screen; "" if nothing differs from the originals.
    """

    originals: tuple[Annotation, ...]
    pixels: int = 0
    text: str = ""


class OperationsController(QObject):
    """Runs operations on the selection: each is one step of the history.

    Signals:
        adjust_requested: (``OutlineKind``) the bar that adjusts the selection is to be opened.
    """

    adjust_requested = Signal(object)

    def __init__(
        self,
        session: Session,
        selection: Selection,
        client: ComputingThread,
        settings: Settings,
        messages: Messages,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._selection, self._client = session, selection, client
        self._settings, self._messages = settings, messages
        self._run: GrowRun | None = None

    # -- commands

    def merge(self) -> None:
        """Merges the selected annotations into the largest."""
        self._operate(lambda document, chosen: partial(operations.merge, document, chosen))

    def intersect(self) -> None:
        """Makes one annotation of what the selected ones have in common."""
        self._operate(lambda _document, chosen: partial(operations.intersect, chosen))

    def subtract_neighbours(self) -> None:
        """Removes from the selected annotations what other visible ones cover."""
        others = self._selection.others(may_change=False)
        self._operate(
            lambda _document, chosen: partial(operations.subtract_neighbours, chosen, others), others
        )

    def let_neighbours_yield(self) -> None:
        """Removes from other visible annotations what the selected ones cover."""
        others = self._selection.others(may_change=True)
        self._operate(
            lambda _document, chosen: partial(operations.let_neighbours_yield, chosen, others), others
        )

    def tidy(self) -> None:
        """Fills holes and drops specks of the selected annotations, up to the area used last."""
        area = self._settings.get(SPECK_AREA)
        more = [("Change area", lambda: self.adjust_requested.emit(TIDY))]
        self._operate(lambda _document, chosen: partial(operations.tidy, chosen, area), actions=more)

    def grow(self, pixels: int) -> None:
        """Moves the outlines of the selected annotations outwards or inwards by pixels.

        Presses in a row are one step, and computed from the outlines before the first: growing and shrinking
        by as much restores them.
        """
        document, run = self._selection.document, self._run
        if document is None:
            return
        if run is None or not self._continues(run):
            chosen = self._selection.free()
            if not chosen:
                self._selection.note_locked()
                return
            run = self._run = GrowRun(tuple(chosen))
        run.pixels += pixels
        if run.pixels == 0:
            self._client.drop()
            if run.text and self._session.run_text == run.text:
                self._session.drop_run()
            self._run = None
            return
        ids = {a.id for a in run.originals}
        shown = [a for a in document.annotations if a.id in ids]
        compute(
            self._client,
            run.originals,
            partial(operations.grow, document, run.originals, run.pixels, shown),
            partial(self._show_grown, run),
            partial(self._refuse_grown, run, pixels),
        )

    # -- computing

    def _operate(
        self, prepare: Prepare, others: Sequence[Annotation] = (), actions: Sequence[Action] = ()
    ) -> None:
        self._run = None
        self._session.end_run()
        document, chosen = self._selection.document, self._selection.free()
        if document is None:
            return
        if not chosen:
            self._selection.note_locked()
            return
        compute(
            self._client,
            [*chosen, *others],
            prepare(document, chosen),
            lambda operation: self._show(operation, document, actions),
            lambda failure: self._note(failure.text, actions),
        )

    def _show(self, operation: OperationResult, document: ImageDocument, actions: Sequence[Action]) -> None:
        now = self._selection.document
        if now is None or now.key != document.key:
            return
        if now.annotations is not document.annotations:
            self._note("Nothing changed: the annotations have been edited meanwhile.")
        elif self._session.edit(operation.text, operation.edit) and operation.notice:
            self._note(operation.notice, actions)

    # -- growing

    def _continues(self, run: GrowRun) -> bool:
        """Whether a press belongs to the presses before it."""
        same = {a.id for a in run.originals} == {a.id for a in self._selection.free()}
        return same and (self._client.busy or (bool(run.text) and self._session.run_text == run.text))

    def _show_grown(self, run: GrowRun, operation: OperationResult) -> None:
        if run is self._run and self._session.edit_in_run(operation.text, operation.edit, _GROW):
            run.text = operation.text
            if operation.notice:
                self._note(operation.notice)

    def _refuse_grown(self, run: GrowRun, pixels: int, failure: Failure) -> None:
        run.pixels -= pixels
        self._note(failure.text)

    def _note(self, text: str, actions: Sequence[Action] = ()) -> None:
        self._messages.info(text, key=_KEY, actions=actions, seconds=6)
