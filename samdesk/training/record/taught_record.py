"""The record of the weights trained on a dataset, their scores, and which of them are in use.

``.samdesk/taught/`` beside the store holds one folder per training (the weights and ``teaching.json``) and
``use.json``, the undo history of the weights in use. An entry is created with one rename and never changed,
so after a crash it is either complete or absent. If that folder is not writable, the user's state folder is
used instead; entries in the dataset's folder are still read.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from samdesk.base import atomic, json_file, places
from samdesk.base.disk import temporaries
from samdesk.base.errors import reason
from samdesk.base.json_file import rename_bad
from samdesk.base.regular import read_bytes
from samdesk.dataset.links import beside_store, check_store_place
from samdesk.dataset.lock import DatasetLock, dataset_id
from samdesk.dataset.open import locate_store
from samdesk.training.record.taught_weights import (
    DETECTOR,
    KINDS,
    MASKS,
    SCORES_FILE,
    Kind,
    Score,
    TaughtWeights,
    entries_in,
    weights_name,
)
from samdesk.training.record.weights_header import (
    MAX_WEIGHTS_BYTES,
    TaughtError,
    check_weights,
    kind_of,
    names_of,
)

__all__ = [
    "DETECTOR",
    "KINDS",
    "MASKS",
    "Kind",
    "Score",
    "TaughtError",
    "TaughtRecord",
    "TaughtWeights",
    "WeightsInUse",
]


@dataclass(frozen=True)
class WeightsInUse:
    """The taught weights in use for each kind; None: Flint's own."""

    masks: TaughtWeights | None = None
    detector: TaughtWeights | None = None

    def __bool__(self) -> bool:
        return self.masks is not None or self.detector is not None

    def of(self, kind: Kind) -> TaughtWeights | None:
        """The weights in use for a kind."""
        return self.masks if kind == MASKS else self.detector


_USE, _NEW, _STARTED = "use.json", ".new-", "begun"

_Step: TypeAlias = dict[str, str]
"""Kind -> id of the entry in use, "" for none."""


@dataclass(frozen=True)
class TaughtRecord:
    """A snapshot of the record of one dataset.

    Attributes:
        folder: The dataset.
        home: The folder that new entries are written to.
        entries: Oldest first.
        problem: Message for the user about a damaged record; "" if there is none.
    """

    folder: Path
    home: Path
    entries: tuple[TaughtWeights, ...] = ()
    problem: str = ""
    _steps: tuple[_Step, ...] = ({},)
    _at: int = 0

    @classmethod
    def read(cls, folder: Path) -> TaughtRecord:
        """Reads the record. If it is damaged, ``problem`` is set and no taught weights are in use."""
        folder = folder.resolve()
        inside, home = _inside(folder), _home(folder)
        found: dict[str, TaughtWeights] = {}
        for place in dict.fromkeys((inside, home)):
            found.update((t.id, t) for t in entries_in(place))
        use = home / _USE if (home / _USE).exists() else inside / _USE
        steps, at, problem = _read_use(use)
        ordered = tuple(sorted(found.values(), key=lambda t: (t.when, t.id)))
        missing = [i for i in steps[at].values() if i and i not in found]
        if missing and not problem:
            problem = (
                f"The taught weights {home / missing[0]} are missing. Flint uses its own weights instead."
            )
        return cls(folder, home, ordered, problem, steps, at)

    @property
    def in_use(self) -> WeightsInUse:
        """The weights in use."""
        step = self._steps[self._at]
        return WeightsInUse(self.find(step.get(MASKS, "")), self.find(step.get(DETECTOR, "")))

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to undo."""
        return self._at > 0

    @property
    def can_redo(self) -> bool:
        """Whether there is an undone step to redo."""
        return self._at + 1 < len(self._steps)

    def find(self, entry_id: str) -> TaughtWeights | None:
        """The entry with this id, or None."""
        return next((t for t in self.entries if t.id == entry_id), None)

    def latest(self, kind: Kind) -> TaughtWeights | None:
        """The newest entry of a kind that was trained on this dataset, not imported."""
        return next((t for t in reversed(self.entries) if t.kind == kind and not t.origin), None)

    def work(self, kind: Kind) -> Path:
        """The work folder of a kind: checkpoints of an unfinished training."""
        return self.home / "work" / kind

    def unfinished(self, kind: Kind) -> bool:
        """Whether a training of a kind was interrupted and can be resumed."""
        return (self.work(kind) / _STARTED).is_file()

    def mark_started(self, kind: Kind) -> None:
        """Marks a training of a kind as started. Raises ``TaughtError``."""
        with _os_errors_as_taught(self.home):
            atomic.write_text(self.work(kind) / _STARTED, "")

    def add(self, entry: TaughtWeights, weights: Path) -> TaughtWeights:
        """Adds the result of a training; returns the existing entry if the same weights are there already.

        Args:
            entry: Its scores; ``id`` and ``path`` are set here.
            weights: The weights file; it is copied.

        Raises:
            TaughtError: The record could not be written.
        """
        with _os_errors_as_taught(self.home), _locked(self.folder):
            data = read_bytes(weights, MAX_WEIGHTS_BYTES)
            for other in TaughtRecord.read(self.folder).entries:
                if other.kind != entry.kind or other.problem:
                    continue
                if read_bytes(other.path, MAX_WEIGHTS_BYTES) == data:
                    self._clear_started(entry.kind)
                    return other
            kept = self._write(entry, data)
            self._clear_started(entry.kind)
            return kept

    def import_weights(self, file: Path) -> TaughtWeights:
        """Adds weights from a file. Raises ``TaughtError`` if it does not contain Flint weights."""
        kind = kind_of(file)
        names = names_of(file) if kind == DETECTOR else ()
        return self.add(TaughtWeights("", kind, time.time(), names=names, origin=str(file.absolute())), file)

    def use(self, *entries: TaughtWeights) -> TaughtRecord:
        """Puts entries in use, at most one of each kind, as a single undo step. Raises ``TaughtError``."""
        with _os_errors_as_taught(self.home), _locked(self.folder):
            now = TaughtRecord.read(self.folder)
            step: _Step = {**now._steps[now._at], **{str(t.kind): t.id for t in entries}}
            if step == now._steps[now._at]:
                return now
            return now._write_steps((*now._steps[: now._at + 1], step), now._at + 1)

    def undo(self) -> TaughtRecord:
        """Goes back one step, if there is one. Raises ``TaughtError``."""
        return self._move(-1)

    def redo(self) -> TaughtRecord:
        """Redoes the last undone step, if there is one. Raises ``TaughtError``."""
        return self._move(1)

    def _move(self, by: int) -> TaughtRecord:
        with _os_errors_as_taught(self.home), _locked(self.folder):
            now = TaughtRecord.read(self.folder)
            at = now._at + by
            return now._write_steps(now._steps, at) if 0 <= at < len(now._steps) else now

    def _write_steps(self, steps: tuple[_Step, ...], at: int) -> TaughtRecord:
        path = self.home / _USE
        if _read_use(path)[2]:
            rename_bad(path)
        json_file.write(path, {"version": 1, "steps": steps, "at": at}, indent=1)
        return TaughtRecord.read(self.folder)

    def _write(self, entry: TaughtWeights, data: bytes) -> TaughtWeights:
        """Writes to a temporary folder, then renames it: the entry appears complete."""
        entry = replace(entry, id=_unused_id(self, entry))
        beside = self.home / f"{_NEW}{entry.id}"
        shutil.rmtree(beside, ignore_errors=True)
        name = weights_name(entry.kind)
        atomic.write_bytes(beside / name, data)
        json_file.write(beside / SCORES_FILE, replace(entry, path=Path(name)).to_json())
        beside.rename(self.home / entry.id)
        atomic.sync_folder(self.home)
        return replace(entry, path=self.home / entry.id / name)

    def _clear_started(self, kind: Kind) -> None:
        with contextlib.suppress(OSError):
            (self.work(kind) / _STARTED).unlink()


def export(entry: TaughtWeights, to: Path) -> None:
    """Copies taught weights to a file. Raises ``TaughtError``."""
    with _os_errors_as_taught(to):
        check_weights(entry.path)
        atomic.write_bytes(to, read_bytes(entry.path, MAX_WEIGHTS_BYTES))


def _inside(folder: Path) -> Path:
    return locate_store(folder).parent / "taught"


def _home(folder: Path) -> Path:
    """The folder beside the store, or one in the user's state folder if that is not writable."""
    inside = _inside(folder)
    try:
        check_store_place(folder.resolve(), locate_store(folder.resolve()))
        beside_store(inside, "taught")
    except OSError:  # a link that leads elsewhere
        return places.state() / "taught" / dataset_id(folder)
    existing = next(p for p in (inside, *inside.parents) if p.is_dir())
    return inside if atomic.is_writable(existing) else places.state() / "taught" / dataset_id(folder)


