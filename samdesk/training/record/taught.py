"""What Flint was taught on a dataset: every teaching with its figures, and which one is in use.

``.samdesk/taught/`` beside the store has a folder a teaching (the weights and ``teaching.json``) and
``use.json``, the steps of what was in use. A teaching appears with one rename and is never changed, so
whatever breaks off, it is there as a whole or not at all. Where that folder cannot be written, this user's
state folder takes its place; what is in the dataset's folder is read all the same.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from samdesk.base import atomic, places
from samdesk.dataset.lock import DatasetLock, dataset_id
from samdesk.dataset.open import locate_store
from samdesk.settings.file import rename_bad
from samdesk.training.record.teaching import (
    DETECTOR,
    FIGURES,
    KINDS,
    MASKS,
    Kind,
    Score,
    Teaching,
    teachings_in,
    weights_name,
)
from samdesk.training.record.weights_files import TaughtError, check_weights, kind_of, names_of

__all__ = ["DETECTOR", "KINDS", "MASKS", "InUse", "Kind", "Score", "Taught", "TaughtError", "Teaching"]


@dataclass(frozen=True)
class InUse:
    """What is in use; None: Flint as it was shipped."""

    masks: Teaching | None = None
    detector: Teaching | None = None

    def __bool__(self) -> bool:
        return self.masks is not None or self.detector is not None

    def of(self, kind: Kind) -> Teaching | None:
        """The one of a kind."""
        return self.masks if kind == MASKS else self.detector


_USE, _NEW, _STARTED = "use.json", ".new-", "begun"

_Step: TypeAlias = dict[str, str]
"""Kind -> id of the teaching in use, "" for none."""


@dataclass(frozen=True)
class Taught:
    """The record of one dataset, as it is on disk now.

    Attributes:
        folder: The dataset.
        home: Where it is written.
        teachings: The oldest first.
        problem: What is wrong with the record, in words; "" if nothing is.
    """

    folder: Path
    home: Path
    teachings: tuple[Teaching, ...] = ()
    problem: str = ""
    _steps: tuple[_Step, ...] = ({},)
    _at: int = 0

    @classmethod
    def read(cls, folder: Path) -> Taught:
        """Reads the record; a damaged one is told in ``problem``, and nothing is in use then."""
        folder = folder.resolve()
        inside, home = _inside(folder), _home(folder)
        found: dict[str, Teaching] = {}
        for place in dict.fromkeys((inside, home)):
            found.update((t.id, t) for t in teachings_in(place))
        use = home / _USE if (home / _USE).exists() else inside / _USE
        steps, at, problem = _read_use(use)
        ordered = tuple(sorted(found.values(), key=lambda t: (t.when, t.id)))
        gone = [i for i in steps[at].values() if i and i not in found]
        if gone and not problem:
            problem = f"The taught weights {home / gone[0]} are gone: Flint is used as it was before them."
        return cls(folder, home, ordered, problem, steps, at)

    @property
    def in_use(self) -> InUse:
        """What is in use."""
        step = self._steps[self._at]
        return InUse(self.find(step.get(MASKS, "")), self.find(step.get(DETECTOR, "")))

    @property
    def can_undo(self) -> bool:
        """Whether something else was in use before."""
        return self._at > 0

    @property
    def can_redo(self) -> bool:
        """Whether an undo can be taken back."""
        return self._at + 1 < len(self._steps)

    def find(self, teaching_id: str) -> Teaching | None:
        """The teaching of this id, or None."""
        return next((t for t in self.teachings if t.id == teaching_id), None)

    def latest(self, kind: Kind) -> Teaching | None:
        """The newest teaching of a kind that was made here."""
        return next((t for t in reversed(self.teachings) if t.kind == kind and not t.origin), None)

    def work(self, kind: Kind) -> Path:
        """The folder where a teaching of a kind keeps where it stands."""
        return self.home / "work" / kind

    def unfinished(self, kind: Kind) -> bool:
        """Whether a teaching of a kind was broken off and can go on."""
        return (self.work(kind) / _STARTED).is_file()

    def began(self, kind: Kind) -> None:
        """Notes that a teaching of a kind was begun. Raises ``TaughtError``."""
        with _words(self.home):
            atomic.write_text(self.work(kind) / _STARTED, "")

    def add(self, teaching: Teaching, weights: Path) -> Teaching:
        """Keeps a finished teaching; the same weights are kept once.

        Args:
            teaching: Its figures; ``id`` and ``path`` are made here.
            weights: Its file, which is copied.

        Raises:
            TaughtError: It could not be written.
        """
        with _words(self.home), _alone(self.folder):
            data = weights.read_bytes()
            for other in Taught.read(self.folder).teachings:
                if other.kind == teaching.kind and not other.problem and other.path.read_bytes() == data:
                    self._ended(teaching.kind)
                    return other
            kept = self._write(teaching, data)
            self._ended(teaching.kind)
            return kept

    def bring(self, file: Path) -> Teaching:
        """Keeps weights that were taught elsewhere. Raises ``TaughtError``: the file is no such weights."""
        kind = kind_of(file)
        names = names_of(file) if kind == DETECTOR else ()
        return self.add(Teaching("", kind, time.time(), names=names, origin=str(file.absolute())), file)

    def use(self, *teachings: Teaching) -> Taught:
        """Uses teachings from now on, one of each kind at most; one undo takes them back together."""
        with _words(self.home), _alone(self.folder):
            now = Taught.read(self.folder)
            step: _Step = {**now._steps[now._at], **{str(t.kind): t.id for t in teachings}}
            if step == now._steps[now._at]:
                return now
            return now._written((*now._steps[: now._at + 1], step), now._at + 1)

    def undo(self) -> Taught:
        """Uses what was in use before; the same if there is nothing before. Raises ``TaughtError``."""
        return self._moved(-1)

    def redo(self) -> Taught:
        """Takes an undo back; the same if there is none. Raises ``TaughtError``."""
        return self._moved(1)

    def _moved(self, by: int) -> Taught:
        with _words(self.home), _alone(self.folder):
            now = Taught.read(self.folder)
            at = now._at + by
            return now._written(now._steps, at) if 0 <= at < len(now._steps) else now

    def _written(self, steps: tuple[_Step, ...], at: int) -> Taught:
        path = self.home / _USE
        if _read_use(path)[2]:
            rename_bad(path)
        atomic.write_text(path, json.dumps({"version": 1, "steps": steps, "at": at}, indent=1))
        return Taught.read(self.folder)

    def _write(self, teaching: Teaching, data: bytes) -> Teaching:
        """First beside its place, then there with one rename."""
        teaching = replace(teaching, id=_free_id(self, teaching))
        beside = self.home / f"{_NEW}{teaching.id}"
        shutil.rmtree(beside, ignore_errors=True)
        name = weights_name(teaching.kind)
        atomic.write_bytes(beside / name, data)
        atomic.write_text(beside / FIGURES, json.dumps(replace(teaching, path=Path(name)).to_json()))
        beside.rename(self.home / teaching.id)
        atomic.sync_folder(self.home)
        return replace(teaching, path=self.home / teaching.id / name)

    def _ended(self, kind: Kind) -> None:
        with contextlib.suppress(OSError):
            (self.work(kind) / _STARTED).unlink()


def export(teaching: Teaching, to: Path) -> None:
    """Copies taught weights to a file of the user's. Raises ``TaughtError``."""
    with _words(to):
        check_weights(teaching.path)
        atomic.write_bytes(to, teaching.path.read_bytes())


