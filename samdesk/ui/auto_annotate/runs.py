"""Controls what comes after a run: review, undo, resume, and the history of runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from PySide6.QtCore import QObject, Signal

from samdesk.base import json_file
from samdesk.base.text import counted
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.batch.report import BatchSummary
from samdesk.batch.run_record import plan_of
from samdesk.dataset import queries
from samdesk.dataset.runs.record import RunImage, RunInfo
from samdesk.dataset.search import Counts, review_count
from samdesk.domain.annotation import RunId
from samdesk.domain.search import parse
from samdesk.ui.auto_annotate.bar import BatchBar
from samdesk.ui.auto_annotate.controller import BatchController
from samdesk.ui.auto_annotate.failures import FailuresDialog
from samdesk.ui.auto_annotate.runs_dialog import RunsDialog, started_text, undo_reason
from samdesk.ui.editing.session import Session
from samdesk.ui.kit.messages import Messages
from samdesk.workers.storage.client import DatasetInfo, StorageClient

LAST_PLAN = "auto_annotate"
"""Setting of the dataset: the parameters of the last run, as JSON."""
DISMISSED = "auto_annotate_dismissed"
"""Setting of the dataset: the interrupted run that the user does not want to be offered again."""


class RunsController(QObject):
    """Reviews, undoes and resumes runs, offers to resume an interrupted one, and lists all of them.

    Attributes:
        review: Starts the review of a search.

    Signals:
        undone: The run whose result the bar shows was undone.
    """

    undone = Signal()

    def __init__(
        self,
        batch: BatchController,
        storage: StorageClient,
        session: Session,
        bar: BatchBar,
        messages: Messages,
    ) -> None:
        super().__init__(bar)
        self._batch, self._storage, self._session = batch, storage, session
        self._bar, self._messages = bar, messages
        self.review: Callable[[str], object] = lambda _search: None
        self._run: RunId | None = None
        """The run whose result the bar shows."""
        self._offered: RunId | None = None
        """The interrupted run that the bar offers to resume."""
        self._undoing: RunId | None = None
        self._left_of_run = 0
        self._dialog: RunsDialog | None = None
        batch.planned.connect(self._remember)
        batch.finished.connect(self._show_end)
        batch.running_changed.connect(self._refresh)
        bar.review_requested.connect(lambda: self._review(self._run))
        bar.undo_requested.connect(lambda: self._undo(self._run))
        bar.resume_requested.connect(self._resume_shown)
        bar.dismissed.connect(self._dismiss)
        session.history.changed.connect(self._follow_history)
        session.history.pending_changed.connect(self._note_undone)

    def start(self, _info: DatasetInfo) -> None:
        """Another dataset is open: reads how its last run was made, and whether one was interrupted."""
        self._run = self._offered = self._undoing = None
        self._batch.last = None
        if self._bar.shows_result:
            self._bar.end()
        if self._dialog is not None:
            self._dialog.reject()
        self._storage.ask(
            lambda dataset: (dataset.settings_get(LAST_PLAN) or "", dataset.settings_get(DISMISSED) or ""),
            self._receive_settings,
            doing="reading a setting",
        )

    def show(self) -> None:
        """Lists the runs of the dataset."""
        if self._dialog is None:
            dialog = self._dialog = RunsDialog(self._bar.window())
            dialog.review_requested.connect(lambda run: self._leave_dialog(partial(self._review, run.id)))
            dialog.again_requested.connect(lambda run: self._leave_dialog(partial(self._run_again, run)))
            dialog.resume_requested.connect(lambda run: self._leave_dialog(partial(self.resume, run)))
            dialog.undo_requested.connect(lambda run: self._undo(run.id))
            dialog.failures_requested.connect(self._show_failures)
            dialog.finished.connect(self._forget_dialog)
            dialog.open()
        self._refresh()

    def resume(self, run: RunInfo) -> None:
        """Goes on with the images of a run that are left or have failed."""
        plan = self._plan_of(run)
        if plan is not None:
            self._offered = None
            self._batch.resume(plan, run.id)

    def _plan_of(self, run: RunInfo) -> AutoAnnotatePlan | None:
        try:
            return plan_of(run.record)
        except ValueError as error:
            self._messages.warn(f"The parameters of this run cannot be used: {error}.", key="run")
            return None

    # -- the dataset's last run, and one that was interrupted

    def _remember(self, plan: AutoAnnotatePlan) -> None:
        self._storage.set_setting(LAST_PLAN, json.dumps(replace(plan, replaces="").parameters()))

    def _receive_settings(self, found: tuple[str, str]) -> None:
        text, dismissed = found
        if text and self._batch.last is None:
            try:
                self._batch.last = AutoAnnotatePlan.from_parameters(json_file.parse_object(text))
            except ValueError:  # of another version, or damaged: the defaults do
                self._batch.last = None
        self._storage.ask(queries.runs, partial(self._offer, dismissed), doing="reading the runs")

    def _offer(self, dismissed: str, runs: Sequence[RunInfo]) -> None:
        """Offers to resume the newest run if it was interrupted, or stopped as the window was closed."""
        run = runs[0] if runs else None
        if (
            run is None
            or not run.record.is_of_models
            or run.state not in ("interrupted", "stopped")
            or run.id == dismissed
            or self._session.read_only
        ):
            return
        if not run.counts.todo or self._batch.running or self._bar.shows_result:
            return
        self._run = self._offered = run.id
        counts = run.counts
        self._bar.show_result(
            f"The run of {started_text(run)} was {run.state}: {counts.images - counts.todo:,} of "
            f"{counted(counts.images, 'image')} are done",
            can_resume=True,
        )

    def _dismiss(self) -> None:
        if self._run is not None:
            self._storage.set_setting(DISMISSED, self._run)
        self._run = self._offered = None

    # -- what can be done about a run

    def _show_end(self, summary: BatchSummary) -> None:
        self._run, self._offered = summary.run_id, None
        self._follow_history()
        if summary.run_id is not None:
            self._count_to_review(summary.run_id)

    def _count_to_review(self, run: RunId) -> None:
        """A resumed run has more to review than was added since it was resumed."""

        def receive(found: Counts) -> None:
            if self._run == run and not self._batch.running:
                self._bar.set_to_review(found.annotations)

        self._storage.ask(
            partial(review_count, search=parse(f"run:{run}")),
            receive,
            doing="counting what there is to review",
        )

    def _review(self, run: RunId | None) -> None:
        if run is not None:
            self.review(f"run:{run}")

    def _resume_shown(self) -> None:
        run_id = self._run

        def receive(runs: Sequence[RunInfo]) -> None:
            for run in runs:
                if run.id == run_id and run.can_resume:
                    self.resume(run)

        self._storage.ask(queries.runs, receive, doing="reading the runs")

    def _run_again(self, run: RunInfo) -> None:
        plan = self._plan_of(run)
        if plan is not None and run.state != "undone" and run.counts.annotations:
            plan = replace(plan, existing="replace", replaces=run.id)
        if plan is not None:
            self._batch.ask_for(plan)

    def _undo(self, run: RunId | None) -> None:
        if run is not None and run == self._next_undo and not self._batch.running:
            self._undoing, self._left_of_run = run, self._steps_of(run)
            self._session.undo(newest=True)
            if self._run == run:
                self._bar.show_result("Undoing the run…")

    def _steps_of(self, run: RunId) -> int:
        """How many of the newest steps of the history are of a run."""
        return self._session.history.newest_of(run)

    @property
    def _next_undo(self) -> RunId | None:
        """The run that is the newest step of the history."""
        step = self._session.history.next_undo()
        return None if step is None else step.do.run_id

    def _note_undone(self, pending: int) -> None:
        if pending or self._undoing is None:
            return
        run, self._undoing = self._undoing, None
        if 0 < self._steps_of(run) < self._left_of_run:  # a carry has a step for each image
            self._undo(run)
            return
        if self._run == run and self._bar.shows_result:
            if self._next_undo != run:
                self._show_undone()
            else:
                self._bar.show_result("The run was not undone", can_undo=True)
        self._refresh()

    def _show_undone(self) -> None:
        self._bar.show_result("The run was undone")
        self._run = None
        self.undone.emit()

    def _follow_history(self) -> None:
        history = self._session.history
        redo = history.next_redo()
        if self._run is not None and redo is not None and redo.do.run_id == self._run:
            if self._undoing is None:  # by Undo of the menu
                self._undoing = self._run
                self._bar.show_result("Undoing the run…")
        elif self._run is not None:
            is_next = self._run == self._next_undo
            self._bar.set_undo("" if is_next else undo_reason(is_next=False))
        if self._dialog is not None:
            self._refresh()

    # -- the list of runs

    def _refresh(self, _running: object = None) -> None:
        if self._dialog is not None:
            self._storage.ask(queries.runs, self._receive_runs, doing="reading the runs")

    def _receive_runs(self, runs: Sequence[RunInfo]) -> None:
        if self._dialog is not None:
            self._dialog.set_runs(runs, self._next_undo, idle=not self._batch.running)

    def _show_failures(self, run: RunInfo) -> None:
        def receive(images: Sequence[RunImage]) -> None:
            failed: dict[str, str] = {image.key: image.message for image in images if image.state == "failed"}
            popup = FailuresDialog(failed, self._dialog or self._bar.window())
            popup.image_chosen.connect(self._bar.image_chosen)
            popup.show()

        self._storage.ask(partial(queries.run_images, run_id=run.id), receive, doing="reading the run")

    def _leave_dialog(self, then: Callable[[], object]) -> None:
        if self._dialog is not None:
            self._dialog.accept()
        then()

    def _forget_dialog(self) -> None:
        if self._dialog is not None:
            self._dialog.deleteLater()
        self._dialog = None
