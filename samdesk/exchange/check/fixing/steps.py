"""Fixes that were done, so that each can be undone, also after a restart or a crash.

A fix of annotations is a step of the dataset's history. A fix of files is none: the files as they were go to
a folder of its own in "replaced" beside the store first, with a list of them; only then is any changed. So a
crash leaves each file as it was or as it was to be, and undoing brings all of them back.
"""

from __future__ import annotations

import contextlib
import errno
import stat
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from samdesk.base import atomic, json_file
from samdesk.base.bulk import in_parts
from samdesk.base.errors import reason
from samdesk.base.jobs import Progress
from samdesk.base.json_file import JsonError
from samdesk.base.regular import read_bytes
from samdesk.dataset.dataset import Dataset
from samdesk.dataset.labels.files import BAD_LINES
from samdesk.dataset.links import beside_store
from samdesk.dataset.trainer.paths import LISTING
from samdesk.dataset.types import RefusedError, StoreError
from samdesk.domain.document import ImageKey
from samdesk.exchange.access import DatasetAccess

_LIST = "fix.json"
_PREFIX = "fix-"
_MOST_LIST = 256 << 20
AT_ONCE = 64
"""Files of one question to the dataset, so that a save never waits long."""


@dataclass(frozen=True)
class FixedFile:
    """A file that a fix has changed, removed or made.

    Attributes:
        path: The file, absolute.
        kept: Name of the copy in the step's folder; "": there was no file.
        key: The image whose label file it is, if any.
    """

    path: str
    kept: str
    key: ImageKey | None = None


@dataclass(frozen=True)
class FixStep:
    """A fix that can be undone.

    Attributes:
        folder: Where it is kept.
        text: What it did, for the user.
        at: When, seconds since 1970.
        files: The files it has changed; empty: it is a step of the history.
        seq: Number of that step; 0: it is none.
        undone: Whether it was undone.
    """

    folder: Path
    text: str
    at: float
    files: tuple[FixedFile, ...] = ()
    seq: int = 0
    undone: bool = False


def begin_step(dataset: Dataset) -> Path:
    """Makes the folder that the files of a fix are copied to. Raises ``StoreError``."""
    dataset.core.check_writable()
    if dataset.in_memory:
        raise StoreError(
            "The dataset's store cannot be written, so files could not be brought back.",
            next="Save the store to another place first.",
        )
    try:
        return _new_folder(dataset)
    except OSError as error:
        raise StoreError(f"Files cannot be kept beside the store: {reason(error)}.") from error


def keep_files(
    dataset: Dataset, folder: Path, files: Sequence[tuple[Path, ImageKey | None]], start: int
) -> list[FixedFile]:
    """Copies files before a fix changes them.

    Args:
        dataset: The dataset.
        folder: Of ``begin_step``.
        files: The files, with the image whose label file each is, if any.
        start: Number of files copied before.

    Raises:
        StoreError: They cannot be copied; nothing may be changed then.
    """
    kept = []
    for number, (path, key) in enumerate(files, start):
        try:
            real, name = dataset.core.files.boundary.real_path(path), ""
            if real.exists():
                name = f"{number}{path.suffix}"
                mode = stat.S_IMODE(real.stat().st_mode)
                atomic.write_bytes(folder / name, read_bytes(real, follow=False), sync=False, mode=mode)
        except OSError as error:
            raise StoreError(f"{path} cannot be copied before it is changed: {reason(error)}.") from error
        kept.append(FixedFile(str(real), name, key))
    return kept


def note_files(folder: Path, text: str, files: Sequence[FixedFile]) -> FixStep:
    """Writes the list of the files that a fix is about to change; durable when it returns.

    Raises:
        StoreError: It cannot be written; nothing may be changed then.
    """
    step = FixStep(folder, text, time.time(), tuple(files))
    try:
        atomic.sync_folder(folder)
        _write(step)
    except OSError as error:
        raise StoreError(f"Files cannot be kept in {folder}: {reason(error)}.") from error
    return step


def note_step(dataset: Dataset, text: str, seq: int) -> None:
    """Notes a fix that is a step of the history, so that ``samdesk check --undo`` finds it."""
    if not dataset.in_memory:
        with contextlib.suppress(OSError):  # it can be undone in the window
            _write(FixStep(_new_folder(dataset), text, time.time(), seq=seq))


def steps(dataset: Dataset) -> list[FixStep]:
    """Returns the fixes that can be undone, the newest first."""
    try:
        root = beside_store(dataset.core.path, "replaced")
        folders = [f for f in root.iterdir() if f.name.startswith(_PREFIX) and not f.is_symlink()]
    except OSError:
        return []
    found = [step for step in map(_read, folders) if step is not None and not step.undone]
    return sorted(found, key=lambda step: (step.at, step.folder.name), reverse=True)