def _read_use(path: Path) -> tuple[tuple[_Step, ...], int, str]:
    """Returns (steps, index of the current step, problem)."""
    try:
        value = json_file.read_object(path)
        steps = tuple({str(k): str(v) for k, v in step.items()} for step in value["steps"])
        at = int(value["at"])
        if not 0 <= at < len(steps):
            raise ValueError(f"step {at} of {len(steps)}")
    except FileNotFoundError:
        return ({},), 0, ""
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        text = (
            f"{path} cannot be read ({reason(error)}), so Flint uses its own weights. No taught weights are "
            f"lost: use them from their files in {path.parent}."
        )
        return ({},), 0, text
    return steps, at, ""


def _unused_id(taught: TaughtRecord, entry: TaughtWeights) -> str:
    base = f"{entry.kind}-{time.strftime('%Y%m%d-%H%M%S', time.localtime(entry.when))}"
    name, number = base, 1
    while (taught.home / name).exists():
        number += 1
        name = f"{base}-{number}"
    return name


def activity_lock(folder: Path, purpose: str = "", state: str = "open") -> DatasetLock:
    """Returns the lock of an activity on a dataset's taught weights, beside their folder."""
    home = _home(folder)
    name = f"{home.name}.{purpose}.lock" if purpose else f"{home.name}.lock"
    return DatasetLock(folder, home.with_name(name), state)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Holds the record's lock; waits for another process, since a change takes only a moment."""
    lock = activity_lock(folder)
    holder = lock.wait()
    if holder:
        raise TaughtError(f"{holder}.", next="Try again later.")
    try:
        _clear_leftovers(_home(folder))
        yield
    finally:
        lock.release()


def _clear_leftovers(home: Path) -> None:
    """Removes what a crash has left of entries and records; the caller holds the record's lock."""
    temporaries.clear(home, *(home / "work" / kind for kind in KINDS))
    for left in home.glob(f"{_NEW}*"):
        shutil.rmtree(left, ignore_errors=True)


@contextmanager
def _os_errors_as_taught(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise TaughtError(f"{error.filename or place} cannot be read or written: {reason}.") from error
