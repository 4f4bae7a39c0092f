"""The embeddings of the image on screen, and which of them answers a prompt.

The whole image answers everything. A closer look, at full input resolution, answers what lies inside it.
A correction stays on the look that drew the mask it corrects, so that the object does not jump between two
looks; a mask of the whole image goes on on a closer look if all of it is there.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from samdesk.domain.geometry.logits import Bounds, bounds
from samdesk.domain.geometry.types import Frame
from samdesk.domain.geometry.views import EDGE, holds
from samdesk.domain.prompts import PromptSet
from samdesk.engine.embedding import Embedding
from samdesk.workers.failure import Failure
from samdesk.workers.inference.requests import EncodeRequest

_KEPT = 2
"""Closer looks kept: the newest, and the one that a correction may be on."""


class Looks:
    """What is held of the image on screen. Used by the inference thread alone."""

    def __init__(self) -> None:
        self.screen: EncodeRequest | None = None
        self.failure: Failure | None = None
        """Why the image on screen cannot be asked about."""
        self._whole: Embedding | None = None
        self._closer: list[Embedding] = []
        self._view: Embedding | None = None

    @property
    def whole(self) -> Embedding | None:
        """The whole image, if it is held."""
        return self._whole

    @property
    def is_closer(self) -> bool:
        """Whether a closer look is in use."""
        return self._view is not None

    def show(self, screen: EncodeRequest) -> None:
        """Another image is on screen, or the same for another model: nothing of it is held."""
        self.screen, self.failure = screen, None
        self.forget()

    def forget(self) -> None:
        """Lets go of all embeddings."""
        self._whole = self._view = None
        self._closer.clear()

    def hold(self, whole: Embedding) -> None:
        """The whole image is encoded."""
        self._whole = whole

    def look_closer(self, embedding: Embedding) -> None:
        """What lies inside this part is answered from it from now on."""
        self._view = embedding
        self._closer = [*(e for e in self._closer if e.frame != embedding.frame), embedding][-_KEPT:]

    def look_at_whole(self) -> None:
        """New prompts are answered from the whole image again; corrections stay where they are."""
        self._view = None

    def answering(self, prompts: PromptSet) -> tuple[Embedding, PromptSet] | None:
        """The embedding that prompts are answered from, and what it is asked; None: nothing is held.

        "Not this" outside a closer look is not said to it: no mask of it gets there.
        """
        if self._whole is None:
            return None
        closer = self._drawn_on(prompts) or self._view
        if closer is None or not _covers(closer, prompts):
            return self._whole, prompts
        near = [p for p in prompts.points if p.positive or holds(closer.frame, (p.x, p.y, p.x, p.y))]
        return closer, replace(prompts, points=tuple(near))

    def _drawn_on(self, prompts: PromptSet) -> Embedding | None:
        """The closer look that drew the mask to be corrected."""
        frame = None if prompts.mask is None else prompts.mask.frame
        return next((e for e in self._closer if e.frame == frame and _covers(e, prompts)), None)


def _covers(look: Embedding, prompts: PromptSet) -> bool:
    """Whether the object that the prompts are about is all on a closer look."""
    corrects = prompts.mask is not None and prompts.mask.frame == look.frame
    room = _box(look.frame) if corrects else _within(look.frame, look.image_hw)
    about: list[Bounds | None] = _of_points(prompts)
    if prompts.box is not None:
        about.append(prompts.box.xyxy)
    if prompts.mask is not None and not corrects:
        about.append(bounds(prompts.mask.logits, prompts.mask.frame))
    there = [part for part in about if part is not None]
    return (corrects or bool(there)) and all(_inside(part, room) for part in there)


def _of_points(prompts: PromptSet) -> list[Bounds | None]:
    """The points on the object; where nothing else says what it is, those beside it."""
    on = [p for p in prompts.points if p.positive]
    if not on and prompts.box is None and prompts.mask is None:
        on = list(prompts.points)
    return [(p.x, p.y, p.x, p.y) for p in on]


def _within(frame: Frame, image_hw: tuple[int, int]) -> Bounds:
    """A look less its margin; no margin where the image itself ends."""
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
