"""MaskFeedback: which earlier mask is the mask prompt of the next decode."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from samdesk.domain.geometry.contours import region_to_logits
from samdesk.domain.geometry.types import Frame, Region
from samdesk.domain.geometry.views import contains_rect
from samdesk.domain.prompts import MaskPrompt, PromptSet, region_prompt


class MaskFeedback:
    """The masks of one object by the prompts they answer, so that each decode refines the one before.

    SAM is trained with its previous low-resolution logits as mask prompt beside each new point (Kirillov et
    al. 2023, section "Prompt encoder"). After a prompt is undone, the mask before it is used again.
    """

    def __init__(self) -> None:
        self._masks: list[tuple[PromptSet, MaskPrompt]] = []

    def clear(self) -> None:
        """Removes all masks, for the next object."""
        self._masks.clear()

    @property
    def masks(self) -> tuple[tuple[PromptSet, MaskPrompt], ...]:
        """The masks by the prompts they answer, oldest first."""
        return tuple(self._masks)

    def restore(self, masks: Sequence[tuple[PromptSet, MaskPrompt]]) -> None:
        """Replaces the masks by earlier ``masks``."""
        self._masks = list(masks)

    def seed(self, mask: MaskPrompt) -> None:
        """Starts from an existing mask, before any prompt."""
        self._masks = [(PromptSet(), mask)]

    def seed_region(self, region: Region, view: Frame | None, image_hw: tuple[int, int]) -> None:
        """Starts from a region, before any prompt.

        Args:
            region: Image pixels; not empty.
            view: The view in use, if any: a mask prompt over the same frame loses nothing.
            image_hw: Height and width of the image, pixels.
        """
        if view is not None and contains_rect(view, region.bounds):
            self.seed(MaskPrompt(region_to_logits(region, view, image_hw), view))
        else:
            self.seed(region_prompt(region, image_hw))

    def add(self, prompts: PromptSet, mask: MaskPrompt) -> None:
        """Adds the mask shown for these prompts; it replaces an earlier one for the same."""
        placed = replace(prompts, mask=None)
        self._masks = [(p, m) for p, m in self._masks if p != placed]
        self._masks.append((placed, mask))

    def with_mask(self, prompts: PromptSet) -> PromptSet:
        """Returns the prompts with the newest mask that answers their first part as mask prompt."""
        for earlier, mask in reversed(self._masks):
            if _is_part(earlier, prompts):
                return replace(prompts, mask=mask)
        return prompts


def _is_part(earlier: PromptSet, prompts: PromptSet) -> bool:
    """Whether ``prompts`` are ``earlier`` and at least one more point."""
    count = len(earlier.points)
    return (
        count < len(prompts.points)
        and prompts.points[:count] == earlier.points
        and earlier.box in (None, prompts.box)
    )
