"""The controller of the open dataset's taught weights: use, undo, export and import."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from samdesk.base.hashing import hash_file
from samdesk.base.places import flint_weights, user_home
from samdesk.engine.models.registry import FLINT
from samdesk.engine.protocols import ModelInfo
from samdesk.training.record import taught_record as record
from samdesk.training.record.taught_record import KINDS, TaughtRecord, TaughtWeights
from samdesk.ui.auto_annotate.controller import BatchController
from samdesk.ui.kit.message_bar import Action
from samdesk.ui.kit.messages import Messages
from samdesk.ui.models.controller import ModelsController
from samdesk.workers.inference.taught_loader import TaughtLoader
from samdesk.workers.job import Job
from samdesk.workers.storage.client import DatasetInfo

WEIGHTS = "Flint weights (*.safetensors);;All files (*)"
"""File filter in Qt's syntax."""


@dataclass(frozen=True)
class CheckedRecord:
    """A dataset's record, and whether the masks in use were trained on the installed Flint weights."""

    taught: TaughtRecord
    compatible: bool


class TaughtController(QObject):
    """Loads the taught weights that the record of the open dataset has in use.

    Attributes:
        folder: The open dataset.
        in_memory: The dataset has no store on disk, so no other process can read it.
        taught: Its record, once read.

    Signals:
        changed: Other weights are in use, or another dataset is open.
        teach_requested: The user wants to open the Teach dialog.
    """

    changed = Signal()
    teach_requested = Signal()

    def __init__(
        self,
        loader: TaughtLoader,
        models: ModelsController,
        batch: BatchController,
        messages: Messages,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._loader, self._models, self._batch, self._messages = loader, models, batch, messages
        self._jobs: list[Job] = []
        self._paths: set[str] = set()
        self.folder: Path | None = None
        self.in_memory = False
        self.taught: TaughtRecord | None = None
        models.ready.connect(self._check)
        loader.failed.connect(self._show_failure)

    @property
    def in_use(self) -> bool:
        """Whether taught weights are in use on the open dataset."""
        return self.taught is not None and bool(self.taught.in_use)

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to undo."""
        return self.taught is not None and self.taught.can_undo

    def open(self, info: DatasetInfo) -> None:
        """Called when a dataset was opened or its store was moved."""
        self.folder, self.in_memory, self.taught = info.folder, info.in_memory, None
        self.run_job(partial(read_record, info.folder), self._apply)

    def use(self, folder: Path, *entries: TaughtWeights) -> None:
        """Puts taught weights of a dataset in use."""
        self.run_job(lambda: check_record(TaughtRecord.read(folder).use(*entries)), self._show_use)

    def undo(self) -> None:
        """Goes back to the weights used before."""
        if self.folder is not None:
            folder = self.folder
            self.run_job(lambda: check_record(TaughtRecord.read(folder).undo()), self._show_undo)

    def redo(self) -> None:
        """Redoes the last undone step."""
        if self.folder is not None:
            folder = self.folder
            self.run_job(lambda: check_record(TaughtRecord.read(folder).redo()), self._show_use)

    def export(self) -> None:
        """Copies the taught weights in use to a file that the user chooses."""
        if self.taught is None or not self.taught.in_use:
            return
        available = [t for kind in KINDS if (t := self.taught.in_use.of(kind)) is not None]
        chosen = 0
        if len(available) > 1:
            titles = [kind.capitalize() for kind in KINDS]
            picked = self._messages.choose_item("Export taught weights", "Which weights?", titles)
            if picked is None:
                return
            chosen = picked
        start = user_home() / f"{self.taught.folder.name}-{available[chosen].kind}.safetensors"
        file = self._messages.choose_new_file("Export taught weights", start, WEIGHTS)
        if file is not None:
            message = f"Exported the taught {available[chosen].kind} to {file}."
            self.run_job(lambda: record.export(available[chosen], file), lambda _: self._info(message))

    def import_weights(self) -> None:
        """Uses weights from a file that the user chooses."""
        if self.folder is None:
            return
        folder = self.folder
        file = self._messages.choose_file("Use taught weights from file", user_home(), WEIGHTS)
        if file is not None:

            def work() -> CheckedRecord:
                taught = TaughtRecord.read(folder)
                return check_record(taught.use(taught.import_weights(file)))

            self.run_job(work, self._show_use)

    def run_job(self, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        """Runs ``work`` in a thread; shows an error message if it fails."""
        self._jobs = [job for job in self._jobs if job.isRunning()]
        job = Job(work, self)
        job.done.connect(then)
        job.failed.connect(lambda message: self._messages.error(message, key="teach"))
        self._jobs.append(job)
        job.start()

    def stop(self) -> None:
        """Waits for running jobs."""
        for job in self._jobs:
            job.wait()

    def _show_failure(self, text: str) -> None:
        self._models.taught = ""
        self._messages.warn(text, key="taught", actions=[("Undo teaching", self.undo)])

    def _apply(self, checked: CheckedRecord) -> None:
        """Loads the weights that the record has in use, if it belongs to the open dataset."""
        if checked.taught.folder != self.folder:
            return
        self.taught = checked.taught
        masks, detector = checked.taught.in_use.masks, checked.taught.in_use.detector
        if checked.taught.problem:
            self._messages.warn(checked.taught.problem, key="taught")
        elif masks is not None and not checked.compatible:
            self._messages.warn(
                "Flint's own weights have changed since, so the taught ones are not used. Teach it again.",
                key="taught",
                actions=[("Teach…", self.teach_requested.emit)],
            )
        else:
            self._messages.dismiss("taught")
        path = masks.path if masks is not None and checked.compatible else None
        self._loader.path = path
        self._models.taught = str(path or "")
        if path is not None:
            self._paths.add(str(path))
        self._batch.taught = detector
        if self._models.info is not None:
            self._check(self._models.info)
        self.changed.emit()

    def _check(self, info: ModelInfo) -> None:
        """Reloads Flint if it is in use with other weights than the record's."""
        wanted, now = str(self._loader.path or ""), "" if info.name == FLINT else info.path
        if self._is_flint(info) and now != wanted:
            self._models.reload_flint()

    def _is_flint(self, info: ModelInfo) -> bool:
        return info.name == FLINT or info.path in self._paths

    def _show_use(self, checked: CheckedRecord) -> None:
        self._apply(checked)
        kinds = [kind for kind in KINDS if checked.taught.in_use.of(kind) is not None]
        detector = checked.taught.in_use.detector
        text = f"{checked.taught.folder.name} now uses the taught {' and '.join(kinds)}."
        actions: list[Action] = [("Undo", self.undo)]
        if detector is not None:
            text += f" Auto-annotate finds {_first_names(detector.names)}."
        info = self._models.info
        if checked.taught.in_use.masks is not None and info is not None and not self._is_flint(info):
            text += f" The current mask model is {info.title}; choose Flint to use the taught masks."
            actions.append(("Use Flint", self._models.use_flint))
        self._messages.info(text, key="teach", actions=actions)

    def _show_undo(self, checked: CheckedRecord) -> None:
        self._apply(checked)
        in_use = checked.taught.in_use
        text = "the weights taught before" if in_use else "Flint's own weights"
        again = [("Use again", self.redo)] if checked.taught.can_redo else []
        self._messages.info(f"Now using {text}.", key="teach", actions=again)

    def _info(self, text: str) -> None:
        self._messages.info(text, key="teach", seconds=8)


def read_record(folder: Path) -> CheckedRecord:
    """Reads and checks the record of a dataset."""
    return check_record(TaughtRecord.read(folder))


def check_record(taught: TaughtRecord) -> CheckedRecord:
    """Compares the base of the masks in use with the installed weights; hashes a file."""
    masks = taught.in_use.masks
    compatible = masks is None or not masks.base or masks.base == hash_file(flint_weights())[:16]
    return CheckedRecord(taught, compatible)


def _first_names(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:4])
    return f"{shown} and {len(names) - 4} more" if len(names) > 4 else shown or "your classes"
