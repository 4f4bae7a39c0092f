"""The composition root: builds the objects and joins them. Nothing else does."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QTimer
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QApplication

from samdesk.base import places
from samdesk.batch.models import Loaders
from samdesk.dataset.dataset import Dataset
from samdesk.domain.geometry.types import RgbImage
from samdesk.engine.cache.disk import DiskCache
from samdesk.engine.cache.memory import MemoryCache
from samdesk.images.cache import ImageCache
from samdesk.images.reader import read_image
from samdesk.settings.table import (
    EMBEDDING_CACHE_MB,
    EMBEDDING_DISK,
    EMBEDDING_DISK_GB,
    FILL_OPACITY,
    HOVER_PREVIEW,
    LABEL_TAGS,
    LOOK_CLOSER,
    LOOK_CLOSER_FROM,
    MAX_MEGAPIXELS,
    OUTLINE_WIDTH,
    PREFETCH,
    THEME,
    Settings,
)
from samdesk.ui.annotations.panel import AnnotationsPanel
from samdesk.ui.annotations.tools import ToolsController
from samdesk.ui.auto_annotate.bar import BatchBar
from samdesk.ui.auto_annotate.controller import BatchController
from samdesk.ui.canvas.tools.registry import SEGMENT, Toolbox
from samdesk.ui.canvas.view import CanvasView
from samdesk.ui.commands.actions import Actions
from samdesk.ui.dataset.conflicts import ConflictsController
from samdesk.ui.dataset.files import FilesController
from samdesk.ui.dataset.navigate import NavigateController
from samdesk.ui.dataset.thumbnails import ThumbnailsController
from samdesk.ui.editing.document_model import DocumentModel
from samdesk.ui.editing.session import Session
from samdesk.ui.images.panel import ImagesPanel
from samdesk.ui.kit.job_bar import JobBars
from samdesk.ui.kit.message_bar import MessageBar
from samdesk.ui.kit.messages import Messages
from samdesk.ui.kit.theme import Theme
from samdesk.ui.labels.controller import LabelsController
from samdesk.ui.labels.panel import LabelsPanel
from samdesk.ui.models.controller import ModelsController
from samdesk.ui.prompting.annotate import AnnotateController
from samdesk.ui.prompting.candidate_strip import CandidateStrip
from samdesk.ui.prompting.everything import EverythingController
from samdesk.ui.prompting.view_status import ViewStatus
from samdesk.ui.prompting.views import ViewsController
from samdesk.ui.shell.help import HelpController
from samdesk.ui.shell.main_window import MainWindow
from samdesk.ui.status import StatusController
from samdesk.ui.teach.bar import TeachBar
from samdesk.ui.teach.controller import TeachController
from samdesk.ui.teach.taught import TaughtController
from samdesk.ui.wiring import COMMANDS, Controllers, bind_commands
from samdesk.workers.batch.client import AutoAnnotateClient
from samdesk.workers.downloads import DownloadClient
from samdesk.workers.images import ImageLoader
from samdesk.workers.inference.client import InferenceClient
from samdesk.workers.inference.model_in_use import Loader
from samdesk.workers.inference.taught_loader import TaughtLoader
from samdesk.workers.storage.client import StorageClient
from samdesk.workers.teach import Arguments, TeachClient
from samdesk.workers.thread import Post
from samdesk.workers.thumbnails import ThumbnailLoader

log = logging.getLogger(__name__)

IMAGE_CACHE_BYTES = 512 * 1024 * 1024
SWITCH_INTERVAL_S = 0.001
"""How long Python's other threads may keep the interpreter from the window."""


@dataclass(frozen=True)
class Outside:
    """What a window reaches beyond itself for; None is the real thing.

    Attributes:
        load_predictor: Loads the model of the canvas by (name, device, precision).
        loaders: How an auto-annotate run has its models.
        open_dataset: Opens a folder, with the store's own place or None.
        teach: The arguments of the process that teaches.
        messages: Makes the door to the user, from the window and its message bar.
    """

    load_predictor: Loader | None = None
    loaders: Loaders | None = None
    open_dataset: Callable[[Path, Path | None], Dataset] | None = None
    teach: Arguments | None = None
    messages: Callable[[MainWindow, MessageBar], Messages] = Messages


@dataclass(frozen=True)
class Workers:
    """The threads' main-thread faces."""

    storage: StorageClient
    loader: ImageLoader
    thumbnails: ThumbnailLoader
    inference: InferenceClient
    batch: AutoAnnotateClient
    downloads: DownloadClient
    teach: TeachClient
    predictors: TaughtLoader
    disk: DiskCache

    def stop(self) -> bool:
        """Ends every thread after what it is doing; edits that wait are saved first.

        Returns:
            Whether all have ended; the storage thread is waited for however long it takes.
        """
        clients = (self.teach, self.batch, self.downloads, self.thumbnails, self.loader)
        ended = [client.stop() for client in clients]
        while not self.storage.stop():
            log.warning("still saving")
        ended.append(self.inference.stop())
        self.disk.close()  # what it could not write in a moment is encoded again some day
        return all(ended)


