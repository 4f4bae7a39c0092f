"""The controller of trainings of a segmentation model: dialog, split, progress, results, resumption."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from samdesk.base.text import counted, printable
from samdesk.dataset.types import LogEntry
from samdesk.engine.models.trained import read_trained, trained_models
from samdesk.exchange.splits.splitting import SplitPlan, assign_plan, plan_split
from samdesk.training.fit.events import FitBegun, FitEpoch, FitNote, FitProgress, FitResult, FitStopped
from samdesk.training.fit.material import read_fit_material
from samdesk.training.fit.record import FitRun, fit_runs, interrupted, read_run
from samdesk.training.fit.settings import FitSettings
from samdesk.training.fit.split import parse_ratio, split_options
from samdesk.ui.auto_annotate.controller import BatchController
from samdesk.ui.dataset.files import FilesController
from samdesk.ui.fit.bar import FitBar
from samdesk.ui.fit.dialog import FitDialog, FitOffer
from samdesk.ui.fit.result_dialog import FitResultDialog
from samdesk.ui.kit.messages import Messages
from samdesk.workers.dataset_jobs import DatasetJobs
from samdesk.workers.failure import Failure
from samdesk.workers.fit import FitClient
from samdesk.workers.job import Job
from samdesk.workers.storage.client import StorageClient
from samdesk.workers.storage.loop import DatasetInfo

_KEY = "fit"


class FitController(QObject):
    """Runs trainings in a separate process and shows their progress and results.

    Attributes:
        newest: The newest training of the open dataset with a finished epoch; None: none, or not known yet.
        interrupted: The training of the open dataset that can be resumed.

    Signals:
        changed: A training started or ended, or another dataset is open.
    """

    changed = Signal()

    def __init__(
        self,
        client: FitClient,
        bar: FitBar,
        storage: StorageClient,
        files: FilesController,
        batch: BatchController,
        messages: Messages,
        jobs: DatasetJobs,
    ) -> None:
        super().__init__(bar)
        self._dataset_jobs = jobs
        self._client, self._bar, self._storage = client, bar, storage
        self._batch, self._messages = batch, messages
        self._dialog: FitDialog | None = None
        self._results: FitResultDialog | None = None
        self._info: DatasetInfo | None = None
        self._jobs: list[Job] = []
        self._trained_on = Path()
        self._folder = Path()
        self._result: FitResult | None = None
        self._stopped = 0
        self._settings = FitSettings()
        self.newest: FitRun | None = None
        self.interrupted: FitRun | None = None
        files.dataset_opened.connect(self._open)
        client.event_received.connect(self._show_event)
        client.result.connect(self._take_result)
        client.failed.connect(self._show_failure)
        client.finished.connect(self._end)
        bar.stop_requested.connect(self.cancel)
        bar.use_requested.connect(self._use_newest)
        bar.details_requested.connect(self.show_results)

    @property
    def running(self) -> bool:
        """Whether a training is running."""
        return self._client.running

    def open_dialog(self) -> None:
        """Opens the dialog; the dataset is read in a thread."""
        if self._dialog is not None:
            self._dialog.raise_()
            return
        info = self._info
        if info is None or self.running:
            return
        if info.in_memory:
            self._messages.warn(
                "These annotations are only in memory, so nothing can be trained on them. Save them first "
                "(Save now).",
                key=_KEY,
            )
            return
        dialog = FitDialog(self._bar.window())
        dialog.set_settings(self._settings)
        dialog.started.connect(self._start_asked)
        dialog.resumed.connect(self.resume)
        dialog.finished.connect(self._forget_dialog)
        self._dialog = dialog
        dialog.open()
        folder = info.folder
        # After all changes made so far: the label files have them then.
        self._storage.ask(
            lambda _: None, lambda _: self._run_job(partial(read_offer, folder), self._show_offer)
        )
        self._run_job(_devices, self._show_devices)

    def start(self, folder: Path, settings: FitSettings | None) -> None:
        """Starts a training; ``settings``: None resumes the last one."""
        if self.running:
            return
        self._trained_on, self._folder = folder, Path()
        self._result, self._stopped = None, 0
        if settings is not None:
            self._settings = settings
        self._messages.dismiss(_KEY)
        self._bar.begin("Starting…" if settings is not None else "Resuming…")
        self._client.start(folder, settings)
        self.changed.emit()

    def resume(self) -> None:
        """Goes on with the training that was interrupted."""
        if self._info is not None and self.interrupted is not None:
            self.start(self._info.folder, None)

    def cancel(self) -> None:
        """Stops the training; finished epochs are kept."""
        if self.running:
            self._bar.set_stopping()
            self._client.cancel()

    def show_results(self) -> None:
        """Opens the non-modal dialog with curves and figures of the newest training."""
        if self._results is None:
            dialog = FitResultDialog(self._bar.window())
            dialog.use_requested.connect(self.use)
            dialog.finished.connect(self._forget_results)
            self._results = dialog
        self._refresh_results()
        self._results.show()
        self._results.raise_()

    def use(self, name: str) -> None:
        """Opens the auto-annotate dialog with a trained model as the source of objects and masks."""
        self._bar.end()
        plan = replace(self._batch.default_plan(), objects_from="segmenter", det_model=name)
        model = read_trained(name)
        if model is not None:
            plan = replace(plan, imgsz=model.imgsz)
        plan = replace(plan, classes=None, class_names=(), mapping=(), class_conf=())
        self._batch.ask_for(plan)

    def stop(self) -> None:
        """Waits for running jobs."""
        for job in self._jobs:
            job.wait()

    def _open(self, info: DatasetInfo) -> None:
        self._info = info
        self._look(offer=True)

    def _look(self, *, offer: bool = False) -> None:
        """Looks for trainings of the open dataset, in a thread."""
        self.newest = self.interrupted = None
        self.changed.emit()
        if self._info is not None:
            folder = self._info.folder
            self._run_job(
                lambda: (folder, *_trainings(folder)), lambda found: self._show_trainings(found, offer)
            )

    def _show_trainings(self, found: Any, offer: bool) -> None:
        folder, newest, left = found
        if self._info is None or folder != self._info.folder or self.running:
            return
        self.newest, self.interrupted = newest, left
        self.changed.emit()
        if offer and left is not None and left.state != "failed":
            done = f"{len(left.epochs()):,} of {counted(left.settings.epochs, 'epoch')}"
            self._messages.info(
                f"The training of {printable(left.name, limit=60)} was interrupted after {done}.",
                key=_KEY,
                actions=[("Resume training", self.resume)],
                seconds=0,
            )

    def _start_asked(self, settings: FitSettings, ratio: str) -> None:
        if self._info is None:
            return
        folder = self._info.folder
        if not ratio:
            self.start(folder, settings)
            return
        shares = parse_ratio(ratio)

        def then(entry: LogEntry | None) -> None:
            if entry is not None:
                self._storage.history.insert(entry)
            self.start(folder, settings)

        def save(plan: SplitPlan) -> None:
            query = partial(assign_plan, plan=plan)
            self._storage.ask(query, then, self._show_failure, doing="splitting the dataset")

        options = split_options(shares)
        self._dataset_jobs.start(
            "Splitting",
            lambda job: plan_split(job.access, folder, options, job.progress, job.cancel),
            save,
            self._show_failure,
        )

    def _show_offer(self, offer: FitOffer | str) -> None:
        if self._dialog is not None:
            if isinstance(offer, str):
                self._dialog.set_failed(offer)
            else:
                self._dialog.set_offer(offer)

    def _show_devices(self, devices: list[tuple[str, str]]) -> None:
        if self._dialog is not None:
            self._dialog.set_devices(devices)

    def _show_event(self, event: object) -> None:
        if isinstance(event, FitNote):
            self._messages.info(printable(event.text), key=_KEY)
        elif isinstance(event, FitBegun):
            self._folder = Path(event.folder)
            self._bar.set_begun(event)
        elif isinstance(event, FitProgress):
            self._bar.set_progress(event)
        elif isinstance(event, FitEpoch):
            self._bar.set_epoch(event)
            self._refresh_results()
        elif isinstance(event, FitStopped):
            self._stopped = event.epoch

    def _take_result(self, result: FitResult) -> None:
        self._result, self._folder = result, Path(result.folder)

    def _show_failure(self, failure: Failure) -> None:
        self._messages.error(printable(failure.text), key=_KEY, actions=[("Train…", self.open_dialog)])

    def _end(self, stopped: bool) -> None:
        model = read_trained(self._result.name) if self._result is not None else None
        if model is not None:
            self._bar.set_result(model)
        elif stopped:
            self._bar.set_stopped(self._stopped)
        else:
            self._bar.end()
        self._refresh_results()
        self._look()

    def _refresh_results(self) -> None:
        run = read_run(self._folder) if self._folder.name else self.newest
        if self._results is not None and run is not None:
            self._results.show_run(run, run.epochs())

    def _use_newest(self) -> None:
        if self._result is not None:
            self.use(self._result.name)

    def _run_job(self, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        self._jobs = [job for job in self._jobs if job.isRunning()]
        job = Job(work, self)
        job.done.connect(then)
        job.failed.connect(lambda text: self._messages.error(text, key=_KEY))
        self._jobs.append(job)
        job.start()

    def _forget_dialog(self) -> None:
        if self._dialog is not None:
            self._dialog.deleteLater()
        self._dialog = None

    def _forget_results(self) -> None:
        self._results = None


def read_offer(folder: Path) -> FitOffer | str:
    """The content of the dialog, or why there is none; slow for large datasets."""
    from samdesk.dataset.store.errors import StoreError

    try:
        material = read_fit_material(folder)
    except StoreError as error:
        return f"The dataset cannot be read. {error}"
    return FitOffer(material, [model.name for model in trained_models()], interrupted(folder))


def _trainings(folder: Path) -> tuple[FitRun | None, FitRun | None]:
    newest = next((run for run in fit_runs(folder) if run.epochs()), None)
    return newest, interrupted(folder)


def _devices() -> list[tuple[str, str]]:
    from samdesk.engine.runtime.device import devices

    return [(device.id, device.title) for device in devices()]
