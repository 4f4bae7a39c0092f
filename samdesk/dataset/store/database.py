"""The SQLite database of a dataset: connection, tables, transactions, and errors for the user."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import quote_from_bytes

from samdesk.base import atomic
from samdesk.base.errors import reason
from samdesk.base.jobs import CancelToken
from samdesk.dataset.store import schema
from samdesk.dataset.store.errors import REPLACE, DamagedError, RefusedError, StoreError
from samdesk.dataset.store.header import check_file, has_log, sidecars
from samdesk.dataset.store.migrations import VERSION, migrate, version_of
from samdesk.dataset.store.saves import SETTING, Saves, forget, lost, note
from samdesk.domain.search import matcher

_CACHE_KIB = 32 << 10
"""Pages kept in memory: SQLite's 2 MiB hold less than the annotations of a full image."""
# Above this a store is not read through on opening, which takes 4 s for a gigabyte.
_CHECK_BYTES = 64 << 20
UNFINISHED = ".new"
"""Ending of the name of a copy that is being made."""
_INSTRUCTIONS = 100_000
"""Of SQLite between two looks whether a query is cancelled; a few milliseconds."""
HAS_TEXT = "samdesk_has"
"""The SQL function (text, value): whether the text has the value of a search in it."""
_MOST_BYTES = 256 << 20
"""The largest value: a damaged row may claim to hold a gigabyte."""


