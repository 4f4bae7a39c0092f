"""The composition root: builds the objects of a window and connects them."""

from __future__ import annotations

import logging
import os
import sys
from functools import partial
from pathlib import Path
from types import TracebackType

from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QApplication

from samdesk.base import places
from samdesk.base.environment import set_for_torch
from samdesk.base.jobs import Foreground
from samdesk.base.logs import log_file, write_log_file
from samdesk.dataset.dataset import Dataset
from samdesk.desk import Desk, Services, Widgets
from samdesk.domain.document import ImageKey
from samdesk.domain.geometry.types import RgbImage
from samdesk.ending import end_on_signals, save_before_log_off
from samdesk.engine.cache.disk import DiskCache
from samdesk.engine.cache.memory import MemoryCache
from samdesk.engine.crop_features import load_crop_features
from samdesk.engine.ultralytics import set_environment
from samdesk.formats.label_format import label_format
from samdesk.images.cache import ImageCache
from samdesk.images.crops.store import CROPS_FILE
from samdesk.images.partial import PartialImage
from samdesk.images.reader import read_image
from samdesk.settings.table import MAX_MEGAPIXELS, THEME, Settings
from samdesk.ui import data
from samdesk.ui.adjust.controller import AdjustController
from samdesk.ui.ahead.controller import AheadController, AheadParts
from samdesk.ui.annotations.compare import CompareController
from samdesk.ui.annotations.decisions import DecisionsController
from samdesk.ui.annotations.panel import AnnotationsPanel
from samdesk.ui.annotations.tools import ToolsController
from samdesk.ui.annotations.unfinished import UnfinishedController
from samdesk.ui.arrange.controller import ArrangeController
from samdesk.ui.auto_annotate.bar import BatchBar
from samdesk.ui.auto_annotate.controller import BatchController
from samdesk.ui.auto_annotate.runs import RunsController
from samdesk.ui.auto_annotate.scope import Scopes
from samdesk.ui.canvas.tools.brush_bar import BrushBar
from samdesk.ui.canvas.tools.registry import BRUSH, SEGMENT, Toolbox
from samdesk.ui.canvas.view import CanvasView
from samdesk.ui.commands.actions import Actions
from samdesk.ui.dataset.bulk_bar import BulkBar
from samdesk.ui.dataset.calibration import CalibrationController
from samdesk.ui.dataset.conflicts import ConflictsController
from samdesk.ui.dataset.files import FilesController
from samdesk.ui.dataset.jobs_bar import DatasetJobsBar
from samdesk.ui.dataset.navigate import NavigateController
from samdesk.ui.dataset.rescan import RescanController
from samdesk.ui.dataset.slow_disk import SlowDiskController
from samdesk.ui.dataset.thumbnails import ThumbnailsController
from samdesk.ui.dataset.training import TrainingController
from samdesk.ui.editing.document_model import DocumentModel
from samdesk.ui.editing.session import Session
from samdesk.ui.editing.undo import UndoController
from samdesk.ui.fit.bar import FitBar
from samdesk.ui.images.panel import ImagesPanel
from samdesk.ui.kit.job_bar import JobBars
from samdesk.ui.kit.theme import Theme
from samdesk.ui.labels.chooser import LabelChooser, LabelTarget
from samdesk.ui.labels.controller import LabelsController
from samdesk.ui.labels.panel import LabelsPanel
from samdesk.ui.models.controller import ModelsController
from samdesk.ui.operations.controller import OperationsController
from samdesk.ui.operations.outline import OutlineController
from samdesk.ui.operations.outline_bar import OutlineBar
from samdesk.ui.operations.selection import Selection
from samdesk.ui.prompting.annotate import AnnotateController
from samdesk.ui.prompting.candidate_strip import CandidateStrip
from samdesk.ui.prompting.corrections import MaskCorrections
from samdesk.ui.prompting.everything import EverythingController
from samdesk.ui.prompting.view_status import ViewStatus
from samdesk.ui.prompting.views import ViewsController
from samdesk.ui.review.bar import ReviewBar
from samdesk.ui.review.controller import ReviewController
from samdesk.ui.review.parts import Parts
from samdesk.ui.review.source import SearchSource
from samdesk.ui.score_filter.bar import ScoreFilterBar
from samdesk.ui.score_filter.controller import FilterView, ScoreFilterController
from samdesk.ui.search.bar import SearchBar
from samdesk.ui.search.controller import SearchController
from samdesk.ui.search.found import FoundPanel
from samdesk.ui.search.results import FoundController, FoundStage
from samdesk.ui.search.saved import SavedSearches
from samdesk.ui.settings_in_use import follow_settings
from samdesk.ui.sheet.controller import SheetController, Surroundings
from samdesk.ui.sheet.panel import SheetPanel
from samdesk.ui.shell.help import HelpController
from samdesk.ui.shell.main_window import MainWindow
from samdesk.ui.statistics.controller import StatisticsController
from samdesk.ui.status import StatusController, connect_guide
from samdesk.ui.teach.bar import TeachBar
from samdesk.ui.teach.controller import TeachController
from samdesk.ui.teach.taught import TaughtController
from samdesk.ui.wiring import COMMANDS, Controllers, Panels, bind_commands
from samdesk.workers.batch.ahead import AheadClient
from samdesk.workers.batch.client import AutoAnnotateClient
from samdesk.workers.computing import ComputingThread
from samdesk.workers.crops import CropLoader
from samdesk.workers.dataset_jobs import DatasetJobs
from samdesk.workers.downloads import DownloadClient
from samdesk.workers.fit import FitClient
from samdesk.workers.folder_watch import FolderWatch
from samdesk.workers.group import Workers
from samdesk.workers.images import ImageLoader
from samdesk.workers.inference.client import InferenceClient
from samdesk.workers.inference.taught_loader import TaughtLoader
from samdesk.workers.storage.client import StorageClient
from samdesk.workers.teach import TeachClient
from samdesk.workers.thread import Post
from samdesk.workers.thumbnails import ThumbnailLoader

