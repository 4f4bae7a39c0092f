"""The prompts of every turn: the same for both sides, and never the same prompt twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from samdesk.bench.prompt_sampler import Interaction
from samdesk.bench.versus.context import BenchContext
from samdesk.bench.versus.images import BenchImage
from samdesk.domain.prompts import MaskPrompt, PromptSet

Kind: TypeAlias = str
KINDS: tuple[Kind, ...] = ("point", "box", "points_mask")
"""A point; a box; two positive points, one negative and the previous mask."""
HOVER: Kind = "hover"
_MAX_IMAGES = 2
"""Images that are prompted; few, because Ultralytics encodes again whenever the image changes."""


@dataclass(frozen=True)
class PromptCase:
    """The input of one turn: an image and its prompts."""

    image: BenchImage
    prompts: PromptSet


class PromptSchedule:
    """The prompts of all turns, image after image.

    Args:
        context: Provides the embeddings' frames and the shapes for mask prompts.
        images: The images; only the first few are used.
        turns: Number of turns, including the warm-up.
    """

    def __init__(self, context: BenchContext, images: Sequence[BenchImage], turns: int) -> None:
        self._stage = context
        self._images = images[:_MAX_IMAGES]
        self._turns = turns
        self._gestures = [image.sampler.sample(turns).interactions for image in self._images]

    def at(self, turn: int, kind: Kind) -> PromptCase:
        """Returns the image and prompts of a turn."""
        which = min(turn * len(self._images) // self._turns, len(self._images) - 1)
        image, interaction = self._images[which], self._gestures[which][turn % self._turns]
        if kind == HOVER:
            path = [point for each in self._gestures[which] for point in each.hover]
            return PromptCase(image, PromptSet((path[turn % len(path)],)))
        return PromptCase(image, self._prompts(image, interaction, kind, turn))

    def spread(self, count: int, kind: Kind) -> list[PromptCase]:
        """Returns ``count`` cases, evenly spaced over all turns."""
        return [self.at(i * self._turns // count, kind) for i in range(count)]

    def _prompts(self, image: BenchImage, interaction: Interaction, kind: Kind, turn: int) -> PromptSet:
        if kind == "point":
            return PromptSet((interaction.click,))
        if kind == "box":
            return PromptSet(box=interaction.box)
        frame = self._stage.best.embedding(image).frame
        (logits,) = self._stage.shapes.some(turn, 1, frame, image.hw)
        beside = replace(interaction.click, positive=False)
        return PromptSet(
            (interaction.correction, interaction.hover[0], beside), mask=MaskPrompt(logits, frame)
        )
