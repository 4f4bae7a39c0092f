"""Controls the auto-annotate run: its dialog, its bar, and its step in the undo history."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from PySide6.QtCore import QObject, Signal

from samdesk.base.text import share
from samdesk.batch.concepts import PlannedExample
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.batch.report import BatchProgress, BatchSummary, DryRun
from samdesk.domain.annotation import RunId
from samdesk.engine.models.plugins import AddedModels
from samdesk.engine.models.registry import FLINT, spec
from samdesk.engine.models.trained import trained_models
from samdesk.engine.protocols import ModelInfo
from samdesk.settings.table import (
    AUTO_DET_MODEL,
    AUTO_OPEN_MODEL,
    AUTO_PARAMETERS,
    MODEL_DEVICE,
    MODEL_PRECISION,
    Settings,
)
from samdesk.training.record.taught_weights import TaughtWeights
from samdesk.ui.auto_annotate.bar import BatchBar
from samdesk.ui.auto_annotate.dialog import AutoAnnotateDialog
from samdesk.ui.auto_annotate.object_sources import source_of
from samdesk.ui.auto_annotate.scope import Scopes
from samdesk.ui.dataset.navigate import NavigateController
from samdesk.ui.editing.session import Session
from samdesk.ui.images.model import RunMark
from samdesk.ui.kit.messages import Messages
from samdesk.ui.models.controller import Inventory, ModelsController
from samdesk.ui.models.plugin_entries import offer_plugins
from samdesk.ui.models.trust_question import ask_to_trust
from samdesk.workers.batch.client import AutoAnnotateClient
from samdesk.workers.failure import Failure

Examples: TypeAlias = Mapping[str, Sequence[PlannedExample]]
"""Label -> its examples, the best first."""


class BatchController(QObject):
    """Runs auto-annotate in the background while the canvas stays responsive.

    Attributes:
        running: Whether a run is in progress.
        taught: The detector that was taught on the open dataset and is in use; None: none.
        models: Loads the mask model, and looks for models with an open vocabulary.
        scopes: Returns the images that a run can be about.
        ask_examples: Passes the examples that the dataset has of its labels to a function.
        result_text: Returns what is said of a run that has ended; "": what is said of every run.
        plan: That of the run in progress, or of the last one.
        last: The plan of the last run on this dataset, for all its images; None: there was none.

    Signals:
        running_changed: (bool) emitted when a run starts or ends.
        planned: (AutoAnnotatePlan) emitted when the user starts a run from the dialog.
        image_done: (image key as str, RunMark) emitted for each image of the run.
        finished: (BatchSummary) emitted when a run has ended.
    """

    running_changed = Signal(bool)
    planned = Signal(object)
    image_done = Signal(str, object)
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
        self._bar, self.models = bar, models
        models.ready.connect(self._set_default_predictor)
        models.inventory.connect(self._show_inventory)
        self._session, self._client, self._navigate = session, client, navigate
        self._settings, self._messages = settings, messages
        self._dialog: AutoAnnotateDialog | None = None
        self.running = False
        self.plan = AutoAnnotatePlan()
        self._resumes: RunId | None = None
        self._predictor_name = self._predictor_title = ""
        self.taught: TaughtWeights | None = None
        self.scopes: Callable[[], Scopes] = lambda: Scopes(navigate.keys, navigate.key)
        self.ask_examples: Callable[[Callable[[Examples], None]], object] = lambda then: then({})
        self.result_text: Callable[[AutoAnnotatePlan, BatchSummary], str] = lambda _plan, _summary: ""
        self.last: AutoAnnotatePlan | None = None
        client.locked = lambda: session.locks.locked
        client.counted.connect(self._show_count)
        client.progress.connect(self._show_progress)
        client.loaded.connect(bar.set_models)
        client.image_failed.connect(self._show_failure)
        client.finished.connect(self._end)
        client.failed.connect(self._fail)
        client.detector_names.connect(self._show_names)
        bar.image_chosen.connect(navigate.go)
        client.notice.connect(lambda text: messages.info(text, key="run"))
        bar.stop_requested.connect(self.cancel)

    def _set_default_predictor(self, info: ModelInfo) -> None:
        """The next run uses the current predictor by default."""
        self._predictor_name, self._predictor_title = info.path or info.name, info.title

    def ask(self) -> None:
        """Opens the auto-annotate dialog."""
        self.ask_for(self.default_plan())

    def ask_for(self, plan: AutoAnnotatePlan, open_model: str = "") -> None:
        """Opens the auto-annotate dialog with a plan; its images are those that are likely to be meant.

        Args:
            plan: The plan.
            open_model: A model that is to look for the labels; "": as the plan says.
        """
        if self._dialog is not None:
            self._dialog.raise_()
            return
        dialog = AutoAnnotateDialog(self._session.model.labels, self._bar.window())
        dialog.count_requested.connect(self._client.count)
        dialog.started.connect(self._start_planned)
        dialog.names_requested.connect(self._client.ask_detector_names)
        dialog.concepts_wanted.connect(self._show_concepts)
        dialog.finished.connect(self._forget_dialog)
        dialog.add_predictor(self._predictor_name, self._predictor_title)
        if self.taught is not None:
            dialog.offer_taught(str(self.taught.path), self.taught.names)
        for model in reversed(trained_models()):
            dialog.offer_trained(model.name, model.names, share(model.mask_map50))
        dialog.detector.offer_open(filter(None, (self._settings.get(AUTO_OPEN_MODEL),)))
        self._offer_plugins(dialog, self.models.added)
        dialog.set_plan(plan)
        if open_model:
            dialog.look_for_labels(open_model)
        dialog.set_scopes(self.scopes())
        self._dialog = dialog
        self.models.refresh_inventory()
        dialog.open()
        self._client.count(dialog.plan())

    @property
    def asking(self) -> bool:
        """Whether the dialog is open."""
        return self._dialog is not None

    def annotate_image(self) -> None:
        """Annotates the image on screen at once, as the last run was made; what is there stays."""
        key = self._navigate.key
        if key is None:
            return
        plan = self.last or self.default_plan()
        existing = "add" if plan.existing == "skip" else plan.existing
        self.start(replace(plan, keys=(key,), existing=existing))

    def default_plan(self) -> AutoAnnotatePlan:
        """The plan from the settings, with the current predictor.

        Classes, labels and where objects come from are those of the last run with the same detector.
        """
        plan, last = self.usual_plan(), self.last
        if last is None or (last.det_model != plan.det_model and not last.concepts):
            return plan
        return replace(
            plan,
            det_model=last.det_model,
            concepts=last.concepts,
            objects_from=last.objects_from,
            classes=last.classes,
            class_names=last.class_names,
            mapping=last.mapping,
            class_conf=last.class_conf,
        )

    def usual_plan(self) -> AutoAnnotatePlan:
        """The plan from the settings, with the current predictor, of any dataset."""
        get = self._settings.get
        remembered = get(AUTO_DET_MODEL)
        if remembered == self.models.gone:
            remembered = ""
        return AutoAnnotatePlan(
            det_model=self._taught_path or remembered or self.models.detector,
            sam_model=self._predictor_name or FLINT,
            device=get(MODEL_DEVICE),
            precision=get(MODEL_PRECISION),
            **{name: get(setting) for name, setting in AUTO_PARAMETERS.items()},
        )

    def set_minimum(self, conf: float, labels: Sequence[str]) -> None:
        """Makes a confidence the minimum of the next run: of the classes of these labels; () of all."""
        if not labels:
            self._settings.set(AUTO_PARAMETERS["conf"], conf)
            return
        plan = self.default_plan()
        class_of = {label: name for name, label in plan.mapping}
        names = [class_of.get(label, label) for label in labels]
        changed = {**dict(plan.class_conf), **dict.fromkeys(names, conf)}
        self.last = replace(plan, class_conf=tuple(changed.items()))
        self.planned.emit(self.last)

    def _start_planned(self, plan: AutoAnnotatePlan) -> None:
        if self.running or self._session.read_only:
            return
        self.last = replace(plan, keys=None)
        self.planned.emit(self.last)
        self.start(plan)

    def start(self, plan: AutoAnnotatePlan) -> None:
        """Starts a run over the dataset."""
        if self.running or self._session.read_only:
            return
        # A taught detector is for this dataset only; a segmentation model is not the detector.
        if plan.concepts:
            self._settings.set(AUTO_OPEN_MODEL, plan.det_model)
        elif plan.objects_from == "detector" and plan.det_model != self._taught_path:
            usual = plan.det_model == self.models.detector
            self._settings.set(AUTO_DET_MODEL, "" if usual else plan.det_model)
        for name, setting in AUTO_PARAMETERS.items():
            self._settings.set(setting, getattr(plan, name))
        self.find(replace(plan, keys=plan.keys or self._navigate.keys))

    def find(self, plan: AutoAnnotatePlan) -> None:
        """Starts a run over the plan's images, without a change of how the next one is made."""
        if not self.running and not self._session.read_only:
            self._begin(plan)

    def resume(self, plan: AutoAnnotatePlan, run_id: RunId) -> None:
        """Goes on with the images of a run that are left."""
        if not self.running and not self._session.read_only:
            self._begin(plan, run_id)

    def _begin(self, plan: AutoAnnotatePlan, resumes: RunId | None = None) -> None:
        self._set_running(True)
        self._bar.begin(_model_names(plan))
        self.plan, self._resumes = plan, resumes
        self._client.start(plan, resumes)

    @property
    def settings(self) -> Settings:
        """How runs are made."""
        return self._settings

    @property
    def _taught_path(self) -> str:
        return str(self.taught.path) if self.taught is not None else ""

    def cancel(self) -> None:
        """Stops after the current image; finished images are kept."""
        if self.running:
            self._client.cancel()

    def _show_count(self, count: DryRun) -> None:
        if self._dialog is not None:
            self._dialog.set_dry_run(count)

    def _show_names(self, detector: str, names: tuple[str, ...]) -> None:
        if self._dialog is not None and detector == self._dialog.detector_name:
            self._dialog.set_detector_names(names)

    def _show_concepts(self, detector: str) -> None:
        """Shows the dialog which examples there are, and whether the model understands words."""
        self.ask_examples(self._show_examples)
        self.models.open.words_missing(detector, lambda why: self._show_words(detector, why))

    def _show_examples(self, found: Examples) -> None:
        if self._dialog is not None:
            self._dialog.show_examples(found)

    def _show_words(self, detector: str, why: str) -> None:
        if self._dialog is not None and self._dialog.detector_name == detector:
            self._dialog.show_words_missing(why)

    def _show_progress(self, progress: BatchProgress) -> None:
        self._bar.set_progress(progress)
        if progress.key is not None and not self._bar.has_failed(progress.key):
            self.image_done.emit(progress.key, RunMark.DONE if progress.added else RunMark.EMPTY)

    def _show_failure(self, key: str, message: str) -> None:
        self._bar.add_failure(key, message)
        self.image_done.emit(key, RunMark.FAILED)

    def _end(self, summary: BatchSummary) -> None:
        self._set_running(False)
        left = summary.run_id is not None and (summary.cancelled or bool(summary.stopped))
        self._bar.set_summary(summary, left=left, text=self.result_text(self.plan, summary))
        self.finished.emit(summary)

    def _fail(self, failure: Failure) -> None:
        if failure.untrusted is not None and ask_to_trust(self._messages, failure.untrusted):
            self._client.permit(failure.untrusted)
            if self.running:
                self._client.start(self.plan, self._resumes)
            elif self._dialog is not None:
                self._dialog.classes.request_names()
            return
        if self._dialog is not None and not self.running:
            self._dialog.set_names_failed(failure.text)
            return
        self._set_running(False)
        self._bar.end()
        self._messages.error(failure.text, key="run")

    def _set_running(self, running: bool) -> None:
        self.running = running
        self.running_changed.emit(running)

    def _show_inventory(self, found: Inventory) -> None:
        if self._dialog is not None:
            self._dialog.set_devices(found.devices)
            self._dialog.set_downloaded(found.downloaded)
            self._dialog.detector.offer_open(found.open_vocabulary)
            self._offer_plugins(self._dialog, found.added)

    def _offer_plugins(self, dialog: AutoAnnotateDialog, added: AddedModels) -> None:
        dialog.detector.offer_plugins(added.detectors)
        offer_plugins(dialog.sam, added.predictors)

    def _forget_dialog(self) -> None:
        if self._dialog is not None:
            self._dialog.deleteLater()
        self._dialog = None


def _model_names(plan: AutoAnnotatePlan) -> str:
    """The models that a plan names: "YOLO11n and MobileSAM"."""
    row = source_of(plan)
    names = [plan.det_model] if row.detector else []
    names += [plan.sam_model] if row.masks and plan.objects_from != "segmenter" else []
    titles = (found.title if (found := spec(name)) is not None else Path(name).name for name in names)
    return " and ".join(dict.fromkeys(titles))
