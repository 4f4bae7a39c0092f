"""CheckController: checks the dataset in the background, shows what was found, and mends it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QObject, QTimer

from samdesk.base.text import counted
from samdesk.dataset.dataset import Dataset
from samdesk.dataset.trainer import dismissed
from samdesk.domain.annotation import AnnotationId
from samdesk.domain.document import ImageKey
from samdesk.exchange.check.fixing.fix import Fix
from samdesk.exchange.check.fixing.steps import FixStep, undo_step
from samdesk.exchange.check.run import CheckChoice, run_checks
from samdesk.exchange.check.types import CheckReport, CheckResult, Finding
from samdesk.ui.checking.panel import CheckPanel
from samdesk.ui.dataset.navigate import NavigateController
from samdesk.ui.editing.session import Session
from samdesk.ui.kit.messages import Messages
from samdesk.workers.dataset_jobs import DatasetJobs, JobContext
from samdesk.workers.failure import Failure
from samdesk.workers.storage.client import DatasetChange, DatasetInfo, StorageClient

T = TypeVar("T")


@dataclass(frozen=True)
class CheckStage:
    """Where findings are shown.

    Attributes:
        show_panel: Shows the panel of the check.
        navigate: Goes to an image.
        select: Selects annotations of the image on screen and zooms to them.
        search: Searches for a text.
    """

    show_panel: Callable[[], object]
    navigate: NavigateController
    select: Callable[[tuple[AnnotationId, ...]], object]
    search: Callable[[str], object]


class CheckController(QObject):
    """Runs the check of a dataset as a job; its result is out of date as soon as the dataset changes.

    Attributes:
        report: What was found last; None: nothing was checked yet.
    """

    def __init__(
        self,
        panel: CheckPanel,
        jobs: DatasetJobs,
        storage: StorageClient,
        session: Session,
        stage: CheckStage,
        messages: Messages,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._panel, self._jobs, self._storage, self._session = panel, jobs, storage, session
        self._stage, self._messages = stage, messages
        self._folder: Path | None = None
        self._marks: list[str] = []
        self._stale = self._edited = self._checking = self._again = False
        self._wanted: Finding | None = None
        self.report: CheckReport | None = None
        panel.check_requested.connect(self.check)
        panel.finding_chosen.connect(self.show_finding)
        panel.fix_requested.connect(self.fix)
        panel.search_requested.connect(stage.search)
        panel.dismissed.connect(self._dismiss)
        panel.restored.connect(self._restore)
        storage.changed.connect(self._note_change)
        session.images_changed.connect(self._note_edit)
        storage.history.pending_changed.connect(self._check_when_saved)
        stage.navigate.image_shown.connect(self._show_wanted)

    def start(self, info: DatasetInfo) -> None:
        """Follows another dataset."""
        self._folder, self.report, self._marks = info.folder, None, []
        self._stale = self._again = False
        self._wanted = None
        self._panel.set_read_only(info.read_only)
        self._show()

    def open(self) -> None:
        """Shows the panel, and checks the dataset unless what is shown is up to date."""
        self._stage.show_panel()
        if self.report is None or self._stale:
            self.check()

    def check(self) -> None:
        """Checks the dataset."""
        folder = self._folder
        if folder is None:
            return
        choice = CheckChoice(pixels=self._panel.pixels.isChecked())

        def work(context: JobContext) -> tuple[CheckReport, list[str], bool]:
            before = context.access.ask_now(_version)
            report = run_checks(context.access, choice, context.progress)
            changed = context.access.ask_now(_version) != before
            return report, dismissed.read(folder), changed

        def then(result: tuple[CheckReport, list[str], bool]) -> None:
            self._end()
            if folder == self._folder:
                self.report, self._marks, changed = result
                self._stale = changed or self._edited
                self._show()

        self._stale = self._edited = False
        self._checking = self._jobs.start("Checking the dataset", work, then, self._fail, self._cancelled)
        self._panel.set_busy(self._checking)

    # -- findings

    def show_finding(self, finding: Finding) -> None:
        """Goes to the image of a finding and selects the annotations it is about."""
        if finding.image is None:
            return
        self._wanted = finding
        if self._session.model.key == finding.image:
            self._show_wanted(finding.image)
        else:
            self._stage.navigate.go(finding.image)

    def _show_wanted(self, key: str) -> None:
        wanted, self._wanted = self._wanted, None
        if wanted is not None and wanted.image == key and wanted.annotations:
            self._stage.select(wanted.annotations)

    # -- fixes

    def fix(self, result: CheckResult) -> None:
        """Mends what a check has found, after the user has confirmed it."""
        fix = result.row.fix
        if fix is None or not self._messages.confirm(f"{fix.title}?", fix.text(result), action=fix.title):
            return
        if fix.document is not None:
            keys = tuple(result.images)
            self._again = True
            self._session.commit_plan(fix.title, keys, fix.plan(keys, self._session.locks.locked))
            text = f"{fix.title}: done on {counted(len(keys), 'image')}."
            self._messages.info(
                text, key="check fix", actions=[("Undo", partial(self._session.undo, newest=True))]
            )
        else:
            self._fix_files(fix, result)

    def _fix_files(self, fix: Fix, result: CheckResult) -> None:
        change = fix.change
        assert change is not None

        def work(context: JobContext) -> FixStep:
            return change(context.access, result, context.progress)

        def then(step: FixStep) -> None:
            text = f"{step.text}: {counted(len(step.files), 'file')}."
            self._messages.info(text, key="check fix", actions=[("Undo", partial(self._undo_files, step))])
            self._changed(tuple(file.key for file in step.files if file.key is not None))

        self._run("Fixing files", work, then)

    def _undo_files(self, step: FixStep) -> None:
        def work(context: JobContext) -> tuple[ImageKey, ...]:
            return undo_step(context.access, step, context.progress)

        def then(keys: tuple[ImageKey, ...]) -> None:
            self._messages.info(f"Undone: {step.text}.", key="check fix")
            self._changed(keys)

        self._run("Undoing", work, then)

    def _run(self, title: str, work: Callable[[JobContext], T], then: Callable[[T], None]) -> None:
        def ended(result: T) -> None:
            self._end()
            then(result)

        self._checking = self._jobs.start(title, work, ended, self._fail, self._cancelled, unit="file")
        self._panel.set_busy(self._checking)

    def _changed(self, keys: tuple[ImageKey, ...]) -> None:
        self._storage.changed.emit(DatasetChange(keys))
        self.check()

    # -- what was dismissed

    def _dismiss(self, result: CheckResult) -> None:
        self._set_marks([*self._marks, _mark(result)])

    def _restore(self) -> None:
        self._set_marks([mark for mark in self._marks if not mark.startswith(_MARK)])

    def _set_marks(self, marks: list[str]) -> None:
        folder, self._marks = self._folder, marks
        if folder is not None:
            self._storage.ask(
                lambda _dataset: dismissed.write(folder, marks), _ignore, doing="saving a setting"
            )
        self._show()

    # -- private

    def _show(self) -> None:
        hidden = [result.row.id for result in self.report.results if _mark(result) in self._marks] if (
            self.report is not None
        ) else []  # fmt: skip
        self._panel.show_report(self.report, hidden)
        self._panel.set_stale(self._stale)

    def _note_edit(self, what: object) -> None:
        self._edited = True
        self._note_change(what)

    def _note_change(self, _what: object) -> None:
        self._stale = True
        if not self._checking:  # what is saved meanwhile may have been known to the check
            self._panel.set_stale(True)

    def _check_when_saved(self, pending: int) -> None:
        if self._again and not pending:
            self._again = False
            QTimer.singleShot(0, self, self.check)

    def _end(self) -> None:
        self._checking = False
        self._panel.set_busy(False)

    def _cancelled(self) -> None:
        self._end()
        self._note_change(None)

    def _fail(self, failure: Failure) -> None:
        self._end()
        self._messages.error(str(failure), key="check")


def _version(dataset: Dataset) -> tuple[int, int, int]:
    """What changes whenever annotations, labels or splits do."""
    found = dataset.core.rows.store.row("SELECT sum(revision) FROM images")
    revisions = found[0] if found is not None and isinstance(found[0], int) else 0
    return dataset.newest_step, dataset.next_redo, revisions


_MARK = "check "


def _mark(result: CheckResult) -> str:
    """What a dismissed check is remembered by: with another number of findings it is listed again."""
    return f"{_MARK}{result.row.id}: {result.count}"


def _ignore(_result: object) -> None:
    """Ignores an answer."""
