"""ImageWriter: encodes frames and writes each atomically, in a few threads, in bounded memory."""

from __future__ import annotations

import errno
import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from samdesk.base.atomic import write_bytes
from samdesk.base.cv import cv2
from samdesk.base.errors import reason
from samdesk.exchange.frames.errors import UnfinishedError
from samdesk.exchange.frames.values import FramesPlan

_THREADS = 3
"""Encoding is the work, and leaves Python's lock; a thread more waits for the disk meanwhile."""
_AHEAD = 2
_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))


class ImageWriter:
    """Writes images in a folder, at most ``_THREADS + _AHEAD`` of them in memory.

    Args:
        folder: The folder.
        plan: The kind of image.
        turned: Makes a stored frame upright.

    Attributes:
        written: How many images are written.
    """

    def __init__(
        self, folder: Path, plan: FramesPlan, turned: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
    ) -> None:
        self._folder, self._plan, self._turned = folder, plan, turned
        self._pool = ThreadPoolExecutor(_THREADS, "video frames")
        self._waiting: deque[Future[None]] = deque()
        self.written = 0

    def __enter__(self) -> ImageWriter:
        """Returns itself; what was given to it is written at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Waits for the images that are being written."""
        try:
            while self._waiting:
                future = self._waiting.popleft()
                if kind is None:
                    self._end(future)
                elif not future.cancel() and future.exception() is None:  # the first error is reported
                    self.written += 1
        finally:
            self._pool.shutdown(cancel_futures=True)

    def write(self, name: str, pixels: NDArray[np.uint8]) -> None:
        """Has an image written; waits while there are too many.

        Args:
            name: Of the file.
            pixels: (H, W, 3) uint8, BGR, as stored.

        Raises:
            UnfinishedError: An image, perhaps an earlier one, could not be written.
        """
        while len(self._waiting) >= _THREADS + _AHEAD:
            self._end(self._waiting.popleft())
        self._waiting.append(self._pool.submit(self._write, name, pixels))

    def _end(self, future: Future[None]) -> None:
        try:
            future.result()
        except OSError as error:
            full = error.errno in _FULL
            why = "the disk is full" if full else reason(error)
            raise UnfinishedError(
                f"An image cannot be written in {self._folder}: {why}.",
                next="Free some space, then extract again: it goes on where it stopped." if full else "",
            ) from error
        self.written += 1

    def _write(self, name: str, pixels: NDArray[np.uint8]) -> None:
        path = self._folder / name
        data = encoded(self._turned(pixels), self._plan)
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, f"{name} is there, and is never overwritten", str(path))
        write_bytes(path, data, sync=False)


def encoded(pixels: NDArray[np.uint8], plan: FramesPlan) -> bytes:
    """Returns an image file.

    Args:
        pixels: (H, W, 3) uint8, BGR.
        plan: Says of what kind.

    Raises:
        OSError: It cannot be encoded.
    """
    options = [cv2.IMWRITE_JPEG_QUALITY, plan.quality] if plan.kind == "jpg" else []
    try:
        done, data = cv2.imencode(plan.suffix, pixels, options)
    except cv2.error as error:
        raise OSError(errno.EINVAL, f"it cannot be encoded ({error.err})") from error
    if not done:
        raise OSError(errno.EINVAL, "it cannot be encoded")
    return data.tobytes()
