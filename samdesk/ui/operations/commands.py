"""Commands of operations on the selected annotations, and of the bar that adjusts them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from samdesk.ui.commands.actions import Actions
from samdesk.ui.commands.table import Command, CommandTable, Condition, Context
from samdesk.ui.operations.kinds import KINDS

if TYPE_CHECKING:
    from samdesk.ui.operations.adjust import AdjustController
    from samdesk.ui.operations.controller import OperationsController

_FEW = "selection editable"

COMMANDS = CommandTable(
    (
        Command("operation.merge", "Merge",
                "Make one annotation of the selected ones, with the label of the largest.", "ph.git-merge",
                "annotate/shape", "annotation", ("M",), when=_FEW),
        Command("operation.intersect", "Intersect",
                "Make one annotation of what the selected ones have in common.", "ph.intersect",
                "annotate/shape", "annotation", when=_FEW),
        Command("operation.subtract_neighbours", "Subtract neighbours",
                "Remove from the selected annotations what others cover.", "ph.minus-square",
                "annotate/shape", "annotation", ("Shift+M",), when=_FEW),
        Command("operation.neighbours_yield", "Let neighbours yield",
                "Remove from all other annotations what the selected ones cover.", "ph.stack-simple",
                "annotate/shape", "annotation", ("Ctrl+Shift+M",), when=_FEW),
        Command("operation.tidy", "Fill holes, drop specks",
                "Fill small holes and drop small separate parts, up to the area used last.", "ph.drop-half",
                "annotate/shape", "annotation", ("O",), when=_FEW),
        Command("operation.grow", "Grow by a pixel", "Move the outlines of the selected annotations outwards.",
                "ph.arrows-out-simple", "annotate/shape", "annotation", ("+", "="), when=_FEW,
                context=Context.SELECTION),
        Command("operation.shrink", "Shrink by a pixel",
                "Move the outlines of the selected annotations inwards.", "ph.arrows-in-simple",
                "annotate/shape", "annotation", ("-",), when=_FEW, context=Context.SELECTION),
        Command("operation.adjust", "Smooth or simplify",
                "Adjust the outlines of the selected annotations with a slider.", "ph.sliders-horizontal",
                "annotate/shape", "annotation", ("Ctrl+Alt+S",), when=_FEW),
        *(
            Command(f"adjust.{kind.id}", f"Adjust: {kind.title.lower()}", kind.tip, "ph.sliders-horizontal",
                    "annotate/shape", "annotation", (str(number),), when="adjusting", context=Context.ADJUST)
            for number, kind in enumerate(KINDS, start=1)
        ),
        Command("adjust.less", "Adjust less", "Move the slider to the left.", "ph.caret-left",
                "annotate/shape", "annotation", ("Left", "-", "["), when="adjusting", context=Context.ADJUST),
        Command("adjust.more", "Adjust more", "Move the slider to the right.", "ph.caret-right",
                "annotate/shape", "annotation", ("Right", "+", "=", "]"), when="adjusting",
                context=Context.ADJUST),
        Command("adjust.accept", "Accept adjustment", "Keep the outlines as shown, as one step.", "ph.check",
                "annotate/shape", "annotation", ("Return", "Enter", "E"), when="adjusting",
                context=Context.ADJUST),
        Command("adjust.cancel", "Cancel adjustment", "Go back to the outlines as they were.", "ph.x-circle",
                "annotate/shape", "annotation", ("Esc", "Ctrl+Z"), when="adjusting", context=Context.ADJUST),
    ),
    (Condition("adjusting", "choose Smooth or simplify first"),),
)  # fmt: skip

CONTEXT_MENU = (
    "operation.merge", "operation.intersect", "operation.subtract_neighbours", "operation.neighbours_yield",
    "operation.tidy", "operation.grow", "operation.shrink", "operation.adjust",
)  # fmt: skip
"""What the context menu of annotations has of them."""


def bind(actions: Actions, operations: OperationsController, adjust: AdjustController) -> None:
    """Connects the commands to the controllers."""
    actions.on("operation.merge", operations.merge)
    actions.on("operation.intersect", operations.intersect)
    actions.on("operation.subtract_neighbours", operations.subtract_neighbours)
    actions.on("operation.neighbours_yield", operations.let_neighbours_yield)
    actions.on("operation.tidy", operations.tidy)
    actions.on("operation.grow", partial(operations.grow, 1))
    actions.on("operation.shrink", partial(operations.grow, -1))
    actions.on("operation.adjust", adjust.open)
    for kind in KINDS:
        actions.on(f"adjust.{kind.id}", partial(adjust.choose, kind))
    actions.on("adjust.less", partial(adjust.step, -1))
    actions.on("adjust.more", partial(adjust.step, 1))
    actions.on("adjust.accept", adjust.accept)
    actions.on("adjust.cancel", adjust.cancel)
    actions.condition("adjusting", lambda: adjust.active)
    mode: list[Context | None] = [None]  # the one before

    def follow() -> None:
        if adjust.active:
            mode[0] = actions.mode
        actions.set_mode(Context.ADJUST if adjust.active else mode[0])
        actions.refresh()

    adjust.changed.connect(follow)
