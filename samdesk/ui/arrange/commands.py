"""Commands that copy, paste, arrange, lock and nudge the selected annotations."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from samdesk.ui.commands.actions import Actions
from samdesk.ui.commands.table import Command, CommandTable, Condition, Context

if TYPE_CHECKING:
    from samdesk.ui.arrange.controller import ArrangeController

_NUDGES = (
    ("left", "left", "Left", -1, 0), ("right", "right", "Right", 1, 0),
    ("up", "up", "Up", 0, -1), ("down", "down", "Down", 0, 1),
)  # fmt: skip
"""Name, words, key, and the step in x and y."""
FAR_PX = 10
"""How far Shift nudges, image pixels."""

COMMANDS = CommandTable(
    (
        Command("edit.cut", "Cut", "Move the selected annotations to the clipboard.", "ph.scissors",
                "edit", "clipboard", ("Ctrl+X",), when="selection editable canvas"),
        Command("edit.copy", "Copy", "Copy the selected annotations, for this or another image or window.",
                "ph.copy-simple", "edit", "clipboard", ("Ctrl+C",), when="selection canvas"),
        Command("edit.paste", "Paste", "Paste annotations where they were on the image they are from.",
                "ph.clipboard", "edit", "clipboard", ("Ctrl+V",), when="image editable canvas"),
        Command("edit.paste_at_cursor", "Paste at the cursor", "Paste annotations at the mouse cursor.",
                "ph.crosshair-simple", "edit", "clipboard", ("Ctrl+Shift+V",), when="image editable canvas"),
        Command("edit.paste_snapped", "Snap in this image",
                "Paste annotations and let the mask model find each object again near its place.",
                "ph.magnet", "edit", "clipboard", ("Ctrl+Alt+V",), when="image editable canvas"),
        Command("edit.take_over", "Take over from previous image",
                "Add every annotation of the previous image at the same place.", "ph.stack-simple",
                "edit", "clipboard", ("Alt+D",), when="image editable canvas"),
        Command("edit.take_over_snapped", "Take over and snap",
                "Add every annotation of the previous image and let the mask model find each object again.",
                "ph.magnet-straight", "edit", "clipboard", ("Alt+Shift+D",), when="image editable canvas"),
        Command("annotation.lock", "Lock", "Protect the selected annotations against changes.",
                "ph.lock-simple", "annotate/arrange", "annotation", ("Ctrl+Shift+K",),
                when="selection canvas"),
        Command("annotation.solo", "Show only the selected",
                "Hide all other annotations of this image; the same key shows them again.",
                "ph.user-focus", "annotate/arrange", "annotation", ("Shift+O",),
                when="solo canvas", checkable=True),
        Command("annotation.raise", "Raise", "Paint the selected annotations over the next one they overlap.",
                "ph.arrow-line-up", "annotate/arrange", "annotation", ("Ctrl+]",),
                when="selection editable canvas"),
        Command("annotation.lower", "Lower",
                "Paint the selected annotations under the next one they overlap.", "ph.arrow-line-down",
                "annotate/arrange", "annotation", ("Ctrl+[",), when="selection editable canvas"),
        Command("annotation.to_top", "Raise to top", "Paint the selected annotations over all others.",
                "ph.arrow-fat-lines-up", "annotate/arrange", "annotation", ("Ctrl+Shift+]",),
                when="selection editable canvas"),
        Command("annotation.to_bottom", "Lower to bottom",
                "Paint the selected annotations under all others.", "ph.arrow-fat-lines-down",
                "annotate/arrange", "annotation", ("Ctrl+Shift+[",), when="selection editable canvas"),
        *(
            Command(f"nudge.{name}", f"Move {words}", f"Move the selected annotations 1 pixel {words}.",
                    f"ph.arrow-{name}", "annotate/arrange", "annotation", (key,),
                    when="selection editable canvas",
                    context=Context.SELECTION)
            for name, words, key, _, _ in _NUDGES
        ),
        *(
            Command(f"nudge.far_{name}", f"Move {words} {FAR_PX} pixels",
                    f"Move the selected annotations {FAR_PX} pixels {words}.", f"ph.arrow-{name}",
                    "annotate/arrange", "annotation", (f"Shift+{key}",), when="selection editable canvas",
                    context=Context.SELECTION)
            for name, words, key, _, _ in _NUDGES
        ),
    ),
    (Condition("solo", "select an annotation first"),),
)  # fmt: skip


def bind(actions: Actions, arrange: ArrangeController, use_select_tool: Callable[[], object]) -> None:
    """Connects the commands to the controller; what is pasted can be moved at once."""
    actions.on("edit.cut", arrange.cut)
    actions.on("edit.copy", arrange.copy)
    actions.on("edit.paste", arrange.paste)
    actions.on("edit.paste_at_cursor", arrange.paste_at_cursor)
    actions.on("edit.paste_snapped", arrange.paste_snapped)
    actions.on("edit.take_over", arrange.take_over)
    actions.on("edit.take_over_snapped", partial(arrange.take_over, snapped=True))
    actions.on("annotation.lock", arrange.toggle_lock)
    actions.title_from("annotation.lock", lambda: "Unlock" if arrange.selection_locked else "")
    actions.on("annotation.solo", lambda _checked: arrange.toggle_solo())
    actions.checked_from("annotation.solo", lambda: arrange.solo)
    actions.condition("solo", lambda: arrange.solo or bool(arrange.selection))
    for name in ("raise", "lower", "to_top", "to_bottom"):
        actions.on(f"annotation.{name}", partial(arrange.reorder, name))
    for name, _, _, dx, dy in _NUDGES:
        actions.on(f"nudge.{name}", partial(arrange.nudge, dx, dy))
        actions.on(f"nudge.far_{name}", partial(arrange.nudge, dx * FAR_PX, dy * FAR_PX))
    arrange.selection_changed.connect(lambda ids: actions.set_selecting(bool(ids)))
    arrange.added.connect(use_select_tool)
    actions.refresh_on(arrange.changed)
