"""Every n-th frame."""

from __future__ import annotations

from math import ceil

from samdesk.exchange.frames.reader import VideoFrame
from samdesk.exchange.frames.rules.base import FrameRule


class _EveryNth:
    def __init__(self, step: float) -> None:
        self._step = max(1, round(step))
        self._first: int | None = None

    def takes(self, frame: VideoFrame) -> bool:
        """The first frame, and every n-th after it."""
        if self._first is None:
            self._first = frame.index
        return (frame.index - self._first) % self._step == 0


EVERY = FrameRule(
    "every", "Every n-th frame", "n = ", "", "1 takes all frames, 10 every tenth",
    1, 1_000_000, 10, 1, 0, _EveryNth,
    lambda step, frames, _seconds: ceil(frames / step),
)  # fmt: skip
