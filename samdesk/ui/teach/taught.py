"""What Flint was taught on the open dataset: loaded with it, undone, copied out and brought in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from samdesk.base.places import flint_weights
from samdesk.engine.models.registry import FLINT
from samdesk.engine.models.weights import file_hash
from samdesk.engine.protocols import ModelInfo
from samdesk.training.record import taught as record
from samdesk.training.record.taught import KINDS, Kind, Taught, Teaching
from samdesk.ui.auto_annotate.controller import BatchController
from samdesk.ui.kit.message_bar import Action
from samdesk.ui.kit.messages import Messages
from samdesk.ui.models.controller import ModelsController
from samdesk.workers.inference.taught_loader import TaughtLoader
from samdesk.workers.job import Job
from samdesk.workers.storage.client import DatasetInfo

WEIGHTS = "Flint weights (*.safetensors);;All files (*)"
"""For file choosers, as Qt writes it."""


@dataclass(frozen=True)
class Seen:
    """A dataset's record, and whether its taught masks fit the Flint that is installed."""

    taught: Taught
    fits: bool


class TaughtController(QObject):
    """Keeps the models in use true to the record of the open dataset.

    Attributes:
        folder: The open dataset.
        in_memory: It has no store on disk, so that nothing of it can be read by others.
        taught: Its record, once it is read.

    Signals:
        changed: Something else is in use, or another dataset is open.
        teach_wanted: The user wants to teach.
    """

    changed = Signal()
    teach_wanted = Signal()

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
        self.taught: Taught | None = None
        models.ready.connect(self._check)
        loader.failed.connect(self._tell_of_failure)

    @property
    def in_use(self) -> bool:
        """Whether taught weights are in use on the open dataset."""
        return self.taught is not None and bool(self.taught.in_use)

    @property
    def can_undo(self) -> bool:
        """Whether something else was in use before."""
        return self.taught is not None and self.taught.can_undo

    def open(self, info: DatasetInfo) -> None:
        """Another dataset is open, or its store is elsewhere now."""
        self.folder, self.in_memory, self.taught = info.folder, info.in_memory, None
        self.do(partial(see, info.folder), self._take)

    def use(self, folder: Path, *teachings: Teaching) -> None:
        """Uses what was taught on a dataset from now on."""
        self.do(lambda: see_after(Taught.read(folder).use(*teachings)), self._tell_of_use)

    def undo(self) -> None:
        """Uses what was in use before."""
        if self.folder is not None:
            folder = self.folder
            self.do(lambda: see_after(Taught.read(folder).undo()), self._tell_of_undo)

    def redo(self) -> None:
        """Takes an undo back."""
        if self.folder is not None:
            folder = self.folder
            self.do(lambda: see_after(Taught.read(folder).redo()), self._tell_of_use)

    def export(self) -> None:
        """Copies taught weights in use to a file that the user chooses."""
        if self.taught is None or not self.taught.in_use:
            return
        there = [t for kind in KINDS if (t := self.taught.in_use.of(kind)) is not None]
        chosen = 0
        if len(there) > 1:
            titles = [kind.capitalize() for kind in KINDS]
            picked = self._messages.choose_item("Export taught weights", "Which of them?", titles)
            if picked is None:
                return
            chosen = picked
        start = Path.home() / f"{self.taught.folder.name}-{there[chosen].kind}.safetensors"
        file = self._messages.choose_new_file("Export taught weights", start, WEIGHTS)
        if file is not None:
            told = f"The taught {there[chosen].kind} {_are(there[chosen].kind)} in {file}."
            self.do(lambda: record.export(there[chosen], file), lambda _: self._info(told))

    def bring(self) -> None:
        """Uses weights from a file that the user chooses."""
        if self.folder is None:
            return
        folder = self.folder
        file = self._messages.choose_file("Use taught weights from a file", Path.home(), WEIGHTS)
        if file is not None:

            def work() -> Seen:
                taught = Taught.read(folder)
                return see_after(taught.use(taught.bring(file)))

            self.do(work, self._tell_of_use)

    def do(self, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        """Works in a thread; what goes wrong is told."""
        self._jobs = [job for job in self._jobs if job.isRunning()]
        job = Job(work, self)
        job.done.connect(then)
        job.failed.connect(lambda why: self._messages.error(why, key="teach"))
        self._jobs.append(job)
        job.start()

    def stop(self) -> None:
        """Waits for what still runs."""
        for job in self._jobs:
            job.wait()

    def _tell_of_failure(self, text: str) -> None:
        self._models.taught = ""
        self._messages.warn(text, key="taught", actions=[("Undo teaching", self.undo)])

    def _take(self, seen: Seen) -> None:
        """Shows and loads what a record says, if it is the open dataset's."""
        if seen.taught.folder != self.folder:
            return
        self.taught = seen.taught
        masks, detector = seen.taught.in_use.masks, seen.taught.in_use.detector
        if seen.taught.problem:
            self._messages.warn(seen.taught.problem, key="taught")
        elif masks is not None and not seen.fits:
            self._messages.warn(
                "Flint has changed since it was taught here, so it draws as it was shipped. Teach it again.",
                key="taught",
                actions=[("Teach…", self.teach_wanted.emit)],
            )
        else:
            self._messages.dismiss("taught")
        path = masks.path if masks is not None and seen.fits else None
        self._loader.path = path
        self._models.taught = str(path or "")
        if path is not None:
            self._paths.add(str(path))
        self._batch.taught = detector
        if self._models.info is not None:
            self._check(self._models.info)
        self.changed.emit()

    def _check(self, info: ModelInfo) -> None:
        """Loads Flint anew if it is in use and is not the one that the record says."""
        wanted, now = str(self._loader.path or ""), "" if info.name == FLINT else info.path
        if self._is_flint(info) and now != wanted:
            self._models.reload_flint()

    def _is_flint(self, info: ModelInfo) -> bool:
        return info.name == FLINT or info.path in self._paths

    def _tell_of_use(self, seen: Seen) -> None:
        self._take(seen)
        kinds = [kind for kind in KINDS if seen.taught.in_use.of(kind) is not None]
        detector = seen.taught.in_use.detector
        words = f"In use in {seen.taught.folder.name} now: the taught {' and '.join(kinds)}."
        actions: list[Action] = [("Undo", self.undo)]
        if detector is not None:
            words += f" Auto-annotate finds {_some(detector.names)}."
        info = self._models.info
        if seen.taught.in_use.masks is not None and info is not None and not self._is_flint(info):
            words += f" {info.title} draws the masks: choose Flint to have what it was taught."
            actions.append(("Use Flint", self._models.use_flint))
        self._messages.info(words, key="teach", actions=actions)

    def _tell_of_undo(self, seen: Seen) -> None:
        self._take(seen)
        in_use = seen.taught.in_use
        words = "what was taught before" if in_use else "Flint as it was shipped"
        again = [("Use again", self.redo)] if seen.taught.can_redo else []
        self._messages.info(f"In use now: {words}.", key="teach", actions=again)

    def _info(self, text: str) -> None:
        self._messages.info(text, key="teach", seconds=8)


def see(folder: Path) -> Seen:
    """Reads the record of a dataset; it takes a moment."""
    return see_after(Taught.read(folder))


def see_after(taught: Taught) -> Seen:
    """The record with what is to be known of it."""
    masks = taught.in_use.masks
    fits = masks is None or not masks.base or masks.base == file_hash(flint_weights())[:16]
    return Seen(taught, fits)


def _are(kind: Kind) -> str:
    return "are" if kind == "masks" else "is"


def _some(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:4])
    return f"{shown} and {len(names) - 4} more" if len(names) > 4 else shown or "your classes"
