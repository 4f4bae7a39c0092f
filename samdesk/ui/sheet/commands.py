"""Commands of the contact sheet."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from samdesk.ui.commands.actions import Actions
from samdesk.ui.commands.table import Command, CommandTable, Condition, Context, MouseGesture

if TYPE_CHECKING:
    from samdesk.ui.sheet.controller import SheetController

_SHEET = Context.SHEET

COMMANDS = CommandTable(
    (
        Command("sheet.show", "Contact sheet",
                "Show what is found as a grid of crops, to decide about many annotations at once.",
                "ph.squares-four", "review", "mode", ("G",), when="folder", checkable=True),
        Command("sheet.accept", "Accept selected", "Accept the selected annotations as they are.",
                "ph.check-circle", "review/sheet", "decide", ("E", "Shift+E"),
                when="sheet_selection editable", context=_SHEET),
        Command("sheet.reject", "Reject selected",
                "Reject the selected annotations: they leave their images and are not proposed again.",
                "ph.x-circle", "review/sheet", "decide", ("X", "Del", "Backspace"),
                when="sheet_selection editable", context=_SHEET),
        Command("sheet.flag", "Flag selected", "Flag the selected annotations, to look at them again.",
                "ph.flag", "review/sheet", "decide", ("F", "Ctrl+Shift+F"), when="sheet_selection editable",
                context=_SHEET),
        Command("sheet.open", "Open in its image", "Show the current annotation in its image.",
                "ph.arrow-square-out", "review/sheet", "go", ("Return", "Enter"), when="sheet_selection",
                context=_SHEET),
        Command("sheet.alike", "More like these",
                "Sort by likeness: the annotations most like the selected ones first.",
                "ph.intersect", "review/sheet", "go", ("L",), when="sheet_open", context=_SHEET),
        Command("sheet.select_all", "Select all found", "Select every annotation of the contact sheet.",
                "ph.selection-all", "review/sheet", "go", ("Ctrl+A",), when="sheet_open", context=_SHEET),
        Command("sheet.leave", "Leave the contact sheet",
                "Clear the selection; without one, go back to the image.", "ph.x", "review/sheet", "go",
                ("Esc",), when="sheet_open", context=_SHEET),
    ),
    (
        Condition("sheet_open", "open the contact sheet first"),
        Condition("sheet_selection", "select annotations of the contact sheet first"),
    ),
    gestures=(MouseGesture("Ctrl+wheel", "Size of the contact sheet's crops"),),
)  # fmt: skip


def bind(actions: Actions, sheet: SheetController) -> None:
    """Connects the commands to the contact sheet."""
    actions.on("sheet.show", sheet.set_open)
    actions.on("sheet.accept", sheet.accept)
    actions.on("sheet.reject", sheet.reject)
    actions.on("sheet.flag", sheet.flag)
    actions.on("sheet.open", sheet.open_current)
    actions.on("sheet.alike", sheet.sort_alike)
    actions.on("sheet.select_all", sheet.panel.grid.selectAll)
    actions.on("sheet.leave", sheet.step_back)
    actions.checked_from("sheet.show", lambda: sheet.is_open)
    actions.condition("canvas", lambda: not sheet.is_open)  # nothing changes on an image that is covered
    actions.condition("sheet_open", lambda: sheet.is_open)
    actions.condition("sheet_selection", lambda: sheet.is_open and bool(sheet.selected))
    actions.refresh_on(sheet.changed)
    sheet.panel.invoked.connect(actions.trigger)
    sheet.mode_wanted.connect(partial(_set_mode, actions))


def _set_mode(actions: Actions, wanted: bool) -> None:
    if wanted:
        actions.set_mode(_SHEET)
    elif actions.mode is _SHEET:  # a review has begun otherwise
        actions.set_mode(None)
