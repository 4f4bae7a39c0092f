"""What a video is, and which of its frames are wanted as what images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from samdesk.base.text import counted, duration

ImageKind: TypeAlias = Literal["jpg", "png"]
IMAGE_KINDS: dict[ImageKind, str] = {"jpg": "JPEG", "png": "PNG (lossless)"}
QUALITY = 95
"""Default of JPEG: what a detector or a mask model makes of an image does not change visibly above it."""
QUALITIES = 1, 100

VIDEO_SUFFIXES = frozenset({
    ".3gp", ".asf", ".avi", ".flv", ".m2ts", ".m4v", ".mjpeg", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg",
    ".mts", ".mxf", ".ogv", ".vob", ".webm", ".wmv",
})  # fmt: skip
"""Suffixes of files that are taken for videos when they are dropped; any other file can be chosen.

Not ``.ts``, which may be a program of TorchScript.
"""


@dataclass(frozen=True)
class VideoFacts:
    """What the header of a video says. Headers err: only reading it through shows how many frames it has.

    Attributes:
        path: The file.
        bytes: Its size.
        width: Of an upright frame, pixels.
        height: Likewise.
        rate: Frames per second, on average; 0: unknown.
        frames: 0: unknown.
        rotation: Degrees that a stored frame is turned clockwise to be upright: 0, 90, 180 or 270.
    """

    path: Path
    bytes: int
    width: int
    height: int
    rate: float
    frames: int
    rotation: int

    @property
    def seconds(self) -> float:
        """Its length; 0: unknown."""
        return self.frames / self.rate if self.rate else 0.0

    @property
    def parts(self) -> tuple[str, ...]:
        """The facts in words: "640 × 480 pixels", "240 frames", "8.0 s", "30 frames/s"."""
        length = self.seconds
        return (
            f"{self.width:,} × {self.height:,} pixels",
            counted(self.frames, "frame") if self.frames else "unknown number of frames",
            *((duration(length, exact=True),) if length else ()),
            *((f"{self.rate:.4g} frames/s",) if self.rate else ()),
            *((f"turned by {self.rotation}° to be upright",) if self.rotation else ()),
        )


@dataclass(frozen=True)
class FramesPlan:
    """Which frames of a video become images, and of what kind.

    Attributes:
        rule: Id of the rule that chooses frames (``rules.registry``).
        value: The number that the rule takes.
        begin: Where to begin, seconds from the first frame.
        end: Where to end, seconds; frames from there on are left out. None: at the end of the video.
        kind: Of image file.
        quality: Of JPEG, 1 to 100.
    """

    rule: str = "rate"
    value: float = 5.0
    begin: float = 0.0
    end: float | None = None
    kind: ImageKind = "jpg"
    quality: int = QUALITY

    @property
    def suffix(self) -> str:
        """Of the image files."""
        return f".{self.kind}"

    def seconds_of(self, facts: VideoFacts) -> float:
        """How much of a video is between begin and end, seconds; 0: unknown, or nothing."""
        end = facts.seconds if self.end is None else min(self.end, facts.seconds or self.end)
        return max(0.0, end - self.begin)