def _inside(folder: Path) -> Path:
    return locate_store(folder).parent / "taught"


def _home(folder: Path) -> Path:
    """Beside the store, or in the user's own folder where nothing can be written there."""
    inside = _inside(folder)
    there = next(p for p in (inside, *inside.parents) if p.is_dir())
    return inside if atomic.is_writable(there) else places.state() / "taught" / dataset_id(folder)


def _read_use(path: Path) -> tuple[tuple[_Step, ...], int, str]:
    """Steps, the one in use, and what is wrong."""
    try:
        value = json.loads(path.read_text("utf-8"))
        steps = tuple({str(k): str(v) for k, v in step.items()} for step in value["steps"])
        at = int(value["at"])
        if not 0 <= at < len(steps):
            raise ValueError(f"step {at} of {len(steps)}")
    except FileNotFoundError:
        return ({},), 0, ""
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        text = (
            f"{path} cannot be read ({error}), so Flint is used as it was shipped. No taught weights are "
            f"lost: they are in {path.parent}, to be used from their files."
        )
        return ({},), 0, text
    return steps, at, ""


def _free_id(taught: Taught, teaching: Teaching) -> str:
    base = f"{teaching.kind}-{time.strftime('%Y%m%d-%H%M%S', time.localtime(teaching.when))}"
    name, number = base, 1
    while (taught.home / name).exists():
        number += 1
        name = f"{base}-{number}"
    return name


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One at a time changes the record; it takes a moment, so whoever comes second waits."""
    lock = DatasetLock(folder, "taught")
    lock.wait()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _words(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise TaughtError(f"{error.filename or place} cannot be read or written: {reason}.") from error
