"""The command for the check of the dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from samdesk.ui.commands.actions import Actions
from samdesk.ui.commands.table import Command, CommandTable

if TYPE_CHECKING:
    from samdesk.ui.checking.controller import CheckController

COMMANDS = CommandTable(
    (
        Command("check.show", "Check dataset",
                "Find what would harm a training: bad labels, duplicates, leaks between splits, and more.",
                "ph.first-aid-kit", "view", "show", ("Ctrl+Shift+J",), when="dataset"),
    ),
)  # fmt: skip


def bind(actions: Actions, checking: CheckController) -> None:
    """Connects the command to the panel."""
    actions.on("check.show", checking.open)
