"""Commands of the canvas: zoom, and whether annotations are shown."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from samdesk.settings.table import COLOR_BY_INSTANCE, LABEL_TAGS, Settings
from samdesk.ui.commands.actions import Actions
from samdesk.ui.commands.table import Command, CommandTable, Condition, MouseGesture

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
        Command("view.color_by_instance", "Colour by instance",
                "Give each annotation a colour of its own instead of its label's.", "ph.palette", "view",
                "show", ("I",), checkable=True),
        Command("view.name_tags", "Name tags", "Show the label and the score next to each annotation.",
                "ph.tag-simple", "view", "show", ("Shift+T",), checkable=True),
    ),
    (Condition("canvas", "leave the contact sheet first"),),
    gestures=(
        MouseGesture("Wheel", "Zoom at the cursor"),
        MouseGesture("Space+drag", "Move the image"),
        MouseGesture("Middle-drag", "Move the image"),
    ),
)  # fmt: skip


def bind(actions: Actions, canvas: CanvasView, settings: Settings) -> None:
    """Connects the commands to the canvas, and to the settings that remember them."""
    actions.on("view.fit", canvas.fit)
    actions.on("view.actual_size", canvas.actual_size)
    actions.on("view.zoom_in", canvas.zoom_in)
    actions.on("view.zoom_out", canvas.zoom_out)
    actions.on("view.toggle_annotations", canvas.set_annotations_visible)
    actions.on("view.color_by_instance", partial(settings.set, COLOR_BY_INSTANCE))
    actions.on("view.name_tags", partial(settings.set, LABEL_TAGS))
    actions.checked_from("view.color_by_instance", lambda: settings.get(COLOR_BY_INSTANCE))
    actions.checked_from("view.name_tags", lambda: settings.get(LABEL_TAGS))
    settings.on_change(actions.refresh)
