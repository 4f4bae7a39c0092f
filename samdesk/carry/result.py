"""What becomes of an object that is carried to another image."""

from __future__ import annotations

from dataclasses import dataclass

from samdesk.domain.annotation import AnnotationId
from samdesk.domain.geometry.types import Region


@dataclass(frozen=True)
class CarriedObject:
    """An object where it is on the target image.

    Attributes:
        annotation_id: The annotation on the source image.
        moved: Its outline, moved; target image pixels, clipped to it, never empty.
        method: The method whose move agreed best ("flow", "corners", "features", "template").
        agreement: Of the colours under the mask on both images, 0..1.
        back: IoU of the outline, carried back, with that on the source image.
        redrawn: Drawn anew by the mask model; None: it was not, or is empty.
        overlap: IoU of ``moved`` and ``redrawn``; None without the latter.
        doubt: Why it is not sure, in words; "": it is.
    """

    annotation_id: AnnotationId
    moved: Region
    method: str
    agreement: float
    back: float
    redrawn: Region | None = None
    overlap: float | None = None
    doubt: str = ""


@dataclass(frozen=True)
class LeftBehind:
    """An object that has no place on the target image, so that nothing is proposed for it.

    Attributes:
        annotation_id: The annotation on the source image.
        reason: Why, in words ("It has left the image").
    """

    annotation_id: AnnotationId
    reason: str
