"""The encoded views of the image on screen, and the choice of the one that answers a prompt.

The whole image answers everything. A closer look (a view at full input resolution) answers what lies inside
it. A correction stays on the view that the mask was drawn from, so that the object does not jump between two
views; a mask drawn from the whole image moves to a closer look that contains all of it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from samdesk.domain.geometry.logits import Bounds, bounds
from samdesk.domain.geometry.types import Frame
from samdesk.domain.geometry.views import EDGE, contains_rect
from samdesk.domain.prompts import PromptSet
from samdesk.engine.embedding import Embedding
from samdesk.workers.failure import Failure
from samdesk.workers.inference.requests.encode import EncodeRequest

_MAX_CLOSER = 2
"""Closer looks kept: the newest, and the one that a correction may be on."""


class ImageViews:
    """The embeddings of the image on screen, one for each view. Used by the inference thread alone.

    Attributes:
        screen: The image on screen.
        failure: Why the image on screen cannot be encoded.
        whole: The embedding of the whole image, if there is one.
    """

    def __init__(self) -> None:
        self.screen: EncodeRequest | None = None
        self.failure: Failure | None = None
        self.whole: Embedding | None = None
        self._closer: list[Embedding] = []
        self._newest: Embedding | None = None

    @property
    def has_closer(self) -> bool:
        """Whether new prompts may be answered from a closer look."""
        return self._newest is not None

    def show(self, screen: EncodeRequest) -> None:
        """Resets to another image, or to the same one for another model, without embeddings."""
        self.screen, self.failure = screen, None
        self.clear()

    def clear(self) -> None:
        """Drops all embeddings."""
        self.whole = self._newest = None
        self._closer.clear()

    def add_closer(self, embedding: Embedding) -> None:
        """Answers new prompts inside this view from it."""
        self._newest = embedding
        self._closer = [*(e for e in self._closer if e.frame != embedding.frame), embedding][-_MAX_CLOSER:]

    def end_closer(self) -> None:
        """Answers new prompts from the whole image again; corrections stay on their view."""
        self._newest = None

    def choose(self, prompts: PromptSet) -> tuple[Embedding, PromptSet] | None:
        """The embedding that answers a prompt set, and the prompts for it; None: there are no embeddings.

        Negative points outside a closer look are left out: its masks do not reach them.
        """
        if self.whole is None:
            return None
        closer = self._drawn_on(prompts) or self._newest
        if closer is None or not _covers(closer, prompts):
            return self.whole, prompts
        near = [p for p in prompts.points if p.positive or contains_rect(closer.frame, (p.x, p.y, p.x, p.y))]
        return closer, replace(prompts, points=tuple(near))

    def _drawn_on(self, prompts: PromptSet) -> Embedding | None:
        """The closer look that the mask prompt was drawn from."""
        frame = None if prompts.mask is None else prompts.mask.frame
        return next((e for e in self._closer if e.frame == frame and _covers(e, prompts)), None)


def _covers(view: Embedding, prompts: PromptSet) -> bool:
    """Whether the prompted object lies inside a closer look."""
    corrects = prompts.mask is not None and prompts.mask.frame == view.frame
    area = _box(view.frame) if corrects else _without_margin(view.frame, view.image_hw)
    parts: list[Bounds | None] = _point_bounds(prompts)
    if prompts.box is not None:
        parts.append(prompts.box.xyxy)
    if prompts.mask is not None and not corrects:
        parts.append(bounds(prompts.mask.logits, prompts.mask.frame))
    known = [part for part in parts if part is not None]
    return (corrects or bool(known)) and all(_inside(part, area) for part in known)


def _point_bounds(prompts: PromptSet) -> list[Bounds | None]:
    """The positive points; the negative ones if no other prompt locates the object."""
    points = [p for p in prompts.points if p.positive]
    if not points and prompts.box is None and prompts.mask is None:
        points = list(prompts.points)
    return [(p.x, p.y, p.x, p.y) for p in points]


def _without_margin(frame: Frame, image_hw: tuple[int, int]) -> Bounds:
    """A view less its margin; there is no margin where the image itself ends."""
    x0, y0, x1, y1 = _box(frame)
    dx, dy = frame.width * EDGE, frame.height * EDGE
    return (
        x0 + dx if x0 > 0 else -np.inf,
        y0 + dy if y0 > 0 else -np.inf,
        x1 - dx if x1 < image_hw[1] else np.inf,
        y1 - dy if y1 < image_hw[0] else np.inf,
    )


def _box(frame: Frame) -> Bounds:
    return frame.x0, frame.y0, frame.x0 + frame.width, frame.y0 + frame.height


def _inside(inner: Bounds, outer: Bounds) -> bool:
    return bool(
        inner[0] >= outer[0] and inner[1] >= outer[1] and inner[2] <= outer[2] and inner[3] <= outer[3]
    )
