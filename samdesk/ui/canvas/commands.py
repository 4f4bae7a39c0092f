"""Commands of the canvas: zoom, and whether annotations are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from samdesk.ui.commands.actions import Actions
from samdesk.ui.commands.table import Command, CommandTable, MouseGesture

if TYPE_CHECKING:
    from samdesk.ui.canvas.view import CanvasView

COMMANDS = CommandTable(
    (
        Command("view.fit", "Fit image", "Show the whole image.", "ph.frame-corners", "view", "zoom",
                ("F", "Ctrl+0"), when="image", short="Fit"),
        Command("view.actual_size", "Actual size", "Show one image pixel as one screen pixel.",
                "ph.number-square-one", "view", "zoom", ("Ctrl+1",), when="image", short="1:1"),
        Command("view.zoom_in", "Zoom in", "Zoom in. The mouse wheel zooms at the cursor.",
                "ph.magnifying-glass-plus", "view", "zoom", ("Ctrl++", "Ctrl+="), when="image"),
        Command("view.zoom_out", "Zoom out", "Zoom out. The mouse wheel zooms at the cursor.",
                "ph.magnifying-glass-minus", "view", "zoom", ("Ctrl+-",), when="image"),
        Command("view.toggle_annotations", "Show annotations", "Show or hide all annotations.", "ph.eye",
                "view", "show", ("H",), when="image", checkable=True, checked=True),
    ),
    gestures=(
        MouseGesture("Wheel", "Zoom at the cursor"),
        MouseGesture("Space+drag", "Move the image"),
        MouseGesture("Middle-drag", "Move the image"),
    ),
)  # fmt: skip


def bind(actions: Actions, canvas: CanvasView) -> None:
    """Connects the commands to the canvas."""
    actions.on("view.fit", canvas.fit)
    actions.on("view.actual_size", canvas.actual_size)
    actions.on("view.zoom_in", canvas.zoom_in)
    actions.on("view.zoom_out", canvas.zoom_out)
    actions.on("view.toggle_annotations", canvas.set_annotations_visible)
