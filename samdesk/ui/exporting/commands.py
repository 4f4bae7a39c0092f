"""Commands of exports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from samdesk.ui.commands.actions import Actions
from samdesk.ui.commands.table import Command, CommandTable

if TYPE_CHECKING:
    from samdesk.ui.exporting.controller import ExportController

COMMANDS = CommandTable(
    (
        Command("file.export", "Export…",
                "Write the dataset, or a part of it, in another format; a report shows what was lost.",
                "ph.export", "file", "save", ("Ctrl+Shift+E",), when="folder"),
    ),
)  # fmt: skip


def bind(actions: Actions, exporting: ExportController) -> None:
    """Connects the commands to the controller."""
    actions.on("file.export", exporting.ask)