@dataclass(frozen=True)
class View:
    """Everything the user sees."""

    window: MainWindow
    actions: Actions
    theme: Theme
    canvas: CanvasView
    labels: LabelsPanel
    annotations: AnnotationsPanel
    images: ImagesPanel
    strip: CandidateStrip
    batch_bar: BatchBar
    teach_bar: TeachBar
    messages: Messages


@dataclass(frozen=True)
class Desk:
    """A samdesk window with everything behind it."""

    settings: Settings
    view: View
    session: Session
    workers: Workers
    flows: Controllers

    def start(self, paths_to_open: list[Path]) -> None:
        """Shows the window; models and folders come after it is up."""
        self.view.window.show()
        QTimer.singleShot(0, self.flows.models.load_first)
        if paths_to_open:
            QTimer.singleShot(0, lambda: self.flows.files.open_paths(paths_to_open))

    def leave(self) -> None:
        """Closes the window without the masks that are still being made."""
        self.flows.navigate.stay()
        self.flows.annotate.discard_all()
        self.view.window.close()

    def stop(self) -> bool:
        """Takes the window away and ends the threads; nothing that was edited is lost.

        Returns:
            Whether every thread has ended; one deep in a model may take longer than anyone waits.
        """
        self.view.window.hide()
        self.session.stack.blockSignals(True)  # its end is no change of the dataset
        self.flows.models.stop()
        self.flows.help.stop()
        self.flows.files.stop()
        self.flows.taught.stop()
        ended = self.workers.stop()
        self.settings.flush()
        return ended


def build(
    application: QApplication, settings: Settings | None = None, outside: Outside | None = None
) -> Desk:
    """Builds a window and joins its parts.

    Args:
        application: The one QApplication.
        settings: The user's settings; None reads them.
        outside: What stands for models, folders and questions; None: the real things.
    """
    settings, outside = settings or Settings(), outside or Outside()
    view = _view(application, settings, outside)
    storage = StorageClient(outside.open_dataset or partial(_open_dataset, settings))
    session = Session(DocumentModel(), storage)
    workers = _workers(settings, storage, session, outside)
    desk = Desk(settings, view, session, workers, _flows(settings, view, session, workers))
    view.window.close_requested.connect(partial(_close, desk))
    _follow_settings(desk)
    if settings.problem:
        view.messages.warn(settings.problem, key="settings")
    desk.flows.tools.choose(SEGMENT.id)
    return desk


def run(folder: Path | None) -> int:
    """Opens a window and returns its exit code."""
    set_up_logging()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    application = make_application()
    desk = build(application)
    _tell_of_crashes(desk)
    desk.start([folder] if folder is not None else [])
    code = application.exec()
    if not desk.stop():
        os._exit(code)  # all is saved; a thread that Python would wait for is still in a model
    return code


def make_application() -> QApplication:
    """The one QApplication, named."""
    application = QApplication.instance() or QApplication(["samdesk"])
    assert isinstance(application, QApplication)
    application.setApplicationName("samdesk")
    application.setApplicationDisplayName("samdesk")
    application.setDesktopFileName("samdesk")
    return application


def set_up_logging() -> None:
    """Writes warnings and errors to a log file that does not grow without end."""
    try:
        handler: logging.Handler = RotatingFileHandler(
            places.logs() / "samdesk.log", maxBytes=1_000_000, backupCount=2, encoding="utf-8", delay=True
        )
    except OSError:
        handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.getLogger("samdesk").addHandler(handler)


def _close(desk: Desk, event: QCloseEvent) -> None:
    """Ends the program, unless something would be lost that the user does not know of."""
    if desk.flows.annotate.waiting:
        event.ignore()
        desk.flows.navigate.when_free(desk.view.window.close)
        desk.view.messages.info(
            "A mask you accepted is still being made. The window closes when it is saved.",
            key="closing",
            actions=[("Close without it", desk.leave)],
            seconds=0,
        )
    elif desk.flows.files.may_leave():
        desk.stop()
    else:
        event.ignore()


def _workers(settings: Settings, storage: StorageClient, session: Session, outside: Outside) -> Workers:
    read = partial(_read_image, settings)
    cache = ImageCache(IMAGE_CACHE_BYTES, read)
    predictors = TaughtLoader(outside.load_predictor)
    disk = DiskCache(notice=Post(lambda text: inference.notice.emit(text)))
    inference = InferenceClient(predictors, read_image=cache.get, cache=MemoryCache(disk=disk))
    model = session.model
    batch = AutoAnnotateClient(
        storage, lambda: model.labels, session.change_labels, loaders=outside.loaders, read=read
    )
    return Workers(
        storage,
        ImageLoader(cache),
        ThumbnailLoader(),
        inference,
        batch,
        DownloadClient(),
        TeachClient(outside.teach),
        predictors,
        disk,
    )


