"""Desk: a window of samdesk with its session, workers and controllers; what of it can be replaced."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QTimer

from samdesk.batch.models import Loaders
from samdesk.dataset.dataset import Dataset
from samdesk.settings.table import Settings
from samdesk.ui.annotations.panel import AnnotationsPanel
from samdesk.ui.auto_annotate.bar import BatchBar
from samdesk.ui.canvas.view import CanvasView
from samdesk.ui.commands.actions import Actions
from samdesk.ui.dataset.bulk_bar import BulkBar
from samdesk.ui.dataset.jobs_bar import DatasetJobsBar
from samdesk.ui.editing.session import Session
from samdesk.ui.fit.bar import FitBar
from samdesk.ui.images.panel import ImagesPanel
from samdesk.ui.kit.message_bar import MessageBar
from samdesk.ui.kit.messages import Messages
from samdesk.ui.kit.theme import Theme
from samdesk.ui.labels.panel import LabelsPanel
from samdesk.ui.prompting.candidate_strip import CandidateStrip
from samdesk.ui.review.bar import ReviewBar
from samdesk.ui.score_filter.bar import ScoreFilterBar
from samdesk.ui.search.bar import SearchBar
from samdesk.ui.search.found import FoundPanel
from samdesk.ui.sheet.panel import SheetPanel
from samdesk.ui.shell.main_window import MainWindow
from samdesk.ui.teach.bar import TeachBar
from samdesk.ui.wiring import Controllers
from samdesk.workers.fit import FitArguments
from samdesk.workers.folder_watch import POLL_S
from samdesk.workers.group import Workers
from samdesk.workers.inference.model_in_use import Loader
from samdesk.workers.teach import Arguments


@dataclass(frozen=True)
class Services:
    """The services of a window that can be replaced; None selects the real one.

    Attributes:
        load_predictor: Loads the mask model of the canvas by (name, device, precision).
        loaders: Loads the models of auto-annotate.
        open_dataset: Opens a folder, with the path of its store if that is elsewhere, or None.
        teach: The arguments of the training process of Flint.
        fit: Those of a segmentation model's.
        poll_s: Seconds between two looks at the open folder for what other programs change in it.
        messages: Makes the dialogs and messages for the user, from the window and its message bar.
    """

    load_predictor: Loader | None = None
    loaders: Loaders | None = None
    open_dataset: Callable[[Path, Path | None], Dataset] | None = None
    teach: Arguments | None = None
    fit: FitArguments | None = None
    poll_s: float = POLL_S
    messages: Callable[[MainWindow, MessageBar], Messages] = Messages


@dataclass(frozen=True)
class Widgets:
    """The window, its parts and what they share."""

    window: MainWindow
    actions: Actions
    theme: Theme
    canvas: CanvasView
    labels: LabelsPanel
    annotations: AnnotationsPanel
    images: ImagesPanel
    search: SearchBar
    found: FoundPanel
    strip: CandidateStrip
    batch_bar: BatchBar
    teach_bar: TeachBar
    fit_bar: FitBar
    bulk_bar: BulkBar
    jobs_bar: DatasetJobsBar
    review_bar: ReviewBar
    filter_bar: ScoreFilterBar
    sheet: SheetPanel
    messages: Messages


@dataclass(frozen=True)
class Desk:
    """A samdesk window with its session, workers and controllers."""

    settings: Settings
    view: Widgets
    session: Session
    workers: Workers
    flows: Controllers

    def start(self, paths_to_open: list[Path], *, reopen: bool = False, guide: bool = False) -> None:
        """Shows the window, then loads the model and opens the folder.

        Args:
            paths_to_open: A folder, or an image; nothing: the welcome page is shown.
            reopen: With nothing to open, opens the folder of the last session instead, if the user wants it.
            guide: Guides the user through the first object and image.
        """
        if paths_to_open:
            self.flows.files.announce(paths_to_open[0])
        elif reopen:
            self.flows.files.reopen_last()
        if guide:
            self.view.window.guide.begin()
        self.view.window.show()
        QTimer.singleShot(0, self.flows.models.load_first)
        if paths_to_open:
            QTimer.singleShot(0, lambda: self.flows.files.open_paths(paths_to_open))

    def close_without_waiting(self) -> None:
        """Closes the window without waiting for accepted masks that are being predicted."""
        self.flows.navigate.drop_deferred()
        self.flows.annotate.discard_all()
        self.view.window.close()

    def stop(self, gives_up: Callable[[], bool] | None = None) -> bool:
        """Hides the window, saves everything and stops the threads.

        Args:
            gives_up: Whether not to wait any longer for a disk that does not answer; None: the user is asked.

        Returns:
            Whether every thread has stopped; one that is running a model, or that waits for a disk, may
            exceed the time limit.
        """
        self.view.window.hide()
        self.flows.arrange.release_clipboard()
        self.flows.unfinished.keep()
        self.flows.models.stop()
        self.flows.help.stop()
        self.flows.files.stop()
        self.flows.training.stop()
        self.flows.taught.stop()
        ended = self.flows.data.stop()
        slow_disk = self.flows.slow_disk
        ended = self.workers.stop(slow_disk.slow_ms, gives_up or slow_disk.gives_up) and ended
        self.settings.flush()
        return ended
