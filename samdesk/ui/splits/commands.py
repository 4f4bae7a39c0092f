"""Commands of splits."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from samdesk.domain.split import Split
from samdesk.ui.commands.actions import Actions
from samdesk.ui.commands.table import Command, CommandTable

if TYPE_CHECKING:
    from samdesk.ui.splits.controller import SplitController

USES: dict[str, Split | None] = {
    "image.use_train": "train", "image.use_val": "val", "image.use_test": "test", "image.use_none": None,
}  # fmt: skip

COMMANDS = CommandTable(
    (
        Command("image.split", "Split dataset…",
                "Divide the images into training, validation and test images; nothing moves.",
                "ph.chart-pie-slice", "image", "split", when="folder editable"),
        Command("image.what_trains", "What trains…",
                "Choose which annotations label files hold, and which images the lists of the splits hold.",
                "ph.funnel", "image", "split", when="folder editable"),
        Command("image.use_train", "Use for training", "Use the selected images for training.", "ph.barbell",
                "image/split", "split", when="image editable"),
        Command("image.use_val", "Use for validation", "Use the selected images for validation.",
                "ph.gauge", "image/split", "split", when="image editable"),
        Command("image.use_test", "Use for testing", "Use the selected images for a test after training.",
                "ph.graduation-cap", "image/split", "split", when="image editable"),
        Command("image.use_none", "Use for no split", "Take the selected images out of their splits.",
                "ph.prohibit", "image/split", "split", when="image editable"),
    ),
)  # fmt: skip


def bind(actions: Actions, splits: SplitController) -> None:
    """Connects the commands to the controller."""
    actions.on("image.split", splits.ask)
    actions.on("image.what_trains", splits.ask_settings)
    for command, split in USES.items():
        actions.on(command, partial(splits.use_for, split))
