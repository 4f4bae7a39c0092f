"""Prompts for a mask model, and the mask candidates it returns."""

from __future__ import annotations

from dataclasses import dataclass, field

from samdesk.domain.geometry.contours import logits_to_region, region_to_logits
from samdesk.domain.geometry.rasters import logits_to_raster
from samdesk.domain.geometry.types import BoolArray, FloatArray, Frame, Region


@dataclass(frozen=True)
class PointPrompt:
    """A point prompt, image pixels: on the object (positive) or off it (negative)."""

    x: float
    y: float
    positive: bool = True


@dataclass(frozen=True)
class BoxPrompt:
    """A box prompt around the object, image pixels, ``x0 <= x1`` and ``y0 <= y1``."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def xyxy(self) -> tuple[float, float, float, float]:
        """The corners as (x0, y0, x1, y1)."""
        return (self.x0, self.y0, self.x1, self.y1)


@dataclass(frozen=True, eq=False)
class MaskPrompt:
    """A mask prompt: (256, 256) float32 logits over ``frame``."""

    logits: FloatArray
    frame: Frame


_REGION_FRAME = 1.5
"""Side of the frame of ``region_prompt``, as a multiple of the longer side of the region's bounds."""
_SMALLEST_FRAME = 24.0
"""The smallest side of that frame, image pixels."""


def region_prompt(region: Region, image_hw: tuple[int, int]) -> MaskPrompt:
    """A region as a mask prompt over a frame around it, in which a small object keeps its detail.

    Args:
        region: Image pixels; not empty.
        image_hw: Height and width of the image, pixels.
    """
    x0, y0, x1, y1 = region.bounds
    side = max(_SMALLEST_FRAME, _REGION_FRAME * max(x1 - x0, y1 - y0))
    frame = Frame((x0 + x1 - side) / 2, (y0 + y1 - side) / 2, side, side)
    return MaskPrompt(region_to_logits(region, frame, image_hw), frame)


@dataclass(frozen=True)
class PromptSet:
    """All prompts for one object."""

    points: tuple[PointPrompt, ...] = ()
    box: BoxPrompt | None = None
    mask: MaskPrompt | None = None

    def __bool__(self) -> bool:
        return bool(self.points) or self.box is not None or self.mask is not None


@dataclass(frozen=True, eq=False)
class MaskCandidate:
    """One mask returned by a predictor.

    Attributes:
        logits: (256, 256) float32 over ``frame``; above 0 is object.
        frame: The square of image pixels the logits cover.
        image_hw: Height and width of the image, pixels; the mask is clipped to it.
        score: Predicted IoU, 0..1, as the model returns it: it may slightly exceed 1.
        stability: IoU of the masks at thresholds +1 and -1 (Meta's stability score), 0..1.
    """

    logits: FloatArray
    frame: Frame
    image_hw: tuple[int, int] = field(kw_only=True)
    score: float
    stability: float

    def region(self) -> Region:
        """The mask as a region, image pixels; the cost does not depend on the image size."""
        return logits_to_region(self.logits, self.frame, self.image_hw)

    def raster(self) -> BoolArray:
        """The mask as (H, W) bool of the whole image, upsampled and thresholded as by Meta."""
        return logits_to_raster(self.logits, self.frame, self.image_hw)

    def as_prompt(self) -> MaskPrompt:
        """The candidate as a mask prompt for the next prediction."""
        return MaskPrompt(self.logits, self.frame)
