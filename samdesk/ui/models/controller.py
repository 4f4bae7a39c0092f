"""The controller of the model in use: choosing, downloading, loading and describing it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from PySide6.QtCore import QObject, Signal

from samdesk.base.text import size
from samdesk.engine.checkpoints.trusted import UntrustedFileError
from samdesk.engine.models import weights
from samdesk.engine.models.load import default_detector, is_gone
from samdesk.engine.models.open_vocabulary import open_vocabulary_models
from samdesk.engine.models.plugins import AddedModels, added_models
from samdesk.engine.models.registry import FLINT, MODELS, spec
from samdesk.engine.protocols import ModelInfo
from samdesk.settings.table import (
    AUTO_DET_MODEL,
    FLINT_INTRODUCED,
    MODEL_DEVICE,
    MODEL_NAME,
    MODEL_PRECISION,
    Settings,
)
from samdesk.ui.kit.message_bar import Action
from samdesk.ui.kit.messages import Messages
from samdesk.ui.models.dialog import ModelsDialog
from samdesk.ui.models.info_dialog import ModelInfoDialog
from samdesk.ui.models.open_models import OpenModels
from samdesk.ui.models.trust_question import ask_to_trust
from samdesk.ui.shell.main_window import MainWindow
from samdesk.workers.downloads import DownloadClient
from samdesk.workers.failure import Failure
from samdesk.workers.inference.client import InferenceClient
from samdesk.workers.job import Job

RECOMMENDED = "mobile_sam.pt"
"""The download offered to users who have only Flint."""


@dataclass(frozen=True)
class Inventory:
    """The devices and models of this machine.

    Attributes:
        devices: (id, title) of each device.
        downloaded: Names of the models whose weights are on disk.
        open_vocabulary: Names of those that are prompted with words and examples.
        added: The models of other packages.
    """

    devices: tuple[tuple[str, str], ...]
    downloaded: frozenset[str]
    open_vocabulary: tuple[str, ...] = ()
    added: AddedModels = field(default_factory=AddedModels)


@dataclass(frozen=True)
class DetectorInventory:
    """The detector of the next run, as far as models on this machine decide.

    Attributes:
        default: The default detector.
        gone: The detector that was used last, if it was uninstalled since; "": it was not.
    """

    default: str
    gone: str = ""


class ModelsController(QObject):
    """Loads models on the inference thread and shows which one runs where.

    Attributes:
        info: The model in use; None until the first one is loaded.
        detector: The default detector.
        gone: The detector that was used last, if it was uninstalled since; "": it was not.
        added: The models of other packages, as of the last look.
        open: Looks for models with an open vocabulary.
        taught: The taught weights that replace Flint's on the open dataset; "": none.

    Signals:
        ready: (ModelInfo) Emitted when a model has been loaded.
        inventory: (Inventory) Emitted when ``refresh_inventory`` is done.
    """

    ready = Signal(object)
    inventory = Signal(object)

    def __init__(
        self,
        inference: InferenceClient,
        downloads: DownloadClient,
        settings: Settings,
        window: MainWindow,
        messages: Messages,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._inference, self._downloads = inference, downloads
        self._settings, self._window, self._messages = settings, window, messages
        self.info: ModelInfo | None = None
        self._use_after_download = ""
        self._pending_choice: tuple[str, str, str] | None = None
        self._requested = ("", "", "")
        self._fell_back = False
        self._dialog: ModelsDialog | None = None
        self._inventory_job: Job | None = None
        self._detector_job: Job | None = None
        self.detector, self.gone = FLINT, ""
        self.added = AddedModels()
        self.open = OpenModels(self)
        self.taught = ""
        inference.model_loading.connect(self._show_loading)
        inference.model_loaded.connect(self._show_loaded)
        inference.model_failed.connect(self._show_failure)
        inference.notice.connect(lambda text: messages.info(text, key="engine"))
        downloads.progress.connect(self._show_progress)
        downloads.finished.connect(self._downloaded)
        downloads.failed.connect(self._download_failed)
        downloads.cancelled.connect(self._download_cancelled)

    def load_first(self) -> None:
        """Loads the model of the settings, else the best one whose weights are on disk."""
        settings = self._settings
        self._load(settings.get(MODEL_NAME), settings.get(MODEL_DEVICE), settings.get(MODEL_PRECISION))
        self._detector_job = Job(partial(find_detectors, settings.get(AUTO_DET_MODEL)), self)
        self._detector_job.done.connect(self._note_detector)
        self._detector_job.start()

    def choose(self) -> None:
        """Opens the model chooser."""
        dialog = ModelsDialog(self._window)
        dialog.set_added(self.added)
        dialog.set_choice(
            self._chosen(self.info) if self.info else "",
            self._settings.get(MODEL_DEVICE),
            self._settings.get(MODEL_PRECISION),
        )
        dialog.chosen.connect(self.use)
        dialog.download_requested.connect(self._download)
        dialog.cancel_requested.connect(self._downloads.cancel)
        dialog.finished.connect(self._forget_dialog)
        self._dialog = dialog
        self.refresh_inventory()
        dialog.open()

    def use(self, name: str, device: str, precision: str) -> None:
        """Loads a model and saves the choice; if it fails, the previous model stays in use."""
        self._pending_choice = (name, device, precision)
        self._load(name, device, precision)

    def reload_flint(self) -> None:
        """Loads Flint again, after its taught weights have changed."""
        self._load(FLINT, self._settings.get(MODEL_DEVICE), self._settings.get(MODEL_PRECISION))

    def use_flint(self) -> None:
        """Chooses Flint."""
        self.use(FLINT, self._settings.get(MODEL_DEVICE), self._settings.get(MODEL_PRECISION))

    def show_info(self) -> None:
        """Opens the model information dialog; GFLOPs are counted on the inference thread."""
        if self.info is None:
            self._messages.info("No model is loaded yet.", key="engine")
            return
        dialog = ModelInfoDialog(self.info, self._window)
        self._inference.described.connect(dialog.set_info)
        self._inference.describe()
        dialog.open()

    def refresh_inventory(self) -> None:
        """Looks for devices and weights on a thread, then emits ``inventory``."""
        if self._inventory_job is not None and self._inventory_job.isRunning():
            return
        self._inventory_job = Job(find_inventory, self)
        self._inventory_job.done.connect(self._show_inventory)
        self._inventory_job.start()

    def stop(self) -> None:
        """Waits for running jobs."""
        self.open.stop()
        for job in (self._inventory_job, self._detector_job):
            if job is not None:
                job.wait()

    def _load(
        self, name: str, device: str, precision: str, permitted: UntrustedFileError | None = None
    ) -> None:
        self._requested = (name, device, precision)
        self._inference.load(name, device, precision, permitted=permitted)

    def _note_detector(self, found: DetectorInventory) -> None:
        self.detector, self.gone = found.default, found.gone
        if found.gone:
            self._messages.info(
                f"{found.gone} is no longer installed; {title_of(found.default)} finds the objects instead.",
                key="detector",
            )

    def _show_inventory(self, found: Inventory) -> None:
        self.added = found.added
        if self._dialog is not None:
            self._dialog.set_devices(found.devices)
            self._dialog.set_added(found.added)
            self._dialog.set_downloaded(found.downloaded)
        self.inventory.emit(found)

    def _forget_dialog(self) -> None:
        if self._dialog is not None:
            self._dialog.deleteLater()
        self._dialog = None

    def _download(self, name: str) -> None:
        self._use_after_download = name
        self._downloads.start(name)

    def _show_progress(self, name: str, done: int, total: int) -> None:
        if self._dialog is not None:
            self._dialog.set_progress(name, done, total)
        share = f"{100 * done // total}%" if total else size(done)
        self._window.set_model_chip(f"Downloading {title_of(name)} {share}", "", "busy")

    def _downloaded(self, name: str, path: str) -> None:
        self.refresh_inventory()
        self._messages.info(f"Downloaded {title_of(name)} to {path}.", key="download")
        if self._use_after_download == name:
            self.use(name, self._settings.get(MODEL_DEVICE), self._settings.get(MODEL_PRECISION))

    def _download_failed(self, failure: Failure) -> None:
        if self._dialog is not None:
            self._dialog.set_failed(failure.where, failure.text)
        self._messages.warn(failure.text, key="download")
        self._show_chip()

    def _download_cancelled(self, name: str) -> None:
        if self._dialog is not None:
            self._dialog.set_failed(name, "")
        self._show_chip()

    def _show_loading(self, name: str) -> None:
        self._window.set_model_chip(
            "Loading…", f"Loading {title_of(name)}" if name else "Loading a model", "busy"
        )

    def _show_loaded(self, info: ModelInfo) -> None:
        self.info = info
        if self._pending_choice is not None:
            for setting, value in zip(
                (MODEL_NAME, MODEL_DEVICE, MODEL_PRECISION), self._pending_choice, strict=True
            ):
                self._settings.set(setting, value)
            self._pending_choice = None
            self._messages.dismiss("model")
        self._show_chip()
        if self._dialog is not None:
            self._dialog.set_choice(self._chosen(info), info.device, info.precision)
        self._introduce_flint(info)
        self.ready.emit(info)

    def _introduce_flint(self, info: ModelInfo) -> None:
        """Shows, once, that Flint is in use and what to download for finer masks."""
        recommended = spec(RECOMMENDED)
        if info.name != FLINT or recommended is None or self._settings.get(FLINT_INTRODUCED):
            return
        self._settings.set(FLINT_INTRODUCED, True)
        self._messages.info(
            f"Masks are drawn by Flint, the built-in model. {recommended.title} "
            f"({size(recommended.bytes)} download) gives finer edges.",
            key="flint",
            actions=[(f"Download {recommended.title}", lambda: self._download(RECOMMENDED))],
        )

    def _chosen(self, info: ModelInfo) -> str:
        """The name or path the user chose this model by; taught weights are chosen as Flint."""
        return FLINT if self.taught and info.path == self.taught else info.path or info.name

    def _show_failure(self, failure: Failure) -> None:
        chosen, self._pending_choice = self._pending_choice, None
        actions: list[Action] = [("Choose a model…", self.choose)]
        if failure.untrusted is not None:
            ask = partial(self._ask_to_trust, failure.untrusted, self._requested)
            if chosen is not None and ask():
                return
            actions.insert(0, ("Open it…", ask))
        self._messages.warn(failure.text, key="model", actions=actions)
        self._show_chip()
        if self.info is None and not self._fell_back:
            self._fell_back = True
            self._load("", "", "auto")

    def _ask_to_trust(self, file: UntrustedFileError, requested: tuple[str, str, str]) -> bool:
        """Asks whether a file may run its code, and loads it if it may. Returns the answer."""
        permitted = ask_to_trust(self._messages, file)
        if permitted:
            self._pending_choice = requested
            self._load(*requested, permitted=file)
        return permitted

    def _show_chip(self) -> None:
        info = self.info
        if info is None:
            self._window.set_model_chip("No model", "Click to choose a model", "warning")
            return
        text = f"{info.title} · {info.device} {info.precision}"
        known = spec(info.name)
        details = known.note if known is not None and known.note else info.path or info.package
        tip = (
            f"{info.title} on {info.device_title}, {info.precision}\n{details}\nClick to choose another model"
        )
        self._window.set_model_chip(text, tip, "ok")


def find_inventory() -> Inventory:
    """Looks for devices and weights. Where there may be a GPU it takes seconds, as it imports torch."""
    from samdesk.engine.runtime.device import devices

    here = frozenset(model.name for model in MODELS if weights.find(model.name) is not None)
    found = tuple((device.id, device.title) for device in devices())
    return Inventory(found, here, open_vocabulary_models(), added_models())


def find_detectors(remembered: str) -> DetectorInventory:
    """Looks for the default detector, and for the one that was used last."""
    return DetectorInventory(default_detector(), remembered if is_gone(remembered) else "")


def title_of(name: str) -> str:
    """A model's name for users."""
    found = spec(name)
    return found.title if found is not None else name
