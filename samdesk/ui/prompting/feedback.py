"""Which earlier mask goes back into the decoder with the next prompt."""

from __future__ import annotations

from dataclasses import replace

from samdesk.domain.prompts import MaskPrompt, PromptSet


class MaskFeedback:
    """The answers to the prompts of one object, so that each decode refines the one before.

    SAM is trained to be given its previous low-resolution logits with each new click (Kirillov et al.
    2023, section "Prompt encoder"). Taking a prompt back falls back on the answer before it.
    """

    def __init__(self) -> None:
        self._answers: list[tuple[PromptSet, MaskPrompt]] = []

    def clear(self) -> None:
        """Forgets the object."""
        self._answers.clear()

    def seed(self, mask: MaskPrompt) -> None:
        """Starts from an existing mask, before any prompt."""
        self._answers = [(PromptSet(), mask)]

    def note(self, prompts: PromptSet, mask: MaskPrompt) -> None:
        """Remembers the mask shown for these prompts."""
        bare = replace(prompts, mask=None)
        self._answers = [(p, m) for p, m in self._answers if p != bare]
        self._answers.append((bare, mask))

    def complete(self, prompts: PromptSet) -> PromptSet:
        """The prompts with the newest mask that answered a part of them."""
        for earlier, mask in reversed(self._answers):
            if _is_part(earlier, prompts):
                return replace(prompts, mask=mask)
        return prompts


def _is_part(earlier: PromptSet, prompts: PromptSet) -> bool:
    """Whether ``prompts`` says all that ``earlier`` said, and one more point."""
    count = len(earlier.points)
    return (
        count < len(prompts.points)
        and prompts.points[:count] == earlier.points
        and earlier.box in (None, prompts.box)
    )
