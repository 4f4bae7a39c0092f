"""What SAM is given and what it answers: prompts and mask candidates."""

from __future__ import annotations

from dataclasses import dataclass, field

from samdesk.domain.geometry.contours import logits_to_region
from samdesk.domain.geometry.rasters import logits_to_raster
from samdesk.domain.geometry.types import BoolArray, FloatArray, Frame, Region


@dataclass(frozen=True)
class PointPrompt:
    """A click, in image pixels: on the object (positive) or on what is not of it."""

    x: float
    y: float
    positive: bool = True


@dataclass(frozen=True)
class BoxPrompt:
    """A box around the object, in image pixels, ``x0 <= x1`` and ``y0 <= y1``."""

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
    """A mask as a prompt: (256, 256) float32 logits over ``frame``."""

    logits: FloatArray
    frame: Frame


@dataclass(frozen=True)
class PromptSet:
    """All that is said about one object."""

    points: tuple[PointPrompt, ...] = ()
    box: BoxPrompt | None = None
    mask: MaskPrompt | None = None

    def __bool__(self) -> bool:
        return bool(self.points) or self.box is not None or self.mask is not None


@dataclass(frozen=True, eq=False)
class MaskCandidate:
    """One mask a predictor proposes.

    Attributes:
        logits: (256, 256) float32 over ``frame``; above 0 is object.
        frame: The square of image pixels the logits cover.
        image_hw: Height and width of the image, pixels; what lies outside it is cut off.
        score: Predicted IoU, 0..1 (as the model says it; it may pass 1 a little).
        stability: IoU of the masks at thresholds +1 and -1 (Meta's stability score), 0..1.
    """

    logits: FloatArray
    frame: Frame
    image_hw: tuple[int, int] = field(kw_only=True)
    score: float
    stability: float

    def region(self) -> Region:
        """The mask as a region in image pixels; costs the same for any image size."""
        return logits_to_region(self.logits, self.frame, self.image_hw)

    def raster(self) -> BoolArray:
        """The mask as (H, W) bool of the whole image: Meta's upsample and threshold."""
        return logits_to_raster(self.logits, self.frame, self.image_hw)

    def as_prompt(self) -> MaskPrompt:
        """The candidate as the mask prompt of the next decode."""
        return MaskPrompt(self.logits, self.frame)