def undo_step(
    access: DatasetAccess, step: FixStep, progress: Progress = lambda _done, _total: None
) -> tuple[ImageKey, ...]:
    """Undoes a fix, some files at a time.

    Returns:
        The images that it was about.

    Raises:
        StoreError: It could not be undone; files that were brought back stay so, and it can be tried again.
        RefusedError: The history has newer steps.
    """
    if step.seq:
        keys = access.ask_now(partial(_undo_in_history, seq=step.seq))
    else:
        done = 0
        for part in in_parts(step.files, AT_ONCE):
            progress(done, len(step.files))
            access.ask_now(partial(_bring_all_back, folder=step.folder, files=part))
            done += len(part)
        keys = tuple(file.key for file in step.files if file.key is not None)
    with contextlib.suppress(OSError):
        _write(replace(step, undone=True))
    return keys


def _undo_in_history(dataset: Dataset, seq: int) -> tuple[ImageKey, ...]:
    if dataset.newest_step != seq:
        raise RefusedError(
            "Something else was changed since.", next="Undo that first, in the window (Ctrl+Z)."
        )
    done = dataset.undo()
    return () if done is None else done.keys


def _bring_all_back(dataset: Dataset, folder: Path, files: Sequence[FixedFile]) -> None:
    dataset.core.check_writable()
    for file in files:
        _bring_back(dataset, folder, file)


def _bring_back(dataset: Dataset, folder: Path, file: FixedFile) -> None:
    path = Path(file.path)
    try:
        real = _own_path(dataset, path)
        if not file.kept:
            real.unlink(missing_ok=True)
        else:
            kept = folder / file.kept
            content = read_bytes(kept, follow=False)
            if not real.exists() or read_bytes(real, follow=False) != content:
                atomic.write_bytes(real, content, mode=stat.S_IMODE(kept.stat().st_mode))
    except OSError as error:
        raise StoreError(f"{path} cannot be brought back: {reason(error)}.") from error
    if file.key is not None:
        _read_again(dataset, file.key)


def _own_path(dataset: Dataset, path: Path) -> Path:
    """Returns the path of a file that a fix may have changed: the list of files may be somebody else's.

    Raises ``OSError``, also for a file that is none of the dataset's.
    """
    core = dataset.core
    real = core.files.boundary.real_path(path)
    names = core.names.path
    if real in (names, names.parent / LISTING):
        return real
    inside = any(real.is_relative_to(folder) for folder in core.files.boundary.folders)
    hidden = any(part.startswith(".") for part in real.parts[1:] if part not in dataset.folder.parts)
    if not inside or hidden or real.suffix != core.files.format.suffix:
        raise OSError(errno.EPERM, "it is no label file of this dataset", str(path))
    return real


def _read_again(dataset: Dataset, key: ImageKey) -> None:
    """Makes the store know a label file as it was read before it was fixed."""
    core = dataset.core
    core.documents.forget_label_file(key)
    if core.rows.file(key) is None:
        return
    found = core.documents.reread_label_file(key)
    core.transact(lambda: core.rows.set_file(key, found.file, dirty=False))
    if found.problems:
        core.projection.conflicts[key] = BAD_LINES


def _new_folder(dataset: Dataset) -> Path:
    dataset.core.ensure_file()
    root = beside_store(dataset.core.path, "replaced")
    stamp = time.strftime("%Y%m%d-%H%M%S")
    names = (f"{_PREFIX}{stamp}-{number:03}" for number in range(1000))
    folder = next(root / name for name in names if not (root / name).exists())
    atomic.make_folder(folder)
    return folder


def _write(step: FixStep) -> None:
    value = {
        "text": step.text,
        "at": step.at,
        "seq": step.seq,
        "undone": step.undone,
        "files": [[file.path, file.kept, file.key or ""] for file in step.files],
    }
    json_file.write(step.folder / _LIST, value)


def _read(folder: Path) -> FixStep | None:
    try:
        value = json_file.read_object(folder / _LIST, _MOST_LIST)
        files = tuple(
            FixedFile(str(path), Path(str(kept)).name, ImageKey(str(key)) if key else None)
            for path, kept, key in value["files"]
        )
        at, seq = float(value["at"]), int(value["seq"])
    except (OSError, JsonError, KeyError, TypeError, ValueError):
        return None
    return FixStep(folder, str(value.get("text", "")), at, files, seq, value.get("undone") is True)
