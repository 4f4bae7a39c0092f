"""The commands for teaching Flint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from samdesk.ui.commands.actions import Actions
from samdesk.ui.commands.table import Command, CommandTable, Condition

if TYPE_CHECKING:
    from samdesk.ui.teach.controller import TeachController
    from samdesk.ui.teach.taught import TaughtController

COMMANDS = CommandTable(
    (
        Command("teach.start", "Teach Flint…",
                "Train Flint's masks and detector on the annotations you have accepted.",
                "ph.graduation-cap", "model", "teach", ("Ctrl+T",), when="folder teachable", short="Teach"),
        Command("teach.stop", "Stop teaching", "Stop teaching; progress so far is kept.",
                "ph.stop-circle", "model", "teach", when="teaching"),
        Command("teach.undo", "Undo teaching", "Go back to the weights this dataset used before.",
                "ph.arrow-counter-clockwise", "model", "teach", when="taught_before"),
        Command("teach.export", "Export taught weights…", "Copy weights taught on this dataset to a file.",
                "ph.export", "model", "files", when="taught"),
        Command("teach.bring", "Use taught weights from file…",
                "Use weights taught on another dataset or computer.", "ph.file-arrow-down",
                "model", "files", when="folder"),
    ),
    (
        Condition("teachable", "Flint is already being taught"),
        Condition("teaching", "Flint is not being taught"),
        Condition("taught", "no taught weights are in use"),
        Condition("taught_before", "there is no teaching to undo"),
    ),
)  # fmt: skip


def bind(actions: Actions, teach: TeachController, taught: TaughtController) -> None:
    """Binds the commands to the controllers."""
    actions.on("teach.start", teach.open_dialog)
    actions.on("teach.stop", teach.cancel)
    actions.on("teach.undo", taught.undo)
    actions.on("teach.export", taught.export)
    actions.on("teach.bring", taught.import_weights)
    actions.condition("teachable", lambda: not teach.running)
    actions.condition("teaching", lambda: teach.running)
    actions.condition("taught", lambda: taught.in_use)
    actions.condition("taught_before", lambda: taught.can_undo)
    actions.refresh_on(teach.changed, taught.changed)
