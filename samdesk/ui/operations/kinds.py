"""What the bar over the canvas can adjust: one row each."""

from __future__ import annotations

from dataclasses import dataclass
from math import log

from samdesk.settings.table import SIMPLIFY_PX, SMOOTH_PX, SPECK_AREA, Setting


@dataclass(frozen=True)
class OutlineKind:
    """One way to adjust outlines.

    Attributes:
        id: As for ``operations.adjust``.
        title: Text of its button.
        text: For the Undo command.
        tip: What it does.
        unit: Of its amount.
        low: The smallest amount of the slider but 0.
        high: The largest.
        setting: Remembers the amount.
    """

    id: str
    title: str
    text: str
    tip: str
    unit: str
    low: float
    high: float
    setting: Setting[float]

    def amount(self, share: float) -> float:
        """The amount at a place of the slider, 0..1: 0 at its start, then ``low`` to ``high`` in ratios."""
        return 0.0 if share <= 0 else self.low * (self.high / self.low) ** share

    def share(self, amount: float) -> float:
        """The place of the slider for an amount, 0..1."""
        if amount <= 0:
            return 0.0
        return min(max(log(amount / self.low) / log(self.high / self.low), 0.0), 1.0)

    def words(self, amount: float) -> str:
        """An amount with its unit: "off", "2.0 px", "1,500 px²"."""
        if amount <= 0:
            return "off"
        return f"{amount:,.0f} {self.unit}" if amount >= 10 else f"{amount:.1f} {self.unit}"


SMOOTH = OutlineKind(
    "smooth",
    "Smooth",
    "Smooth",
    "Smooths the outline; details smaller than this go.",
    "px",
    0.5,
    50.0,
    SMOOTH_PX,
)
SIMPLIFY = OutlineKind(
    "simplify", "Simplify", "Simplify",
    "Leaves out vertices; none of them is farther than this from the new outline.", "px", 0.1, 30.0,
    SIMPLIFY_PX,
)  # fmt: skip
TIDY = OutlineKind(
    "tidy", "Holes and specks", "Fill holes and drop specks",
    "Fills holes and drops separate parts up to this area; the largest part always stays.", "px²",
    1.0, 100_000.0, SPECK_AREA,
)  # fmt: skip
KINDS = (SMOOTH, SIMPLIFY, TIDY)
"""In the order of the bar."""
