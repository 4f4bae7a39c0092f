"""Assembles the commands of all features and binds them to the window's controllers.

A new command is a row in the ``commands`` module of its feature and a slot in the ``bind`` function there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from samdesk.settings.table import Settings
from samdesk.ui import data
from samdesk.ui.adjust import commands as adjust_commands
from samdesk.ui.ahead import commands as ahead_commands
from samdesk.ui.annotations import commands as annotation_commands
from samdesk.ui.arrange import commands as arrange_commands
from samdesk.ui.auto_annotate import commands as auto_annotate_commands
from samdesk.ui.canvas import commands as canvas_commands
from samdesk.ui.canvas.tools import commands as tool_option_commands
from samdesk.ui.canvas.tools.registry import tool_commands
from samdesk.ui.commands.actions import Actions
from samdesk.ui.commands.table import join
from samdesk.ui.dataset import commands as dataset_commands
from samdesk.ui.editing import commands as editing_commands
from samdesk.ui.labels import commands as label_commands
from samdesk.ui.models import commands as model_commands
from samdesk.ui.operations import commands as operation_commands
from samdesk.ui.prompting import commands as prompting_commands
from samdesk.ui.review import commands as review_commands
from samdesk.ui.score_filter import commands as score_filter_commands
from samdesk.ui.search import commands as search_commands
from samdesk.ui.sheet import commands as sheet_commands
from samdesk.ui.shell import commands as shell_commands
from samdesk.ui.statistics import commands as statistics_commands
from samdesk.ui.teach import commands as teach_commands

if TYPE_CHECKING:
    from samdesk.ui.adjust.controller import AdjustController
    from samdesk.ui.ahead.controller import AheadController
    from samdesk.ui.annotations.compare import CompareController
    from samdesk.ui.annotations.decisions import DecisionsController
    from samdesk.ui.annotations.panel import AnnotationsPanel
    from samdesk.ui.annotations.tools import ToolsController
    from samdesk.ui.annotations.unfinished import UnfinishedController
    from samdesk.ui.arrange.controller import ArrangeController
    from samdesk.ui.auto_annotate.controller import BatchController
    from samdesk.ui.auto_annotate.runs import RunsController
    from samdesk.ui.canvas.view import CanvasView
    from samdesk.ui.dataset.files import FilesController
    from samdesk.ui.dataset.navigate import NavigateController
    from samdesk.ui.dataset.rescan import RescanController
    from samdesk.ui.dataset.slow_disk import SlowDiskController
    from samdesk.ui.dataset.training import TrainingController
    from samdesk.ui.editing.session import Session
    from samdesk.ui.editing.undo import UndoController
    from samdesk.ui.images.panel import ImagesPanel
    from samdesk.ui.labels.chooser import LabelChooser
    from samdesk.ui.labels.controller import LabelsController
    from samdesk.ui.labels.panel import LabelsPanel
    from samdesk.ui.models.controller import ModelsController
    from samdesk.ui.operations.controller import OperationsController
    from samdesk.ui.operations.outline import OutlineController
    from samdesk.ui.prompting.annotate import AnnotateController
    from samdesk.ui.prompting.corrections import MaskCorrections
    from samdesk.ui.prompting.everything import EverythingController
    from samdesk.ui.prompting.views import ViewsController
    from samdesk.ui.review.controller import ReviewController
    from samdesk.ui.score_filter.controller import ScoreFilterController
    from samdesk.ui.search.controller import SearchController
    from samdesk.ui.search.results import FoundController
    from samdesk.ui.search.saved import SavedSearches
    from samdesk.ui.sheet.controller import SheetController
    from samdesk.ui.shell.help import HelpController
    from samdesk.ui.shell.main_window import MainWindow
    from samdesk.ui.statistics.controller import StatisticsController
    from samdesk.ui.teach.controller import TeachController
    from samdesk.ui.teach.taught import TaughtController

COMMANDS = join(
    (
        dataset_commands.COMMANDS,
        editing_commands.COMMANDS,
        tool_commands(),
        tool_option_commands.COMMANDS,
        search_commands.COMMANDS,
        statistics_commands.COMMANDS,
        data.COMMANDS,
        canvas_commands.COMMANDS,
        adjust_commands.COMMANDS,
        annotation_commands.COMMANDS,
        arrange_commands.COMMANDS,
        operation_commands.COMMANDS,
        label_commands.COMMANDS,
        prompting_commands.COMMANDS,
        review_commands.COMMANDS,
        sheet_commands.COMMANDS,
        score_filter_commands.COMMANDS,
        auto_annotate_commands.COMMANDS,
        ahead_commands.COMMANDS,
        model_commands.COMMANDS,
        teach_commands.COMMANDS,
        shell_commands.COMMANDS,
    )
)
"""Every command of the window, in menu order."""


@dataclass(frozen=True)
class Controllers:
    """The controllers of a window."""

    data: data.DataControllers
    files: FilesController
    rescan: RescanController
    navigate: NavigateController
    labels: LabelsController
    chooser: LabelChooser
    tools: ToolsController
    arrange: ArrangeController
    operations: OperationsController
    outline: OutlineController
    adjust: AdjustController
    annotate: AnnotateController
    views: ViewsController
    everything: EverythingController
    corrections: MaskCorrections
    compare: CompareController
    unfinished: UnfinishedController
    undo: UndoController
    search: SearchController
    found: FoundController
    saved: SavedSearches
    statistics: StatisticsController
    models: ModelsController
    batch: BatchController
    runs: RunsController
    taught: TaughtController
    teach: TeachController
    help: HelpController
    training: TrainingController
    slow_disk: SlowDiskController
    review: ReviewController
    sheet: SheetController
    score_filter: ScoreFilterController
    ahead: AheadController
    decisions: DecisionsController


@dataclass(frozen=True)
class Panels:
    """The panels of a window."""

    annotations: AnnotationsPanel
    labels: LabelsPanel
    images: ImagesPanel


def bind_commands(
    actions: Actions,
    window: MainWindow,
    canvas: CanvasView,
    panels: Panels,
    session: Session,
    settings: Settings,
    controllers: Controllers,
) -> None:
    """Binds every command to its feature and enables those that can be invoked.

    Raises:
        RuntimeError: A row of the table has no slot, or a condition no predicate.
    """
    c = controllers
    dataset_commands.bind(actions, c.files, c.rescan, c.navigate, panels.images)
    editing_commands.bind(actions, session, c.undo)
    canvas_commands.bind(actions, canvas, settings)
    adjust_commands.bind(actions, c.adjust)
    search_commands.bind(actions, c.search, c.found, c.saved)
    statistics_commands.bind(actions, c.statistics)
    tool_option_commands.bind(actions, canvas, c.tools.toolbox, settings)
    label_commands.bind(
        actions, panels.labels, c.labels, c.chooser, settings, partial(window.show_panel, "labels")
    )
    annotation_commands.bind(
        actions,
        panels.annotations,
        c.tools,
        c.annotate,
        c.everything,
        c.compare,
        c.decisions,
        partial(_label_by_index, c),
    )
    prompting_commands.bind(actions, settings, c.annotate, c.views, c.everything, c.corrections)
    arrange_commands.bind(actions, c.arrange, c.tools.use_select_tool)
    operation_commands.bind(actions, c.operations, c.outline)
    review_commands.bind(actions, c.review)
    sheet_commands.bind(actions, c.sheet)
    score_filter_commands.bind(actions, c.score_filter)
    auto_annotate_commands.bind(actions, c.batch, c.runs)
    ahead_commands.bind(actions, c.ahead)
    data.bind(actions, c.data)
    model_commands.bind(actions, session, c.models)
    teach_commands.bind(actions, c.teach, c.taught)
    shell_commands.bind(actions, window, c.help)
    if actions.unbound or actions.undecided:
        raise RuntimeError(f"commands without a slot or a condition: {actions.unbound + actions.undecided}")
    actions.refresh()


def _label_by_index(controllers: Controllers, index: int) -> None:
    """Gives the label with a class id to what is selected on the contact sheet, or in the image."""
    if controllers.sheet.is_open:
        controllers.chooser.choose_index(index)
    else:
        controllers.tools.label_by_index(index)
