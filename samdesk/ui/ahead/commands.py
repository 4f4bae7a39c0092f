"""The command of annotating ahead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from samdesk.ui.commands.actions import Actions
from samdesk.ui.commands.table import Command, CommandTable

if TYPE_CHECKING:
    from samdesk.ui.ahead.controller import AheadController

COMMANDS = CommandTable(
    (
        Command("run.ahead", "Annotate ahead",
                "Auto-annotate the next images that have no annotations in the background, so that proposals "
                "are there when you arrive.",
                "ph.fast-forward", "annotate", "automatic", when="folder editable", checkable=True),
    ),
)  # fmt: skip


def bind(actions: Actions, ahead: AheadController) -> None:
    """Connects the command to the controller."""
    actions.on("run.ahead", ahead.set_wanted)
    actions.checked_from("run.ahead", lambda: ahead.wanted)
    actions.refresh_on(ahead.changed)
