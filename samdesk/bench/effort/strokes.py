"""Carries out planned strokes with the real brush and lasso, as precisely as a mouse allows."""

from __future__ import annotations

from samdesk.bench.effort.mouse import Mouse
from samdesk.bench.effort.stroke_plan import PlannedStroke
from samdesk.domain.geometry import strokes
from samdesk.domain.geometry.regions import EMPTY
from samdesk.domain.geometry.types import Region


def drawn(
    region: Region | None, plan: PlannedStroke, mouse: Mouse, zoom: float, image_hw: tuple[int, int]
) -> Region:
    """Returns a region after a stroke; None: the stroke makes a new one."""
    line = mouse.stroke(plan.points, zoom)
    height, width = image_hw
    covered = (
        strokes.stroke(line, plan.radius, width, height)
        if plan.radius
        else strokes.lasso(line, width, height)
    )
    return (strokes.paint if plan.adds else strokes.erase)(region or EMPTY, covered)
