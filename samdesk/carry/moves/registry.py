"""The methods that estimate moves, one row each."""

from __future__ import annotations

from dataclasses import dataclass

from samdesk.carry.moves import corners, features, flow, template
from samdesk.carry.moves.move import Estimate


@dataclass(frozen=True)
class MoveMethod:
    """A method.

    Attributes:
        id: As in ``CarriedObject.method``.
        estimate: See ``Estimate``.
    """

    id: str
    estimate: Estimate


MOVES: tuple[MoveMethod, ...] = (
    MoveMethod("flow", flow.estimate),
    MoveMethod("corners", corners.estimate),
    MoveMethod("features", features.estimate),
    MoveMethod("template", template.estimate),
)
"""All methods. Of moves that agree equally well, that of the earlier row is taken."""
