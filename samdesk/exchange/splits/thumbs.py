"""Tiny grey images of the images of a dataset, kept in samdesk's cache folder by the stamps of the files."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from samdesk.base import places
from samdesk.base.bulk import in_parts
from samdesk.base.cv import cv2
from samdesk.base.jobs import CancelToken, Progress
from samdesk.domain.document import ImageKey
from samdesk.images.errors import ImageError
from samdesk.images.header import MAX_PIXELS
from samdesk.images.reader import read_thumbnail
from samdesk.images.snapshot import stamp_of

SIDE = 32
_READ_SIDE = 96
"""Images are decoded to about this size first: JPEG files reduced while they are decoded."""
_PART = 256
_BYTES = SIDE * SIDE
_MOST_KEPT = 500_000
"""Images of all datasets together: half a gigabyte."""


def thumbs(
    folder: Path,
    keys: Sequence[ImageKey],
    progress: Progress,
    cancel: CancelToken,
    max_pixels: int = MAX_PIXELS,
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Returns tiny grey images, stretched to squares.

    Args:
        folder: The dataset.
        keys: Its images.
        progress: Called with the number of images done and of all.
        cancel: Raises ``Cancelled``; what is done by then is kept in the cache.
        max_pixels: Larger images are not decoded.

    Returns:
        (N, 32, 32) uint8, and which could be read, (N,) bool.
    """
    found = np.zeros((len(keys), SIDE, SIDE), np.uint8)
    read = np.zeros(len(keys), bool)
    done = 0
    with _Cache(places.cache() / "similarity.db") as cache, ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for part in in_parts(enumerate(keys), _PART):
            cancel.check()
            paths = [str(folder / key) for _, key in part]
            stamps = list(pool.map(stamp_of, paths))
            known = cache.get(dict(zip(paths, stamps, strict=True)))
            missing = [path for path in paths if path not in known]
            made = {
                path: pixels
                for path, pixels in zip(
                    missing, pool.map(lambda p: _thumb(Path(p), max_pixels), missing), strict=True
                )
                if pixels is not None
            }
            stamped = zip(paths, stamps, strict=True)
            cache.put({path: (stamp, made[path]) for path, stamp in stamped if path in made})
            for (n, _), path in zip(part, paths, strict=True):
                pixels = known.get(path) or made.get(path)
                if pixels is not None:
                    found[n] = np.frombuffer(pixels, np.uint8).reshape(SIDE, SIDE)
                    read[n] = True
            done += len(part)
            progress(done, len(keys))
    return found, read


def _thumb(path: Path, max_pixels: int) -> bytes | None:
    try:
        pixels = read_thumbnail(path, _READ_SIDE, max_pixels=max_pixels)
    except ImageError:
        return None
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    return bytes(cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA))


class _Cache:
    """Tiny images by path and stamp, in a file that may be lost at any time: without it all are made anew."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def __enter__(self) -> _Cache:
        with self._ignored():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self._path, timeout=1.0)
            self._connection.execute("PRAGMA synchronous=OFF")
            self._connection.execute(
                "CREATE TABLE IF NOT EXISTS thumbs (path TEXT PRIMARY KEY, stamp INTEGER, pixels BLOB)"
            )
        return self

    def __exit__(self, *_: object) -> None:
        with self._ignored():
            if self._connection is not None:
                many = "rowid <= (SELECT max(rowid) FROM thumbs) - ?"
                self._connection.execute(f"DELETE FROM thumbs WHERE {many}", (_MOST_KEPT,))
                self._connection.commit()
        if self._connection is not None:
            self._connection.close()

    def get(self, stamps: dict[str, int]) -> dict[str, bytes]:
        """Returns those tiny images that are of files with these stamps."""
        found: dict[str, bytes] = {}
        with self._ignored():
            if self._connection is not None:
                marks = ",".join("?" * len(stamps))
                sql = f"SELECT path, stamp, pixels FROM thumbs WHERE path IN ({marks})"
                for path, stamp, pixels in self._connection.execute(sql, list(stamps)):
                    if stamps.get(path) == stamp and isinstance(pixels, bytes) and len(pixels) == _BYTES:
                        found[path] = pixels
        return found

    def put(self, made: dict[str, tuple[int, bytes]]) -> None:
        """Keeps tiny images with the stamps of their files."""
        with self._ignored():
            if self._connection is not None and made:
                self._connection.executemany(
                    "INSERT OR REPLACE INTO thumbs (path, stamp, pixels) VALUES (?,?,?)",
                    [(path, stamp, pixels) for path, (stamp, pixels) in made.items()],
                )
                self._connection.commit()

    @contextlib.contextmanager
    def _ignored(self) -> Iterator[None]:
        """A cache that cannot be read or written is none."""
        try:
            yield
        except (OSError, sqlite3.Error, UnicodeError) as error:
            if self._connection is not None:
                self._connection.close()
            self._connection = None
            if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
                with contextlib.suppress(OSError):  # damaged: the next one begins anew
                    self._path.unlink()
