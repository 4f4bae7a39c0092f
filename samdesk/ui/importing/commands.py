"""Commands of imports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from samdesk.ui.commands.actions import Actions
from samdesk.ui.commands.table import Command, CommandTable

if TYPE_CHECKING:
    from samdesk.ui.importing.controller import ImportController

COMMANDS = CommandTable(
    (
        Command("file.import", "Import…",
                "Bring in annotations of another program: COCO, labelme, X-AnyLabeling, CVAT and more.",
                "ph.download-simple", "file", "save", when="folder"),
    ),
)  # fmt: skip


def bind(actions: Actions, importing: ImportController) -> None:
    """Connects the command to the controller."""
    actions.on("file.import", importing.ask)
