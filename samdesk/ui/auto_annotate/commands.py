"""Commands of auto-annotate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from samdesk.ui.commands.actions import Actions
from samdesk.ui.commands.table import Command, CommandTable, Condition

if TYPE_CHECKING:
    from samdesk.ui.auto_annotate.controller import BatchController
    from samdesk.ui.auto_annotate.runs import RunsController

COMMANDS = CommandTable(
    (
        Command("run.auto_annotate", "Auto-annotate…",
                "Annotate the folder, a search result or selected images with a detector and a mask model.",
                "ph.sparkle", "annotate", "automatic", ("Ctrl+B",), when="folder editable idle"),
        Command("run.image", "Auto-annotate this image",
                "Annotate the image on screen at once, as the last run was made; what is there stays.",
                "ph.sparkle", "annotate", "automatic", ("Ctrl+Alt+B",), when="image editable idle",
                short="This image"),
        Command("run.cancel", "Stop the run", "Stop auto-annotate; finished images are kept.",
                "ph.stop-circle", "annotate", "automatic", ("Ctrl+.",), when="running", short="Stop"),
        Command("run.history", "Auto-annotate runs…",
                "What each run has done, with which parameters; review, resume, repeat or undo it.",
                "ph.clock-counter-clockwise", "annotate", "automatic", when="folder", short="Runs"),
    ),
    (
        Condition("running", "auto-annotate is not running"),
        Condition("idle", "auto-annotate is running"),
    ),
)  # fmt: skip


def bind(actions: Actions, batch: BatchController, runs: RunsController) -> None:
    """Connects the commands to the controller."""
    actions.on("run.auto_annotate", batch.ask)
    actions.on("run.image", batch.annotate_image)
    actions.on("run.history", runs.show)
    actions.on("run.cancel", batch.cancel)
    actions.condition("running", lambda: batch.running)
    actions.condition("idle", lambda: not batch.running)
    actions.refresh_on(batch.running_changed)
