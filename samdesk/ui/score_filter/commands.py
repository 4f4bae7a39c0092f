"""Commands of the score filter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from samdesk.ui.commands.actions import Actions
from samdesk.ui.commands.table import Command, CommandTable, Condition

if TYPE_CHECKING:
    from samdesk.ui.score_filter.controller import ScoreFilterController

COMMANDS = CommandTable(
    (
        Command("score_filter.show", "Hide by score",
                "Hide pending annotations under a score with a slider, on every image that the search finds; "
                "the same key shows them again.",
                "ph.sliders-horizontal", "review", "mode", ("Ctrl+H",), when="folder", checkable=True),
        Command("score_filter.drop", "Drop what is hidden by score",
                "Reject the annotations that are hidden, on all images, as one step: they leave the label "
                "files and are not proposed again.",
                "ph.trash-simple", "review", "rest", when="filtering editable", short="Drop them"),
        Command("score_filter.minimum", "Use as minimum of the next run",
                "The next auto-annotate run leaves out what the detector is less confident of.",
                "ph.arrow-line-up", "review", "rest", when="filtering_detector", short="Keep as minimum"),
    ),
    (
        Condition("filtering", "the score filter hides nothing"),
        Condition("filtering_detector", "the filter is not by the detector's score"),
    ),
)  # fmt: skip


def bind(actions: Actions, score_filter: ScoreFilterController) -> None:
    """Connects the commands to the score filter."""
    actions.on("score_filter.show", score_filter.set_open)
    actions.on("score_filter.drop", score_filter.drop)
    actions.on("score_filter.minimum", score_filter.keep_minimum)
    actions.checked_from("score_filter.show", lambda: score_filter.is_open)
    actions.condition("filtering", lambda: score_filter.can_drop)
    actions.condition("filtering_detector", lambda: score_filter.is_minimum)
    actions.refresh_on(score_filter.changed)
