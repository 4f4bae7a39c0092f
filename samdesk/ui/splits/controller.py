"""SplitController: asks how to split a dataset, shows what would become of it, and assigns it as one step."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from samdesk.base.text import counted
from samdesk.dataset import queries
from samdesk.dataset.dataset import Dataset
from samdesk.dataset.splits.lists import split_summary
from samdesk.dataset.trainer.settings import TrainingSettings, change_training, training_settings
from samdesk.domain.document import ImageKey
from samdesk.domain.split import SPLIT_NAMES, Split
from samdesk.exchange.splits.splitting import SplitOptions, SplitPlan, plan_split
from samdesk.ui.dataset.files import FilesController
from samdesk.ui.editing.session import Session
from samdesk.ui.kit.messages import Messages
from samdesk.ui.splits.dialog import SplitDialog
from samdesk.ui.splits.settings_dialog import TrainingSettingsDialog
from samdesk.workers.dataset_jobs import DatasetJobs, JobContext
from samdesk.workers.storage.client import StorageClient

_KEY = "splits"


class SplitController(QObject):
    """The commands of splits.

    Signals:
        changed: Images were put into splits, or what the files hold has changed.

    Args:
        window: Parent of the dialogs.
        messages: For the user.
        session: Its history takes the step.
        storage: The store.
        jobs: Makes the plan.
        files: The open folder.
        selected: Returns the images selected in the film strip.
    """

    changed = Signal()

    def __init__(
        self, window: QWidget, messages: Messages, session: Session, storage: StorageClient,
        jobs: DatasetJobs, files: FilesController, selected: Callable[[], tuple[ImageKey, ...]],
    ) -> None:  # fmt: skip
        super().__init__(window)
        self._window, self._messages, self._session = window, messages, session
        self._storage, self._jobs, self._files, self._selected = storage, jobs, files, selected
        self.dialog: SplitDialog | None = None
        self.settings_dialog: TrainingSettingsDialog | None = None
        files.dataset_opened.connect(lambda _info: self._close())

    def use_for(self, split: Split | None) -> None:
        """Puts the selected images into a split; None: into none."""
        keys = self._selected()
        if keys:
            images = keys[0] if len(keys) == 1 else counted(len(keys), "image")
            text = f"Use {images} for {SPLIT_NAMES[split]}" if split else f"Use {images} for no split"
            self._session.assign_splits(dict.fromkeys(keys, split), text)
            self.changed.emit()

    def ask(self) -> None:
        """Shows the dialog."""
        if self._files.info is None:
            return
        self._close()
        self.dialog = dialog = SplitDialog(self._window)
        dialog.preview_wanted.connect(self._preview)
        dialog.assigned.connect(self._assign)
        self._storage.ask(_state, dialog.set_state, doing="reading the splits")
        dialog.open()

    def ask_settings(self) -> None:
        """Shows the dialog of what trains."""

        def show(settings: TrainingSettings) -> None:
            self.settings_dialog = dialog = TrainingSettingsDialog(settings, self._window)
            dialog.chosen.connect(self._set_training)
            dialog.open()

        if self._files.info is not None:
            self._storage.ask(_settings, show, doing="reading the settings")

    def _set_training(self, wanted: TrainingSettings) -> None:
        def done(changed: bool) -> None:
            if changed:
                self.changed.emit()
                self._messages.info(f"{_in_words(wanted)} The files on disk follow.", key=_KEY, seconds=8)

        self._storage.ask(partial(change_training, wanted=wanted), done, doing="changing what trains")

    def _preview(self, options: SplitOptions) -> None:
        info, dialog = self._files.info, self.dialog
        if info is None or dialog is None:
            return
        folder = Path(info.folder)

        def work(context: JobContext) -> SplitPlan:
            return plan_split(context.access, folder, options, context.progress, context.cancel)

        started = self._jobs.start(
            "Planning the split", work, dialog.show_plan, lambda failure: dialog.show_problem(str(failure)),
            lambda: dialog.show_problem("Cancelled. Nothing was changed."),
        )  # fmt: skip
        if not started:
            dialog.show_problem("Wait until the job that is running has ended, then try again.")

    def _assign(self, plan: SplitPlan, replace: bool) -> None:
        changes = plan.changes
        if changes:
            self._session.assign_splits(changes, f"Split {counted(len(changes), 'image')}")
            self._messages.info(f"Split {plan.text}. Undo takes it back.", key=_KEY, seconds=8)
        else:
            self._messages.info("All images are in these splits already.", key=_KEY, seconds=5)
        if replace:
            self._storage.ask(_replace, lambda _paths: None, doing="replacing the lists")
        self.changed.emit()

    def _close(self) -> None:
        for dialog in (self.dialog, self.settings_dialog):
            if dialog is not None:
                dialog.close()
        self.dialog = self.settings_dialog = None


def _state(dataset: Dataset) -> tuple[str, tuple[str, ...]]:
    """How many images are in which split, and the files of other programs that stand in the way."""
    splits = queries.splits(dataset)
    summary = split_summary(splits, len(dataset.keys))
    return summary, tuple(path.name for path in dataset.lists.blockers())


def _settings(dataset: Dataset) -> TrainingSettings:
    return training_settings(dataset.settings_get)


def _replace(dataset: Dataset) -> tuple[Path, ...]:
    return dataset.lists.replace_foreign()


def _in_words(settings: TrainingSettings) -> str:
    held = {
        "all": "all annotations", "not-rejected": "all but rejected annotations",
        "accepted": "only accepted annotations",
    }[settings.label_files_hold]  # fmt: skip
    listed = "only images that are done" if settings.lists_hold == "done" else "all images"
    return f"Label files hold {held}, lists {listed}."
