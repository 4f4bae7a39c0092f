"""ImagePlacer: puts the images of an export in their places, in threads beside all else."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import BinaryIO

import numpy as np

from samdesk.base.cv import cv2
from samdesk.base.errors import reason
from samdesk.base.regular import open_regular
from samdesk.domain.document import ImageKey
from samdesk.domain.geometry.types import RgbImage
from samdesk.exchange.exporting.pieces import Piece
from samdesk.exchange.exporting.plan import ExportPlan
from samdesk.exchange.exporting.staging import StagedFolder
from samdesk.images.errors import ImageError
from samdesk.images.reader import read_image

JPEG_SUFFIXES = frozenset({".jpg", ".jpeg", ".mpo"})
_QUALITY = 95
_SYNC_BYTES = 256 << 20
"""After so many bytes the disk is waited for, so that little is left for the end."""
_PART = 1 << 30
_BUFFER = 1 << 20
_NO_LINKS = frozenset(
    {errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
)


def suffix_of(plan: ExportPlan, key: ImageKey) -> str:
    """Returns the suffix of the exported file; "": that of the image."""
    if not plan.changes_pixels:
        return ""
    suffix = Path(key).suffix
    if suffix.lower() == ".mpo":
        return ".jpg"
    return suffix if suffix.lower() in JPEG_SUFFIXES else ".png"  # JPEG stays JPEG; all else loses nothing


@dataclass(frozen=True)
class ImageFile:
    """An image to be put in its place.

    Attributes:
        path: Its place, relative to the exported folder.
        piece: What it is of the image of the dataset.
    """

    path: str
    piece: Piece


class ImagePlacer:
    """Copies, links or makes the image files of an export. Use it as a context manager.

    Attributes:
        copied: Number of images that were copied because they could not be linked.
    """

    def __init__(self, source: Path, folder: StagedFolder, plan: ExportPlan, threads: int) -> None:
        self.copied = 0
        self._source, self._folder, self._plan = source, folder, plan
        self._threads = ThreadPoolExecutor(threads if plan.changes_pixels else 1, "export images")
        self._bytes = 0
        self._lock = Lock()

    def __enter__(self) -> ImagePlacer:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(cancel_futures=True)

    def put(self, key: ImageKey, files: Sequence[ImageFile]) -> Future[str]:
        """Puts what is exported of an image in its place.

        Returns:
            Why the image cannot be read, for the user; "": it was. Its exception is an ``OSError`` of the
            exported folder.
        """
        return self._threads.submit(self._put, key, files)

    def _put(self, key: ImageKey, files: Sequence[ImageFile]) -> str:
        if self._plan.images == "leave":
            return ""
        source = self._source / key
        try:
            if self._plan.changes_pixels:
                self._make(source, files)
            else:
                for file in files:
                    self._copy_or_link(source, self._folder.place(file.path))
        except ImageError as error:
            return error.reason
        except _SourceError as error:
            return str(error)
        return ""

    def _copy_or_link(self, source: Path, place: Path) -> None:
        if self._plan.images != "copy":
            real = os.path.realpath(source)
            try:
                if self._plan.images == "hardlink":
                    os.link(real, place)
                else:
                    place.symlink_to(real)
            except OSError as error:
                if not Path(real).is_file():
                    raise _SourceError(reason(error)) from error
                if error.errno not in _NO_LINKS and getattr(error, "winerror", None) is None:
                    raise
                self.copied += 1
            else:
                return
        try:
            file = open_regular(source)
        except OSError as error:
            raise _SourceError(reason(error)) from error
        with file, place.open("xb", 0) as copy:
            self._count(_copied(file, copy))

    def _make(self, source: Path, files: Sequence[ImageFile]) -> None:
        pixels: RgbImage | None = None
        for file in files:
            piece = file.piece
            if pixels is None:
                pixels = read_image(source)
                if pixels.shape[1::-1] != piece.whole:
                    pixels = np.asarray(
                        cv2.resize(pixels, piece.whole, interpolation=cv2.INTER_AREA), np.uint8
                    )
            part = pixels[piece.y : piece.y + piece.height, piece.x : piece.x + piece.width]
            path = self._folder.place(file.path)
            data = _encoded(part, path.suffix.lower())
            with path.open("xb") as made:
                made.write(data)
            self._count(len(data))

    def _count(self, count: int) -> None:
        with self._lock:
            self._bytes += count
            full = self._bytes >= _SYNC_BYTES
            if full:
                self._bytes = 0
        if full:
            self._folder.sync()


class _SourceError(Exception):
    """An image of the dataset cannot be read; the message says why."""


def _copied(file: BinaryIO, copy: BinaryIO) -> int:
    """Copies a file; the system does it where it can, perhaps without moving a byte. Returns its size."""
    size = os.fstat(file.fileno()).st_size
    done = 0
    if hasattr(os, "copy_file_range"):
        try:
            while done < size:
                count = os.copy_file_range(file.fileno(), copy.fileno(), min(size - done, _PART))
                if not count:
                    break
                done += count
        except OSError as error:
            if done or error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO):
                raise
    if done < size:
        file.seek(done)
        shutil.copyfileobj(file, copy, _BUFFER)
    return size


def _encoded(pixels: RgbImage, suffix: str) -> bytes:
    """An image file of pixels, (H, W, 3) uint8, RGB; upright, without EXIF."""
    options = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY] if suffix in JPEG_SUFFIXES else []
    done, data = cv2.imencode(suffix, np.ascontiguousarray(pixels[:, :, ::-1]), options)
    if not done:
        raise OSError(errno.EIO, f"the image could not be encoded as {suffix}")
    return data.tobytes()
