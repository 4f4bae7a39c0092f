"""The controller of the Teach dialog, the progress bar and the results."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from samdesk.training.record.taught_record import KINDS, Kind, TaughtRecord, TaughtWeights
from samdesk.training.teach.estimate import estimate_seconds
from samdesk.training.teach.events import Event, TrainingProgress, TrainingStarted
from samdesk.training.teach.material import read_material
from samdesk.training.teach.readiness import Readiness
from samdesk.ui.kit.messages import Messages
from samdesk.ui.teach.bar import TeachBar
from samdesk.ui.teach.dialog import TeachDialog, TeachEstimate
from samdesk.ui.teach.result_dialog import TeachResultDialog
from samdesk.ui.teach.taught import TaughtController
from samdesk.workers.failure import Failure
from samdesk.workers.teach import TeachClient


class TeachController(QObject):
    """Runs trainings in a separate process and shows their progress and results.

    Signals:
        changed: A training started or ended.
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
        self._results: list[TaughtWeights] = []
        taught.teach_requested.connect(self.open_dialog)
        client.event_received.connect(self._show_event)
        client.result.connect(self._add_result)
        client.failed.connect(self._show_failure)
        client.finished.connect(self._end)
        bar.stop_requested.connect(self.cancel)
        bar.use_requested.connect(self.use)
        bar.details_requested.connect(self.show_details)
        bar.dismissed.connect(self._close_details)

    @property
    def running(self) -> bool:
        """Whether a training is running."""
        return self._client.running

    def open_dialog(self) -> None:
        """Opens the Teach dialog; the training material is read in a thread."""
        if self._dialog is not None:
            self._dialog.raise_()
            return
        folder = self._taught.folder
        if folder is None or self.running:
            return
        if self._taught.in_memory:
            self._messages.warn(
                "These annotations are only in memory, so Flint cannot be trained on them. Save them first "
                "(Save now).",
                key="teach",
            )
            return
        dialog = TeachDialog(self._bar.window())
        dialog.started.connect(lambda kinds: self.start(folder, kinds))
        dialog.use_requested.connect(lambda entry: self._taught.use(folder, entry))
        dialog.finished.connect(self._forget_dialog)
        self._dialog = dialog
        dialog.open()
        self._taught.run_job(lambda: read_estimate(folder), self._show_estimate)

    def start(self, folder: Path, kinds: tuple[Kind, ...]) -> None:
        """Starts a training."""
        if self.running:
            return
        self._folder = folder
        self._results.clear()
        self._close_details()
        self._bar.begin()
        self._client.start(folder, kinds)
        self.changed.emit()

    def cancel(self) -> None:
        """Stops the training; its progress is kept."""
        if self.running:
            self._bar.set_stopping()
            self._client.cancel()

    def use(self) -> None:
        """Uses the weights that are better."""
        better = [entry for entry in self._results if entry.better]
        self._bar.end()
        self._close_details()
        if better:
            self._taught.use(self._folder, *better)

    def show_details(self) -> None:
        """Opens the non-modal dialog with all scores."""
        if self._details is None:
            details = TeachResultDialog(self._results, self._bar.window())
            details.use_requested.connect(self.use)
            details.finished.connect(self._forget_details)
            self._details = details
        self._details.show()
        self._details.raise_()

    def _show_estimate(self, estimate: TeachEstimate | str) -> None:
        if self._dialog is not None:
            if isinstance(estimate, str):
                self._dialog.set_failed(estimate)
            else:
                self._dialog.set_estimate(estimate)

    def _show_event(self, event: Event) -> None:
        if isinstance(event, TrainingStarted):
            self._bar.set_started(event)
        elif isinstance(event, TrainingProgress):
            self._bar.set_progress(event)

    def _add_result(self, entry: TaughtWeights) -> None:
        self._results.append(entry)

    def _show_failure(self, failure: Failure) -> None:
        actions = [("Teach…", self.open_dialog)] if failure.next else []
        self._messages.warn(failure.text, key=f"teach:{failure.where}", actions=actions)

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


def read_estimate(folder: Path) -> TeachEstimate | str:
    """The content of the Teach dialog, or an error message; slow for large datasets."""
    from samdesk.dataset.store.errors import StoreError

    try:
        readiness = Readiness.of(read_material(folder))
    except StoreError as error:
        return f"The accepted annotations cannot be read. {error}"
    taught = TaughtRecord.read(folder)
    minutes = {
        kind: max(1, round(estimate_seconds(kind, readiness.images(kind), taught) / 60)) for kind in KINDS
    }
    return TeachEstimate(readiness, taught, minutes)
