"""The features that work on the dataset as a whole: import, export, splits, check and training.

A new one is a field of ``DataControllers``, a line in ``build``, and its commands here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import Qt

from samdesk.domain.annotation import AnnotationId
from samdesk.formats.registry import formats
from samdesk.ui.auto_annotate.controller import BatchController
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
from samdesk.ui.fit import commands as fit_commands
from samdesk.ui.fit.bar import FitBar
from samdesk.ui.fit.controller import FitController
from samdesk.ui.images.panel import ImagesPanel
from samdesk.ui.importing import commands as import_commands
from samdesk.ui.importing.controller import ImportController
from samdesk.ui.kit.messages import Messages
from samdesk.ui.search.controller import SearchController
from samdesk.ui.shell.main_window import MainWindow
from samdesk.ui.splits import commands as split_commands
from samdesk.ui.splits.controller import SplitController
from samdesk.workers.dataset_jobs import DatasetJobs
from samdesk.workers.fit import FitClient
from samdesk.workers.storage.client import StorageClient

_TABLES = (
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
        storage: The store.
        jobs: Runs long work on the dataset.
        files: The open folder.
        navigate: Goes to an image.
        search: The search; what it finds can be exported.
        show: Selects an annotation of the image on screen and zooms to it.
        select: Selects several annotations of the image on screen and zooms to them.
        images: The film strip.
        batch: Auto-annotate, which a trained model is used for.
        fit: Runs trainings.
        fit_bar: Shows them.
    """

    window: MainWindow
    messages: Messages
    session: Session
    storage: StorageClient
    jobs: DatasetJobs
    files: FilesController
    navigate: NavigateController
    search: SearchController
    show: Callable[[AnnotationId], object]
    select: Callable[[tuple[AnnotationId, ...]], object]
    images: ImagesPanel
    batch: BatchController
    fit: FitClient
    fit_bar: FitBar


@dataclass(frozen=True)
class DataControllers:
    """The controllers of these features."""

    jobs: DatasetJobs
    importing: ImportController
    exporting: ExportController
    checking: CheckController
    splits: SplitController
    fit: FitController


def build(parts: DataParts) -> DataControllers:
    """Builds the controllers and connects them."""
    parts.jobs.failed.connect(lambda failure: parts.messages.error(str(failure), key="dataset job"))
    visits = AnnotationVisits(parts.navigate, lambda: parts.session.model.key, parts.show, parts.window)
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
    return DataControllers(parts.jobs, importing, exporting, _checking(parts), splits, fit)


def _checking(parts: DataParts) -> CheckController:
    panel = CheckPanel(parts.window)
    dock = parts.window.add_panel("check", "Check", panel)

    def show_panel() -> None:
        hidden = dock.isHidden()
        parts.window.show_panel("check")
        if hidden and not dock.isFloating():
            parts.window.resizeDocks([dock], [ROOM], Qt.Orientation.Vertical)

    stage = CheckStage(show_panel, parts.navigate, parts.select, parts.search.search_for)
    checking = CheckController(
        panel, parts.jobs, parts.storage, parts.session, stage, parts.messages, parts.window
    )
    parts.files.dataset_opened.connect(checking.start)
    return checking


def bind(actions: Actions, controllers: DataControllers) -> None:
    """Binds the commands of these features."""
    import_commands.bind(actions, controllers.importing)
    export_commands.bind(actions, controllers.exporting)
    checking_commands.bind(actions, controllers.checking)
    split_commands.bind(actions, controllers.splits)
    fit_commands.bind(actions, controllers.fit)
