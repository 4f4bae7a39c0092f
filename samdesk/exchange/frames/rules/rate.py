"""So many images per second, by the times of the frames: right for a variable frame rate, too."""

from __future__ import annotations

from math import ceil, floor

from samdesk.exchange.frames.reader import VideoFrame
from samdesk.exchange.frames.rules.base import FrameRule

_SLACK = 1e-4
"""Seconds: times in files are rounded to milliseconds and less."""


class _AtRate:
    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._first: float | None = None
        self._last = -1

    def takes(self, frame: VideoFrame) -> bool:
        """The first frame, and the first at or after each multiple of a period from it."""
        if self._first is None:
            self._first = frame.seconds
        period = floor((frame.seconds - self._first + _SLACK) * self._rate)
        if period <= self._last:
            return False
        self._last = period
        return True


RATE = FrameRule(
    "rate", "At a rate", "", " images/s",
    "Images for each second of the video. The closer in time two images are, the better objects can be "
    "carried from one to the next.",
    0.001, 1000, 5, 1, 2, _AtRate,
    lambda rate, frames, seconds: min(frames, ceil(seconds * rate)),
)  # fmt: skip