__all__ = [
    "SWITCH_INTERVAL_S",
    "Desk",
    "Services",
    "build",
    "end_on_signals",
    "make_application",
    "run",
    "save_before_log_off",
]

log = logging.getLogger(__name__)

IMAGE_CACHE_BYTES = 512 * 1024 * 1024
SWITCH_INTERVAL_S = 0.001
"""Thread switch interval of the interpreter: how long another thread may keep the GIL from the window."""


def build(
    application: QApplication, settings: Settings | None = None, services: Services | None = None
) -> Desk:
    """Builds a window and connects its parts.

    Args:
        application: The QApplication.
        settings: The user's settings; None reads them.
        services: Replacements of models, folders and dialogs; None: the real ones.
    """
    settings, services = settings or Settings(), services or Services()
    view = _widgets(application, settings, services)
    storage = StorageClient(services.open_dataset or partial(_open_dataset, settings))
    session = Session(DocumentModel(), storage.history)
    workers = _workers(settings, storage, session, services)
    desk = Desk(settings, view, session, workers, _controllers(settings, view, session, workers))
    view.window.close_requested.connect(partial(_close, desk))
    connect_guide(view.window.guide, desk.flows.annotate, session, desk.flows.navigate)
    follow_settings(settings, view.canvas, view.theme, workers, desk.flows)
    if settings.problem:
        view.messages.warn(settings.problem, key="settings")
    desk.flows.tools.choose(SEGMENT.id)
    return desk


def run(folder: Path | None, *, guide: bool = False) -> int:
    """Opens a window and returns its exit code."""
    write_log_file()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    application = make_application()
    desk = build(application)
    _report_crashes(desk)
    signals = end_on_signals(desk, application.exit)
    application.commitDataRequest.connect(lambda _manager: save_before_log_off(desk))
    desk.start([folder] if folder is not None else [], reopen=folder is None, guide=guide)
    code = application.exec()
    signals.remove()
    if not desk.stop():
        logging.shutdown()
        os._exit(code)  # Python would wait for a thread that is running a model or waits for a disk
    return code


def make_application() -> QApplication:
    """Returns the QApplication, created if there is none, with samdesk's names.

    What libraries need in the environment is set here: it must not change once there are threads.
    """
    set_for_torch()
    set_environment()
    application = QApplication.instance() or QApplication(["samdesk"])
    assert isinstance(application, QApplication)
    application.setApplicationName("samdesk")
    application.setApplicationDisplayName("samdesk")
    application.setDesktopFileName("samdesk")
    return application


def _close(desk: Desk, event: QCloseEvent) -> None:
    """Stops everything when the window closes, or keeps it open if something would be lost."""
    if desk.flows.annotate.mask_pending:
        event.ignore()
        desk.flows.navigate.run_after_masks(desk.view.window.close)
        desk.view.messages.info(
            "The last mask you accepted is still being computed. The window closes when it is saved.",
            key="closing",
            actions=[("Close without it", desk.close_without_waiting)],
            seconds=0,
        )
    elif desk.flows.files.confirm_close():
        desk.stop()
    else:
        event.ignore()


