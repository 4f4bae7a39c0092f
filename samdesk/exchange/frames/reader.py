"""VideoReader: the frames of a video one after the other, upright, by OpenCV."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from math import isfinite
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samdesk.base.cv import cv2
from samdesk.base.errors import reason
from samdesk.base.regular import open_regular
from samdesk.base.text import counted
from samdesk.exchange.frames.errors import VideoError
from samdesk.exchange.frames.values import VideoFacts
from samdesk.images.reader import IMAGE_SUFFIXES
from samdesk.images.sources import is_text

_MOST_FRAMES = 100_000_000
_MOST_RATE = 100_000.0
_MOST_PIXELS = 150_000_000
"""Of a frame: four times 8K. Each of the frames in memory takes three bytes a pixel."""
_TRIES = 250
"""So many failures in a row end the video: a damaged place makes some, its end nothing but failures."""
_USUAL_RATE = 25.0
_HEAD = 512
_PLAYLISTS = (b"#EXTM3U", b"ffconcat", b"v=0\r", b"v=0\n", b"[playlist]", b"<?xml", b"<MPD", b"<ASX", b"<asx")
_TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
_NEXT = "Check that it plays in a video player; a recording that was cut off may need repair."


class VideoFrame:
    """One image of a video; its pixels can be had until the next one is read.

    Attributes:
        index: Its number, from 0.
        seconds: When it is shown, from the first frame on.
    """

    def __init__(self, index: int, seconds: float, capture: Any) -> None:
        self.index, self.seconds = index, seconds
        self._capture = capture
        self._pixels: NDArray[np.uint8] | None = None

    def stored(self) -> NDArray[np.uint8] | None:
        """(H, W, 3) uint8, BGR, as stored: not turned. None: it cannot be decoded."""
        if self._pixels is None:
            with suppress(cv2.error):
                decoded, pixels = self._capture.retrieve()
                if decoded and pixels is not None and pixels.size:
                    self._pixels = pixels
        return self._pixels


class VideoReader:
    """Reads a video from its beginning, once.

    OpenCV's own rotation is off: version 4.11 has none, so that frames are turned by ``upright``, from the
    angle that all versions read alike.

    Args:
        path: The file.

    Attributes:
        facts: Of its header.
        gaps: Damaged places that were skipped so far.

    Raises:
        VideoError: It cannot be read, or is no video.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file = open_regular(path)
            head = self._file.read(_HEAD).lstrip(b"\xef\xbb\xbf \t\r\n")
            size = os.fstat(self._file.fileno()).st_size
        except OSError as error:
            raise VideoError(f"{path.name} cannot be opened: {reason(error)}.", where=str(path)) from error
        self.gaps = 0
        try:
            self._capture = self._open(path, head, size)
            self.facts = self._read_facts(path, size)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> VideoReader:
        """Returns itself; it is closed at the end of the block."""
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Closes the video."""
        self.close()

    def close(self) -> None:
        """Closes the video."""
        self._capture.release()
        self._file.close()

    def frames(self) -> Iterator[VideoFrame]:
        """Yields the frames in order, from where the reader is; what cannot be decoded is skipped."""
        index, failures, first, last = 0, 0, 0.0, 0.0
        step = 1 / (self.facts.rate or _USUAL_RATE)
        while failures < _TRIES:
            if not self._capture.grab():
                failures += 1
                continue
            self.gaps += failures > 0
            failures = 0
            seconds = _number(self._capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000
            if index == 0:
                first = seconds
            seconds -= first
            if index and seconds <= last:  # a container without times, or with wrong ones
                seconds = last + step
            last = seconds
            yield VideoFrame(index, seconds, self._capture)
            index += 1

    def frame_at(self, seconds: float) -> NDArray[np.uint8] | None:
        """A frame at about a moment, upright (H, W, 3) uint8, BGR; where ``frames`` goes on is undefined."""
        self._capture.set(cv2.CAP_PROP_POS_MSEC, seconds * 1000)
        decoded, pixels = self._capture.read()
        return self.upright(pixels) if decoded and pixels is not None and pixels.size else None

    def upright(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Turns a stored frame as the video says."""
        turn = _TURNS.get(self.facts.rotation)
        return pixels if turn is None else np.asarray(cv2.rotate(pixels, turn), np.uint8)

    def _open(self, path: Path, head: bytes, size: int) -> Any:
        if path.suffix.lower() in IMAGE_SUFFIXES - {".gif"}:
            raise VideoError(f"{path.name} is an image, not a video.", next="Open its folder instead.")
        if head.startswith(_PLAYLISTS):
            raise VideoError(f"{path.name} is a list of other files, not a video.", where=str(path))
        if not size:
            raise VideoError(f"{path.name} is empty.", where=str(path))
        with _quiet():
            capture = cv2.VideoCapture(self._name(path), cv2.CAP_FFMPEG)
        if not capture.isOpened():
            raise VideoError(
                f"{path.name} cannot be read: it is no video, is cut off, or OpenCV has no decoder for it.",
                where=str(path), next=_NEXT,
            )  # fmt: skip
        capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 0)
        return capture

    def _name(self, path: Path) -> str:
        """What OpenCV opens: an absolute path, as it takes others for addresses."""
        name = os.path.abspath(path)  # noqa: PTH100 - resolve() would follow links
        if is_text(name):
            return name
        if sys.platform == "linux":  # OpenCV crashes on names that are not UTF-8
            return f"/proc/self/fd/{self._file.fileno()}"
        raise VideoError(f"{path.name} has a name that OpenCV cannot open.", next="Rename it.")

    def _read_facts(self, path: Path, size: int) -> VideoFacts:
        def value(name: int) -> float:
            return _number(self._capture.get(name))

        width, height = int(value(cv2.CAP_PROP_FRAME_WIDTH)), int(value(cv2.CAP_PROP_FRAME_HEIGHT))
        if not 0 < width * height <= _MOST_PIXELS:
            self._capture.release()
            raise VideoError(
                f"{path.name} cannot be read: its frames are said to be {width:,} × {height:,} pixels.",
                where=str(path), next=_NEXT,
            )  # fmt: skip
        rate, count = value(cv2.CAP_PROP_FPS), value(cv2.CAP_PROP_FRAME_COUNT)
        rotation = int(value(cv2.CAP_PROP_ORIENTATION_META)) % 360
        if rotation in (90, 270):
            width, height = height, width
        return VideoFacts(
            path, size, width, height,
            rate if 0 < rate < _MOST_RATE else 0.0,
            int(count) if 0 < count < _MOST_FRAMES else 0,
            rotation if rotation in _TURNS else 0,
        )  # fmt: skip


def damage_in_words(facts: VideoFacts, read: int, gaps: int) -> tuple[str, ...]:
    """What was wrong with a video that was read to its end, as sentences."""
    texts = []
    if facts.frames - read > max(2, facts.frames // 50):
        texts.append(
            f"The video ends after {read:,} of {counted(facts.frames, 'frame')}: "
            "it is cut off or damaged, or its header is wrong."
        )
    if gaps:
        texts.append(f"{counted(gaps, 'damaged place')} in the video could not be decoded.")
    return tuple(texts)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps OpenCV from printing on the standard error that it cannot open a file."""
    logging = getattr(getattr(cv2, "utils", None), "logging", None)
    level_of = getattr(logging, "getLogLevel", None) or getattr(cv2, "getLogLevel", None)
    set_level = getattr(logging, "setLogLevel", None) or getattr(cv2, "setLogLevel", None)
    if level_of is None or set_level is None:
        yield
        return
    before = level_of()
    set_level(0)
    try:
        yield
    finally:
        set_level(before)


def _number(value: float) -> float:
    return value if isfinite(value) else 0.0
