"""The prompts of every turn: the same for both sides, and nowhere twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from samdesk.bench.script import Gesture
from samdesk.bench.versus.photos import Photo
from samdesk.bench.versus.stage import Stage
from samdesk.domain.prompts import MaskPrompt, PromptSet

Kind: TypeAlias = str
KINDS: tuple[Kind, ...] = ("point", "box", "points_mask")
"""A click; a box; two clicks on the object, one beside it, and the mask before."""
HOVER: Kind = "hover"
_MOST_PHOTOS = 2
"""Prompts go to so many photos: Ultralytics encodes anew for each."""


@dataclass(frozen=True)
class Ask:
    """What is asked in one turn: of which photo, with which prompts."""

    photo: Photo
    prompts: PromptSet


class Asks:
    """The prompts of some turns, photo after photo.

    Args:
        stage: Gives the photos, and the frame that a mask prompt lies over.
        photos: The photos to go through.
        turns: How many there will be, with those that warm up.
    """

    def __init__(self, stage: Stage, photos: Sequence[Photo], turns: int) -> None:
        self._stage = stage
        self._photos = photos[:_MOST_PHOTOS]
        self._turns = turns
        self._gestures = [photo.hand.script(turns).gestures for photo in self._photos]

    def at(self, turn: int, kind: Kind) -> Ask:
        """A turn's ask of one kind."""
        which = min(turn * len(self._photos) // self._turns, len(self._photos) - 1)
        photo, gesture = self._photos[which], self._gestures[which][turn % self._turns]
        if kind == HOVER:
            path = [point for each in self._gestures[which] for point in each.hover]
            return Ask(photo, PromptSet((path[turn % len(path)],)))
        return Ask(photo, self._prompts(photo, gesture, kind, turn))

    def spread(self, count: int, kind: Kind) -> list[Ask]:
        """So many of them, from the first turn to the last."""
        return [self.at(i * self._turns // count, kind) for i in range(count)]

    def _prompts(self, photo: Photo, gesture: Gesture, kind: Kind, turn: int) -> PromptSet:
        if kind == "point":
            return PromptSet((gesture.click,))
        if kind == "box":
            return PromptSet(box=gesture.box)
        frame = self._stage.best.embedding(photo).frame
        (logits,) = self._stage.shapes.some(turn, 1, frame, photo.hw)
        beside = replace(gesture.click, positive=False)
        return PromptSet((gesture.correction, gesture.hover[0], beside), mask=MaskPrompt(logits, frame))
