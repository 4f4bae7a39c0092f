"""The lock that keeps two samdesk processes from writing to one dataset, wherever they run.

It is a file beside what it protects, so it holds between users, containers and machines that share a disk.
The system's own lock on it ends with its process. Some network drives have none between machines: there a
holder counts as dead once it has not renewed the file for ``DEAD_AFTER_S``.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import secrets
import sys
import time
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path

from samdesk.base import json_file
from samdesk.base.atomic import make_folder
from samdesk.base.json_file import JsonError
from samdesk.base.regular import check_replaceable, read_text

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

RENEWED_EVERY_S = 10.0
DEAD_AFTER_S = 60.0
"""By the clock of the disk, so that those of the machines need not agree."""
_WAIT_S = 30.0
_ATTEMPTS = 20
_BYTES = 4096
_FLAGS = os.O_RDWR | os.O_CREAT | sum(getattr(os, n, 0) for n in ("O_CLOEXEC", "O_NOFOLLOW", "O_BINARY"))


def dataset_id(folder: Path) -> str:
    """Returns an identifier of a dataset folder, the same for all its paths (links, letter case)."""
    real = os.path.normcase(os.path.realpath(folder))
    return hashlib.sha256(os.fsencode(real)).hexdigest()[:32]


def lock_path(store: Path, purpose: str = "") -> Path:
    """Returns the lock file of a store, which is beside it.

    Args:
        store: The file of the store.
        purpose: What is locked; "" is writing to the dataset.
    """
    name = "lock" if store.parent.name == ".samdesk" else f"{store.name}.lock"
    return store.with_name(f"{purpose}.{name}" if purpose else name)


@dataclass(frozen=True)
class LockHolder:
    """The process that holds a lock, as its file names it.

    Attributes:
        host: Name of the machine.
        kernel: Identifies the running system: containers share that of their machine.
        process: Number of the process.
        token: Differs for each time the lock is acquired.
    """

    host: str
    kernel: str
    process: int
    token: str

    @classmethod
    def this(cls) -> LockHolder:
        """This process, with a new token."""
        return cls(platform.node(), _kernel(), os.getpid(), secrets.token_hex(8))


class DatasetLock:
    """An exclusive lock between processes on a dataset, or on another activity on it.

    Attributes:
        path: Its file.
    """

    def __init__(self, folder: Path, path: Path, state: str = "open") -> None:
        """Creates the lock without acquiring it.

        Args:
            folder: The dataset, for the message.
            path: Of ``lock_path``.
            state: What the dataset is in the process that holds the lock, for the message ("open").
        """
        self.path = path
        self._folder, self._state = folder, state
        self._handle: int | None = None
        self._holder: LockHolder | None = None
        self._made_folder = False
        self._renewed = 0.0

    def acquire(self) -> str:
        """Acquires the lock without waiting. Returns "" on success, else the holder, for the user.

        Raises:
            OSError: The file cannot be created or written.
        """
        self._made_folder = not self.path.parent.is_dir()
        make_folder(self.path.parent)
        for _ in range(_ATTEMPTS):
            check_replaceable(self.path)
            handle, mine = self._open()
            try:
                holder = self._take(handle)
                if holder is None and mine and _is_file_of(self.path, handle):
                    self._hold(handle)
                    handle = -1
                    return ""
            finally:
                if handle >= 0:
                    os.close(handle)
            if holder is None and not mine:
                self.path.unlink()  # of another user, who is gone
            elif holder is not None:
                return f"{self._folder} is {self._state} in another samdesk{_described(holder)}"
        return f"{self._folder} is {self._state} in another samdesk"

    def wait(self, seconds: float = _WAIT_S) -> str:
        """Acquires the lock, waiting for a bounded time. Returns and raises as ``acquire``."""
        end = time.monotonic() + seconds
        while True:
            holder = self.acquire()
            if not holder or time.monotonic() >= end:
                return holder
            time.sleep(0.05)

    @property
    def lost(self) -> bool:
        """Whether another process has taken over a lock that was held, because this one seemed dead."""
        if self._handle is None or not self.path.exists():  # its folder was moved, which is noticed otherwise
            return False
        return not _is_file_of(self.path, self._handle) or _read(self._handle) not in (None, self._holder)

    def renew(self) -> None:
        """Shows other machines that the holder is alive; call it every few seconds."""
        if time.monotonic() - self._renewed >= RENEWED_EVERY_S and not self.lost:
            self._write()

    def __del__(self) -> None:
        """Closes the file of a lock that nobody has released."""
        if self._handle is not None:
            os.close(self._handle)

    def release(self) -> None:
        """Releases the lock; does nothing if it is not held."""
        handle, self._handle = self._handle, None
        if handle is None:
            return
        with contextlib.suppress(OSError):
            if _is_file_of(self.path, handle) and _read(handle) in (None, self._holder):
                os.ftruncate(handle, 0)
                if sys.platform != "win32":  # while it is locked: nobody can have acquired this file
                    self.path.unlink()
        os.close(handle)
        with contextlib.suppress(OSError):
            if sys.platform == "win32":
                self.path.unlink()
        if self._made_folder:
            with contextlib.suppress(OSError):  # not if a store was made
                self.path.parent.rmdir()

    def _open(self) -> tuple[int, bool]:
        """Opens the file; False: it is another user's and can only be read."""
        try:
            return os.open(self.path, _FLAGS, 0o666), True
        except PermissionError:
            if not self.path.is_file():
                raise
        return os.open(self.path, _FLAGS & ~(os.O_RDWR | os.O_CREAT)), False

    def _take(self, handle: int) -> LockHolder | None:
        """Locks the file. Returns the holder if another process is alive that has it."""
        known = _read(handle)
        locked = _lock(handle)
        if locked is False:
            return known or LockHolder("", "", 0, "")
        known = _read(handle)
        if known is not None and _may_be_alive(known, trusted=locked is True) and self._is_renewed(handle):
            return known
        return None

    def _hold(self, handle: int) -> None:
        self._handle, self._holder = handle, LockHolder.this()
        self._write()

    def _write(self) -> None:
        self._renewed = time.monotonic()
        if self._handle is not None and self._holder is not None:
            with contextlib.suppress(OSError):  # on a full disk it holds all the same
                _write(self._handle, self._holder)

    def _is_renewed(self, handle: int) -> bool:
        """Whether the file was written a short time ago, by the clock of its disk."""
        probe = self.path.with_name(f".{self.path.name}.{secrets.token_hex(8)}.tmp")
        try:
            descriptor = os.open(probe, _FLAGS | os.O_EXCL, 0o600)
            try:
                now = os.fstat(descriptor).st_mtime
            finally:
                os.close(descriptor)
                probe.unlink(missing_ok=True)
        except OSError:
            now = time.time()
        return now - os.fstat(handle).st_mtime < DEAD_AFTER_S


