"""Measures work on many images and many annotations in the real window, without a display.

Each function makes a folder of its own and is meant for a process of its own.
"""

from __future__ import annotations

import math
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TypeVar

from PIL import Image
from PySide6.QtCore import QEventLoop, QTimer

from samdesk.app import SWITCH_INTERVAL_S, Desk, build, make_application
from samdesk.bench.heartbeat import HeartbeatTimer, temporary_home
from samdesk.dataset.queries import Query

T = TypeVar("T")

_LIMIT_S = 1800.0
_LOOK_MS = 2
_BETWEEN_IMAGES_S = 0.2
_PAUSE_S = 0.15
"""Until what is shown after a change is painted."""
_LINKS = 10_000
"""Hard links to one file: file systems allow some ten thousand."""
_PLACES = 80
"""Annotations in a row of the image with many."""
_VERTICES = 24
_SIZE = (4000, 3000)
_EDITS = 10


@dataclass(frozen=True)
class Renumbering:
    """All label files written anew because class ids have changed.

    Attributes:
        new_s: Of files that were never read: read, saved and written, seconds.
        read_s: The same files again, their annotations in the store, seconds.
        next_image_ms: From the key for the next image until it is shown, while they were being written.
    """

    new_s: float
    read_s: float
    next_image_ms: list[float]


@dataclass(frozen=True)
class ManyAnnotations:
    """Work on an image with many annotations.

    Attributes:
        saved_ms: From the key that deletes one until that is saved, with the label file.
        delete_gap_ms: Largest pause of the main thread while all are deleted and that is saved.
        undo_gap_ms: The same while that is undone.
    """

    saved_ms: list[float]
    delete_gap_ms: float
    undo_gap_ms: float


def measure_opening(scratch: Path, count: int) -> float:
    """Opens a folder of ``count`` images with label files; milliseconds until the first image is shown."""
    with open_window(scratch, lambda folder: _write_many(folder, count, distinct=False)) as window:
        return window.opened_ms


def measure_renumbering(scratch: Path, count: int) -> Renumbering:
    """Swaps the two classes of ``count`` label files, and again, and goes from image to image meanwhile."""
    with open_window(scratch, lambda folder: _write_many(folder, count, distinct=True)) as window:
        new_s, shown = window.swap_classes()
        read_s, more = window.swap_classes()
        return Renumbering(new_s, read_s, [*shown, *more])


