"""Proposal: what a model proposes and nobody has accepted yet."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtGui import QColor

from samdesk.domain.geometry.types import Region
from samdesk.ui.canvas.shapes import Shape
from samdesk.ui.canvas.style import Mark


@dataclass(frozen=True)
class Proposal:
    """The mask candidates of one object, one of them chosen.

    Attributes:
        masks: (region, predicted IoU) of every candidate, image pixels.
        index: Which one is chosen.
        color: ``#rrggbb`` of the label it would get.
        hover: It only follows the mouse; nothing was clicked.
        others_visible: Whether the other candidates show as fine dots.
        text: Name tag; "" for the score of the chosen mask alone, None for no tag.
    """

    masks: tuple[tuple[Region, float], ...]
    index: int = 0
    color: str = "#56b4e9"
    hover: bool = False
    others_visible: bool = False
    text: str | None = None

    @property
    def region(self) -> Region:
        """The chosen candidate."""
        return self.masks[self.index][0]

    @property
    def score(self) -> float:
        """The predicted IoU of the chosen candidate."""
        return self.masks[self.index][1]

    def shapes(self) -> list[Shape]:
        """What is painted, the chosen one last."""
        color = QColor(self.color)
        others = [
            Shape(str(i), region, color, Mark.OTHER)
            for i, (region, _) in enumerate(self.masks)
            if i != self.index and self.others_visible and not self.hover
        ]
        mark = Mark.PREVIEW if self.hover else Mark.PROPOSAL
        text = "" if self.text is None else self.text or f"{self.score:.2f}"
        return [*others, Shape(str(self.index), self.region, color, mark, text)]