def _may_be_alive(holder: LockHolder, *, trusted: bool) -> bool:
    """Whether the process that a lock file names may be alive although the file is not locked.

    ``trusted``: the file system has locks; within one running system they are certain.
    """
    if trusted and holder.kernel == _kernel():
        return False
    if holder.host == platform.node() and holder.kernel == _kernel() and sys.platform != "win32":
        return holder.process == os.getpid() or _is_running(holder.process)
    return True


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _lock(handle: int) -> bool | None:
    """Locks an open file; False: another process has, None: the file system has no locks."""
    try:
        if sys.platform == "win32":
            os.lseek(handle, 1 << 30, os.SEEK_SET)  # locked bytes cannot be read: beyond the content
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return None
    return True


def _is_file_of(path: Path, handle: int) -> bool:
    """Whether an open file is still the one at a path; its last holder may have removed it."""
    try:
        return os.path.samestat(os.fstat(handle), path.lstat())
    except OSError:
        return False


def _read(handle: int) -> LockHolder | None:
    try:
        os.lseek(handle, 0, os.SEEK_SET)
        value = json_file.parse_object(os.read(handle, _BYTES))
        return LockHolder(
            str(value["host"]), str(value["kernel"]), int(value["process"]), str(value["token"])
        )
    except (OSError, JsonError, KeyError, TypeError, ValueError):
        return None


def _write(handle: int, holder: LockHolder) -> None:
    data = json.dumps(asdict(holder)).encode() + b"\n"
    os.lseek(handle, 0, os.SEEK_SET)
    os.write(handle, data)
    os.ftruncate(handle, len(data))
    os.fsync(handle)


def _described(holder: LockHolder) -> str:
    if not holder.process:
        return ""
    on = "" if holder.host == platform.node() else f" on {holder.host}"
    return f" (process {holder.process}{on})"


def _kernel() -> str:
    """Identifies the running system: on Linux its boot, else the machine."""
    with contextlib.suppress(OSError):
        return read_text(Path("/proc/sys/kernel/random/boot_id")).strip()
    return f"{uuid.getnode():x}"
