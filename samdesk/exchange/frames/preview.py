"""VideoPreview: what a video is, a few of its frames, and what extracting it would make."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from samdesk.base.cv import cv2
from samdesk.base.jobs import CancelToken
from samdesk.base.text import counted, size
from samdesk.exchange.frames.errors import VideoError
from samdesk.exchange.frames.extract import images_expected
from samdesk.exchange.frames.reader import VideoReader
from samdesk.exchange.frames.times import clock
from samdesk.exchange.frames.values import FramesPlan, ImageKind, VideoFacts
from samdesk.exchange.frames.writer import encoded

SIDE = 480
"""Longer side of the pictures, pixels."""
_PLACES = (0.0, 0.5, 0.9)
"""Where the pictures are from, as shares of the length."""
_LONGEST_S = 2.0
"""No more pictures after so long: finding a place in a large or damaged video takes a while."""
_QUALITIES = (1, 20, 50, 75, 90, 95, 100)


@dataclass(frozen=True)
class VideoPicture:
    """A frame for the user to recognise the video by.

    Attributes:
        seconds: About when it is shown.
        pixels: (H, W, 3) uint8, RGB, upright, at most ``SIDE`` wide and high.
    """

    seconds: float
    pixels: NDArray[np.uint8]

    @property
    def text(self) -> str:
        """When it is shown."""
        return clock(self.seconds)


@dataclass(frozen=True)
class VideoPreview:
    """What is known of a video without reading it through.

    Attributes:
        facts: Of its header.
        pictures: A few frames, at least the first.
        png: Mean size of a frame as PNG, bytes.
        jpeg: (quality, mean size) of a frame as JPEG, qualities ascending.
    """

    facts: VideoFacts
    pictures: tuple[VideoPicture, ...]
    png: float
    jpeg: tuple[tuple[int, float], ...]

    def bytes_each(self, kind: ImageKind, quality: int) -> int:
        """About how large an image is."""
        if kind == "png":
            return round(self.png)
        qualities, sizes = zip(*self.jpeg, strict=True)
        return round(float(np.interp(quality, qualities, sizes)))

    def expected(self, plan: FramesPlan) -> tuple[int | None, int | None]:
        """About how many images a plan makes, and how many bytes; None: only reading the video shows."""
        images = images_expected(self.facts, plan)
        return images, None if images is None else images * self.bytes_each(plan.kind, plan.quality)

    def expected_in_words(self, plan: FramesPlan) -> str:
        """About how many images a plan makes, and their size, as a sentence."""
        images, room = self.expected(plan)
        if images is None or room is None:
            each = size(self.bytes_each(plan.kind, plan.quality))
            return f"How many images there will be is known only at the end; each takes about {each}."
        return f"About {counted(images, 'image')}, {size(room)}."


def read_preview(path: Path, cancel: CancelToken | None = None) -> VideoPreview:
    """Reads what a video is, and a few of its frames.

    Args:
        path: The file.
        cancel: Once it is cancelled, the first frame is enough.

    Raises:
        VideoError: It cannot be read.
    """
    began = time.monotonic()
    pictures: list[VideoPicture] = []
    sizes: list[list[int]] = []
    with VideoReader(path) as reader:
        facts = reader.facts
        for place in _PLACES if facts.seconds else _PLACES[:1]:
            late = time.monotonic() - began > _LONGEST_S or (cancel is not None and cancel.cancelled)
            if pictures and late:
                break
            pixels = reader.frame_at(place * facts.seconds) if place else _first(reader)
            if pixels is not None:
                pictures.append(VideoPicture(place * facts.seconds, _small(pixels)))
                sizes.append(_sizes(pixels))
    if not pictures:
        raise VideoError(
            f"No frame of {path.name} can be decoded: it is damaged, or OpenCV has no decoder for it."
        )
    png, *jpeg = np.mean(sizes, axis=0).tolist()
    return VideoPreview(facts, tuple(pictures), png, tuple(zip(_QUALITIES, jpeg, strict=True)))


def _first(reader: VideoReader) -> NDArray[np.uint8] | None:
    for frame in reader.frames():
        pixels = frame.stored()
        if pixels is not None:
            return reader.upright(pixels)
    return None


def _small(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    scale = min(1.0, SIDE / max(height, width))
    shown = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(pixels, shown, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2RGB), np.uint8)


def _sizes(pixels: NDArray[np.uint8]) -> list[int]:
    """The sizes of a frame as PNG, and as JPEG of each quality, bytes."""
    plans = [FramesPlan(kind="png"), *(FramesPlan(quality=quality) for quality in _QUALITIES)]
    return [len(encoded(pixels, plan)) for plan in plans]