def _workers(settings: Settings, storage: StorageClient, session: Session, services: Services) -> Workers:
    read = partial(_read_image, settings)
    cache = ImageCache(IMAGE_CACHE_BYTES, read)

    def read_thumbnail(path: Path, side: int) -> RgbImage:
        return cache.thumbnail(path, side, max_pixels=_max_pixels(settings))

    predictors = TaughtLoader(services.load_predictor)
    disk = DiskCache(notice=Post(lambda text: inference.notice.emit(text)))
    foreground = Foreground()
    inference = InferenceClient(
        predictors, read_image=cache.get, cache=MemoryCache(disk=disk), foreground=foreground
    )
    batch = AutoAnnotateClient(storage, loaders=services.loaders, read=read, foreground=foreground)
    ahead = AheadClient(storage, loaders=services.loaders, read=read, foreground=foreground)
    return Workers(
        storage,
        ImageLoader(cache),
        ThumbnailLoader(read=read_thumbnail),
        CropLoader(places.cache() / CROPS_FILE, read_thumbnail, load_crop_features),
        FolderWatch(label_format().label_path, services.poll_s),
        inference,
        batch,
        ahead,
        DownloadClient(),
        TeachClient(services.teach),
        FitClient(services.fit),
        ComputingThread("operations", "changing annotations"),
        DatasetJobs(storage),
        predictors,
        disk,
        foreground,
    )


def _widgets(application: QApplication, settings: Settings, services: Services) -> Widgets:
    theme = Theme(application, settings.get(THEME))
    actions = Actions(COMMANDS, settings)
    canvas, strip, batch_bar = CanvasView(), CandidateStrip(), BatchBar()
    teach_bar, fit_bar = TeachBar(), FitBar()
    labels, annotations, images = LabelsPanel(), AnnotationsPanel(), ImagesPanel()
    search, found = SearchBar(), FoundPanel()
    images.add_search(search)
    bulk_bar, jobs_bar = BulkBar(), DatasetJobsBar()
    review_bar, filter_bar, sheet = ReviewBar(actions), ScoreFilterBar(actions), SheetPanel()
    bars = JobBars(batch_bar, teach_bar, fit_bar, jobs_bar, bulk_bar, filter_bar, review_bar)
    window = MainWindow(actions, settings, canvas, labels, annotations, images, strip, bars)
    window.add_panel("found", "Found", found)
    window.add_cover(sheet)
    window.keep_visible(canvas.work_under)
    canvas.proposal_changed.connect(window.dodge)
    canvas.view_changed.connect(window.dodge)
    messages = services.messages(window, window.message_bar)
    return Widgets(
        window, actions, theme, canvas, labels, annotations, images, search, found, strip, batch_bar,
        teach_bar, fit_bar, bulk_bar, jobs_bar, review_bar, filter_bar, sheet, messages,
    )  # fmt: skip


