"""The commands of training a segmentation model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from samdesk.ui.commands.actions import Actions
from samdesk.ui.commands.table import Command, CommandTable, Condition

if TYPE_CHECKING:
    from samdesk.ui.fit.controller import FitController

COMMANDS = CommandTable(
    (
        Command("fit.start", "Train a detector…",
                "Train a YOLO segmentation model on this dataset with Ultralytics' trainer.",
                "ph.barbell", "model", "teach", when="folder fittable"),
        Command("fit.resume", "Resume training", "Go on with the training that was interrupted.",
                "ph.play", "model", "teach", when="folder fit_interrupted"),
        Command("fit.stop", "Stop training", "Stop the training; finished epochs are kept.",
                "ph.stop-circle", "model", "teach", when="fitting"),
        Command("fit.results", "Training results…", "Show the curves and figures of the last training.",
                "ph.chart-line", "model", "teach", when="folder fitted"),
    ),
    (
        Condition("fittable", "a model is already being trained"),
        Condition("fitting", "no model is being trained"),
        Condition("fitted", "no model was trained on this dataset yet"),
        Condition("fit_interrupted", "there is no interrupted training"),
    ),
)  # fmt: skip


def bind(actions: Actions, fit: FitController) -> None:
    """Binds the commands to the controller."""
    actions.on("fit.start", fit.open_dialog)
    actions.on("fit.resume", fit.resume)
    actions.on("fit.stop", fit.cancel)
    actions.on("fit.results", fit.show_results)
    actions.condition("fittable", lambda: not fit.running)
    actions.condition("fitting", lambda: fit.running)
    actions.condition("fitted", lambda: fit.newest is not None)
    actions.condition("fit_interrupted", lambda: fit.interrupted is not None and not fit.running)
    actions.refresh_on(fit.changed)
