"""FrameRule: one way of choosing frames of a video."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from samdesk.exchange.frames.reader import VideoFrame


class Chooser(Protocol):
    """Chooses frames while a video is read."""

    def takes(self, frame: VideoFrame) -> bool:
        """Whether this frame is wanted; called with every frame once, in order."""


@dataclass(frozen=True)
class FrameRule:
    """A way of choosing frames, with one number.

    Attributes:
        id: In files and on the command line.
        title: In the window.
        prefix: Before the number in the window.
        unit: Behind it.
        tip: What the number means.
        low: The least that it may be.
        high: The most.
        default: What it is at first.
        step: Between two of its values in the window.
        decimals: In the window.
        begin: Makes the chooser for a number.
        estimate: (number, frames, seconds) The number of images of a stretch of video; None: who knows.
    """

    id: str
    title: str
    prefix: str
    unit: str
    tip: str
    low: float
    high: float
    default: float
    step: float
    decimals: int
    begin: Callable[[float], Chooser]
    estimate: Callable[[float, float, float], float | None]
