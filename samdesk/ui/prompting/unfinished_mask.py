"""UnfinishedMask: an object that is being segmented, set aside so that it can be gone on with later."""

from __future__ import annotations

from dataclasses import dataclass

from samdesk.domain.annotation import AnnotationId
from samdesk.domain.document import ImageKey
from samdesk.domain.geometry.contours import region_to_logits
from samdesk.domain.geometry.types import Frame, Region
from samdesk.domain.prompts import MaskCandidate, MaskPrompt, PromptSet
from samdesk.ui.canvas.tools.sam import PromptState
from samdesk.workers.inference.client import PredictedMask, Prediction
from samdesk.workers.inference.requests.prompt import PromptRequest


@dataclass(frozen=True, eq=False)
class UnfinishedMask:
    """An object with prompts that is neither accepted nor discarded.

    Attributes:
        prompts: Its prompts and their steps.
        reopened: The annotation that is being refined, if any.
        prediction: The masks shown; None: none were.
        index: The candidate that was chosen.
        answered: Whether the masks answer the newest prompt.
        masks: Earlier masks by the prompts they answer, see ``MaskFeedback``.
    """

    prompts: PromptState
    reopened: AnnotationId | None = None
    prediction: Prediction | None = None
    index: int = 0
    answered: bool = False
    masks: tuple[tuple[PromptSet, MaskPrompt], ...] = ()

    @property
    def shown(self) -> PredictedMask | None:
        """The mask that was on screen."""
        if self.prediction is None or not self.prediction.masks:
            return None
        return self.prediction.masks[self.index]


def shown_again(
    key: ImageKey,
    prompts: PromptSet,
    mask: tuple[Region, float, float],
    image_hw: tuple[int, int],
) -> Prediction:
    """Returns a mask as the answer to its prompts, without asking a model: its outline is kept exactly.

    Args:
        key: The image.
        prompts: What it answers.
        mask: Its outline, image pixels, its predicted IoU and its stability.
        image_hw: Height and width of the image, pixels.
    """
    region, score, stability = mask
    frame = Frame(0.0, 0.0, float(max(image_hw)))
    logits = region_to_logits(region, frame, image_hw)
    candidate = MaskCandidate(logits, frame, image_hw=image_hw, score=score, stability=stability)
    request = PromptRequest(epoch=0, token=0, key=key, prompts=prompts)
    return Prediction(epoch=0, request=request, masks=(PredictedMask(candidate, region),), decode_ms=0.0)
