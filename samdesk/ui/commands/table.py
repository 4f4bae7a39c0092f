"""Commands: every action a user can invoke, in one table.

The menus, the toolbars, the shortcut sheet, the shortcut editor and the tooltips are made from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Context(str, Enum):
    """Where a command's shortcuts work. Two commands clash only where both would hear the key."""

    WINDOW = "window"
    CANVAS = "canvas"


@dataclass(frozen=True)
class Command:
    """One action a user can invoke.

    Attributes:
        id: Its name in code and in the settings, ``area.verb``.
        title: What menus and buttons say; an ellipsis means that it asks for more first.
        tip: One sentence for the tooltip and the shortcut sheet.
        icon: Phosphor icon name in qtawesome, ``ph.name``.
        menu: Menu path: the id of a menu in ``MENUS`` and, after a slash, of a submenu.
        group: Commands of one menu and group stand together; a line divides groups.
        shortcuts: Default key sequences in Qt's portable text, the first is the one shown.
        when: Names in ``CONDITIONS``, divided by spaces, that must all hold; empty: always.
        context: Where its shortcuts work.
        checkable: Whether it is switched on and off.
        checked: Whether it starts switched on.
        exclusive: Commands with the same name here are radio buttons of one group.
        short: What a button with little room says; empty: the title.
    """

    id: str
    title: str
    tip: str
    icon: str
    menu: str
    group: str
    shortcuts: tuple[str, ...] = ()
    when: str = ""
    context: Context = Context.WINDOW
    checkable: bool = False
    checked: bool = False
    exclusive: str = ""
    short: str = ""

    @property
    def conditions(self) -> tuple[str, ...]:
        """The names in ``when``."""
        return tuple(self.when.split())

    @property
    def label(self) -> str:
        """The title for a button."""
        return self.short or self.title.rstrip("…")


MENUS: tuple[tuple[str, str], ...] = (
    ("file", "&File"),
    ("edit", "&Edit"),
    ("view", "&View"),
    ("annotate", "&Annotate"),
    ("annotate/label", "Use &label"),
    ("image", "&Image"),
    ("model", "&Model"),
    ("help", "&Help"),
)
"""Menus in order: (path, title). A path with a slash is a submenu of what stands before it."""

CONDITIONS: dict[str, str] = {
    "folder": "open a folder first",
    "image": "open an image first",
    "document": "open an image first",
    "editable": "this dataset is open read-only",
    "undo": "nothing to undo",
    "redo": "nothing to redo",
    "selection": "select an annotation first",
    "one_selected": "select one annotation first",
    "prompt": "place a point or a box first",
    "proposal": "there is no proposal to accept",
    "candidates": "there is only one candidate",
    "labels": "add a label first",
    "views": "the model in use looks closer by itself",
    "model": "no model is loaded yet",
    "running": "nothing is running",
    "idle": "a run is going on",
    "teachable": "Flint is being taught already",
    "teaching": "Flint is not being taught",
    "taught": "no taught weights are in use here",
    "taught_before": "there is no teaching to undo",
}
"""The conditions commands wait for, and what to tell a user who wonders why one is grey."""

_CANVAS = Context.CANVAS

_FILE = (
    Command("file.open_folder", "Open folder…", "Open a folder of photos.", "ph.folder-open", "file", "open",
            ("Ctrl+O", "Ctrl+U"), short="Open"),
    Command("file.open_recent", "Open recent", "Go on in a folder you had open before.",
            "ph.clock-counter-clockwise", "file", "open"),
    Command("file.demo", "Try the demo", "Open two photos that come with samdesk, in a fresh folder.",
            "ph.play-circle", "file", "open"),
    Command("file.save", "Save now",
            "Every edit is saved as you make it; this writes whatever is still waiting.", "ph.floppy-disk",
            "file", "save", ("Ctrl+S",), when="folder", short="Save"),
    Command("file.show_in_folder", "Show in file manager", "Show the current image in your file manager.",
            "ph.arrow-square-out", "file", "save", ("Ctrl+Shift+O",), when="image"),
    Command("file.quit", "Quit", "Close samdesk.", "ph.sign-out", "file", "quit", ("Ctrl+Q",)),
)  # fmt: skip

