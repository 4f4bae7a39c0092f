"""Tool: the base class of the tools of the canvas, and the canvas as tools see it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from PySide6.QtCore import QObject, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QRegion

from samdesk.base.text import counted
from samdesk.domain.annotation import AnnotationId
from samdesk.domain.document import ImageDocument
from samdesk.ui.canvas.shapes import Shape
from samdesk.ui.canvas.viewport import Viewport

CLICK_TOLERANCE = 4.0
"""Click tolerance, logical pixels: a shorter drag is a click."""
SUBTRACTS = Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.ControlModifier
"""Either of them takes away: some desktops keep Alt for moving windows."""


@dataclass(frozen=True)
class Pointer:
    """A mouse event in image coordinates.

    Attributes:
        x: Image pixels.
        y: Image pixels.
        position: Position on the widget, logical pixels.
        button: The button pressed or released; none for a move.
        buttons: The buttons held down.
        modifiers: The modifier keys held down.
        pressure: Of a pen, 0..1; 1 for a mouse.
        eraser: Whether it is the eraser end of a pen.
    """

    x: float
    y: float
    position: QPointF
    button: Qt.MouseButton = Qt.MouseButton.NoButton
    buttons: Qt.MouseButton = Qt.MouseButton.NoButton
    modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier
    pressure: float = 1.0
    eraser: bool = False

    def has(self, modifier: Qt.KeyboardModifier) -> bool:
        """Whether a modifier key is held."""
        return bool(self.modifiers & modifier)

    @property
    def subtracts(self) -> bool:
        """Whether Ctrl or Alt is held: the gesture takes away."""
        return bool(self.modifiers & SUBTRACTS)

    def far_from(self, other: Pointer) -> bool:
        """Whether the two events are too far apart to be one click."""
        moved = self.position - other.position
        return max(abs(moved.x()), abs(moved.y())) >= CLICK_TOLERANCE


def edit_title(verb: str, count: int) -> str:
    """The undo text of an edit of ``count`` annotations: "Move annotation", "Move 3 annotations"."""
    return f"{verb} annotation" if count == 1 else f"{verb} {counted(count, 'annotation')}"


class Canvas(Protocol):
    """The canvas as tools use it."""

    @property
    def document(self) -> ImageDocument | None:
        """The document shown."""

    @property
    def image_size(self) -> tuple[int, int] | None:
        """Width and height of the image, pixels."""

    @property
    def selection(self) -> frozenset[AnnotationId]:
        """The selected annotations."""

    @property
    def locked(self) -> frozenset[AnnotationId]:
        """The locked annotations: a tool neither drags, reshapes nor removes them."""

    @property
    def spotlight(self) -> AnnotationId | None:
        """The annotation under review; None: there is none."""

    def to_widget(self, x: float, y: float) -> QPointF:
        """Converts image pixels to logical pixels of the widget."""

    def image_pixels(self, logical: float) -> float:
        """Converts a length from logical pixels to image pixels."""

    def set_selection(self, ids: Iterable[AnnotationId]) -> bool:
        """Selects annotations."""

    def annotations_at(self, x: float, y: float) -> list[AnnotationId]:
        """The visible annotations at a point, image pixels, the smallest first."""

    def enclosed(self, rect: QRectF) -> frozenset[AnnotationId]:
        """The visible annotations that lie entirely in a rectangle, image pixels."""

    def shape(self, annotation_id: AnnotationId) -> Shape | None:
        """The shape of a visible annotation."""

    def set_hovered(self, annotation_id: AnnotationId | None) -> None:
        """Highlights the annotation under the cursor."""

    def set_dragged(self, ids: Iterable[AnnotationId]) -> None:
        """Excludes annotations from the layers while the tool drags and paints them."""

    def paint_shape(self, painter: QPainter, shape: Shape) -> None:
        """Paints a shape of the tool in the style of annotations."""

    def visible_rect(self) -> QRectF:
        """The visible part of the image, image pixels."""

    @property
    def viewport(self) -> Viewport:
        """Position and scale of the image, device pixels."""

    def device_size(self) -> QSize:
        """The size of the canvas, device pixels."""

    def devicePixelRatioF(self) -> float:
        """Device pixels per logical pixel."""

    @property
    def shapes_pending(self) -> bool:
        """Whether annotations on screen are not yet painted as they are now."""

    def update(self) -> None:
        """Schedules a repaint."""

    def update_region(self, region: QRegion) -> None:
        """Schedules a repaint of a part of the canvas, logical pixels."""


def can_let_go(canvas: Canvas | None) -> bool:
    """Whether a key may end the selection: something is selected, and it is not under review."""
    return canvas is not None and bool(canvas.selection) and canvas.spotlight is None


class Tool(QObject):
    """A canvas tool: turns mouse and key events into edits, regions or prompts, and previews them.

    Signals:
        edit_requested: (undo text, ``Edit``) the annotations are to be changed, once for each gesture.
        region_drawn: (``Region``) a new annotation was drawn; the region is valid and within the image.
        reopen_requested: (``AnnotationId``) the mask of an annotation is to be edited with prompts.
        hint_changed: (str) the new ``hint``.
        cursor_changed: ``cursor`` has changed.
        steps_changed: ``undo_name`` or ``redo_name`` may have changed.
        notice: (str) what the user should know: why a gesture changed nothing, or more than expected.
    """

    edit_requested = Signal(str, object)
    region_drawn = Signal(object)
    reopen_requested = Signal(object)
    hint_changed = Signal(str)
    cursor_changed = Signal()
    steps_changed = Signal()
    notice = Signal(str)

    wants_pen = False
    """Whether the tool handles pen events with their pressure; otherwise Qt makes mouse events of them."""
    wants_right_button = False
    """Whether the tool handles right clicks; otherwise they open the context menu."""
    keeps_tab = False
    """Whether the tool handles Tab; otherwise it moves the keyboard focus."""
    edits_selection = False
    """Whether the tool works on the selected annotations; a label chosen meanwhile is given to them."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._canvas: Canvas | None = None
        self._color = QColor("#56b4e9")
        self._cursor = Qt.CursorShape.CrossCursor
        self._hint = ""

    @property
    def hint(self) -> str:
        """What the user can do next, for the status bar."""
        return self._hint

    @property
    def cursor(self) -> Qt.CursorShape:
        """The mouse cursor to show."""
        return self._cursor

    @property
    def color(self) -> QColor:
        """The colour of the shape being drawn."""
        return self._color

    def set_color(self, color: str) -> None:
        """Sets the colour of the shape being drawn, ``#rrggbb``."""
        self._color = QColor(color)
        self._repaint()

    def activate(self, canvas: Canvas) -> None:
        """Called when the tool becomes the one in use on ``canvas``."""
        self._canvas = canvas

    def deactivate(self) -> None:
        """Called when another tool is chosen; what is drawn so far stays until this one is chosen again."""
        self.interrupt()
        self._canvas = None

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being drawn or dragged."""
        return True

    def cancel(self) -> None:
        """Cancels the current gesture without an edit."""

    def interrupt(self) -> None:
        """Ends the current gesture because another tool or image comes; what is drawn so far stays."""
        self.cancel()

    def take_unfinished(self) -> Any:
        """Removes and returns what is drawn and not finished, for ``put_unfinished``; None if nothing is."""
        self.interrupt()
        return None

    def put_unfinished(self, work: Any) -> None:
        """Goes on with what ``take_unfinished`` returned."""

    def discard(self) -> None:
        """Discards everything drawn with the tool and not kept yet; may be more than the gesture."""
        self.cancel()

    def finish(self) -> None:
        """Completes and keeps what is being drawn, if it can be."""

    def undo_step(self) -> bool:
        """Undoes the last step of what is being drawn; False if there is none."""
        return False

    def redo_step(self) -> bool:
        """Redoes the step undone last; False if there is none."""
        return False

    @property
    def undo_name(self) -> str:
        """What ``undo_step`` undoes ("vertex"); "" if there is nothing."""
        return ""

    @property
    def redo_name(self) -> str:
        """What ``redo_step`` redoes; "" if there is nothing."""
        return ""

    def image_changed(self) -> None:
        """Called when another image is shown."""
        self.cancel()

    def document_changed(self) -> None:
        """Called when annotations or the selection have changed."""

    def press(self, pointer: Pointer) -> None:
        """Handles a mouse button press."""

    def move(self, pointer: Pointer) -> None:
        """Handles a mouse move, with or without a button pressed."""

    def release(self, pointer: Pointer) -> None:
        """Handles a mouse button release."""

    def double_click(self, pointer: Pointer) -> None:
        """Handles the second press of a double click; by default as a press."""
        self.press(pointer)

    def leave(self) -> None:
        """Called when the cursor leaves the canvas."""

    def wheel(self, notches: float, modifiers: Qt.KeyboardModifier) -> bool:
        """Handles a turn of the mouse wheel; True if the tool used it, otherwise it zooms."""
        del notches, modifiers
        return False

    def wants_key(self, event: QKeyEvent) -> bool:
        """Whether the tool handles a key in its current state, before any shortcut."""
        del event
        return False

    def key_press(self, event: QKeyEvent) -> bool:
        """Handles a key press; True if the tool used it."""
        del event
        return False

    def key_release(self, event: QKeyEvent) -> bool:
        """Handles a key release; True if the tool used it."""
        del event
        return False

    def menu_target(self, pointer: Pointer) -> AnnotationId | None:
        """The annotation that a context menu opened here is about; None leaves it to the canvas."""
        del pointer
        return None

    def paint(self, painter: QPainter, canvas: Canvas) -> None:
        """Paints on top of the canvas, in logical pixels, antialiased."""

    def _repaint(self) -> None:
        if self._canvas is not None:
            self._canvas.update()

    def _set_hint(self, hint: str) -> None:
        if hint != self._hint:
            self._hint = hint
            self.hint_changed.emit(hint)

    def _set_cursor(self, cursor: Qt.CursorShape) -> None:
        if cursor is not self._cursor:
            self._cursor = cursor
            self.cursor_changed.emit()

    def _inside(self, x: float, y: float) -> bool:
        size = self._canvas.image_size if self._canvas is not None else None
        return size is not None and 0 <= x <= size[0] and 0 <= y <= size[1]

    def _clamped(self, x: float, y: float) -> tuple[float, float]:
        width, height = (self._canvas.image_size if self._canvas is not None else None) or (0, 0)
        return min(max(x, 0.0), float(width)), min(max(y, 0.0), float(height))
