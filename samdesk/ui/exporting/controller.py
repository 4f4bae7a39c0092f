"""ExportController: asks what to export, exports it in the background, and shows the report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from samdesk.base.errors import UserError
from samdesk.dataset import queries
from samdesk.dataset import search as searches
from samdesk.dataset.dataset import Dataset
from samdesk.domain.labels import LabelId, LabelSet
from samdesk.domain.review import ImageReview
from samdesk.domain.search import Search
from samdesk.exchange.exporting.errors import FolderExistsError
from samdesk.exchange.exporting.plan import ExportPlan
from samdesk.exchange.exporting.presets import delete_preset, preset, presets, save_preset
from samdesk.exchange.exporting.reading import DatasetFacts, facts
from samdesk.exchange.exporting.report import ExportReport
from samdesk.exchange.exporting.run import export
from samdesk.formats.base import Format
from samdesk.ui.dataset.files import FilesController
from samdesk.ui.dataset.visit import AnnotationVisits
from samdesk.ui.exporting.dialog import ExportDialog
from samdesk.ui.exporting.report_dialog import ExportReportDialog
from samdesk.ui.kit.file_manager import reveal
from samdesk.ui.kit.messages import Messages
from samdesk.workers.dataset_jobs import DatasetJobs, JobContext
from samdesk.workers.failure import Failure
from samdesk.workers.storage.client import StorageClient

_COUNT_S = 0.05


class ExportController(QObject):
    """Exports the open dataset.

    Attributes:
        formats: Returns the formats that can be written.
        dialog: The dialog, while it is open.
        report: The report that is shown.
    """

    def __init__(
        self,
        window: QWidget,
        messages: Messages,
        storage: StorageClient,
        jobs: DatasetJobs,
        files: FilesController,
        searched: Callable[[], Search],
        visits: AnnotationVisits,
        formats: Callable[[], tuple[Format, ...]],
    ) -> None:
        super().__init__(window)
        self._window, self._messages, self._storage, self._jobs = window, messages, storage, jobs
        self._files, self._searched, self._visits = files, searched, visits
        self.formats = formats
        self.dialog: ExportDialog | None = None
        self.report: ExportReportDialog | None = None
        self._last: ExportPlan | None = None
        storage.closing.connect(self._close)

    def ask(self) -> None:
        """Opens the dialog."""
        info = self._files.info
        if info is None:
            return
        if self.dialog is not None:
            self.dialog.raise_()
            return
        dialog = ExportDialog(self._writable(), LabelSet(), info.folder, self._window)
        dialog.set_presets(list(presets()))
        dialog.started.connect(self._start)
        dialog.folder_wanted.connect(self._choose_folder)
        dialog.preset_chosen.connect(self._take_preset)
        dialog.preset_saved.connect(self._save_preset)
        dialog.preset_deleted.connect(self._delete_preset)
        dialog.finished.connect(self._forget)
        self.dialog = dialog
        self._count(dialog)
        dialog.open()

    def _writable(self) -> list[Format]:
        return [row for row in self.formats() if row.write is not None]

    def _count(self, dialog: ExportDialog) -> None:
        """Asks for everything that the dialog shows of the dataset."""
        search = self._searched()
        text = str(search) if search.terms else ""
        dialog.set_counts({"all": len(self._files.info.keys) if self._files.info else 0}, text)

        def show_facts(found: tuple[DatasetFacts, Path]) -> None:
            known, free = found
            if self.dialog is dialog:
                dialog.labels.set_labels(known.labels)
                dialog.set_train_size(known.train_size)
                dialog.set_folder(free)
                dialog.set_plan(self._last or ExportPlan())
                self._ask_usage(dialog)

        self._storage.ask(_facts, show_facts)
        if text:
            self._storage.ask(
                partial(searches.count, search=search),
                lambda found: self._show_count(dialog, "search", found.images, text),
            )
        self._ask_accepted(dialog, 0, 0, text)

    def _show_count(self, dialog: ExportDialog, scope: str, count: int, search: str) -> None:
        if self.dialog is dialog:
            dialog.set_counts({scope: count}, search)

    def _ask_accepted(self, dialog: ExportDialog, start: int, so_far: int, search: str) -> None:
        """Counts the accepted images, some thousand at a time."""

        def take(found: tuple[int, int]) -> None:
            if self.dialog is not dialog:
                return
            if found[0]:
                self._ask_accepted(dialog, start + found[0], so_far + found[1], search)
            else:
                dialog.set_counts({"accepted": so_far}, search)

        self._storage.ask(partial(_accepted, start=start), take)

    def _ask_usage(self, dialog: ExportDialog) -> None:
        def take(counts: Mapping[LabelId, int] | None) -> None:
            if self.dialog is not dialog:
                return
            if counts is None:
                self._ask_usage(dialog)
            else:
                dialog.set_label_counts(counts)

        self._storage.ask(partial(queries.label_usage_within, seconds=_COUNT_S), take)

    # -- presets

    def _take_preset(self, name: str) -> None:
        self._try(lambda dialog: dialog.set_plan(preset(name)))

    def _save_preset(self, name: str) -> None:
        def save(dialog: ExportDialog) -> None:
            save_preset(name, dialog.plan())
            dialog.save_name.clear()
            dialog.set_presets(list(presets()), name)

        self._try(save)

    def _delete_preset(self, name: str) -> None:
        def delete(dialog: ExportDialog) -> None:
            delete_preset(name)
            dialog.set_presets(list(presets()))

        self._try(delete)

    def _try(self, action: Callable[[ExportDialog], None]) -> None:
        if self.dialog is None:
            return
        try:
            action(self.dialog)
        except UserError as error:
            self._messages.error(str(error), key="export")

    def _choose_folder(self) -> None:
        if self.dialog is None:
            return
        start = self.dialog.target
        found = self._messages.choose_folder("Choose a folder for the export", start.parent)
        if found is not None:
            self.dialog.set_folder(found / start.name)

    # -- the export

    def _start(self, plan: ExportPlan, out: Path) -> None:
        self._last = plan
        if self.dialog is not None:
            self.dialog.accept()
        self._export(plan, out, overwrite=False)

    def _export(self, plan: ExportPlan, out: Path, *, overwrite: bool) -> None:
        row = next((row for row in self.formats() if row.id == plan.format_id), None)

        def work(context: JobContext) -> ExportReport:
            return export(
                context.access, plan, out,
                overwrite=overwrite, progress=context.progress, cancel=context.cancel, row=row,
            )  # fmt: skip

        self._jobs.start(
            "Exporting", work, self._show_report, partial(self._refuse, plan, out), self._note_cancelled
        )

    def _refuse(self, plan: ExportPlan, out: Path, failure: Failure) -> None:
        """Nothing was exported: asks, if there is an earlier export, else says why."""
        if failure.code != FolderExistsError.code:
            self._messages.error(str(failure), key="export")
        elif self._messages.confirm(
            "Replace the export that is there?",
            f"{out} and everything in it is replaced when the new export is whole.",
            action="Replace",
            danger=True,
        ):
            self._export(plan, out, overwrite=True)

    def _note_cancelled(self) -> None:
        self._messages.info("Export cancelled. Nothing of it is left.", key="export")

    def _show_report(self, report: ExportReport) -> None:
        self._messages.info(
            report.summary, key="export",
            actions=(("Show folder", lambda: reveal(Path(report.folder), self)),),
        )  # fmt: skip
        if self.report is not None:
            self.report.close()
        shown = ExportReportDialog(report, self._window)
        shown.chosen.connect(self._visits.go)
        shown.folder_wanted.connect(lambda: reveal(Path(report.folder), self))
        shown.finished.connect(self._forget_report)
        self.report = shown
        shown.show_beside(self._window)

    def _forget(self) -> None:
        dialog, self.dialog = self.dialog, None
        if dialog is not None:
            dialog.deleteLater()

    def _forget_report(self) -> None:
        if self.sender() is self.report:
            self.report = None

    def _close(self) -> None:
        """Another dataset is opened."""
        self._last = None
        for dialog in (self.dialog, self.report):
            if dialog is not None:
                dialog.reject()


def _accepted(dataset: Dataset, start: int) -> tuple[int, int]:
    """How many images were looked at from a place on, and how many of them are accepted."""
    found = queries.known_summaries(dataset, start)
    return len(found), sum(summary.review is ImageReview.ACCEPTED for summary in found)


def _facts(dataset: Dataset) -> tuple[DatasetFacts, Path]:
    """What the dialog shows of a dataset, and a folder that is not there yet."""
    folder = dataset.folder
    return facts(dataset), _free(folder.parent / f"{folder.name}-export")


def _free(folder: Path) -> Path:
    """The folder, or one beside it that is not there yet."""
    found, number = folder, 2
    while found.exists():
        found, number = folder.with_name(f"{folder.name}-{number}"), number + 1
    return found
