"""The auto-annotate run: asking, starting, watching, and what it leaves."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject, Signal

from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.batch.report import BatchProgress, BatchSummary, DryRun
from samdesk.engine.models.registry import FLINT
from samdesk.engine.protocols import ModelInfo
from samdesk.settings.table import (
    AUTO_CONF,
    AUTO_DET_MODEL,
    AUTO_IMGSZ,
    AUTO_IOU,
    AUTO_MAX_DET,
    MODEL_DEVICE,
    MODEL_PRECISION,
    Settings,
)
from samdesk.training.record.teaching import Teaching
from samdesk.ui.auto_annotate.bar import BatchBar
from samdesk.ui.auto_annotate.dialog import AutoAnnotateDialog
from samdesk.ui.dataset.navigate import NavigateController
from samdesk.ui.editing.session import Session
from samdesk.ui.kit.messages import Messages
from samdesk.ui.models.controller import ModelsController, Surroundings
from samdesk.workers.batch.client import AutoAnnotateClient
from samdesk.workers.failure import Failure


class BatchController(QObject):
    """Runs auto-annotate in the background while the canvas stays usable.

    Attributes:
        running: Whether a run is going on.
        taught: The detector that was taught on the open dataset and is in use.

    Signals:
        running_changed: Whether a run is going on.
        finished: BatchSummary of the run that ended.
    """

    running_changed = Signal(bool)
    finished = Signal(object)

    def __init__(
        self,
        session: Session,
        client: AutoAnnotateClient,
        navigate: NavigateController,
        settings: Settings,
        models: ModelsController,
        bar: BatchBar,
        messages: Messages,
    ) -> None:
        super().__init__(bar)
        self._bar, self._models = bar, models
        models.ready.connect(self._take_model)
        models.surroundings.connect(self._show_surroundings)
        self._session, self._client, self._navigate = session, client, navigate
        self._settings, self._messages = settings, messages
        self._dialog: AutoAnnotateDialog | None = None
        self.running = False
        self._predictor_name = self._predictor_title = ""
        self.taught: Teaching | None = None
        client.counted.connect(self._show_count)
        client.progress.connect(self._show_progress)
        client.image_failed.connect(bar.add_failure)
        client.finished.connect(self._end)
        client.failed.connect(self._fail)
        client.detector_names.connect(self._show_names)
        bar.image_chosen.connect(navigate.go)
        client.notice.connect(lambda text: messages.info(text, key="run"))
        bar.cancel_requested.connect(self.cancel)

    def _take_model(self, info: ModelInfo) -> None:
        """The predictor in use is what the next run offers first."""
        self._predictor_name, self._predictor_title = info.path or info.name, info.title

    def ask(self) -> None:
        """Opens the auto-annotate dialog."""
        if self._dialog is not None:
            self._dialog.raise_()
            return
        dialog = AutoAnnotateDialog(self._session.model.labels, self._bar.window())
        dialog.count_requested.connect(self._client.count)
        dialog.started.connect(self.start)
        dialog.names_requested.connect(self._client.ask_detector_names)
        dialog.finished.connect(self._forget_dialog)
        dialog.name_predictor(self._predictor_name, self._predictor_title)
        if self.taught is not None:
            dialog.offer_taught(str(self.taught.path), self.taught.names)
        dialog.set_plan(self.default_plan())
        self._dialog = dialog
        self._models.look_around()
        dialog.open()
        self._client.count(dialog.plan())

    def default_plan(self) -> AutoAnnotatePlan:
        """The plan that the settings make, with the predictor in use."""
        get = self._settings.get
        return AutoAnnotatePlan(
            det_model=self._taught_path or get(AUTO_DET_MODEL) or self._models.detector,
            sam_model=self._predictor_name or FLINT,
            device=get(MODEL_DEVICE),
            precision=get(MODEL_PRECISION),
            conf=get(AUTO_CONF),
            iou=get(AUTO_IOU),
            imgsz=get(AUTO_IMGSZ),
            max_det=get(AUTO_MAX_DET),
        )

    def start(self, plan: AutoAnnotatePlan) -> None:
        """Starts a run over the dataset."""
        if self.running or self._session.read_only:
            return
        if plan.det_model != self._taught_path:  # which is this dataset's alone
            usual = plan.det_model == self._models.detector
            self._settings.set(AUTO_DET_MODEL, "" if usual else plan.det_model)
        self._settings.set(AUTO_CONF, plan.conf)
        self._settings.set(AUTO_IOU, plan.iou)
        self._settings.set(AUTO_IMGSZ, plan.imgsz)
        self._settings.set(AUTO_MAX_DET, plan.max_det)
        self._set_running(True)
        self._bar.begin()
        self._client.start(replace(plan, keys=plan.keys or self._navigate.keys))

    @property
    def _taught_path(self) -> str:
        return str(self.taught.path) if self.taught is not None else ""

    def cancel(self) -> None:
        """Stops after the image being worked on; what is done stays."""
        if self.running:
            self._client.cancel()

    def _show_count(self, count: DryRun) -> None:
        if self._dialog is not None:
            self._dialog.set_dry_run(count)

    def _show_names(self, detector: str, names: tuple[str, ...]) -> None:
        if self._dialog is not None and detector == self._dialog.detector_name:
            self._dialog.set_detector_names(names)

    def _show_progress(self, progress: BatchProgress) -> None:
        self._bar.set_progress(progress)

    def _end(self, summary: BatchSummary) -> None:
        self._set_running(False)
        self._bar.set_summary(summary)
        self.finished.emit(summary)

    def _fail(self, failure: Failure) -> None:
        if self._dialog is not None and not self.running:
            self._dialog.set_names_failed(failure.text)
            return
        self._set_running(False)
        self._bar.end()
        self._messages.error(failure.text, key="run")

    def _set_running(self, running: bool) -> None:
        self.running = running
        self.running_changed.emit(running)

    def _show_surroundings(self, found: Surroundings) -> None:
        if self._dialog is not None:
            self._dialog.set_devices(found.devices)
            self._dialog.set_downloaded(found.downloaded)

    def _forget_dialog(self) -> None:
        if self._dialog is not None:
            self._dialog.deleteLater()
        self._dialog = None
