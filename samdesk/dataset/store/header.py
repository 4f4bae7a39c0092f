"""Recognises a store by the first bytes of its file, before SQLite opens it.

SQLite takes an empty file for a new database, writes to a file that it opens (its journal mode), and believes
the header of another program's file.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path

from samdesk.base.regular import check_replaceable, open_regular
from samdesk.base.text import size
from samdesk.dataset.store.errors import REPLACE, DamagedError, StoreError
from samdesk.dataset.store.migrations import VERSION

APPLICATION_ID = 0x73616D64  # "samd"

_MAGIC = b"SQLite format 3\0"
_BYTES = 100
_UTF_8 = 1


@dataclass(frozen=True)
class StoreHeader:
    """The fields of an SQLite file's header that matter here.

    Attributes:
        page_bytes: Size of a page.
        pages: Number of pages when the header was written.
        pages_known: Whether ``pages`` is that of the last writing.
        encoding: Of text; 1: UTF-8.
        version: The version of the tables.
        application_id: The program that made the file.
    """

    page_bytes: int
    pages: int
    pages_known: bool
    encoding: int
    version: int
    application_id: int

    @classmethod
    def parse(cls, data: bytes) -> StoreHeader:
        """Reads the first 100 bytes of a file."""
        (page_bytes,) = struct.unpack(">H", data[16:18])
        change_counter, pages = struct.unpack(">II", data[24:32])
        encoding, version = struct.unpack(">II", data[56:64])
        (application_id,) = struct.unpack(">I", data[68:72])
        (valid_for,) = struct.unpack(">I", data[92:96])
        return cls(
            65536 if page_bytes == 1 else page_bytes,
            pages,
            change_counter == valid_for,
            encoding,
            version,
            application_id,
        )


def check_file(path: Path) -> None:
    """Checks that a file is a store that this samdesk can open. Nothing is written, SQLite is not asked.

    Raises:
        DamagedError: It is no database, or a part of it is missing.
        StoreError: Another program's database, or a store of a newer samdesk.
        OSError: It cannot be read, or it is not a regular file.
    """
    for part in sidecars(path):
        check_replaceable(part)
    with open_regular(path) as file:
        length = os.fstat(file.fileno()).st_size
        data = file.read(_BYTES)
    if not data:
        raise DamagedError(f"{path} is damaged (it is empty) and left as it is.", next=REPLACE)
    if len(data) < _BYTES or not data.startswith(_MAGIC):
        raise DamagedError(f"{path} is damaged (it is not a database) and left as it is.", next=REPLACE)
    header = StoreHeader.parse(data)
    if header.application_id != APPLICATION_ID:
        raise StoreError(f"{path} is a database, but not samdesk's.", next="Choose another place.")
    if header.version > VERSION:
        raise StoreError(f"{path} was made by a newer samdesk.", next="Update samdesk to open it.")
    if header.version < 1 or header.encoding != _UTF_8:
        raise DamagedError(f"{path} is damaged (no header of a store) and left as it is.", next=REPLACE)
    expected = header.pages * header.page_bytes
    # With a write-ahead log the file may grow when SQLite copies the log into it.
    if header.pages_known and length < expected and not has_log(path):
        raise DamagedError(
            f"{path} is damaged (cut off at {size(length)} of {size(expected)}) and left as it is.",
            next=REPLACE,
        )


def sidecars(path: Path) -> tuple[Path, Path]:
    """Returns the files that SQLite keeps beside a database while it is open: the log and its index."""
    return path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")


def has_log(path: Path) -> bool:
    """Returns whether the last program that wrote the file did not close it, or still has it open."""
    log = sidecars(path)[0]
    return log.exists() and log.stat().st_size > 0
