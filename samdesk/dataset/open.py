"""Which store a dataset has, and whether it may be written to."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path

from samdesk.base import atomic, places
from samdesk.dataset.lock import DatasetLock, dataset_id
from samdesk.dataset.store.database import Store, StoreError
from samdesk.dataset.types import Notice


@dataclass(frozen=True)
class Opened:
    """A store, and what may be done with it.

    Attributes:
        store: In memory until the first edit, where there is no file yet.
        place: The file that the store is or will be.
        lock: Held, unless ``read_only``.
        in_memory: Nothing can be written at ``place``; edits are lost on closing.
        read_only: Another samdesk has the dataset.
        notice: What the user should know about that.
    """

    store: Store
    place: Path
    lock: DatasetLock
    in_memory: bool = False
    read_only: bool = False
    notice: Notice | None = None


def open_store(folder: Path, store_path: Path | None) -> Opened:
    """Opens the store of a dataset, in the given place, where it was moved to, or in the folder.

    Raises:
        StoreError: The store is damaged, cannot be read, or is made by a newer samdesk.
    """
    place = store_path or store_place(folder)
    lock = DatasetLock(folder)
    holder = lock.acquire()
    try:
        if holder:
            return _second(place, lock, holder)
        opened = _first(folder, place, lock)
    except BaseException:
        lock.release()
        raise
    if store_path is not None:
        remember(folder, store_path)
    return opened


def store_place(folder: Path) -> Path:
    """Where the store of a dataset is or will be: where it was moved to, or in the folder."""
    return _remembered(folder) or folder / ".samdesk" / "dataset.db"


def remember(folder: Path, store_path: Path) -> None:
    """Notes that the store of a dataset is elsewhere."""
    note = _note(folder)
    with contextlib.suppress(OSError):  # the user would have to choose it again
        atomic.write_text(note, json.dumps({"folder": str(folder), "store": str(store_path.absolute())}))


def _first(folder: Path, place: Path, lock: DatasetLock) -> Opened:
    there = place.exists()
    where = next(p for p in place.parents if p.is_dir())
    if atomic.is_writable(where):
        return Opened(Store.open(place) if there else Store.in_memory(), place, lock)
    store = Store.copy_of(place) if there else Store.in_memory()
    text = (
        f"{folder} cannot be written to: your work is kept in memory only. "
        "Choose a place for samdesk's store to save it"
    )
    notice = Notice("read-only", text, str(folder))
    return Opened(store, place, lock, in_memory=True, notice=notice)


def _second(place: Path, lock: DatasetLock, holder: str) -> Opened:
    store = Store.open(place, read_only=True) if place.exists() else Store.in_memory()
    text = f"{holder}: it is shown here, but cannot be changed. Close the other window to work here"
    return Opened(store, place, lock, read_only=True, notice=Notice("locked", text, str(place)))


def _remembered(folder: Path) -> Path | None:
    try:
        path = Path(json.loads(_note(folder).read_text("utf-8"))["store"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return path if path.exists() else None


def _note(folder: Path) -> Path:
    return places.state() / "stores" / f"{dataset_id(folder)}.json"


def folder_error(folder: Path) -> StoreError | None:
    """Why a folder cannot be opened at all; None if it can."""
    if not folder.exists():
        return StoreError(f"there is no folder {folder}")
    return None if folder.is_dir() else StoreError(f"{folder} is a file: open the folder that it is in")
