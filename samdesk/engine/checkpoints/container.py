"""The two file formats of ``torch.save``: a zip archive, and the stream of PyTorch before 1.6.

Only the structure is read here, and every size that a header claims is compared with the file's own size,
so that a small file cannot ask for much memory. No torch is needed.
"""

from __future__ import annotations

import io
import os
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, Any, cast

MAX_PICKLE_BYTES = 64 << 20
"""The structure of a checkpoint is far smaller than this; its numbers are elsewhere."""
_MAX_DIRECTORY = 8 << 20
"""Bytes of a zip directory: 1,000 tensors need 0.1 MB, and every entry costs ten times that in memory."""
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_ENCRYPTED = 1


class CheckpointFault(ValueError):  # noqa: N818 - becomes an EngineError
    """A file cannot be read as a checkpoint; the message is the end of a sentence."""


class NotACheckpoint(CheckpointFault):
    """A file is not in a format of ``torch.save``."""


@dataclass(frozen=True)
class Record:
    """Where the numbers of one storage are in the file.

    Attributes:
        offset: Of the first byte.
        size: Bytes.
        crc: CRC-32; None: the format has none.
    """

    offset: int
    size: int
    crc: int | None = None


@dataclass(frozen=True)
class Container:
    """A checkpoint's file.

    Attributes:
        file: The open file.
        pickle: The bytes that start with the pickled object.
        records: Storages by key; empty for a stream, whose storages follow its pickles.
        is_archive: Whether it is a zip archive.
    """

    file: IO[bytes]
    pickle: bytes
    records: Mapping[str, Record] = field(default_factory=dict)
    is_archive: bool = True


def open_container(file: IO[bytes]) -> Container:
    """Reads the structure of an open checkpoint. Raises ``CheckpointFault`` or ``OSError``."""
    file.seek(0)
    if file.read(2) == b"PK":
        return _open_archive(file)
    file.seek(0)
    return Container(file, file.read(MAX_PICKLE_BYTES), is_archive=False)


def _open_archive(file: IO[bytes]) -> Container:
    try:
        with zipfile.ZipFile(cast("IO[bytes]", _BoundedReader(file))) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, struct.error, NotImplementedError, UnicodeDecodeError) as error:
        raise CheckpointFault(f"its archive is damaged or incomplete ({error})") from error
    found = {entry.filename: _record(file, entry) for entry in entries}
    if len(found) != len(entries):
        raise CheckpointFault("two entries of its archive have the same name")
    _check_apart(file, list(found.values()))
    return _container(file, found)


def _container(file: IO[bytes], found: Mapping[str, Record]) -> Container:
    pickles = [name for name in found if name.endswith("/data.pkl") and name.count("/") == 1]
    if len(pickles) != 1:
        raise NotACheckpoint("its archive holds no checkpoint")
    root = pickles[0].removesuffix("data.pkl")
    if root + "constants.pkl" in found:
        raise NotACheckpoint("it is TorchScript, a compiled program")
    order = found.get(root + "byteorder")
    if order is not None and read_record(file, order) != b"little":
        raise CheckpointFault("its numbers are in another byte order")
    if found[pickles[0]].size > MAX_PICKLE_BYTES:
        raise CheckpointFault("its structure is too large")
    prefix = f"{root}data/"
    storages = {name.removeprefix(prefix): r for name, r in found.items() if name.startswith(prefix)}
    return Container(file, read_record(file, found[pickles[0]]), storages)


def _record(file: IO[bytes], entry: zipfile.ZipInfo) -> Record:
    """Where an entry's bytes are. ``torch.save`` never compresses, so that nothing can unfold."""
    if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
        raise CheckpointFault("its archive is compressed")
    if entry.flag_bits & _ENCRYPTED:
        raise CheckpointFault("its archive is encrypted")
    try:
        file.seek(entry.header_offset)
        magic, name, extra = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
    except (struct.error, ValueError, OverflowError) as error:
        raise CheckpointFault("its archive is damaged or incomplete") from error
    if magic != b"PK\x03\x04":
        raise CheckpointFault("its archive is damaged")
    offset = entry.header_offset + _LOCAL_HEADER.size + name + extra
    return Record(offset, entry.file_size, entry.CRC)


def _check_apart(file: IO[bytes], records: list[Record]) -> None:
    """Checks that the entries are inside the file and do not overlap."""
    end = 0
    for record in sorted(records, key=lambda r: (r.offset, r.size)):
        if record.offset < end:
            raise CheckpointFault("entries of its archive overlap")
        end = record.offset + record.size
    if end > file.seek(0, os.SEEK_END):
        raise CheckpointFault("it is incomplete")


def read_record(file: IO[bytes], record: Record) -> bytes:
    """Returns the bytes of a record. Raises ``CheckpointFault`` if they are damaged or incomplete."""
    buffer = bytearray(record.size)
    read_into(file, record, memoryview(buffer))
    return bytes(buffer)


def read_into(file: IO[bytes], record: Record, buffer: memoryview) -> None:
    """Fills a buffer of ``record.size`` bytes. Raises as ``read_record``."""
    file.seek(record.offset)
    done = 0
    while done < record.size:
        count = cast("io.RawIOBase", file).readinto(buffer[done:])
        if not count:
            raise CheckpointFault("it is incomplete")
        done += count
    if record.crc is not None and zlib.crc32(buffer) != record.crc:
        raise CheckpointFault("its checksum is wrong, so it is damaged")


class _BoundedReader:
    """A file for ``zipfile`` that refuses to read a directory of millions of entries."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def read(self, count: int = -1) -> bytes:
        """Reads as a file does. Raises ``CheckpointFault`` for more than a directory may have."""
        if count > _MAX_DIRECTORY:
            raise CheckpointFault("the directory of its archive is too large")
        data = self._file.read(_MAX_DIRECTORY + 1 if count < 0 else count)
        if len(data) > _MAX_DIRECTORY:
            raise CheckpointFault("the directory of its archive is too large")
        return data
