"""Proposal: mask candidates of a model that are not accepted yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from PySide6.QtGui import QColor

from samdesk.domain.geometry.types import Region
from samdesk.ui.canvas.shapes import Shape
from samdesk.ui.canvas.style import Mark


class ProposedMask(Protocol):
    """A mask that can be proposed: its region, image pixels, its predicted IoU and its stability, 0..1."""

    @property
    def region(self) -> Region: ...

    @property
    def score(self) -> float: ...

    @property
    def stability(self) -> float | None: ...


class ScoredRegion(NamedTuple):
    """A ``ProposedMask`` without a candidate of a model."""

    region: Region
    score: float
    stability: float | None = None


@dataclass(frozen=True)
class Proposal:
    """The mask candidates of one object, one of them selected.

    Attributes:
        masks: All candidates.
        index: The selected candidate.
        color: Colour ``#rrggbb`` of the label it would get.
        hover: Whether it is a preview that follows the mouse.
        others_visible: Whether the other candidates are drawn as dotted outlines.
        text: Name tag; "" for the score of the selected mask alone, None for no tag.
    """

    masks: tuple[ProposedMask, ...]
    index: int = 0
    color: str = "#56b4e9"
    hover: bool = False
    others_visible: bool = False
    text: str | None = None

    @property
    def mask(self) -> ProposedMask:
        """The selected candidate."""
        return self.masks[self.index]

    @property
    def region(self) -> Region:
        """The region of the selected candidate."""
        return self.mask.region

    @property
    def score(self) -> float:
        """The predicted IoU of the selected candidate."""
        return self.mask.score

    def shapes(self) -> list[Shape]:
        """The shapes to paint, the chosen one last."""
        color = QColor(self.color)
        others = [
            Shape(str(i), mask.region, color, Mark.OTHER)
            for i, mask in enumerate(self.masks)
            if i != self.index and self.others_visible and not self.hover
        ]
        mark = Mark.PREVIEW if self.hover else Mark.PROPOSAL
        text = "" if self.text is None else self.text or f"{self.score:.2f}"
        return [*others, Shape(str(self.index), self.region, color, mark, text)]
