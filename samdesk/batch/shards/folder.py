"""A folder anywhere that fsspec reaches: on a disk, in a bucket, in memory.

A file is written whole or not at all: on a disk under a temporary name that is then renamed, in a bucket with
one put, elsewhere (FTP, SFTP, HDFS, ...) as on a disk.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from samdesk.base.atomic import make_folder, write_bytes
from samdesk.base.disk import temporaries
from samdesk.base.errors import reason
from samdesk.base.regular import read_bytes
from samdesk.batch.shards.errors import ShardsError, import_failed

MOST_BYTES = 4 << 30
"""Of a file that is read whole: the manifest of 100 million images."""

_ONE_PUT = frozenset(
    {"abfs", "abfss", "adl", "az", "gcs", "gs", "hf", "memory", "oci", "oss", "r2", "s3", "s3a", "tos"}
)
"""Stores whose files appear at once and whole when they are put."""


@dataclass(frozen=True)
class Folder:
    """A folder that results are written to.

    Attributes:
        url: A path, or a URL such as ``s3://bucket/run``.
    """

    url: str
    _files: Any = field(init=False, repr=False, compare=False)
    _path: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        files, path = connect(self.url)
        object.__setattr__(self, "_files", files)
        object.__setattr__(self, "_path", path.rstrip("/"))

    def __reduce__(self) -> tuple[type[Folder], tuple[str]]:
        return Folder, (self.url if self.local is None else str(self.local),)

    @property
    def local(self) -> Path | None:
        """Its path, if it is on this machine's disks."""
        return Path(self._path) if _is_local(self._files) else None

    def names(self, inside: str = "") -> set[str]:
        """The names of the files in it, or in a folder inside it; empty if that does not exist."""
        folder = self._at(inside) if inside else self._path
        with self._errors():
            self._files.invalidate_cache(folder)  # what other workers have written since counts
            try:
                found = self._files.ls(folder, detail=False)
            except FileNotFoundError:
                return set()
        return {str(path).rstrip("/").rpartition("/")[2] for path in found}

    def has(self, name: str) -> bool:
        """Whether a file is there."""
        with self._errors():
            if self.local is None:
                self._files.invalidate_cache(self._path)
            return bool(self._files.exists(self._at(name)))

    def read(self, name: str) -> bytes:
        """Returns the content of a file. Raises ``FileNotFoundError``, ``ShardsError``."""
        with self._errors():
            if self.local is not None:
                return read_bytes(self.local / name, MOST_BYTES)
            return bytes(self._files.cat_file(self._at(name)))

    def write(self, name: str, data: bytes) -> None:
        """Writes a file, whole or not at all, in place of one that is there."""
        path = self._at(name)
        with self._errors():
            if self.local is not None:
                write_bytes(self.local / name, data)
            elif _protocol(self._files) in _ONE_PUT:
                self._files.pipe_file(path, data)
            else:
                self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
                temporary = f"{path}.{secrets.token_hex(8)}.tmp"
                self._files.pipe_file(temporary, data)
                self._files.mv(temporary, path)

    def create(self, name: str, data: bytes) -> bool:
        """Writes a file unless it is there; of several that do so at once, one succeeds.

        Returns:
            Whether this one has written it.
        """
        with self._errors():
            if self.local is not None:
                return _create(self.local / name, data)
            try:
                self._files.pipe_file(self._at(name), data, mode="create")
            except FileExistsError:
                return False
            except (NotImplementedError, TypeError, ValueError):  # a file system that knows no such mode
                if self._files.exists(self._at(name)):
                    return False
                self.write(name, data)
        return True

    def clear_temporaries(self, inside: str) -> None:
        """Removes what killed writers have left in a folder inside it, if it is on a disk."""
        if self.local is not None:
            temporaries.clear(self.local, self.local / inside)

    def _at(self, name: str) -> str:
        return f"{self._path}/{name}"

    @contextmanager
    def _errors(self) -> Iterator[None]:
        with _in_words(self.url):
            yield


def connect(url: str) -> tuple[Any, str]:
    """The file system of a URL or path, and the path in it.

    Raises:
        ShardsError: fsspec, or the package for this kind of URL, is not installed.
    """
    try:
        import fsspec
    except ImportError as error:
        raise import_failed(error, "tables") from error
    try:
        return fsspec.core.url_to_fs(url if "://" in url else os.path.abspath(url))  # type: ignore[no-any-return]  # noqa: PTH100
    except ImportError as error:
        raise ShardsError(f"{url} cannot be reached: {error}.") from error
    except ValueError as error:
        raise ShardsError(f"{url} is not a path or URL that can be reached: {error}.") from error


@contextmanager
def _in_words(url: str) -> Iterator[None]:
    """Turns what a file system raises into words; ``FileNotFoundError`` and our own pass."""
    try:
        yield
    except (FileNotFoundError, ShardsError):
        raise
    except Exception as error:  # each store's library has errors of its own
        raise ShardsError(f"{url} cannot be read or written: {reason(error)}.") from error


def _create(path: Path, data: bytes) -> bool:
    if path.exists():
        return False
    make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.new")  # no other driver removes it
    write_bytes(temporary, data)
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    except OSError:  # a disk without hard links
        temporary.replace(path)
    finally:
        with suppress(OSError):
            temporary.unlink()
    return True


def _is_local(files: Any) -> bool:
    return _protocol(files) in ("file", "local")


def _protocol(files: Any) -> str:
    protocol = files.protocol
    return str(protocol if isinstance(protocol, str) else protocol[0])