def _controllers(settings: Settings, view: Widgets, session: Session, workers: Workers) -> Controllers:
    storage, inference = workers.storage, workers.inference
    window, canvas, messages = view.window, view.canvas, view.messages
    toolbox = Toolbox(canvas)
    for tool in toolbox:
        tool.notice.connect(lambda text: messages.info(text, key="tool", seconds=5))
    BrushBar(canvas, toolbox.get(BRUSH))
    labels = LabelsController(session, storage, view.labels, messages, window)
    segment = toolbox.get(SEGMENT)
    annotate = AnnotateController(session, inference, canvas, segment, view.strip, labels, window)
    tools = ToolsController(session, canvas, view.annotations, labels, toolbox, annotate, window)
    arrange = ArrangeController(session, storage, canvas, view.annotations, view.images, messages, window)
    adjust = AdjustController(storage, canvas, window)
    selection = Selection(session, canvas)
    outline = OutlineController(
        session, selection, workers.operations, settings, messages, OutlineBar(canvas), window
    )
    canvas.selection_changed.connect(outline.follow_selection)
    operate = OperationsController(session, selection, workers.operations, settings, messages, window)
    operate.adjust_requested.connect(outline.open)
    navigate = NavigateController(session, storage, workers.loader, inference, canvas, view.images, window)
    navigate.mask_pending = lambda: annotate.mask_pending
    annotate.settled.connect(navigate.run_deferred)
    annotate.prompts_restored.connect(navigate.drop_deferred)
    navigate.complete = tools.complete
    views = ViewsController(session, inference, canvas, annotate, messages, window)
    everything = EverythingController(session, inference, canvas, labels, messages, window)
    corrections = MaskCorrections(session, workers, canvas, annotate, labels, messages, window)
    unfinished = UnfinishedController(
        session, storage, canvas, tools, (annotate, everything), navigate, view.images, messages
    )
    navigate.leaving.connect(lambda _key: views.clear())
    navigate.leaving.connect(corrections.leave_image)
    navigate.leaving.connect(lambda _key: session.end_run())
    arrange.snap = corrections.snap.snap
    compare = CompareController(session, canvas, annotate, messages, window)
    corrections.tighten.finished.connect(lambda result: compare.show_change() if result.changed else None)
    undo = UndoController(session, tools, messages, window)
    tools.steps_changed.connect(undo.refresh)
    undo.restored.connect(tools.select)
    canvas.pressed.connect(undo.disarm)
    canvas.pressed.connect(workers.foreground.touch)
    canvas.cursor_moved.connect(lambda _place: workers.foreground.touch())
    target = LabelTarget(
        lambda: len(sheet.selected) if sheet.is_open else tools.relabel_count,
        lambda label_id: sheet.relabel(label_id) if sheet.is_open else tools.relabel_selected(label_id),
        undo.undo,
        lambda: (
            sheet.place()
            if sheet.is_open
            else canvas.place_below(tools.selection if tools.relabel_count else ())
        ),
    )
    chooser = LabelChooser(labels, view.labels, storage, target, messages, window)
    view.labels.hidden_changed.connect(canvas.set_hidden_labels)
    view.labels.hidden_changed.connect(view.annotations.set_hidden_labels)
    view.annotations.label_shown.connect(
        lambda label_id: view.labels.set_hidden(view.labels.hidden - {label_id}, notify=True)
    )
    view.bulk_bar.follow(storage)
    view.jobs_bar.follow(workers.jobs)
    files = FilesController(session, storage, navigate, settings, window, messages, window)
    files.has_changes = lambda: bool(storage.history.texts) or unfinished.present
    models = ModelsController(inference, workers.downloads, settings, window, messages, window)
    batch = BatchController(session, workers.batch, navigate, settings, models, view.batch_bar, messages)
    batch.scopes = lambda: Scopes(navigate.keys, navigate.key, view.images.selected, view.images.found)
    batch.image_done.connect(lambda key, mark: view.images.mark_in_run(ImageKey(key), mark))
    batch.running_changed.connect(lambda running: view.images.clear_run_marks() if running else None)
    view.batch_bar.dismissed.connect(view.images.clear_run_marks)
    runs = RunsController(batch, storage, session, view.batch_bar, messages)
    runs.undone.connect(view.images.clear_run_marks)
    files.dataset_opened.connect(runs.start)
    taught = TaughtController(workers.predictors, models, batch, messages, window)
    files.dataset_opened.connect(taught.open)
    files.store_moved.connect(taught.open)
    files.dataset_opened.connect(lambda info: workers.batch.set_dataset(info.folder, info.keys))
    files.dataset_opened.connect(labels.start)
    files.dataset_opened.connect(adjust.start)
    files.dataset_opened.connect(chooser.start)
    files.dataset_opened.connect(lambda info: labels.set_read_only(info.read_only))
    files.dataset_opened.connect(lambda info: tools.set_read_only(info.read_only))
    canvas.files_dropped.connect(files.open_paths)
    navigate.leaving.connect(lambda key: messages.leave_image() if key else None)
    search = SearchController(storage, labels, view.images, view.search, view.found, window)
    stage = FoundStage(lambda: session.model.key, navigate.go, tools.show, window.focus_rule.take_home)
    show_found = partial(window.show_panel, "found")
    results = FoundController(
        search, view.search, view.found, window.docks["found"], show_found, stage, settings
    )
    saved = SavedSearches(storage, view.search, lambda: search.text, messages, window)
    statistics = StatisticsController(
        storage, lambda: labels.labels, lambda: search.search, search.search_for, window
    )
    search.changed.connect(statistics.refresh_search)
    session.images_changed.connect(statistics.refresh_soon)
    files.dataset_opened.connect(statistics.start)
    files.dataset_opened.connect(search.start)
    files.dataset_opened.connect(saved.start)
    navigate.image_shown.connect(results.show_wanted)
    session.images_changed.connect(search.refresh_soon)
    rescan = RescanController(storage, workers.watch, files, navigate, view.images, messages, window)
    rescan.images_changed.connect(workers.batch.set_images)
    rescan.images_changed.connect(search.refresh_soon)
    found = SearchSource(storage)
    parts = Parts(session, navigate, tools, annotate, canvas, labels, view.actions, messages, found)
    undo.mode = review = ReviewController(parts, view.review_bar, window)
    review.search = lambda: search.text
    files.dataset_opened.connect(review.reset)
    runs.review = review.review
    review.changed.connect(lambda: view.batch_bar.end_summary() if review.active else None)
    around = Surroundings(
        window.set_covered,
        lambda: search.search,
        results.open,
        lambda: files.info.folder if files.info is not None else None,
    )
    sheet = SheetController(session, storage, workers.crops, view.sheet, around, messages)
    files.dataset_opened.connect(sheet.start)
    search.changed.connect(sheet.follow_search)
    undo.shows_all = lambda: sheet.is_open
    sheet.changed.connect(undo.refresh)
    review.changed.connect(lambda: sheet.set_open(False) if review.active else None)
    outline.changed.connect(lambda: sheet.set_open(False) if outline.active else None)
    sheet.mode_wanted.connect(lambda wanted: outline.cancel() if wanted else None)
    sheet.mode_wanted.connect(lambda wanted: review.leave() if wanted and review.active else None)
    score_filter = ScoreFilterController(
        session,
        storage,
        view.filter_bar,
        FilterView(canvas, view.annotations, tools, lambda: search.search, batch.set_minimum),
        messages,
    )
    score_filter.connect_to(files, navigate, search, review, sheet)
    ahead_parts = AheadParts(
        batch.default_plan,
        lambda: batch.running,
        lambda: annotate.has_prompts or annotate.mask_pending or not tools.is_idle or everything.proposing,
        window.status.set_ahead,
    )
    ahead = AheadController(workers.ahead, session, navigate, view.images, settings, ahead_parts, messages)
    models.ready.connect(ahead.note_model)
    batch.running_changed.connect(ahead.note_run)
    search.found_changed.connect(ahead.refresh_soon)
    storage.closing.connect(ahead.close_dataset)
    data_parts = data.DataParts(
        window, messages, session, workers, files, navigate, search, tools, view.images, batch,
        view.fit_bar, view.actions, canvas, annotate, corrections, everything, review, view.annotations,
    )  # fmt: skip
    controllers = Controllers(
        data=data.build(data_parts),
        files=files,
        rescan=rescan,
        navigate=navigate,
        labels=labels,
        chooser=chooser,
        tools=tools,
        arrange=arrange,
        operations=operate,
        outline=outline,
        adjust=adjust,
        annotate=annotate,
        views=views,
        everything=everything,
        corrections=corrections,
        compare=compare,
        unfinished=unfinished,
        undo=undo,
        search=search,
        found=results,
        saved=saved,
        statistics=statistics,
        models=models,
        batch=batch,
        runs=runs,
        taught=taught,
        teach=TeachController(workers.teach, taught, view.teach_bar, messages),
        help=HelpController(view.actions, settings, view.theme, window, _diagnose),
        training=TrainingController(storage, messages, window),
        slow_disk=SlowDiskController(storage, messages, window),
        review=review,
        sheet=sheet,
        score_filter=score_filter,
        ahead=ahead,
        decisions=DecisionsController(session, tools, view.annotations, canvas, labels, window),
    )
    whole = controllers.data
    controllers.training.follow(files.dataset_opened, whole.splits.changed, whole.checking.open)
    ConflictsController(storage, navigate, messages, window)
    CalibrationController(storage, messages, window)
    StatusController(window, canvas, session, inference, (annotate, models), messages)
    ViewStatus(window, canvas, inference, views)
    thumbnails = ThumbnailsController(session, storage, workers.thumbnails, files, labels, view.images)
    rescan.files_changed.connect(thumbnails.refresh)
    panels = Panels(view.annotations, view.labels, view.images)
    bind_commands(view.actions, window, canvas, panels, session, settings, controllers)
    return controllers


def _max_pixels(settings: Settings) -> int:
    return settings.get(MAX_MEGAPIXELS) * 1_000_000


def _read_image(settings: Settings, path: Path, partly: PartialImage | None = None) -> RgbImage:
    return read_image(path, partly, max_pixels=_max_pixels(settings))


def _open_dataset(settings: Settings, folder: Path, store_path: Path | None) -> Dataset:
    return Dataset.open(folder, store_path=store_path, max_pixels=_max_pixels(settings))


def _diagnose() -> str:
    from samdesk.engine.models.doctor import diagnose

    return diagnose("", "", places.places()).text


def _report_crashes(desk: Desk) -> None:
    """Logs unhandled exceptions and shows a message; the window stays open."""

    def hook(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        log.error("unhandled exception", exc_info=(kind, error, traceback))
        desk.view.messages.error(
            f"Something went wrong ({kind.__name__}). Your saved edits are safe. "
            f"Details are in {log_file()}.",
            key="crash",
        )

    sys.excepthook = hook