_EDIT = (
    Command("edit.undo", "Undo", "Take back the last edit, also on another image.", "ph.arrow-u-up-left",
            "edit", "history", ("Ctrl+Z",), when="undo"),
    Command("edit.redo", "Redo", "Do again what was taken back.", "ph.arrow-u-up-right",
            "edit", "history", ("Ctrl+Shift+Z", "Ctrl+Y"), when="redo"),
    Command("edit.select_all", "Select all", "Select every annotation of this image.", "ph.selection-all",
            "edit", "selection", ("Ctrl+A",), when="document"),
    Command("edit.duplicate", "Duplicate", "Copy the selected annotations in place.", "ph.copy",
            "edit", "selection", ("Ctrl+D",), when="selection editable"),
    Command("edit.delete", "Delete", "Delete the selected annotations.", "ph.trash",
            "edit", "selection", ("Del", "Backspace"), when="selection editable"),
    Command("edit.shortcuts", "Keyboard shortcuts…", "Give any command the keys you like.", "ph.keyboard",
            "edit", "settings", ("Ctrl+K",)),
    Command("edit.settings", "Settings…", "Change how samdesk works and looks.", "ph.gear-six",
            "edit", "settings", ("Ctrl+,",)),
)  # fmt: skip

_VIEW = (
    Command("view.fit", "Fit image", "Show the whole image.", "ph.frame-corners", "view", "zoom",
            ("F", "Ctrl+0"), when="image", short="Fit"),
    Command("view.actual_size", "Actual size", "Show one image pixel as one screen pixel.",
            "ph.number-square-one", "view", "zoom", ("Ctrl+1",), when="image", short="1:1"),
    Command("view.zoom_in", "Zoom in", "Come closer. The mouse wheel zooms at the cursor.",
            "ph.magnifying-glass-plus", "view", "zoom", ("Ctrl++", "Ctrl+="), when="image"),
    Command("view.zoom_out", "Zoom out", "Step back. The mouse wheel zooms at the cursor.",
            "ph.magnifying-glass-minus", "view", "zoom", ("Ctrl+-",), when="image"),
    Command("view.look_auto", "Look closer automatically",
            "Zoomed in, SAM looks at the part on screen, not the whole photo: small things get fine masks.",
            "ph.magnifying-glass", "view", "look", ("Ctrl+L",), when="views", checkable=True, checked=True),
    Command("view.look_pin", "Pin the closer look", "Keep the closer look where it is while you move about.",
            "ph.push-pin", "view", "look", ("Shift+L",), when="image views", checkable=True),
    Command("view.look_now", "Look at what I see now",
            "Have SAM look at the part on screen at once, also if that is only a little closer.",
            "ph.crosshair-simple", "view", "look", ("L",), when="image views"),
    Command("view.toggle_annotations", "Show annotations",
            "Show or hide all annotations, to see the bare photo.", "ph.eye", "view", "show", ("H",),
            when="image", checkable=True, checked=True),
    Command("view.hover_preview", "Preview under the cursor",
            "With no prompt placed, show the mask under the mouse as it moves.", "ph.ghost", "view", "show",
            ("Shift+H",), checkable=True, checked=True, short="Preview"),
    Command("view.theme", "Switch light and dark", "Change between the light and the dark look.",
            "ph.circle-half", "view", "theme", ("Ctrl+Shift+L",)),
)  # fmt: skip

