"""The command table: every action a user can invoke, as rows that the features of the window export.

The menus, the toolbars, the context menus, the shortcut sheet, the shortcut editor and the tooltips
are made from it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Context(str, Enum):
    """Where the shortcuts of a command work. Two commands clash where both would get the key."""

    WINDOW = "window"
    CANVAS = "canvas"
    REVIEW = "review"
    """While annotations are reviewed, see ``Actions.set_mode``: its keys come before all others."""
    SHEET = "sheet"
    """While the contact sheet is shown, as for ``REVIEW``."""
    SELECTION = "selection"
    """While annotations are selected, see ``Actions.set_selecting``."""
    OUTLINE = "outline"
    """While outlines are adjusted with the slider, see ``Actions.set_adjusting``."""
    CARRY = "carry"
    """While carried annotations of the image wait for a decision, see ``Actions.set_carrying``; only on the
    canvas."""


MODES = (Context.OUTLINE, Context.REVIEW, Context.SHEET, Context.CARRY, Context.SELECTION)
"""Contexts whose shortcuts work while the window is in that mode, and then come before those of the modes
after it and all others."""


def overlap(one: Context, other: Context) -> bool:
    """Whether both contexts would get a key: one of the window also works while the canvas has the focus."""
    if one in MODES or other in MODES:
        return one is other
    return one is other or Context.WINDOW in (one, other)


@dataclass(frozen=True)
class Command:
    """One action a user can invoke.

    Attributes:
        id: Its name in code and in the settings, ``area.verb``.
        title: Text of menus and buttons; ends with an ellipsis if a dialog follows.
        tip: One sentence for the tooltip and the shortcut sheet.
        icon: Phosphor icon name in qtawesome, ``ph.name``.
        menu: Menu path: the id of a menu in ``MENUS`` and, after a slash, of a submenu.
        group: Commands of one menu and group stand together; a separator divides groups.
        shortcuts: Default key sequences in Qt's portable text; the first one is shown.
        when: Ids of ``Condition`` rows, separated by spaces, that must all hold; empty: always enabled.
        context: Where its shortcuts work.
        checkable: Whether it is switched on and off.
        checked: Whether it starts switched on.
        exclusive: Commands with the same name here are radio buttons of one group.
        short: Text of a button with little room; empty: the title.
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
        """The ids in ``when``."""
        return tuple(self.when.split())

    @property
    def label(self) -> str:
        """The text of a button."""
        return self.short or self.title.rstrip("…")


@dataclass(frozen=True)
class Condition:
    """A state of the program that commands depend on.

    Attributes:
        id: Its name in ``Command.when``.
        reason: Why a command is disabled while the condition does not hold, for its tooltip.
    """

    id: str
    reason: str


@dataclass(frozen=True)
class MouseGesture:
    """A mouse gesture on the canvas, for the shortcut sheet.

    Attributes:
        input: What the user does: "Click", "Wheel".
        effect: What it does.
    """

    input: str
    effect: str


@dataclass(frozen=True)
class CommandTable:
    """The commands of one feature, or of the whole window (see ``join``).

    Attributes:
        commands: Its commands.
        conditions: The conditions it knows; commands of other features may depend on them too.
        gestures: Its mouse gestures.
    """

    commands: tuple[Command, ...] = ()
    conditions: tuple[Condition, ...] = ()
    gestures: tuple[MouseGesture, ...] = ()


TOOL = "tool"
"""``Command.exclusive`` of the commands that choose a tool of the canvas."""


@dataclass(frozen=True)
class Menu:
    """A menu of the menu bar, or a submenu.

    Attributes:
        path: Its id; with a slash: the submenu of the menu before the slash.
        title: Its text, with the mnemonic.
        groups: Order of the groups of its commands, submenus included; unknown groups follow at the end.
    """

    path: str
    title: str
    groups: tuple[str, ...] = ()


MENUS: tuple[Menu, ...] = (
    Menu("file", "&File", ("open", "save", "quit")),
    Menu("edit", "&Edit", ("history", "find", "clipboard", "selection", "settings")),
    Menu("view", "&View", ("zoom", "look", "show", "layout", "theme")),
    Menu("annotate", "&Annotate", ("tools", "options", "prompt", "annotation", "labels", "automatic")),
    Menu("annotate/tool", "&Tool"),
    Menu("annotate/mask", "&Mask"),
    Menu("annotate/label", "Use &label"),
    Menu("annotate/edit_label", "Edit la&bel"),
    Menu("annotate/arrange", "A&rrange"),
    Menu("annotate/shape", "&Shape"),
    Menu("annotate/find", "&Find more like these"),
    Menu("annotate/carried", "&Carried annotations"),
    Menu("annotate/track", "Trac&k"),
    Menu("image", "&Image", ("go", "accept", "split")),
    Menu("image/split", "Spl&it"),
    Menu("review", "&Review", ("mode", "decide", "walk", "rest")),
    Menu("review/sheet", "On the contact s&heet", ("decide", "go")),
    Menu("model", "&Model", ("model", "teach", "files")),
    Menu("help", "&Help", ("learn", "about")),
)
"""The menus in order; a submenu is placed where its first command is."""


def join(tables: Iterable[CommandTable]) -> CommandTable:
    """Assembles the tables of all features into one, in menu order.

    Commands of one menu and group keep the order of the tables.

    Raises:
        ValueError: An id occurs twice, or a row names a menu or a condition that does not exist.
    """
    parts = tuple(tables)
    commands = [command for part in parts for command in part.commands]
    conditions = tuple(condition for part in parts for condition in part.conditions)
    _check(commands, conditions)
    gestures = tuple(gesture for part in parts for gesture in part.gestures)
    return CommandTable(tuple(sorted(commands, key=_place)), conditions, gestures)


def _place(command: Command) -> tuple[int, int]:
    """Sort key: the index of the top-level menu and of the group in it."""
    top = command.menu.split("/")[0]
    index, menu = next((i, menu) for i, menu in enumerate(MENUS) if menu.path == top)
    return index, menu.groups.index(command.group) if command.group in menu.groups else len(menu.groups)


def _check(commands: Iterable[Command], conditions: Iterable[Condition]) -> None:
    paths, known = {menu.path for menu in MENUS}, {condition.id for condition in conditions}
    counts = Counter([command.id for command in commands] + [condition.id for condition in conditions])
    problems = [f"{name} twice" for name, count in counts.items() if count > 1]
    for command in commands:
        if command.menu not in paths:
            problems.append(f"{command.id}: no menu {command.menu!r}")
        unknown = [name for name in command.conditions if name not in known]
        problems += [f"{command.id}: no condition {name!r}" for name in unknown]
    if problems:
        raise ValueError("; ".join(problems))
