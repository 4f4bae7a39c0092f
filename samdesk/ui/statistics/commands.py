"""The command for the statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from samdesk.ui.commands.actions import Actions
from samdesk.ui.commands.table import Command, CommandTable

if TYPE_CHECKING:
    from samdesk.ui.statistics.controller import StatisticsController

COMMANDS = CommandTable(
    (
        Command("statistics.show", "Statistics…",
                "Show classes, states, sizes, scores and agreement of the dataset; each bar is a search.",
                "ph.chart-bar", "view", "show", ("Ctrl+Shift+I",), when="dataset"),
    ),
)  # fmt: skip


def bind(actions: Actions, statistics: StatisticsController) -> None:
    """Connects the command to the window."""
    actions.on("statistics.show", statistics.open)
