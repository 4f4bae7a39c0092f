"""Teaching Flint: asking, watching, and what came of it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from samdesk.training.record.taught import KINDS, Kind, Taught, Teaching
from samdesk.training.teach.accepted import read_accepted
from samdesk.training.teach.events import Begun, Event, Progressed
from samdesk.training.teach.expected import expected_seconds
from samdesk.training.teach.readiness import Outlook
from samdesk.ui.kit.messages import Messages
from samdesk.ui.teach.bar import TeachBar
from samdesk.ui.teach.dialog import Prospect, TeachDialog
from samdesk.ui.teach.result_dialog import TeachResultDialog
from samdesk.ui.teach.taught import TaughtController
from samdesk.workers.failure import Failure
from samdesk.workers.teach import TeachClient


class TeachController(QObject):
    """Teaches beside the work, in a process of its own.

    Signals:
        changed: A teaching began or ended.
    """

    changed = Signal()

    def __init__(
        self, client: TeachClient, taught: TaughtController, bar: TeachBar, messages: Messages
    ) -> None:
        super().__init__(bar)
        self._client, self._taught, self._bar, self._messages = client, taught, bar, messages
        self._dialog: TeachDialog | None = None
        self._details: TeachResultDialog | None = None
        self._folder = Path()
        self._results: list[Teaching] = []
        taught.teach_wanted.connect(self.ask)
        client.told.connect(self._show)
        client.result.connect(self._keep)
        client.failed.connect(self._show_failure)
        client.finished.connect(self._end)
        bar.stop_requested.connect(self.cancel)
        bar.use_requested.connect(self.use)
        bar.details_requested.connect(self.show_details)
        bar.left.connect(self._close_details)

    @property
    def running(self) -> bool:
        """Whether a teaching goes on."""
        return self._client.running

    def ask(self) -> None:
        """Opens the dialog; what there is to learn from is read in a thread."""
        if self._dialog is not None:
            self._dialog.raise_()
            return
        folder = self._taught.folder
        if folder is None or self.running:
            return
        if self._taught.in_memory:
            self._messages.warn(
                "What you accept here is in memory only, and cannot be learned from. Choose a place for it "
                "first (Save now).",
                key="teach",
            )
            return
        dialog = TeachDialog(self._bar.window())
        dialog.started.connect(lambda kinds: self.start(folder, kinds))
        dialog.use_requested.connect(lambda teaching: self._taught.use(folder, teaching))
        dialog.finished.connect(self._forget_dialog)
        self._dialog = dialog
        dialog.open()
        self._taught.do(lambda: find_prospect(folder), self._show_prospect)

    def start(self, folder: Path, kinds: tuple[Kind, ...]) -> None:
        """Begins to teach."""
        if self.running:
            return
        self._folder = folder
        self._results.clear()
        self._close_details()
        self._bar.begin()
        self._client.start(folder, kinds)
        self.changed.emit()

    def cancel(self) -> None:
        """Stops; what was learned is kept."""
        if self.running:
            self._bar.set_stopping()
            self._client.cancel()

    def use(self) -> None:
        """Uses what is better."""
        better = [teaching for teaching in self._results if teaching.better]
        self._bar.end()
        self._close_details()
        if better:
            self._taught.use(self._folder, *better)

    def show_details(self) -> None:
        """Opens the figures beside the work."""
        if self._details is None:
            details = TeachResultDialog(self._results, self._bar.window())
            details.use_requested.connect(self.use)
            details.finished.connect(self._forget_details)
            self._details = details
        self._details.show()
        self._details.raise_()

    def _show_prospect(self, prospect: Prospect | str) -> None:
        if self._dialog is not None:
            if isinstance(prospect, str):
                self._dialog.set_failed(prospect)
            else:
                self._dialog.set_prospect(prospect)

    def _show(self, event: Event) -> None:
        if isinstance(event, Begun):
            self._bar.set_begun(event)
        elif isinstance(event, Progressed):
            self._bar.set_progress(event)

    def _keep(self, teaching: Teaching) -> None:
        self._results.append(teaching)

    def _show_failure(self, failure: Failure) -> None:
        words = failure.text
        again = [("Teach…", self.ask)] if failure.next else []
        self._messages.warn(words, key=f"teach:{failure.where}", actions=again)

    def _end(self, stopped: bool) -> None:
        if self._results:
            self._bar.set_results(self._results, stopped=stopped)
        elif stopped:
            self._bar.set_stopped()
        else:
            self._bar.end()
        self.changed.emit()

    def _forget_dialog(self) -> None:
        if self._dialog is not None:
            self._dialog.deleteLater()
        self._dialog = None

    def _close_details(self) -> None:
        if self._details is not None:
            self._details.close()

    def _forget_details(self) -> None:
        self._details = None


def find_prospect(folder: Path) -> Prospect | str:
    """What the dialog tells, or why it cannot; it takes a while."""
    from samdesk.dataset.store.database import StoreError

    try:
        outlook = Outlook.of(read_accepted(folder))
    except StoreError as error:
        return f"What is accepted here cannot be read: {error}."
    taught = Taught.read(folder)
    minutes = {
        kind: max(1, round(expected_seconds(kind, outlook.images(kind), taught) / 60)) for kind in KINDS
    }
    return Prospect(outlook, taught, minutes)
