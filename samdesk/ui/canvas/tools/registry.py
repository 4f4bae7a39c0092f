"""The tools of the canvas: one row for each. Commands, tool strip, shortcuts and controller use the rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QObject

from samdesk.ui.canvas.tools.base import Tool
from samdesk.ui.canvas.tools.brush import BrushTool
from samdesk.ui.canvas.tools.cut import CutTool
from samdesk.ui.canvas.tools.lasso import LassoTool
from samdesk.ui.canvas.tools.polygon import PolygonTool
from samdesk.ui.canvas.tools.rectangle import RectangleTool
from samdesk.ui.canvas.tools.sam import SamTool
from samdesk.ui.canvas.tools.select import SelectTool
from samdesk.ui.commands.table import TOOL, Command, CommandTable, MouseGesture

T = TypeVar("T", bound=Tool)


@dataclass(frozen=True)
class ToolSpec(Generic[T]):
    """One tool.

    Attributes:
        id: Its name; its command is ``tool.<id>``.
        kind: Its class, called with a Qt parent.
        title: Text of the menu.
        tip: One sentence for the tooltip.
        icon: Phosphor icon name in qtawesome.
        shortcuts: Default keys in Qt's portable text.
        short: Text of a button with little room; empty: the title.
        edits: Whether it changes annotations by drawing; such a tool is disabled in a read-only dataset.
        gestures: Its mouse gestures, for the shortcut sheet.
    """

    id: str
    kind: type[T]
    title: str
    tip: str
    icon: str
    shortcuts: tuple[str, ...] = ()
    short: str = ""
    edits: bool = True
    gestures: tuple[MouseGesture, ...] = ()

    @property
    def command_id(self) -> str:
        """The id of the command that chooses the tool."""
        return f"tool.{self.id}"

    @property
    def command(self) -> Command:
        """The command that chooses the tool."""
        return Command(
            self.command_id, self.title, self.tip, self.icon, "annotate/tool", "tools", self.shortcuts,
            when="image editable" if self.edits else "image", checkable=True, exclusive=TOOL,
            short=self.short,
        )  # fmt: skip


SELECT = ToolSpec(
    "select", SelectTool, "Select and edit", "Select, move and reshape annotations.", "ph.cursor",
    ("V", "Ctrl+J"), short="Select", edits=False,
    gestures=(
        MouseGesture("Ctrl+click a vertex", "Delete it"),
        MouseGesture("Ctrl+drag", "Choose vertices of the selected annotation"),
        MouseGesture("Ctrl+drag from its outline", "Redraw that stretch"),
        MouseGesture("Shift+drag a vertex", "Take the outline beside it along"),
        MouseGesture("Ctrl while dragging a vertex", "Snap to a neighbour's edge"),
    ),
)  # fmt: skip
SEGMENT = ToolSpec(
    "sam", SamTool, "Segment",
    "Click the object, right-click what is not part of it, or drag a box around it.",
    "ph.magic-wand", ("S", "Q"),
    gestures=(
        MouseGesture("Click", "Include point"),
        MouseGesture("Right-click", "Exclude point"),
        MouseGesture("Shift+click", "Exclude point"),
        MouseGesture("Drag", "Box around the object"),
        MouseGesture("Ctrl+drag", "Stroke along the object"),
        MouseGesture("Ctrl+right-drag", "Stroke along what is not part of it"),
        MouseGesture("Space", "Accept mask"),
    ),
)  # fmt: skip
LASSO = ToolSpec(
    "lasso", LassoTool, "Lasso",
    "Drag around an object. Shift adds to the selected annotation, Ctrl or Alt takes away.",
    "ph.scribble-loop", ("Shift+P",),
    gestures=(
        MouseGesture("Shift+drag, Shift+click", "Add to the selected annotation"),
        MouseGesture("Ctrl+drag, Ctrl+click", "Take away from the selected annotations"),
    ),
)  # fmt: skip
POLYGON = ToolSpec(
    "polygon", PolygonTool, "Polygon",
    "Click vertices or drag freehand. Shift adds to the selected annotation, Ctrl or Alt takes away.",
    "ph.polygon", ("P",),
    gestures=(MouseGesture("Double-click", "Close the polygon"),),
)  # fmt: skip
CUT = ToolSpec(
    "cut", CutTool, "Cut", "Draw a line across an annotation to cut it into pieces.", "ph.scissors", ("C",),
    gestures=(MouseGesture("Drag across", "Cut the annotation"),),
)  # fmt: skip
RECTANGLE = ToolSpec(
    "rectangle", RectangleTool, "Rectangle", "Draw a rectangle from corner to corner.", "ph.rectangle",
    ("R",),
)  # fmt: skip
BRUSH = ToolSpec(
    "brush", BrushTool, "Brush and eraser",
    "Paint on the selected annotation, or a new one; hold Ctrl or Alt, or the right button, to erase.",
    "ph.paint-brush", ("B", "Shift+B"), short="Brush",
    gestures=(
        MouseGesture("Drag", "Paint on the selected annotation"),
        MouseGesture("Ctrl+drag, right-drag", "Erase"),
        MouseGesture("Shift+wheel", "Brush size"),
    ),
)  # fmt: skip

TOOLS: tuple[ToolSpec[Any], ...] = (SELECT, SEGMENT, BRUSH, LASSO, POLYGON, RECTANGLE, CUT)
"""Every tool, in the order of the tool strip."""


def tool_commands(specs: Iterable[ToolSpec[Any]] = TOOLS) -> CommandTable:
    """The commands that choose the tools, and the tools' mouse gestures."""
    specs = tuple(specs)
    return CommandTable(
        tuple(spec.command for spec in specs), gestures=tuple(g for spec in specs for g in spec.gestures)
    )


class Toolbox:
    """The tools of one canvas, made from their rows."""

    def __init__(self, parent: QObject, specs: Iterable[ToolSpec[Any]] = TOOLS) -> None:
        self._specs = tuple(specs)
        self._tools: dict[str, Tool] = {spec.id: spec.kind(parent) for spec in self._specs}

    def __iter__(self) -> Iterator[Tool]:
        return iter(self._tools.values())

    @property
    def specs(self) -> tuple[ToolSpec[Any], ...]:
        """The rows the tools were made from."""
        return self._specs

    def tool(self, tool_id: str) -> Tool:
        """The tool with this id; ``KeyError`` if there is none."""
        return self._tools[tool_id]

    def get(self, spec: ToolSpec[T]) -> T:
        """The tool of a row, with its own type; ``KeyError`` if it is not in this toolbox."""
        tool = self._tools[spec.id]
        if not isinstance(tool, spec.kind):
            raise KeyError(spec.id)
        return tool
