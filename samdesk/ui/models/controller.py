"""The model in use: choosing, downloading and loading it, and the truth about it."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from samdesk.engine.models import weights
from samdesk.engine.models.load import default_detector
from samdesk.engine.models.registry import FLINT, MODELS, spec
from samdesk.engine.protocols import ModelInfo
from samdesk.settings.table import MODEL_DEVICE, MODEL_NAME, MODEL_PRECISION, TOLD_OF_FLINT, Settings
from samdesk.ui.kit.messages import Messages
from samdesk.ui.models.dialog import ModelsDialog
from samdesk.ui.models.info_dialog import ModelInfoDialog
from samdesk.ui.shell.main_window import MainWindow
from samdesk.workers.downloads import DownloadClient
from samdesk.workers.failure import Failure
from samdesk.workers.inference.client import InferenceClient
from samdesk.workers.job import Job

BETTER = "mobile_sam.pt"
"""What is offered to who has nothing but Flint."""


@dataclass(frozen=True)
class Surroundings:
    """What this machine has.

    Attributes:
        devices: (id, title) of every device.
        downloaded: Names of the models whose weights are on disk.
    """

    devices: tuple[tuple[str, str], ...]
    downloaded: frozenset[str]


class ModelsController(QObject):
    """Loads models in the inference thread and tells what runs where.

    Attributes:
        info: The model in use, once there is one.
        detector: The detector to offer.
        taught: The file that stands in for Flint on the open dataset, "" for none.

    Signals:
        ready: The ModelInfo of the model that answers from now on.
        surroundings: Surroundings, the answer to ``look_around``.
    """

    ready = Signal(object)
    surroundings = Signal(object)

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
        self._wanted: tuple[str, str, str] | None = None
        self._fell_back = False
        self._dialog: ModelsDialog | None = None
        self._job: Job | None = None
        self._looking: Job | None = None
        self.detector = FLINT
        self.taught = ""
        inference.model_loading.connect(self._show_loading)
        inference.model_loaded.connect(self._show_loaded)
        inference.model_failed.connect(self._show_failure)
        inference.notice.connect(lambda text: messages.info(text, key="engine"))
        downloads.progress.connect(self._show_progress)
        downloads.finished.connect(self._downloaded)
        downloads.failed.connect(self._download_failed)

    def load_first(self) -> None:
        """Loads the model chosen last, else the best one whose weights are on disk."""
        settings = self._settings
        self._inference.load(
            settings.get(MODEL_NAME), settings.get(MODEL_DEVICE), settings.get(MODEL_PRECISION)
        )
        self._looking = Job(default_detector, self)
        self._looking.done.connect(self._note_detector)
        self._looking.start()

    def choose(self) -> None:
        """Opens the model chooser."""
        dialog = ModelsDialog(self._window)
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
        self.look_around()
        dialog.open()

    def use(self, name: str, device: str, precision: str) -> None:
        """Loads a model and remembers the choice; a model that fails leaves the old one working."""
        self._wanted = (name, device, precision)
        self._inference.load(name, device, precision)

    def reload_flint(self) -> None:
        """Loads Flint anew: what stands in for it is another file now."""
        self._inference.load(FLINT, self._settings.get(MODEL_DEVICE), self._settings.get(MODEL_PRECISION))

    def use_flint(self) -> None:
        """Chooses Flint."""
        self.use(FLINT, self._settings.get(MODEL_DEVICE), self._settings.get(MODEL_PRECISION))

    def show_info(self) -> None:
        """Opens the model information; the counting is done in a thread."""
        if self.info is None:
            self._messages.info("No model is loaded yet.", key="engine")
            return
        dialog = ModelInfoDialog(self.info, self._window)
        self._inference.described.connect(dialog.set_info)
        self._inference.describe()
        dialog.open()

    def look_around(self) -> None:
        """Looks for devices and weights in a thread; ``surroundings`` tells."""
        if self._job is not None and self._job.isRunning():
            return
        self._job = Job(find_surroundings, self)
        self._job.done.connect(self._show_surroundings)
        self._job.start()

    def stop(self) -> None:
        """Waits for what still runs."""
        for job in (self._job, self._looking):
            if job is not None:
                job.wait()

    def _note_detector(self, name: str) -> None:
        self.detector = name

    def _show_surroundings(self, found: Surroundings) -> None:
        if self._dialog is not None:
            self._dialog.set_devices(found.devices)
            self._dialog.set_downloaded(found.downloaded)
        self.surroundings.emit(found)

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
        share = f"{100 * done // total}%" if total else f"{done / 1e6:.0f} MB"
        self._window.set_model_chip(f"Downloading {title_of(name)} {share}", "", "busy")

    def _downloaded(self, name: str, path: str) -> None:
        self.look_around()
        self._messages.info(f"Downloaded {title_of(name)} to {path}.", key="download")
        if self._use_after_download == name:
            self.use(name, self._settings.get(MODEL_DEVICE), self._settings.get(MODEL_PRECISION))

    def _download_failed(self, failure: Failure) -> None:
        if self._dialog is not None:
            self._dialog.set_failed(failure.where, failure.what)
        self._messages.warn(failure.text, key="download")
        self._show_chip()

    def _show_loading(self, name: str) -> None:
        self._window.set_model_chip(
            "Loading…", f"Loading {title_of(name)}" if name else "Loading a model", "busy"
        )

    def _show_loaded(self, info: ModelInfo) -> None:
        self.info = info
        if self._wanted is not None:
            for setting, value in zip((MODEL_NAME, MODEL_DEVICE, MODEL_PRECISION), self._wanted, strict=True):
                self._settings.set(setting, value)
            self._wanted = None
            self._messages.dismiss("model")
        self._show_chip()
        if self._dialog is not None:
            self._dialog.set_choice(self._chosen(info), info.device, info.precision)
        self._tell_of_flint(info)
        self.ready.emit(info)

    def _tell_of_flint(self, info: ModelInfo) -> None:
        """Says once what draws the masks, and how to have more."""
        better = spec(BETTER)
        if info.name != FLINT or better is None or self._settings.get(TOLD_OF_FLINT):
            return
        self._settings.set(TOLD_OF_FLINT, True)
        self._messages.info(
            f"Flint draws the masks: built in, instant. {better.title} ({better.bytes / 1e6:,.0f} MB) draws "
            "finer edges.",
            key="flint",
            actions=[(f"Get {better.title}", lambda: self._download(BETTER))],
        )

    def _chosen(self, info: ModelInfo) -> str:
        """What the user chose to have this model: what was taught stands in for Flint."""
        return FLINT if self.taught and info.path == self.taught else info.path or info.name

    def _show_failure(self, failure: Failure) -> None:
        self._wanted = None
        self._messages.warn(failure.text, key="model", actions=[("Choose a model", self.choose)])
        self._show_chip()
        if self.info is None and not self._fell_back:
            self._fell_back = True
            self._inference.load("")

    def _show_chip(self) -> None:
        info = self.info
        if info is None:
            self._window.set_model_chip("No model", "Click to choose a model", "warning")
            return
        text = f"{info.title} · {info.device} {info.precision}"
        known = spec(info.name)
        about = known.note if known is not None and known.note else info.path
        tip = f"{info.title} on {info.device_title}, {info.precision}\n{about}\nClick to choose another"
        self._window.set_model_chip(text, tip, "ok")


def find_surroundings() -> Surroundings:
    """Looks for devices and weights; it takes a while."""
    from samdesk.engine.runtime.device import devices

    here = frozenset(model.name for model in MODELS if weights.find(model.name) is not None)
    return Surroundings(tuple((device.id, device.title) for device in devices()), here)


def title_of(name: str) -> str:
    """What users call a model."""
    found = spec(name)
    return found.title if found is not None else name
