"""Commands of operations on the selected annotations, and of the bar that adjusts them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from samdesk.ui.commands.actions import Actions
from samdesk.ui.commands.table import Command, CommandTable, Condition, Context
from samdesk.ui.operations.kinds import KINDS

if TYPE_CHECKING:
    from samdesk.ui.operations.controller import OperationsController
    from samdesk.ui.operations.outline import OutlineController

_FEW = "selection editable canvas"

COMMANDS = CommandTable(
    (
        Command("operation.merge", "Merge",
                "Make one annotation of the selected ones, with the label of the largest.", "ph.git-merge",
                "annotate/shape", "annotation", ("M",), when=_FEW),
        Command("operation.intersect", "Intersect",
                "Make one annotation of what the selected ones have in common.", "ph.intersect",
                "annotate/shape", "annotation", when=_FEW),
        Command("operation.subtract_neighbours", "Subtract neighbours",
                "Remove from the selected annotations what others cover.", "ph.squares-four",
                "annotate/shape", "annotation", ("Shift+M",), when=_FEW),
        Command("operation.neighbours_yield", "Let neighbours yield",
                "Remove from all other annotations what the selected ones cover.", "ph.stack",
                "annotate/shape", "annotation", ("Ctrl+Shift+M",), when=_FEW),
        Command("operation.tidy", "Fill holes, drop specks",
                "Fill small holes and drop small separate parts, up to the area used last.", "ph.drop-half",
                "annotate/shape", "annotation", ("O",), when=_FEW),
        Command("operation.grow", "Grow by a pixel",
                "Move the outlines of the selected annotations outwards.", "ph.arrows-out-simple",
                "annotate/shape", "annotation", ("+", "="), when=_FEW, context=Context.SELECTION),
        Command("operation.shrink", "Shrink by a pixel",
                "Move the outlines of the selected annotations inwards.", "ph.arrows-in-simple",
                "annotate/shape", "annotation", ("-",), when=_FEW, context=Context.SELECTION),
        Command("operation.adjust", "Smooth or simplify",
                "Adjust the outlines of the selected annotations with a slider.", "ph.sliders-horizontal",
                "annotate/shape", "annotation", ("Ctrl+Alt+S",), when=_FEW),
        *(
            Command(f"outline.{kind.id}", f"Adjust: {kind.title.lower()}", kind.tip, "ph.sliders-horizontal",
                    "annotate/shape", "annotation", (str(number),), when="adjusting", context=Context.OUTLINE)
            for number, kind in enumerate(KINDS, start=1)
        ),
        Command("outline.less", "Adjust less", "Move the slider to the left.", "ph.caret-left",
                "annotate/shape", "annotation", ("Left", "-", "["), when="adjusting",
                context=Context.OUTLINE),
        Command("outline.more", "Adjust more", "Move the slider to the right.", "ph.caret-right",
                "annotate/shape", "annotation", ("Right", "+", "=", "]"), when="adjusting",
                context=Context.OUTLINE),
        Command("outline.accept", "Accept adjustment", "Keep the outlines as shown, as one step.", "ph.check",
                "annotate/shape", "annotation", ("Return", "Enter", "E"), when="adjusting",
                context=Context.OUTLINE),
        Command("outline.cancel", "Cancel adjustment", "Go back to the outlines as they were.", "ph.x-circle",
                "annotate/shape", "annotation", ("Esc", "Ctrl+Z"), when="adjusting", context=Context.OUTLINE),
    ),
    (Condition("adjusting", "choose Smooth or simplify first"),),
)  # fmt: skip


def bind(actions: Actions, operations: OperationsController, outline: OutlineController) -> None:
    """Connects the commands to the controllers."""
    actions.on("operation.merge", operations.merge)
    actions.on("operation.intersect", operations.intersect)
    actions.on("operation.subtract_neighbours", operations.subtract_neighbours)
    actions.on("operation.neighbours_yield", operations.let_neighbours_yield)
    actions.on("operation.tidy", operations.tidy)
    actions.on("operation.grow", partial(operations.grow, 1))
    actions.on("operation.shrink", partial(operations.grow, -1))
    actions.on("operation.adjust", outline.open)
    for kind in KINDS:
        actions.on(f"outline.{kind.id}", partial(outline.choose, kind))
    actions.on("outline.less", partial(outline.step, -1))
    actions.on("outline.more", partial(outline.step, 1))
    actions.on("outline.accept", outline.accept)
    actions.on("outline.cancel", outline.cancel)
    actions.condition("adjusting", lambda: outline.active)
    outline.changed.connect(lambda: actions.set_adjusting(outline.active))
    actions.refresh_on(outline.changed)
