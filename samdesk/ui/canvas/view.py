"""CanvasView: the canvas with an active tool, which gets its mouse and key events."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QDragEnterEvent,
    QDragMoveEvent,
    QDropEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPointingDevice,
    QTabletEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from samdesk.ui.canvas.display import CanvasDisplay
from samdesk.ui.canvas.tools.base import CLICK_TOLERANCE, Pointer, Tool
from samdesk.ui.kit.file_manager import accept_files

_TAB_KEYS = (Qt.Key.Key_Tab, Qt.Key.Key_Backtab)


class CanvasView(CanvasDisplay):
    """Shows one image and passes events to the active tool.

    Signals:
        cursor_moved: (x, y) in image pixels, or None if the cursor is not over the image.
        files_dropped: The list of dropped ``Path``s.
        context_menu_requested: Id of the annotation under the cursor or None, and the global position.
        pressed: The mouse was pressed on the image, for the tool or a proposal.
        proposal_clicked: Index of the proposal in the list.
        tool_changed: The active tool.
    """

    cursor_moved = Signal(object)
    files_dropped = Signal(object)
    context_menu_requested = Signal(object, QPoint)
    pressed = Signal()
    proposal_clicked = Signal(int)
    tool_changed = Signal(object)

    _tool: Tool | None = None  # Qt sends events while the base class is being constructed

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pointer: Pointer | None = None  # the last seen
        self._menu_from: Pointer | None = None  # a right press that may become a context menu
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAcceptDrops(True)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.DefaultContextMenu)
        self.setAccessibleName("Canvas")

    @property
    def tool(self) -> Tool | None:
        """The active tool."""
        return self._tool

    def set_tool(self, tool: Tool) -> None:
        """Activates a tool; the previous one drops its unfinished work."""
        if tool is self._tool:
            return
        if self._tool is not None:
            self._tool.cursor_changed.disconnect(self._update_cursor)
            self._tool.deactivate()
        self.set_hovered(None)
        self._tool = tool
        tool.cursor_changed.connect(self._update_cursor)
        tool.activate(self)
        self._update_cursor()
        self.tool_changed.emit(tool)
        self.update()

    def _image_switched(self) -> None:
        if self._tool is not None:
            self._tool.image_changed()

    def _annotations_changed(self) -> None:
        if self._tool is not None:
            self._tool.document_changed()

    def _paint_tool(self, painter: QPainter) -> None:
        if self._tool is not None:
            self._tool.paint(painter, self)

    def _resting_cursor(self) -> Qt.CursorShape:
        if self._tool is None or self.image_size is None:
            return Qt.CursorShape.ArrowCursor
        return self._tool.cursor

    def _view_moved(self) -> None:
        super()._view_moved()
        if self._pointer is not None and self.underMouse():
            self._emit_cursor(self._pointer.position)

    def _pointer_of(self, event: QMouseEvent) -> Pointer:
        x, y = self.to_image(event.position())
        self._pointer = Pointer(x, y, event.position(), event.button(), event.buttons(), event.modifiers())
        return self._pointer

    def _emit_cursor(self, position: QPointF | None) -> None:
        place = None
        if position is not None and self.image_size is not None:
            x, y = self.to_image(position)
            if 0 <= x <= self.image_size[0] and 0 <= y <= self.image_size[1]:
                place = (x, y)
        self.cursor_moved.emit(place)

    def _working_tool(self) -> Tool | None:
        """The tool, if there is an image to work on."""
        return None if self.image_size is None else self._tool

    def _choose_proposal(self, pointer: Pointer) -> bool:
        if pointer.button is not Qt.MouseButton.LeftButton:
            return False
        number = self.proposal_at(pointer.x, pointer.y)
        if number is not None:
            self.proposal_clicked.emit(number)
        return number is not None

    def _open_menu(self, pointer: Pointer) -> None:
        tool = self._working_tool()
        target = None if tool is None else tool.menu_target(pointer)
        if target is None:
            found = self.annotations_at(pointer.x, pointer.y) if self.image_size is not None else []
            target = next((i for i in found if i in self.selection), found[0] if found else None)
        self.context_menu_requested.emit(target, self.mapToGlobal(pointer.position.toPoint()))

    # Qt overrides

    def event(self, event: QEvent) -> bool:
        """Gives the tool keys before window shortcuts, and Tab if it keeps it; Ctrl+Tab leaves any tool."""
        tool = self._tool
        if tool is not None and isinstance(event, QKeyEvent):
            with_control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
            if event.type() is QEvent.Type.KeyPress and event.key() in _TAB_KEYS and with_control:
                return self.focusNextPrevChild(event.key() == Qt.Key.Key_Tab)
            if event.type() is QEvent.Type.ShortcutOverride and tool.wants_key(event):
                event.accept()
                return True
            if event.type() is QEvent.Type.KeyPress and tool.keeps_tab and event.key() in _TAB_KEYS:
                tool.key_press(event)
                event.accept()
                return True
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Pans, chooses a proposal, or is passed to the tool."""
        pointer = self._pointer_of(event)
        if self.pans_with(event):
            super().mousePressEvent(event)
            return
        tool = self._working_tool()
        if event.button() is Qt.MouseButton.RightButton and not (tool and tool.wants_right_button):
            self._menu_from = pointer
            return
        self.pressed.emit()
        if not self._choose_proposal(pointer) and tool is not None:
            tool.press(pointer)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """The second press of a double click."""
        tool = self._working_tool()
        if tool is None or self.pans_with(event) or event.button() is not Qt.MouseButton.LeftButton:
            self.mousePressEvent(event)
            return
        pointer = self._pointer_of(event)
        if not self._choose_proposal(pointer):
            tool.double_click(pointer)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Pans, or is passed to the tool."""
        pointer = self._pointer_of(event)
        if self._pan_from is not None:
            self._pan_to(event.position())
        elif (tool := self._working_tool()) is not None and not (self._space and not event.buttons()):
            tool.move(pointer)
        self._emit_cursor(event.position())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Ends the pan, opens the context menu, or is passed to the tool."""
        pointer = self._pointer_of(event)
        if self._pan_from is not None and event.button() in (
            Qt.MouseButton.LeftButton,
            Qt.MouseButton.MiddleButton,
        ):
            self._end_pan()
        elif self._menu_from is not None and event.button() is Qt.MouseButton.RightButton:
            moved = pointer.position - self._menu_from.position
            self._menu_from = None
            if moved.manhattanLength() < 2 * CLICK_TOLERANCE:
                self._open_menu(pointer)
        elif (tool := self._working_tool()) is not None:
            tool.release(pointer)

    def tabletEvent(self, event: QTabletEvent) -> None:
        """Passes a pen with its pressure to a tool that wants it; of others Qt makes mouse events."""
        tool = self._working_tool()
        if tool is None or not tool.wants_pen or self._space or self._pan_from is not None:
            event.ignore()
            return
        if event.button() not in (Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton) and (
            event.type() is not QEvent.Type.TabletMove
        ):
            event.ignore()
            return
        x, y = self.to_image(event.position())
        eraser = event.pointerType() is QPointingDevice.PointerType.Eraser
        pointer = Pointer(
            x,
            y,
            event.position(),
            event.button(),
            event.buttons(),
            event.modifiers(),
            event.pressure(),
            eraser,
        )
        self._pointer = pointer
        if event.type() is QEvent.Type.TabletPress:
            self.pressed.emit()
            tool.press(pointer)
        elif event.type() is QEvent.Type.TabletRelease:
            tool.release(pointer)
        else:
            tool.move(pointer)
        self._emit_cursor(event.position())
        event.accept()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Is passed to the tool first; otherwise zooms."""
        tool = self._working_tool()
        turned = event.angleDelta()
        notches = (turned.y() or turned.x()) / 120  # with Alt, Qt reports a turn as a horizontal one
        if tool is not None and notches and tool.wheel(notches, event.modifiers()):
            event.accept()
        else:
            super().wheelEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        """Clears the hover state."""
        if self._tool is not None:
            self._tool.leave()
        self.set_hovered(None)
        self._emit_cursor(None)
        super().leaveEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Handles the menu key; the mouse button is handled on release."""
        if event.reason() is QContextMenuEvent.Reason.Keyboard:
            chosen = next(iter(self.selection), None)
            self.context_menu_requested.emit(chosen, event.globalPos())
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Passes keys to the tool first; ignores unused ones, so that window shortcuts work."""
        tool = self._working_tool()
        if tool is not None and tool.key_press(event):
            event.accept()
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """Passes keys to the tool first."""
        tool = self._working_tool()
        if tool is not None and tool.key_release(event):
            event.accept()
        else:
            super().keyReleaseEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Accepts files and folders, as copies."""
        accept_files(event)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        """Accepts files and folders, as copies."""
        accept_files(event)

    def dropEvent(self, event: QDropEvent) -> None:
        """Emits ``files_dropped``."""
        paths = accept_files(event)
        if paths:
            self.files_dropped.emit(paths)