class Store:
    """An open store: one SQLite database, in a file or in memory. One thread at a time may use it.

    Attributes:
        path: The file; None: in memory.
        read_only: Nothing can be written. It shows what another process commits to the file meanwhile,
            unless the file was made by an older samdesk: then it is a copy in memory.
        was_not_closed: The program that had the file open before has not closed it.
        lost_saves: Number of transactions that were durable once and are gone.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path | None, read_only: bool = False) -> None:
        self._connection = connection
        self.path = path
        self.read_only = read_only
        self.was_not_closed = False
        self.lost_saves = 0
        self._saves: Saves | None = None
        self._seen = 0
        self._failed = False

    @classmethod
    def in_memory(cls) -> Store:
        """Returns a new, empty store in memory."""
        store = cls(_connect(":memory:"), None)
        store._prepare()
        return store

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False) -> Store:
        """Opens the store in a file and checks it; creates one where there is no file.

        A store of an older samdesk is brought up to date. Before that it is copied to a file beside it
        (``dataset.v1.db``), so that the older samdesk can be used again. With ``read_only`` the file stays as
        it is and a copy in memory is brought up to date.

        Raises:
            StoreError: Damaged, made by a newer samdesk, cannot be read, or cannot be brought up to date.
                The file is as it was.
        """
        if not read_only and not os.path.lexists(path):
            return cls.in_memory().save_as(path)
        with _described(path):
            unclean = has_log(path)
            check_file(path)
            mode = "ro" if read_only else "rw"
            connection = _connect(f"{uri_of(path.absolute())}?mode={mode}", uri=True)
        store = cls(connection, path, read_only)
        store.was_not_closed = unclean
        try:
            with _described(path):
                if path.stat().st_size < _CHECK_BYTES:
                    store._check()
                store._prepare()
                store._find_saves(path)
        except BaseException:
            store._connection.close()
            raise
        return store

    @classmethod
    def copy_of(cls, path: Path) -> Store:
        """Returns a store in memory with the content of a file in a folder that cannot be written to."""
        store = cls(_connect(":memory:"), None)
        with tempfile.TemporaryDirectory(prefix="samdesk-") as folder, _described(path):
            check_file(path)
            for part in (path, sidecars(path)[0]):
                if part.exists():
                    shutil.copyfile(part, Path(folder) / part.name)
            with contextlib.closing(_connect(str(Path(folder) / path.name))) as source:
                source.backup(store._connection)
            store._check()
            store._prepare(path)
        return store

    def save_as(self, path: Path, *, replace: bool = False) -> Store:
        """Opens a new file with the same content and closes this store.

        Args:
            path: The file.
            replace: Whether it may exist: an earlier attempt has failed half-way.

        Raises:
            StoreError: The file exists or cannot be written; there is no new file, this store stays open.
        """
        if path.exists() and not replace:
            raise StoreError(f"{path} already exists.", next="Choose another place for the store.")
        try:
            with _described(path):
                atomic.make_folder(path.parent)
                forget(path)
                for part in sidecars(path) if replace else ():
                    part.unlink(missing_ok=True)  # they would be taken for those of the new file
                self._copy_to(path)
            store = Store.open(path)
        except BaseException:
            for part in (path, *sidecars(path)):
                with contextlib.suppress(OSError):
                    part.unlink(missing_ok=True)
            raise
        self._connection.close()
        return store

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Runs its block in a transaction: all of it is durable when the block ends, or none of it.

        Raises:
            StoreError: It could not be saved; the store is as it was.
        """
        with self._described():
            saves = (self._saves or Saves.new()).next()
            self._begin(saves)
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
        self._saves = saves
        if self.path is not None:
            note(self.path, saves)

    def _begin(self, saves: Saves) -> None:
        """Begins with the first write; connects anew if the disk took none when the store was opened."""
        try:
            self._begin_writing(saves)
        except sqlite3.OperationalError as error:
            if "readonly" not in str(error) or not self._reconnect():
                raise
            self._begin_writing(saves)

    def _begin_writing(self, saves: Saves) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            if self._was_changed_by_another():
                raise StoreError(
                    f"{_name(self.path)} was changed by another program since it was opened here.",
                    next="Open the folder again; nothing is written over that change.",
                )
            sql = "INSERT OR REPLACE INTO settings (key, value) VALUES (?,?)"
            self._connection.execute(sql, (SETTING, saves.text))
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def _reconnect(self) -> bool:
        """Replaces a connection that SQLite has made read-only because the disk refused writing on opening.

        Returns False, with the connection as it was, unless the file holds what was last saved here.
        """
        if self.path is None or self.read_only:
            return False
        connection = _connect(f"{uri_of(self.path.absolute())}?mode=rw", uri=True)
        try:
            row = connection.execute("SELECT value FROM settings WHERE key=?", (SETTING,)).fetchone()
            if Saves.parse(row and row[0]) != self._saves:
                connection.close()
                return False
            _prepare_to_write(connection)
            connection.execute("PRAGMA foreign_keys=ON")
            seen = int(connection.execute("PRAGMA data_version").fetchone()[0])
        except BaseException:
            connection.close()
            raise
        old, self._connection, self._seen = self._connection, connection, seen
        old.close()
        return True

    def execute(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Runs one statement. Raises ``StoreError``."""
        with self._described():
            return self._connection.execute(sql, values)

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Returns all rows of a query. Raises ``StoreError``."""
        with self._described():
            return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, values: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        """Returns the first row of a query, or None. Raises ``StoreError``."""
        with self._described():
            found: tuple[Any, ...] | None = self._connection.execute(sql, values).fetchone()
            return found

    def execute_many(self, sql: str, values: Iterable[Sequence[Any]]) -> None:
        """Runs one statement for each row of values. Raises ``StoreError``."""
        with self._described():
            self._connection.executemany(sql, values)

    @property
    def changes(self) -> tuple[int, int]:
        """Differs after rows were written, here or by another program."""
        return self._connection.total_changes, self._data_version()

    def stream(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Yields the rows of a query. Raises ``StoreError``."""
        with self._described():
            yield from self._connection.execute(sql)

    @contextlib.contextmanager
    def interruptible(self, cancel: CancelToken | None) -> Iterator[None]:
        """Runs its block, whose queries may be cancelled. Raises ``Cancelled``."""
        if cancel is None:
            yield
            return
        cancel.check()
        connection = self._connection
        connection.set_progress_handler(lambda: cancel.cancelled, _INSTRUCTIONS)
        try:
            yield
        except StoreError:
            cancel.check()
            raise
        finally:
            connection.set_progress_handler(None, _INSTRUCTIONS)

    def close(self) -> None:
        """Closes the database. Everything committed is in its file."""
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()

    @contextlib.contextmanager
    def _described(self) -> Iterator[None]:
        with _described(self.path):
            try:
                yield
            except sqlite3.Error:
                self._failed = True
                raise

    def _was_changed_by_another(self) -> bool:
        """Whether another connection has committed to the file since it was opened."""
        version = self._data_version()
        if version == self._seen:
            return False
        if not self._failed or self._saves != self._saves_in_file():
            return True
        self._seen, self._failed = version, False  # SQLite counts a failure of its own, too
        return False

    def _saves_in_file(self) -> Saves | None:
        row = self._connection.execute("SELECT value FROM settings WHERE key=?", (SETTING,)).fetchone()
        return Saves.parse(row and row[0])

    def _find_saves(self, path: Path) -> None:
        self._saves = self._saves_in_file()
        self.lost_saves = lost(path, self._saves)

    def _data_version(self) -> int:
        """A number that changes when another connection commits to the file."""
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def _check(self) -> None:
        # An index may have lost rows if the file was not closed; it is compared only then, for its cost.
        check = "integrity_check" if self.was_not_closed else "quick_check"
        found = self._connection.execute(f"PRAGMA {check}(1)").fetchone()
        if found[0] != "ok":
            raise sqlite3.DatabaseError(f"malformed: {str(found[0]).splitlines()[-1]}")

    def _prepare(self, origin: Path | None = None) -> None:
        """Checks the tables and brings them up to date; creates them in memory.

        ``origin``: the file that a copy in memory was made of.
        """
        name = self.path or origin
        version = version_of(self._connection)
        if name is None:
            schema.create(self._connection)
            version = VERSION
        self._check_schema(name, version)
        if not self.read_only:
            _prepare_to_write(self._connection)
        if version < VERSION:
            self._bring_up_to_date(name, version)
            self._check_schema(name, VERSION)
        self._connection.execute("PRAGMA foreign_keys=ON")  # only now: a migration replaces tables
        self._seen = self._data_version()

    def _check_schema(self, name: Path | None, version: int) -> None:
        part = schema.foreign_part(self._connection, version)
        if part:
            raise DamagedError(f"{name} has a {part} that samdesk has not made.", next=REPLACE)

    def _bring_up_to_date(self, name: Path | None, version: int) -> None:
        try:
            if self.read_only:
                self._load_into_memory()
            elif self.path is not None:
                self._copy_to(self.path.with_name(f"{self.path.stem}.v{version}{self.path.suffix}"))
            migrate(self._connection)
        except Exception as error:
            raise StoreError(
                f"{name} was made by an older samdesk and could not be brought up to date ({error}). "
                "The file is unchanged.",
                next="Make room on the disk and try again, or open it with the older samdesk.",
            ) from error

    def _copy_to(self, path: Path) -> None:
        """Writes the content to a file atomically: if that fails, the file is unchanged or does not exist."""
        temporary = path.with_name(path.name + UNFINISHED)
        try:
            temporary.unlink(missing_ok=True)
            with contextlib.closing(sqlite3.connect(temporary)) as target:
                self._connection.backup(target)
            temporary.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        atomic.sync_folder(path.parent)

    def _load_into_memory(self) -> None:
        memory = _connect(":memory:")
        self._connection.backup(memory)
        self._connection.close()
        self._connection = memory


def uri_of(path: PurePath) -> str:
    """Returns the URI with which SQLite opens a file.

    It takes no machine before the path, so a network share is part of the path: ``file:////nas/share/x.db``.
    """
    text = path.as_posix()
    return "file://" + quote_from_bytes(os.fsencode(text if text.startswith("/") else f"/{text}"), safe="/:")


def _connect(database: str, uri: bool = False) -> sqlite3.Connection:
    # No implicit transactions. A store may move from one thread to another, so SQLite must not check it.
    connection = sqlite3.connect(database, uri=uri, isolation_level=None, check_same_thread=False, timeout=10)
    connection.execute("PRAGMA trusted_schema=OFF")
    connection.execute("PRAGMA cell_size_check=ON")
    connection.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
    connection.create_function(HAS_TEXT, 2, _has_text)
    if sys.version_info >= (3, 11):
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MOST_BYTES)
    return connection


def _has_text(text: object, value: object) -> bool:
    """Compares what ``LIKE`` cannot: letters beyond ASCII, whatever the case."""
    return isinstance(text, str) and matcher(str(value), anywhere=True)(text)


def _prepare_to_write(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA fullfsync=ON")  # macOS: beyond the cache of the drive


def _name(path: Path | None) -> str:
    return str(path) if path else "The store in memory"


_OF_DAMAGE = ("malformed", "not a database", "decode to UTF-8", "corrupt", "too big")
"""Words of SQLite's messages."""


@contextlib.contextmanager
def _described(path: Path | None) -> Iterator[None]:
    """Turns errors of SQLite and of the file system into ``StoreError``."""
    name = _name(path)
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise RefusedError(f"{name} does not accept the change: {error}.") from error
    except (sqlite3.Error, UnicodeDecodeError) as error:  # of a message that quotes the file
        problem, advice = _reason(error)
        kind = DamagedError if advice == REPLACE else StoreError
        raise kind(f"{name} {problem}.", next=advice) from error
    except OSError as error:
        raise StoreError(f"{name} cannot be opened or written: {reason(error)}.") from error


def _reason(error: Exception) -> tuple[str, str]:
    """What happened, as the end of a sentence without its period, and what to do next."""
    text = str(error)
    if "full" in text:
        return "cannot be written: the disk is full", "Earlier changes are saved. Make room and try again."
    if isinstance(error, UnicodeDecodeError) or any(word in text for word in _OF_DAMAGE):
        return f"is damaged ({text}) and left as it is", REPLACE
    if "locked" in text or "busy" in text:
        return "is in use by another program", "Close that program and try again."
    if "readonly" in text:
        return "cannot be written: the file or its folder is read-only", ""
    return f"cannot be read or written: {text}", ""
