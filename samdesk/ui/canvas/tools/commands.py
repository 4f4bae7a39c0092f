"""Commands of single tools: the size of the brush, what a dragged vertex snaps to."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from samdesk.settings.table import BRUSH_SIZE, SNAP, Settings
from samdesk.ui.canvas.tools.registry import BRUSH, SELECT, Toolbox
from samdesk.ui.commands.actions import Actions
from samdesk.ui.commands.table import Command, CommandTable, Condition

if TYPE_CHECKING:
    from samdesk.ui.canvas.view import CanvasView

COMMANDS = CommandTable(
    (
        Command("brush.larger", "Larger brush", "Make the brush larger.", "ph.plus-circle",
                "annotate/tool", "options", ("]",), when="brush"),
        Command("brush.smaller", "Smaller brush", "Make the brush smaller.", "ph.minus-circle",
                "annotate/tool", "options", ("[",), when="brush"),
        Command("brush.erase", "Erase with the brush",
                "Erase with every stroke, not only while Ctrl or Alt is held.",
                "ph.eraser", "annotate/tool", "options", when="brush", checkable=True),
        Command("vertex.snap", "Snap to neighbours",
                "Let a dragged vertex and the outline beside it follow the edge of a neighbour. "
                "Ctrl during a drag does the opposite.",
                "ph.magnet-straight", "annotate/tool", "options", when="image", checkable=True),
    ),
    (Condition("brush", "choose the brush first"),),
)  # fmt: skip


def bind(actions: Actions, canvas: CanvasView, toolbox: Toolbox, settings: Settings) -> None:
    """Connects the commands to the tools, and the tools' options to the settings that remember them."""
    brush = toolbox.get(BRUSH)
    brush.set_size(settings.get(BRUSH_SIZE))
    brush.options_changed.connect(lambda: settings.set(BRUSH_SIZE, brush.size))
    actions.on("brush.larger", partial(brush.step_size, 1))
    actions.on("brush.smaller", partial(brush.step_size, -1))
    actions.on("brush.erase", brush.set_erases)
    actions.on("vertex.snap", partial(settings.set, SNAP))
    select = toolbox.get(SELECT)
    settings.on_change(lambda *_: select.set_snaps(settings.get(SNAP)))
    select.set_snaps(settings.get(SNAP))
    actions.checked_from("brush.erase", lambda: brush.erases)
    actions.checked_from("vertex.snap", lambda: settings.get(SNAP))
    actions.condition("brush", lambda: canvas.tool is brush)
    actions.refresh_on(canvas.tool_changed, brush.options_changed)
    settings.on_change(actions.refresh)
