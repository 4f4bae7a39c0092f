"""ImportController: asks what to import, imports it in the background, and says what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from samdesk.base.text import counted
from samdesk.dataset import queries
from samdesk.dataset.runs.record import RunInfo
from samdesk.exchange.importing.plan import ImportPlan
from samdesk.exchange.importing.report import ImportReport
from samdesk.formats.base import Format
from samdesk.ui.dataset.files import FilesController
from samdesk.ui.editing.session import Session
from samdesk.ui.importing.dialog import ImportDialog
from samdesk.ui.importing.looked_at import LookedAt, look_at, run, session_of
from samdesk.ui.importing.report_dialog import ImportReportDialog
from samdesk.ui.kit.messages import Messages
from samdesk.workers.dataset_jobs import DatasetJobs, JobContext, JobProgress
from samdesk.workers.failure import Failure
from samdesk.workers.storage.client import StorageClient

_KEY = "import"


def _is_step(run: RunInfo) -> bool:
    """Whether a run has changed anything, and so is a step of the history."""
    return run.counts.annotations > 0 or any(label.added for label in run.labels)


class ImportController(QObject):
    """Imports annotations into the open dataset.

    Attributes:
        dialog: The dialog, while it is open.
        report: The report that is shown.
    """

    def __init__(
        self,
        window: QWidget,
        messages: Messages,
        session: Session,
        storage: StorageClient,
        jobs: DatasetJobs,
        files: FilesController,
        formats: Callable[[], Sequence[Format]],
    ) -> None:
        super().__init__(window)
        self._window, self._messages, self._session = window, messages, session
        self._storage, self._jobs, self._files, self._formats = storage, jobs, files, formats
        self.dialog: ImportDialog | None = None
        self.report: ImportReportDialog | None = None
        self._paths: tuple[Path, ...] = ()
        files.takers.append(self.take)
        files.dataset_opened.connect(lambda _info: storage.ask(queries.runs, self._offer))
        storage.closing.connect(self._close)
        jobs.progressed.connect(self._show_progress)

    def ask(self) -> None:
        """Opens the dialog."""
        if self._files.info is None:
            return
        if self.dialog is not None:
            self.dialog.raise_()
            return
        dialog = ImportDialog(self._formats(), self._window)
        dialog.file_wanted.connect(self._choose_file)
        dialog.folder_wanted.connect(self._choose_folder)
        dialog.format_chosen.connect(lambda format_id: self._look(self._paths, format_id))
        dialog.started.connect(self._start)
        dialog.finished.connect(self._forget)
        self.dialog = dialog
        dialog.open()

    def take(self, paths: Sequence[Path]) -> bool:
        """Opens the dialog for files that were dropped on the window; False: they cannot be imported."""
        suffixes = {suffix for row in self._formats() if row.read for suffix in row.suffixes}
        if self._files.info is None or paths[0].suffix.lower() not in suffixes:
            return False
        self.ask()
        self._look(tuple(paths))
        return True

    # -- what the files hold

    def _choose_file(self) -> None:
        suffixes = sorted({suffix for row in self._formats() if row.read for suffix in row.suffixes})
        filters = f"Annotations ({' '.join(f'*{suffix}' for suffix in suffixes)});;All files (*)"
        self._take_choice(self._messages.choose_file("Import annotations", self._start_folder(), filters))

    def _choose_folder(self) -> None:
        self._take_choice(self._messages.choose_folder("Import a folder", self._start_folder()))

    def _start_folder(self) -> Path | None:
        if self._paths:
            return self._paths[0].parent
        return None if self._files.info is None else self._files.info.folder

    def _take_choice(self, path: Path | None) -> None:
        if path is not None:
            self._look((path,))

    def _look(self, paths: tuple[Path, ...], format_id: str = "") -> None:
        """Reads files; the dialog shows what they hold."""
        dialog = self.dialog
        if dialog is None or not paths:
            return
        self._drop_survey()
        self._paths = paths
        more = f" and {len(paths) - 1:,} more" if len(paths) > 1 else ""
        dialog.show_reading(f"{paths[0].name}{more}")
        started = self._jobs.start(
            "Reading annotations",
            lambda context: look_at(context, paths, format_id),
            partial(self._show_found, dialog),
            partial(self._refuse, dialog),
            unit="file",
        )
        if not started:
            dialog.show_nothing("Another job is going on. Wait until it has finished, then choose again.")

    def _show_found(self, dialog: ImportDialog, looked: LookedAt) -> None:
        if self.dialog is dialog:
            dialog.show_found(looked)
        elif looked.survey is not None:
            looked.survey.close()

    def _refuse(self, dialog: ImportDialog, failure: Failure) -> None:
        if self.dialog is dialog:
            dialog.show_nothing(str(failure), format_may_help=True)

    def _show_progress(self, progress: JobProgress) -> None:
        if self.dialog is not None:
            self.dialog.show_progress(progress.done, progress.total, "")

    # -- the import

    def _start(self, plan: ImportPlan) -> None:
        dialog = self.dialog
        if dialog is None or dialog.looked is None:
            return
        looked, dialog.looked = dialog.looked, None  # the job closes its survey
        dialog.accept()
        self._jobs.start("Importing", lambda context: run(context, looked, plan), self._show_report)

    def _resume(self) -> None:
        def work(context: JobContext) -> ImportReport:
            return session_of(context).resume()

        self._jobs.start("Importing", work, self._show_report)

    def _undo(self) -> None:
        self._session.undo(newest=True)

    def _show_report(self, report: ImportReport) -> None:
        actions: list[tuple[str, Callable[[], object]]] = [("Show report…", lambda: self._open(report))]
        if report.run_id is not None and (report.added or report.splits):
            actions.insert(0, ("Undo", self._undo))
        if report.state == "stopped":
            actions.insert(0, ("Resume", self._resume))
            text = f"Import stopped: {report.summary}."
        else:
            text = f"{report.summary}."
        show = (
            self._messages.warn if report.problem_count or report.state == "stopped" else self._messages.info
        )
        show(text, key=_KEY, actions=actions)

    def _open(self, report: ImportReport) -> None:
        if self.report is not None:
            self.report.close()
        self.report = ImportReportDialog(report, self._window)
        self.report.show()

    def _offer(self, runs: Sequence[RunInfo]) -> None:
        """Offers to resume an import that was interrupted."""
        run = runs[0] if runs else None
        if run is None or not run.is_import or run.state != "interrupted" or self._session.read_only:
            return
        done = run.counts.images - run.counts.todo
        self._messages.warn(
            f"An import was interrupted: {done:,} of {counted(run.counts.images, 'image')} are done.",
            key=_KEY,
            actions=[("Resume", self._resume), *([("Undo", self._undo)] if _is_step(run) else [])],
        )

    # -- the dialog closes

    def _forget(self) -> None:
        dialog = self.dialog
        if self._jobs.running is not None and self._jobs.running.title == "Reading annotations":
            self._jobs.cancel()
        self._drop_survey()
        self.dialog = None
        if dialog is not None:
            dialog.deleteLater()

    def _drop_survey(self) -> None:
        if self.dialog is not None and self.dialog.looked is not None:
            looked, self.dialog.looked = self.dialog.looked, None
            if looked.survey is not None:
                looked.survey.close()

    def _close(self) -> None:
        if self.dialog is not None:
            self.dialog.reject()
        if self.report is not None:
            self.report.close()
            self.report = None