def _view(application: QApplication, settings: Settings, outside: Outside) -> View:
    theme = Theme(application, settings.get(THEME))
    actions = Actions(COMMANDS, settings)
    canvas, strip, batch_bar, teach_bar = CanvasView(), CandidateStrip(), BatchBar(), TeachBar()
    labels, annotations, images = LabelsPanel(), AnnotationsPanel(), ImagesPanel()
    bars = JobBars(batch_bar, teach_bar)
    window = MainWindow(actions, settings, canvas, labels, annotations, images, strip, bars)
    messages = outside.messages(window, window.message_bar)
    return View(
        window, actions, theme, canvas, labels, annotations, images, strip, batch_bar, teach_bar, messages
    )


def _flows(settings: Settings, view: View, session: Session, workers: Workers) -> Controllers:
    storage, inference = workers.storage, workers.inference
    window, canvas, messages = view.window, view.canvas, view.messages
    toolbox = Toolbox(canvas)
    labels = LabelsController(session, storage, view.labels, messages, window)
    segment = toolbox.get(SEGMENT)
    annotate = AnnotateController(session, inference, canvas, segment, view.strip, labels, window)
    tools = ToolsController(session, canvas, view.annotations, labels, toolbox, annotate, window)
    navigate = NavigateController(session, storage, workers.loader, inference, canvas, view.images, window)
    navigate.held = lambda: annotate.waiting
    annotate.settled.connect(navigate.release)
    annotate.prompts_restored.connect(navigate.stay)
    navigate.leaving.connect(annotate.discard)
    views = ViewsController(session, inference, canvas, annotate, messages, window)
    navigate.leaving.connect(views.clear)
    files = FilesController(session, storage, navigate, settings, window, messages, window)
    models = ModelsController(inference, workers.downloads, settings, window, messages, window)
    batch = BatchController(session, workers.batch, navigate, settings, models, view.batch_bar, messages)
    taught = TaughtController(workers.predictors, models, batch, messages, window)
    files.dataset_opened.connect(taught.open)
    files.store_moved.connect(taught.open)
    files.dataset_opened.connect(lambda info: workers.batch.set_dataset(info.folder, info.keys))
    files.dataset_opened.connect(lambda _info: labels.refresh())
    files.dataset_opened.connect(lambda info: labels.set_read_only(info.read_only))
    files.dataset_opened.connect(lambda info: tools.set_read_only(info.read_only))
    canvas.files_dropped.connect(files.open_paths)
    flows = Controllers(
        files=files,
        navigate=navigate,
        labels=labels,
        tools=tools,
        annotate=annotate,
        views=views,
        everything=EverythingController(session, inference, canvas, labels, messages, window),
        models=models,
        batch=batch,
        taught=taught,
        teach=TeachController(workers.teach, taught, view.teach_bar, messages),
        help=HelpController(view.actions, settings, view.theme, window, _diagnose),
    )
    ConflictsController(storage, navigate, messages, window)
    StatusController(window, canvas, session, inference, (annotate, models), messages)
    ViewStatus(window, canvas, inference, views)
    ThumbnailsController(session, storage, workers.thumbnails, files, labels, view.images)
    bind_commands(view.actions, window, canvas, view.annotations, session, settings, flows)
    return flows


def _follow_settings(desk: Desk) -> None:
    segment, canvas, settings = desk.flows.tools.toolbox.get(SEGMENT), desk.view.canvas, desk.settings

    def apply(_setting: object = None) -> None:
        get = settings.get
        segment.set_hover_enabled(get(HOVER_PREVIEW))
        desk.flows.views.set_automatic(get(LOOK_CLOSER), get(LOOK_CLOSER_FROM))
        desk.flows.navigate.prefetch = get(PREFETCH)
        desk.workers.inference.set_cache_budget(get(EMBEDDING_CACHE_MB) * 1024**2)
        desk.workers.disk.configure(get(EMBEDDING_DISK), get(EMBEDDING_DISK_GB) * 1024**3)
        canvas.set_opacity(get(FILL_OPACITY) / 100)
        canvas.set_outline_width(get(OUTLINE_WIDTH))
        canvas.set_all_tags(get(LABEL_TAGS))
        if desk.view.theme.choice != get(THEME):
            desk.view.theme.set_choice(get(THEME))

    settings.on_change(apply)
    apply()


def _max_pixels(settings: Settings) -> int:
    return settings.get(MAX_MEGAPIXELS) * 1_000_000


def _read_image(settings: Settings, path: Path) -> RgbImage:
    return read_image(path, max_pixels=_max_pixels(settings))


def _open_dataset(settings: Settings, folder: Path, store_path: Path | None) -> Dataset:
    return Dataset.open(folder, store_path=store_path, max_pixels=_max_pixels(settings))


def _diagnose() -> str:
    from samdesk.engine.models.doctor import diagnose

    return diagnose("", "", places.places()).text


def _tell_of_crashes(desk: Desk) -> None:
    """What no one foresaw is logged and told; the window stays up and the edits are on disk."""

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        log.error("unforeseen", exc_info=(kind, error, trace))
        desk.view.messages.error(
            f"Something went wrong ({kind.__name__}). Your saved edits are safe. "
            f"Details are in {places.logs() / 'samdesk.log'}.",
            key="crash",
        )

    sys.excepthook = hook