_ANNOTATE = (
    Command("tool.select", "Select and edit", "Choose, move and reshape annotations.", "ph.cursor",
            "annotate", "tools", ("V", "Ctrl+J"), when="document", checkable=True, exclusive="tool",
            short="Select"),
    Command("tool.sam", "Segment with SAM",
            "Click what belongs to the object, right-click what does not, or drag a box around it.",
            "ph.magic-wand", "annotate", "tools", ("S", "Q"), when="document editable", checkable=True,
            exclusive="tool", short="SAM"),
    Command("tool.polygon", "Polygon", "Draw an outline by hand, corner by corner.", "ph.polygon", "annotate",
            "tools", ("P",), when="document editable", checkable=True, exclusive="tool"),
    Command("tool.rectangle", "Rectangle", "Drag a rectangle that becomes the annotation.", "ph.rectangle",
            "annotate", "tools", ("R",), when="document editable", checkable=True, exclusive="tool"),
    Command("prompt.accept", "Accept mask", "Keep the mask with the current label.", "ph.check", "annotate",
            "prompt", ("E", "Return", "Enter"), when="proposal"),
    Command("prompt.undo", "Take back last prompt", "Remove the last point or box.", "ph.arrow-arc-left",
            "annotate", "prompt", ("Z",), when="prompt"),
    Command("prompt.clear", "Clear prompts", "Drop the mask and all its prompts.", "ph.x-circle", "annotate",
            "prompt", ("Esc",), when="prompt"),
    Command("candidate.next", "Next candidate", "Show the next mask that fits the prompts.", "ph.caret-right",
            "annotate", "prompt", ("Tab",), when="candidates", context=_CANVAS),
    Command("candidate.previous", "Previous candidate", "Show the previous mask that fits the prompts.",
            "ph.caret-left", "annotate", "prompt", ("Shift+Tab",), when="candidates", context=_CANVAS),
    Command("annotation.accept", "Accept annotation", "Agree with what the machine drew.", "ph.check-circle",
            "annotate", "annotation", ("Shift+E",), when="selection editable"),
    Command("annotation.reopen_in_sam", "Open again in SAM",
            "Refine the selected annotation with more prompts.", "ph.arrows-clockwise", "annotate",
            "annotation", ("Shift+S",), when="one_selected editable"),
    *(
        Command(f"label.{n}", f"Label {n}",
                f"Use label {n} for what comes next, or give it to the selected annotations.",
                f"ph.number-circle-{word}", "annotate/label", "labels", (str(n),), when="labels")
        for n, word in enumerate(("one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
        start=1)
    ),
    Command("sam.everything", "Segment everything",
            "Propose a mask for every object, to accept one by one or all.", "ph.circles-three-plus",
            "annotate", "machine", ("Ctrl+E",), when="model editable", short="Everything"),
    Command("run.auto_annotate", "Auto-annotate…", "Let a detector and SAM label the whole folder.",
            "ph.sparkle", "annotate", "machine", ("Ctrl+B",), when="folder editable idle"),
    Command("run.cancel", "Stop the run", "Stop the run; what it has done so far stays.", "ph.stop-circle",
            "annotate", "machine", ("Ctrl+.",), when="running", short="Stop"),
)  # fmt: skip

_IMAGE = (
    Command("image.next", "Next image", "Go to the next image.", "ph.arrow-right", "image", "go",
            ("D", "Right", "PgDown"), when="folder"),
    Command("image.previous", "Previous image", "Go to the previous image.", "ph.arrow-left", "image", "go",
            ("A", "Left", "PgUp"), when="folder"),
    Command("image.accept_next", "Accept image and go on",
            "Agree with everything on this image, mark it done and go to the next that is not.", "ph.checks",
            "image", "accept", ("Ctrl+Return", "Ctrl+Enter"), when="document editable", short="Done, next"),
)  # fmt: skip

_MODEL = (
    Command("model.choose", "Choose model…", "Choose the model, the device and the precision.", "ph.cpu",
            "model", "model", ("Ctrl+M",)),
    Command("model.info", "Model information", "Layers, parameters, GFLOPs and memory of the loaded model.",
            "ph.info", "model", "model", when="model"),
    Command("teach.start", "Teach Flint…",
            "Let Flint learn from the masks you have accepted, and its detector your classes.",
            "ph.graduation-cap", "model", "teach", ("Ctrl+T",), when="folder teachable", short="Teach"),
    Command("teach.stop", "Stop teaching", "Stop; what was learned is kept, to go on from there.",
            "ph.stop-circle", "model", "teach", when="teaching"),
    Command("teach.undo", "Undo teaching", "Use what was in use before on this dataset.",
            "ph.arrow-counter-clockwise", "model", "teach", when="taught_before"),
    Command("teach.export", "Export taught weights…", "Copy what was taught here to a file.",
            "ph.export", "model", "files", when="taught"),
    Command("teach.bring", "Use taught weights from file…",
            "Use what was taught on another dataset, or on another machine.", "ph.file-arrow-down",
            "model", "files", when="folder"),
)  # fmt: skip

_HELP = (
    Command("help.shortcuts", "Shortcut sheet", "Show all keys and mouse gestures on one page.",
            "ph.question", "help", "learn", ("?", "F1"), short="Help"),
    Command("help.diagnostics", "Diagnostics…", "Versions, the device, measured times and where things are.",
            "ph.heartbeat", "help", "about"),
    Command("help.about", "About samdesk", "Version and licences.", "ph.info", "help", "about"),
)  # fmt: skip

COMMANDS: tuple[Command, ...] = (*_FILE, *_EDIT, *_VIEW, *_ANNOTATE, *_IMAGE, *_MODEL, *_HELP)
"""Every command, in menu order."""

GESTURES: tuple[tuple[str, str], ...] = (
    ("Click", "Point on the object"),
    ("Right-click", "Point beside the object"),
    ("Shift+click", "Point beside the object"),
    ("Drag", "Box around the object"),
    ("Space", "Accept mask"),
    ("Wheel", "Zoom at the cursor"),
    ("Space+drag", "Move the photo"),
    ("Middle-drag", "Move the photo"),
    ("Double-click", "Close the polygon"),
)
"""What the mouse does on the canvas, for the shortcut sheet: (gesture, what it does)."""
