"""Finds and opens the store of a dataset folder; read-only if another samdesk has it open."""

from __future__ import annotations

import contextlib
import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from samdesk.base import atomic, json_file, places
from samdesk.base.boundary import LeadsOutsideError
from samdesk.base.disk import temporaries
from samdesk.base.errors import reason
from samdesk.base.json_file import JsonError
from samdesk.base.regular import is_file
from samdesk.dataset.links import check_store_place, link_notice
from samdesk.dataset.lock import DatasetLock, dataset_id, lock_path
from samdesk.dataset.store.database import UNFINISHED, Store
from samdesk.dataset.store.errors import DamagedError, StoreError
from samdesk.dataset.store.header import sidecars
from samdesk.dataset.types import Notice
from samdesk.images.sources import is_text


@dataclass(frozen=True)
class OpenedStore:
    """An open store and how it may be used.

    Attributes:
        store: In memory until the first edit where there is no file yet.
        path: The file that the store is in or will be in.
        lock: Held, unless ``read_only`` or ``in_memory``.
        in_memory: Nothing can be written at ``path``; edits are lost on closing.
        read_only: Another samdesk has the dataset open.
        notice: Tells the user about either.
    """

    store: Store
    path: Path
    lock: DatasetLock
    in_memory: bool = False
    read_only: bool = False
    notice: Notice | None = None


def open_store(folder: Path, store_path: Path | None) -> OpenedStore:
    """Opens the store of a dataset and takes its lock.

    Args:
        folder: The dataset.
        store_path: The file of the store; None: ``locate_store``.

    Raises:
        StoreError: The store is damaged, cannot be read, or was made by a newer samdesk.
    """
    path = store_path or locate_store(folder)
    lock = DatasetLock(folder, lock_path(path))
    try:
        check_store_place(folder, path)
    except LeadsOutsideError as error:
        notice = link_notice(error, "samdesk's store and the annotations")
        return OpenedStore(Store.in_memory(), path, lock, in_memory=True, notice=notice)
    try:
        holder = lock.acquire() if _is_writable(path) else None
    except OSError:
        holder = None
    if holder is None:  # there is never a lock less: what cannot be locked is not written
        return _open_in_memory(folder, path, lock)
    try:
        if holder:
            return _open_read_only(path, lock, holder)
        _clear_copies(path)
        store = Store.open(path) if path.exists() else Store.in_memory()
    except BaseException:
        lock.release()
        raise
    opened = OpenedStore(store, path, lock)
    if store_path is not None:
        save_location(folder, store_path)
    return opened


def locate_store(folder: Path) -> Path:
    """Returns the file of a dataset's store, which may not exist yet.

    It is the file that the user has moved it to, else ``.samdesk/dataset.db`` in the folder.
    """
    return _saved_location(folder) or folder / ".samdesk" / "dataset.db"


def save_location(folder: Path, store_path: Path) -> None:
    """Records where the store of a dataset is, for later openings."""
    with contextlib.suppress(OSError):  # the user would have to choose it again
        where = {"folder": str(folder), "store": str(store_path.absolute())}
        json_file.write(_location_file(folder), where)
        temporaries.clear(_location_file(folder).parent)


def keep_damaged_apart(folder: Path, store_path: Path | None = None) -> Path | None:
    """Renames the store of a dataset if it is damaged; a new one is made of the label files then.

    Args:
        folder: The dataset.
        store_path: The file of the store; None: ``locate_store``.

    Returns:
        The new name of the damaged file (``dataset.damaged.db``); None: it is not damaged after all.

    Raises:
        StoreError: It cannot be renamed, or another samdesk has it open.
    """
    path = store_path or locate_store(folder)
    lock = DatasetLock(folder, lock_path(path))
    try:
        holder = lock.acquire()
    except OSError as error:
        raise StoreError(f"{path} cannot be renamed: {reason(error)}.") from error
    if holder:
        raise StoreError(f"{holder}.", next="Close it there first.")
    try:
        Store.open(path).close()
    except DamagedError:
        return _set_apart(path)
    finally:
        lock.release()
    return None


def _set_apart(path: Path) -> Path:
    names = ("damaged", *(f"damaged-{n}" for n in range(2, 1000)))
    target = next(
        p for n in names if not os.path.lexists(p := path.with_name(f"{path.stem}.{n}{path.suffix}"))
    )
    try:
        path.rename(target)
        for old, new in zip(sidecars(path), sidecars(target), strict=True):
            if os.path.lexists(old):
                old.rename(new)
    except OSError as error:
        raise StoreError(f"{path} cannot be renamed: {reason(error)}.") from error
    return target


def _clear_copies(path: Path) -> None:
    """Removes copies of a store that a crash has left unfinished; the caller holds its lock."""
    stem, suffix = glob.escape(path.stem), f"{glob.escape(path.suffix)}{UNFINISHED}"
    with contextlib.suppress(OSError):
        for name in (f"{stem}{suffix}", f"{stem}.v[0-9]*{suffix}"):
            for left in (*path.parent.glob(name), *path.parent.glob(f"{name}-journal")):
                left.unlink()


def _is_writable(path: Path) -> bool:
    return atomic.is_writable(next(p for p in path.parents if p.is_dir()))


def _open_in_memory(folder: Path, path: Path, lock: DatasetLock) -> OpenedStore:
    store = Store.copy_of(path) if path.exists() else Store.in_memory()
    text = (
        f"{folder} cannot be written to: your work is kept in memory only. "
        "Choose where to keep samdesk's store to save it."
    )
    notice = Notice("read-only", text, str(folder))
    return OpenedStore(store, path, lock, in_memory=True, notice=notice)


def _open_read_only(path: Path, lock: DatasetLock, holder: str) -> OpenedStore:
    store = Store.open(path, read_only=True) if path.exists() else Store.in_memory()
    text = f"{holder}. It is read-only in this window; to edit it, close it there first."
    return OpenedStore(store, path, lock, read_only=True, notice=Notice("locked", text, str(path)))


def _saved_location(folder: Path) -> Path | None:
    try:
        path = Path(json_file.read_object(_location_file(folder))["store"])
    except (OSError, JsonError, KeyError, TypeError):
        return None
    return path if is_file(path) else None


def _location_file(folder: Path) -> Path:
    return places.state() / "stores" / f"{dataset_id(folder)}.json"


def folder_error(folder: Path) -> StoreError | None:
    """Returns why a folder cannot be opened; None if it can."""
    if not folder.exists():
        return StoreError(f"There is no folder {folder}.")
    if not folder.is_dir():
        return StoreError(f"{folder} is a file, not a folder.", next="Open its folder instead.")
    return None


def left_out_notices(folder: Path, keys: Sequence[str]) -> list[Notice]:
    """Returns the notice that some images of a folder are left out; [] if none is."""
    left_out = [key for key in keys if not is_text(key)]
    if not left_out:
        return []
    name = left_out[0].encode("utf-8", "replace").decode("utf-8")
    text = (
        f"{len(left_out)} of the images ({name}) are left out: their names are not valid UTF-8. "
        "Rename them and open the folder again."
    )
    return [Notice("image", text, str(folder))]