def measure_many_annotations(scratch: Path, count: int) -> ManyAnnotations:
    """Edits an image with ``count`` annotations of 24 vertices each."""
    with open_window(scratch, lambda folder: _write_crowded(folder, count)) as window:
        window.settle()
        saved = [window.delete_one(number) for number in range(min(_EDITS, count // 10))]
        window.desk.view.actions.trigger("edit.select_all")
        window.settle()
        deleted = window.longest_gap("edit.delete")
        undone = window.longest_gap("edit.undo")
        return ManyAnnotations(saved, deleted, undone)


class BenchWindow:
    """The window with a folder, and what is done in it."""

    def __init__(self, desk: Desk, folder: Path) -> None:
        self.desk = desk
        self._shown = 0
        desk.flows.navigate.image_shown.connect(self._count)
        self._heartbeat = HeartbeatTimer()
        begun = perf_counter()
        desk.start([folder])
        self.wait(lambda: self._shown > 0)
        self.opened_ms = (perf_counter() - begun) * 1e3

    def swap_classes(self) -> tuple[float, list[float]]:
        """Swaps the first two class ids; returns the seconds, and the times of images shown meanwhile."""
        session = self.desk.session
        times: list[float] = []
        self.settle()
        begun = perf_counter()
        labels = session.model.labels
        session.change_labels("Move label", labels.move(labels.labels[1].id, 0))
        while True:
            times.append(self._next_image())
            pause = perf_counter() + _BETWEEN_IMAGES_S
            while perf_counter() < pause:
                if self._finished():
                    return perf_counter() - begun, times
                self.wait(lambda: False, 0.02)

    def delete_one(self, number: int) -> float:
        """Deletes an annotation; returns the milliseconds until it is saved."""
        document, history = self.desk.session.model.document, self.desk.session.history
        assert document is not None
        place = number * len(document.annotations) // _EDITS
        self.desk.flows.tools.select(frozenset({document.annotations[place].id}))
        begun = perf_counter()
        self.desk.view.actions.trigger("edit.delete")
        self.wait(lambda: not history.pending)
        spent = (perf_counter() - begun) * 1e3
        self.settle()
        return spent

    def longest_gap(self, command_id: str) -> float:
        """Runs a command; returns the largest pause of the main thread until all is saved and painted."""
        self._heartbeat.start(command_id)
        QTimer.singleShot(0, lambda: self.desk.view.actions.trigger(command_id))
        self.settle()
        self._heartbeat.stop()
        return max(self._heartbeat.phases[-1].gaps_ms)

    def settle(self) -> None:
        """Waits until everything is saved, written and painted."""
        while not self._finished():
            self.wait(lambda: False, 0.02)
        self.wait(lambda: False, _PAUSE_S)

    def _next_image(self) -> float:
        shown, begun = self._shown, perf_counter()
        self.desk.view.actions.trigger("image.next")
        self.wait(lambda: self._shown > shown)
        return (perf_counter() - begun) * 1e3

    def _finished(self) -> bool:
        """Whether nothing is left to be saved or written."""
        if self.desk.session.history.pending:
            return False
        return self.ask(lambda dataset: not dataset.unfinished)

    def ask(self, query: Query[T]) -> T:
        """Returns the answer of the storage thread to a query."""
        answers: list[T] = []
        self.desk.workers.storage.ask(query, answers.append)
        self.wait(lambda: bool(answers))
        return answers[0]

    def _count(self, _key: object) -> None:
        self._shown += 1

    def wait(self, over: Callable[[], bool], seconds: float = _LIMIT_S) -> None:
        """Handles events until a condition holds, for at most ``seconds``."""
        loop = QEventLoop()
        timer = QTimer(loop, interval=_LOOK_MS)
        timer.timeout.connect(lambda: loop.exit() if over() else None)
        timer.start()
        QTimer.singleShot(int(seconds * 1000), loop, loop.quit)
        loop.exec()
        timer.stop()


@contextmanager
def open_window(scratch: Path, write: Callable[[Path], None]) -> Iterator[BenchWindow]:
    """Opens a window with a folder; the interpreter's settings are those of ``samdesk.app``."""
    folder = scratch / "photos"  # label files are beside images only in a folder not named "images"
    write(folder)
    with temporary_home(scratch / "home"):
        application = make_application()
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        desk = build(application)
        try:
            yield BenchWindow(desk, folder)
        finally:
            while not desk.stop():
                pass
            shutil.rmtree(scratch)


def _write_many(folder: Path, count: int, *, distinct: bool) -> None:
    """Writes small images with label files of two classes; ``distinct``: no label file is a hard link."""
    folder.mkdir(parents=True)
    for number in range(count):
        for name, first in ((f"{number:06}.jpg", _write_image), (f"{number:06}.txt", _write_labels)):
            source = folder / f"{number - number % _LINKS:06}{Path(name).suffix}"
            if number % _LINKS and not (distinct and first is _write_labels):
                _link(source, folder / name)
            else:
                first(folder / name)
    (folder / "classes.txt").write_text("cat\ndog\n", "utf-8")


def _write_image(path: Path) -> None:
    Image.new("RGB", (320, 240), (90, 120, 90)).save(path)


def _write_labels(path: Path) -> None:
    rows = [f"{number % 2} {_outline(0.2 + 0.3 * number, 0.5, 0.1, 0.1)}" for number in range(3)]
    path.write_text("\n".join([*rows, ""]), "utf-8")


def _write_crowded(folder: Path, count: int) -> None:
    width, height = _SIZE
    folder.mkdir(parents=True)
    Image.new("RGB", _SIZE, (90, 120, 90)).save(folder / "crowded.jpg")
    rows = math.ceil(count / _PLACES)
    lines = [
        f"0 {_outline((i % _PLACES + 0.5) / _PLACES, (i // _PLACES + 0.5) / rows, 18 / width, 18 / height)}"
        for i in range(count)
    ]
    (folder / "crowded.txt").write_text("\n".join([*lines, ""]), "utf-8")
    (folder / "classes.txt").write_text("cat\n", "utf-8")


def _outline(x: float, y: float, radius_x: float, radius_y: float) -> str:
    """A wavy outline as in a label file; all numbers are relative to the image's size."""
    values = []
    for number in range(_VERTICES):
        turn = 2 * math.pi * number / _VERTICES
        wave = 0.85 + 0.15 * math.sin(5 * turn)
        values += [x + radius_x * wave * math.cos(turn), y + radius_y * wave * math.sin(turn)]
    return " ".join(f"{min(max(value, 0.0), 1.0):.6f}" for value in values)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copyfile(source, target)
