"""The files that an import reads: those the user has chosen, and what lies beside or below them.

Nothing else is opened, whatever a file says: no path that leads out of the chosen folder, by ``..``, as an
absolute path or by a link, and no hidden file.
"""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from samdesk.base.boundary import Boundary, name_problem
from samdesk.base.errors import reason
from samdesk.base.hashing import hash_bytes, hash_file
from samdesk.base.regular import open_regular
from samdesk.formats.base import Raster
from samdesk.images.errors import ImageError
from samdesk.images.header import MAX_PIXELS, check_decodable, read_header
from samdesk.images.pillow import open_image

MAX_BYTES = 64 << 20
"""Default limit of a file that is read at once."""
_HEAD = 64 << 10
_LOSSLESS = ("PNG", "BMP", "TIFF", "GIF")
"""Of label images: the values of others are not what was written."""

SizeOf = Callable[[str], "tuple[int, int] | None"]


class ChosenFiles:
    """The ``ReadableFiles`` of an import.

    Args:
        root: The chosen folder, or the one that all chosen files are in.
        names: The files to read, relative to it.
        folders: Folders, with all below them, whose files may be read; none: ``root``.
        image_size: Finds the size of an image of the dataset by its name.
        check: Called between two reads; it may raise ``Cancelled``.
        max_pixels: Limit of a label image.

    Attributes:
        bytes_read: So far.
        hashes: SHA-256 of each file that was read whole.
    """

    def __init__(
        self,
        root: Path,
        names: Sequence[str],
        folders: Sequence[Path] = (),
        image_size: SizeOf = lambda _name: None,
        check: Callable[[], None] = lambda: None,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        self.root = Path(os.path.realpath(root))
        self._names = tuple(sorted(names))
        self._image_size, self._check = image_size, check
        self._max_pixels = max_pixels
        self._boundary = Boundary(tuple(os.path.realpath(folder) for folder in folders or (root,)))
        self.bytes_read = 0
        self.hashes: dict[str, str] = {}
        self._opened: set[str] = set()

    @property
    def names(self) -> Sequence[str]:
        """The files to read, relative to the chosen folder, sorted."""
        return self._names

    def read(self, name: str, limit: int = MAX_BYTES) -> bytes:
        """Returns the content of a file of at most ``limit`` bytes. Raises ``OSError``."""
        self._check()
        data = self._boundary.read(self._path(name), limit)
        self.bytes_read += len(data)
        if name not in self.hashes:
            self.hashes[name] = hash_bytes(data)
        return data

    def head(self, name: str) -> bytes:
        """Returns the first 64 KiB of a file. Raises ``OSError``."""
        with open_regular(self._boundary.real_path(self._path(name)), follow=False) as file:
            return file.read(_HEAD)

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """Opens a file that is too large to be read at once. Raises ``OSError``."""
        self._check()
        path = self._boundary.real_path(self._path(name))
        with open_regular(path, follow=False) as file:
            self._opened.add(name)
            yield cast("BinaryIO", io.BufferedReader(_CountedFile(file, self._count), 1 << 20))

    def raster(self, name: str) -> Raster:
        """Returns the values of a lossless image, not rotated. Raises ``OSError``."""
        self._check()
        path = self._boundary.real_path(self._path(name))
        try:
            with open_regular(path, follow=False) as file:
                header = read_header(path, file)
                check_decodable(path, header, self._max_pixels)
                if header.format not in _LOSSLESS:
                    what = f"it is a {header.format} file, whose values are not exact"
                    raise OSError(errno.EINVAL, what, str(path))
                file.seek(0)
                data = file.read()
        except ImageError as error:
            raise OSError(errno.EINVAL, error.reason, str(path)) from error
        self._count(len(data))
        self.hashes.setdefault(name, hash_bytes(data))
        return _values(path, data)

    def image_size(self, name: str) -> tuple[int, int] | None:
        """Returns width and height of the EXIF-rotated image of the dataset with this name."""
        return self._image_size(name)

    def finish_hashes(self) -> dict[str, str]:
        """Returns the SHA-256 of every file that was read."""
        for name in sorted(self._opened - self.hashes.keys()):
            self._check()
            self.hashes[name] = hash_file(self._boundary.real_path(self._path(name)))
        return dict(self.hashes)

    def _path(self, name: str) -> Path:
        problem = name_problem(name)
        if problem:
            raise OSError(errno.EINVAL, f"it is not read, because {problem}", name)
        return self.root / name

    def _count(self, count: int) -> None:
        self.bytes_read += count
        self._check()


class _CountedFile(io.RawIOBase):
    """A file that counts what is read of it."""

    def __init__(self, file: io.BufferedReader, count: Callable[[int], None]) -> None:
        self._file, self._count = file, count

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def fileno(self) -> int:
        return self._file.fileno()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        count = self._file.readinto(buffer)
        self._count(count)
        return count


def _values(path: Path, data: bytes) -> Raster:
    try:
        with open_image(BytesIO(data), formats=_LOSSLESS) as image:
            if image.mode == "P":
                palette = image.getpalette("RGB") or []
                colors = np.array(palette, np.uint8).reshape(-1, 3)
                return Raster(np.array(image, np.uint8), colors)
            if image.mode in ("1", "L", "LA"):
                return Raster(np.array(image.convert("L"), np.uint8))
            if image.mode.startswith("I"):
                values = np.array(image)
                if values.min(initial=0) < 0 or values.max(initial=0) > np.iinfo(np.uint16).max:
                    raise OSError(errno.EINVAL, "it has values beyond 65,535", str(path))
                return Raster(values.astype(np.uint16))
            return Raster(np.array(image.convert("RGB"), np.uint8))
    except OSError as error:
        raise OSError(errno.EINVAL, reason(error), str(path)) from error
    except Exception as error:  # damaged files raise many types
        raise OSError(errno.EINVAL, f"it is damaged ({error})", str(path)) from error
