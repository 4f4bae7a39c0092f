"""The features that work on more than the image on screen: carrying, import, export, splits, check, training.

A new one is a field of ``DataControllers``, a line in ``build``, and its commands here.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt

from samdesk.formats.registry import formats
from samdesk.ui.annotations.panel import AnnotationsPanel
from samdesk.ui.annotations.tools import ToolsController
from samdesk.ui.auto_annotate.controller import BatchController
from samdesk.ui.canvas.view import CanvasView
from samdesk.ui.carry import commands as carry_commands
from samdesk.ui.carry.bar import CarryBar
from samdesk.ui.carry.controller import CarryController
from samdesk.ui.carry.parts import CarryParts
from samdesk.ui.carry.tracks import TrackParts, TracksController
from samdesk.ui.checking import commands as checking_commands
from samdesk.ui.checking.controller import CheckController, CheckStage
from samdesk.ui.checking.panel import ROOM, CheckPanel
from samdesk.ui.commands.actions import Actions
from samdesk.ui.commands.table import CommandTable
from samdesk.ui.dataset.files import FilesController
from samdesk.ui.dataset.navigate import NavigateController
from samdesk.ui.dataset.visit import AnnotationVisits
from samdesk.ui.editing.session import Session
from samdesk.ui.exporting import commands as export_commands
from samdesk.ui.exporting.controller import ExportController
from samdesk.ui.find import commands as find_commands
from samdesk.ui.find.controller import FindController, FindParts
from samdesk.ui.find.dropped import DroppedModels
from samdesk.ui.find.examples import LabelExamples
from samdesk.ui.fit import commands as fit_commands
from samdesk.ui.fit.bar import FitBar
from samdesk.ui.fit.controller import FitController
from samdesk.ui.frames import commands as frames_commands
from samdesk.ui.frames.controller import VideoController
from samdesk.ui.images.panel import ImagesPanel
from samdesk.ui.importing import commands as import_commands
from samdesk.ui.importing.controller import ImportController
from samdesk.ui.kit.messages import Messages
from samdesk.ui.prompting.annotate import AnnotateController
from samdesk.ui.prompting.corrections import MaskCorrections
from samdesk.ui.prompting.everything import EverythingController
from samdesk.ui.review.controller import ReviewController
from samdesk.ui.search.controller import SearchController
from samdesk.ui.shell.main_window import MainWindow
from samdesk.ui.splits import commands as split_commands
from samdesk.ui.splits.controller import SplitController
from samdesk.workers.carry import CarryClient
from samdesk.workers.dataset_jobs import DatasetJobs
from samdesk.workers.fit import FitClient
from samdesk.workers.group import Workers
from samdesk.workers.storage.client import StorageClient

_TABLES = (
    carry_commands.COMMANDS, find_commands.COMMANDS,
    split_commands.COMMANDS, import_commands.COMMANDS, export_commands.COMMANDS,
    checking_commands.COMMANDS, fit_commands.COMMANDS,
)  # fmt: skip

COMMANDS = CommandTable(
    tuple(command for table in _TABLES for command in table.commands),
    tuple(condition for table in _TABLES for condition in table.conditions),
)
"""The commands of these features, in menu order."""


@dataclass(frozen=True)
class DataParts:
    """What these features work with.

    Attributes:
        window: The window.
        messages: For the user.
        session: The open document and its history.
        workers: The clients of the threads.
        files: The open folder.
        navigate: Goes to an image.
        search: The search; what it finds can be exported.
        tools: The tools and the selection.
        images: The film strip.
        batch: Auto-annotate, which a trained model is used for.
        fit_bar: Shows trainings.
        actions: The commands.
        canvas: The image view.
        annotate: The prompts.
        corrections: What the mask model draws of known shapes.
        everything: The masks proposed for the whole image.
        review: The review.
        annotations: The list of annotations.
    """

    window: MainWindow
    messages: Messages
    session: Session
    workers: Workers
    files: FilesController
    navigate: NavigateController
    search: SearchController
    tools: ToolsController
    images: ImagesPanel
    batch: BatchController
    fit_bar: FitBar
    actions: Actions
    canvas: CanvasView
    annotate: AnnotateController
    corrections: MaskCorrections
    everything: EverythingController
    review: ReviewController
    annotations: AnnotationsPanel

    @property
    def unfinished(self) -> bool:
        """Whether there is something on the image on screen that Enter would keep and Esc discard."""
        begun = self.annotate.has_prompts or bool(self.tools.undo_name)
        return begun or self.everything.proposing

    @property
    def drawing(self) -> bool:
        """Whether the user is at work on the image on screen."""
        return self.unfinished or self.annotate.mask_pending or not self.tools.is_idle

    @property
    def storage(self) -> StorageClient:
        """The store."""
        return self.workers.storage

    @property
    def jobs(self) -> DatasetJobs:
        """Runs long work on the dataset."""
        return self.workers.jobs

    @property
    def fit(self) -> FitClient:
        """Runs trainings."""
        return self.workers.fit


@dataclass(frozen=True)
class DataControllers:
    """The controllers of these features."""

    jobs: DatasetJobs
    importing: ImportController
    exporting: ExportController
    checking: CheckController
    splits: SplitController
    fit: FitController
    carry: CarryController
    tracks: TracksController
    find: FindController
    video: VideoController

    def stop(self) -> bool:
        """Ends what runs for them alone. Returns False if a thread is still busy."""
        self.fit.stop()
        self.video.stop()
        return self.carry.stop()


def build(parts: DataParts) -> DataControllers:
    """Builds the controllers and connects them."""
    parts.jobs.failed.connect(lambda failure: parts.messages.error(str(failure), key="dataset job"))
    visits = AnnotationVisits(parts.navigate, lambda: parts.session.model.key, parts.tools.show, parts.window)
    exporting = ExportController(
        parts.window, parts.messages, parts.storage, parts.jobs, parts.files,
        lambda: parts.search.search, visits, formats,
    )  # fmt: skip
    splits = SplitController(
        parts.window, parts.messages, parts.session, parts.storage, parts.jobs, parts.files,
        lambda: parts.images.selected,
    )  # fmt: skip
    fit = FitController(
        parts.fit, parts.fit_bar, parts.storage, parts.files, parts.batch, parts.messages, parts.jobs
    )
    importing = ImportController(
        parts.window, parts.messages, parts.session, parts.storage, parts.jobs, parts.files, formats
    )
    checking, carry, find, video = _checking(parts), _carry(parts), _find(parts), _video(parts)
    track_parts = TrackParts(
        parts.session, parts.storage, parts.tools, parts.annotations.set_tracks, parts.search.search_for
    )
    tracks = TracksController(track_parts)
    return DataControllers(
        parts.jobs, importing, exporting, checking, splits, fit, carry, tracks, find, video
    )


def _video(parts: DataParts) -> VideoController:
    def hint() -> str:
        key = parts.actions.shortcut_text("carry.next")
        return f"Carry to the next image: {key}." if key else ""

    def busy() -> bool:
        return parts.drawing or parts.batch.running or parts.review.active

    return VideoController(parts.window, parts.messages, parts.jobs, parts.files, busy, hint)


def _carry(parts: DataParts) -> CarryController:
    bar = CarryBar(parts.actions)
    parts.window.add_bar(bar)
    carry_parts = CarryParts(
        parts.session, parts.navigate, parts.images, parts.canvas, parts.tools, parts.corrections.refits,
        parts.workers.inference, parts.messages, lambda: parts.unfinished, lambda: parts.drawing,
        lambda: parts.review.active, parts.review.review,
    )  # fmt: skip
    carry = CarryController(CarryClient(parts.workers.loader.cache.get, bar), carry_parts, bar)
    parts.storage.closing.connect(carry.reset)
    for signal in (parts.annotate.changed, parts.tools.steps_changed, parts.everything.changed):
        signal.connect(carry.refresh_keys)
    parts.review.changed.connect(carry.refresh)
    return carry


def _find(parts: DataParts) -> FindController:
    batch = parts.batch
    find_parts = FindParts(
        parts.session, parts.storage, parts.tools, batch, batch.models.open, batch.settings, parts.actions,
        parts.messages,
    )  # fmt: skip
    find = FindController(find_parts, parts.window)
    parts.search.found_changed.connect(find.changed)
    LabelExamples(parts.storage, batch)
    DroppedModels(parts.files, batch, parts.actions, parts.messages)
    return find


def _checking(parts: DataParts) -> CheckController:
    panel = CheckPanel(parts.window)
    dock = parts.window.add_panel("check", "Check", panel)

    def show_panel() -> None:
        hidden = dock.isHidden()
        parts.window.show_panel("check")
        if hidden and not dock.isFloating():
            parts.window.resizeDocks([dock], [ROOM], Qt.Orientation.Vertical)

    stage = CheckStage(show_panel, parts.navigate, parts.tools.show_all_of, parts.search.search_for)
    checking = CheckController(
        panel, parts.jobs, parts.storage, parts.session, stage, parts.messages, parts.window
    )
    parts.files.dataset_opened.connect(checking.start)
    return checking


def bind(actions: Actions, controllers: DataControllers) -> None:
    """Binds the commands of these features."""
    frames_commands.bind(actions, controllers.video)
    carry_commands.bind(actions, controllers.carry, controllers.tracks)
    find_commands.bind(actions, controllers.find)
    import_commands.bind(actions, controllers.importing)
    export_commands.bind(actions, controllers.exporting)
    checking_commands.bind(actions, controllers.checking)
    split_commands.bind(actions, controllers.splits)
    fit_commands.bind(actions, controllers.fit)
