"""Commands for how the image is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from samdesk.ui.commands.actions import Actions
from samdesk.ui.commands.table import Command, CommandTable, Condition

if TYPE_CHECKING:
    from samdesk.ui.adjust.controller import AdjustController

COMMANDS = CommandTable(
    (
        Command("view.adjust", "Adjust view",
                "Show the image brighter, with more contrast, or equalised; its file stays as it is.",
                "ph.sliders-horizontal", "view", "look", ("Ctrl+Shift+B",), when="image"),
        Command("view.adjust_reset", "Reset adjustments", "Show the image as it is.",
                "ph.arrow-counter-clockwise", "view", "look", when="adjusted"),
    ),
    (Condition("adjusted", "the image is shown as it is"),),
)  # fmt: skip


def bind(actions: Actions, adjust: AdjustController) -> None:
    """Connects the commands to the controller."""
    actions.on("view.adjust", adjust.toggle_panel)
    actions.on("view.adjust_reset", adjust.reset)
    actions.condition("adjusted", lambda: adjust.adjusted)
    actions.refresh_on(adjust.changed)
