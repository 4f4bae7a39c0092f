"""Commands of the mask model, and the conditions on the model in use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from samdesk.ui.commands.actions import Actions
from samdesk.ui.commands.table import Command, CommandTable, Condition

if TYPE_CHECKING:
    from samdesk.ui.editing.session import Session
    from samdesk.ui.models.controller import ModelsController

COMMANDS = CommandTable(
    (
        Command("model.choose", "Choose model…", "Choose the mask model, its device and its precision.",
                "ph.cpu", "model", "model", ("Ctrl+M",)),
        Command("model.info", "Model information",
                "Show layers, parameters, GFLOPs and memory of the model in use.",
                "ph.info", "model", "model", when="model"),
    ),
    (
        Condition("model", "no model is loaded yet"),
        Condition("views", "the model in use needs no closer look"),
    ),
)  # fmt: skip


def bind(actions: Actions, session: Session, models: ModelsController) -> None:
    """Connects the commands to the controller."""
    actions.on("model.choose", models.choose)
    actions.on("model.info", models.show_info)
    actions.condition("model", lambda: models.info is not None and session.model.document is not None)
    actions.condition("views", lambda: models.info is None or models.info.views)
    actions.refresh_on(models.ready)
