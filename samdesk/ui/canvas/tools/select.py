"""SelectTool: selects and moves annotations and edits their vertices."""

from __future__ import annotations

from PySide6.QtCore import QObject, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter

from samdesk.base.text import counted
from samdesk.domain import edits
from samdesk.domain.annotation import Annotation, AnnotationId
from samdesk.domain.geometry import vertices
from samdesk.ui.canvas.tools.base import Canvas, Pointer, Tool
from samdesk.ui.canvas.tools.drags.body import BandDrag, BodyDrag, Drag, redrawn
from samdesk.ui.canvas.tools.drags.handles import (
    Handle,
    edge_at,
    handle_at,
    handles_of,
    paint_corners,
    paint_handles,
)
from samdesk.ui.canvas.tools.drags.picked import PickedVertices
from samdesk.ui.canvas.tools.drags.vertex import StretchDrag, VertexDrag

_NONE = "Click to select, Shift+click to add, drag on an empty area to select several"
_ONE = "Drag it or a vertex; double-click an edge to add one, Ctrl+click to delete one, Ctrl+drag for several"
_MANY = "Drag to move, Shift+click to add or remove, Del to delete"
_PICKED = "Drag one of the vertices to move all, Del to delete them, Esc to let go"
_NO_STRETCH = "Nothing changed: end the line on the outline on which it began."
_DELETES = (Qt.Key.Key_Delete, Qt.Key.Key_Backspace)
_REMOVES = Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.ControlModifier
_ADDS = Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.ControlModifier


class SelectTool(Tool):
    """Selects, moves and reshapes annotations; every gesture makes one edit when the button is released.

    Signals:
        menu_changed: ``menu_on`` has changed.
    """

    menu_changed = Signal()

    edits_selection = True

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._cursor = Qt.CursorShape.ArrowCursor
        self._hint = _NONE
        self._pressed: Pointer | None = None
        self._drag: Drag | None = None
        self._finished: Drag | None = None  # painted until the canvas is: otherwise it would flicker
        self._pressed_handle: Handle | None = None  # the handle under the press
        self._pressed_on: list[AnnotationId] = []  # the annotations under the press
        self._was_selected: frozenset[AnnotationId] = frozenset()  # at the press
        self._clicked: AnnotationId | None = None  # the annotation that a double click opens
        self._hot: Handle | None = None  # the handle under the cursor
        self._menu_handle: Handle | None = None  # the one that the context menu was opened on
        self._picked = PickedVertices()
        self._snaps = False

    @property
    def picked(self) -> frozenset[vertices.VertexRef]:
        """The vertices that a rubber band has chosen, to be dragged or deleted together."""
        return self._picked.refs

    def set_snaps(self, snaps: bool) -> None:
        """Sets whether dragged vertices snap to the edges of neighbours without Ctrl."""
        self._snaps = snaps

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being dragged."""
        return self._pressed is None

    def cancel(self) -> None:
        """Cancels the drag."""
        dragging = self._drag is not None
        self._pressed = self._drag = self._pressed_handle = None
        if dragging and self._canvas is not None:
            self._canvas.set_dragged(())
            self._update_hint()
        self._repaint()

    def interrupt(self) -> None:
        """Ends the drag as if the button were released: what has been moved stays there."""
        drag, canvas = self._drag, self._canvas
        self.cancel()
        if drag is not None and canvas is not None:
            self._finish_drag(drag, canvas)

    @property
    def undo_name(self) -> str:
        """ "drag", during one."""
        return "" if self._drag is None else "drag"

    def undo_step(self) -> bool:
        """Cancels the drag."""
        if self._drag is None:
            return False
        self.cancel()
        return True

    def activate(self, canvas: Canvas) -> None:
        """Shows the handles of the selection."""
        self._finished = None
        super().activate(canvas)
        self.document_changed()

    def document_changed(self) -> None:
        """Cancels the drag, because its annotations may have been deleted, and updates the hint."""
        self._hot = None
        self._forget_menu()
        if self._drag is not None:
            self.cancel()
        self._picked.follow(self._editable())
        self._update_hint()
        self._repaint()

    def _update_hint(self) -> None:
        chosen = 0 if self._canvas is None else len(self._canvas.selection)
        if self._picked:
            self._set_hint(_PICKED)
        else:
            self._set_hint(_NONE if not chosen else _ONE if chosen == 1 else _MANY)

    # --- mouse

    def press(self, pointer: Pointer) -> None:
        """Begins a click or drag on a handle, an annotation or an empty area."""
        canvas = self._canvas
        if canvas is None or pointer.button is not Qt.MouseButton.LeftButton or self._pressed is not None:
            return
        self._pressed, self._was_selected = pointer, canvas.selection
        self._pressed_handle, self._pressed_on = self._handle_under(pointer), []
        if self._pressed_handle is None:
            self._pressed_on = canvas.annotations_at(pointer.x, pointer.y)
            if self._pressed_on and not _adds(pointer) and not self._was_selected & set(self._pressed_on):
                canvas.set_selection({self._pressed_on[0]})

    def double_click(self, pointer: Pointer) -> None:
        """Inserts a vertex on an edge, or requests that the mask under the cursor is edited."""
        canvas, annotation = self._canvas, self._editable()
        if canvas is None or pointer.button is not Qt.MouseButton.LeftButton:
            return
        if annotation is not None and handles_of(annotation.region, canvas):
            if self._handle_under(pointer) is not None:
                return
            edge = edge_at(annotation.region, pointer, canvas)
            if edge is not None:
                self._insert(annotation, edge)
                return
        if self._clicked in canvas.annotations_at(pointer.x, pointer.y) and self._clicked is not None:
            canvas.set_selection({self._clicked})
            self.reopen_requested.emit(self._clicked)

    def move(self, pointer: Pointer) -> None:
        """Continues the drag, or highlights what is under the cursor."""
        if self._canvas is None:
            return
        if self._pressed is None:
            self._show_hot(pointer)
            return
        if self._drag is None and pointer.far_from(self._pressed):
            self._drag = self._begin_drag(self._pressed, self._canvas)
        if self._drag is not None:
            self._drag.move(pointer, self._canvas)

    def release(self, pointer: Pointer) -> None:
        """Ends the drag with one edit, or handles a click."""
        canvas, pressed = self._canvas, self._pressed
        if canvas is None or pressed is None or pointer.button is not Qt.MouseButton.LeftButton:
            return
        self.move(pointer)
        drag, handle = self._drag, self._pressed_handle
        self.cancel()
        if isinstance(drag, BandDrag):
            self._choose_in(drag.rect, canvas, pressed)
        elif drag is not None:
            self._finish_drag(drag, canvas)
        elif handle is not None:
            self._click_handle(pressed, handle)
        else:
            self._click_body(pressed, canvas)
        self._show_hot(pointer)

    def _choose_in(self, rect: QRectF, canvas: Canvas, pressed: Pointer) -> None:
        """Selects the annotations in a rubber band; if it encloses none, vertices of the selected one.

        With Ctrl or Alt, vertices in any case.
        """
        found, one, add = canvas.enclosed(rect), self._editable(), _adds(pressed) or _removes(pressed)
        picks = one is not None and (_removes(pressed) or not found)
        if picks and one is not None and self._picked.pick(one, rect, add=add):
            self._update_hint()
            self._repaint()
            return
        kept = self._was_selected if add else frozenset()
        canvas.set_selection(kept | found)

    def wheel(self, notches: float, modifiers: Qt.KeyboardModifier) -> bool:
        """Changes how far a soft drag reaches."""
        del modifiers
        drag, canvas = self._drag, self._canvas
        return isinstance(drag, VertexDrag) and canvas is not None and drag.wheel(notches, canvas)

    def leave(self) -> None:
        """Removes the highlight."""
        self._hot = None
        self._repaint()

    def _finish_drag(self, drag: Drag, canvas: Canvas) -> None:
        result = drag.result(canvas)
        if result is not None:
            self._finished = drag
            self.edit_requested.emit(result[0], edits.update(result[1]))
        elif isinstance(drag, StretchDrag):
            self.notice.emit(_NO_STRETCH)

    def _begin_drag(self, pressed: Pointer, canvas: Canvas) -> Drag | None:
        annotation = self._editable()
        shape = None if annotation is None else canvas.shape(annotation.id)
        if annotation is not None and shape is not None:
            if _removes(pressed) and edge_at(annotation.region, pressed, canvas) is not None:
                self._set_hint(StretchDrag.hint)
                return StretchDrag(annotation, shape.color, pressed, snaps=self._snaps)
            if self._pressed_handle is not None:
                canvas.set_dragged({annotation.id})
                drag = self._vertex_drag(annotation, self._pressed_handle, shape.color, pressed)
                self._set_hint(drag.hint)
                return drag
            if _removes(pressed):
                return BandDrag(pressed)
        if set(self._pressed_on) <= canvas.locked:  # nothing there, or nothing that moves
            return BandDrag(pressed)
        if not canvas.selection & set(self._pressed_on):  # Shift: the pressed one is dragged too
            canvas.set_selection(canvas.selection | {self._pressed_on[0]})
        moving = canvas.selection - canvas.locked
        chosen = [a for a in self._annotations() if a.id in moving]
        shapes = [s for a in chosen if (s := canvas.shape(a.id)) is not None]
        canvas.set_hovered(None)
        canvas.set_dragged(moving)
        return BodyDrag(chosen, shapes, pressed)

    def _vertex_drag(
        self, annotation: Annotation, handle: Handle, color: QColor, pressed: Pointer
    ) -> VertexDrag:
        picked = self._picked.refs
        if handle.ref not in picked or handle.middle:
            self._picked.clear()
            picked = frozenset()
        soft = pressed.has(Qt.KeyboardModifier.ShiftModifier) and not picked
        return VertexDrag(annotation, handle, color, others=picked, soft=soft, snaps=self._snaps)

    def _click_handle(self, pressed: Pointer, handle: Handle) -> None:
        annotation = self._editable()
        if annotation is None:
            return
        if handle.middle:
            self._insert(annotation, handle)
        elif _removes(pressed):
            self._delete_vertex(annotation, handle)

    def _click_body(self, pressed: Pointer, canvas: Canvas) -> None:
        self._clicked = None
        if not self._pressed_on:
            if not _adds(pressed):
                canvas.set_selection(())
            return
        if _adds(pressed):
            canvas.set_selection(canvas.selection ^ {self._pressed_on[0]})
            return
        before = next((i for i in self._pressed_on if i in self._was_selected), None)
        self._clicked = before or self._pressed_on[0]
        if before is None:
            canvas.set_selection({self._pressed_on[0]})
        else:  # it was selected before: select the next one below
            canvas.set_selection(
                {self._pressed_on[(self._pressed_on.index(before) + 1) % len(self._pressed_on)]}
            )

    # --- the context menu

    def menu_target(self, pointer: Pointer) -> AnnotationId | None:
        """Notes the vertex or edge under the cursor; its annotation, if there is one."""
        annotation, canvas = self._editable(), self._canvas
        handle = self._handle_under(pointer)
        if handle is None and annotation is not None and canvas is not None:
            shown = handles_of(annotation.region, canvas)
            handle = edge_at(annotation.region, pointer, canvas) if shown else None
        self._menu_handle = handle
        self.menu_changed.emit()
        return None if handle is None or annotation is None else annotation.id

    @property
    def menu_on(self) -> str:
        """What the context menu was opened on: "vertex", "edge", or "" for neither."""
        if self._menu_handle is None:
            return ""
        return "edge" if self._menu_handle.middle else "vertex"

    def delete_menu_vertex(self) -> None:
        """Deletes the vertex that the context menu was opened on."""
        annotation, handle = self._editable(), self._menu_handle
        if annotation is not None and handle is not None and not handle.middle:
            self._delete_vertex(annotation, handle)

    def insert_menu_vertex(self) -> None:
        """Inserts a vertex where the context menu was opened on an edge."""
        annotation, handle = self._editable(), self._menu_handle
        if annotation is not None and handle is not None and handle.middle:
            self._insert(annotation, handle)

    def _forget_menu(self) -> None:
        if self._menu_handle is not None:
            self._menu_handle = None
            self.menu_changed.emit()

    # --- vertices

    def _insert(self, annotation: Annotation, handle: Handle) -> None:
        if self._canvas is None:
            return
        raw, _ = vertices.insert_vertex(annotation.region, handle.ref, handle.x, handle.y)
        changed = redrawn(annotation, raw, self._canvas)
        if changed is not None:
            self.edit_requested.emit("Insert vertex", edits.update([changed]))

    def _delete_vertex(self, annotation: Annotation, handle: Handle) -> None:
        self._hot = None
        left = vertices.delete_vertex(annotation.region, handle.ref)
        changed = None
        if left is not None and self._canvas is not None:
            changed = redrawn(annotation, left, self._canvas)
        if changed is None:
            self.edit_requested.emit("Delete annotation", edits.remove([annotation.id]))
        else:
            self.edit_requested.emit("Delete vertex", edits.update([changed]))

    def _delete_picked(self, annotation: Annotation) -> None:
        count, left = len(self._picked.refs), vertices.delete_vertices(annotation.region, self._picked.refs)
        self._picked.clear()
        changed = None
        if left is not None and self._canvas is not None:
            changed = redrawn(annotation, left, self._canvas)
        if changed is None:
            self.edit_requested.emit("Delete annotation", edits.remove([annotation.id]))
            self.notice.emit("Nothing is left of the annotation: deleted. Undo brings it back.")
        else:
            what = "vertex" if count == 1 else counted(count, "vertex", "vertices")
            self.edit_requested.emit(f"Delete {what}", edits.update([changed]))

    def _annotations(self) -> tuple[Annotation, ...]:
        document = None if self._canvas is None else self._canvas.document
        return () if document is None else document.annotations

    def _editable(self) -> Annotation | None:
        """The annotation whose vertices can be edited: the only one selected, if visible and not locked."""
        canvas = self._canvas
        if canvas is None or len(canvas.selection) != 1 or canvas.document is None:
            return None
        only = next(iter(canvas.selection))
        shut = canvas.shape(only) is None or only in canvas.locked
        return None if shut else canvas.document.find(only)

    def _handle_under(self, pointer: Pointer) -> Handle | None:
        annotation = self._editable()
        if annotation is None or self._canvas is None:
            return None
        picked = self._picked.handle_at(pointer, self._canvas)
        return picked or handle_at(handles_of(annotation.region, self._canvas), pointer, self._canvas)

    def _show_hot(self, pointer: Pointer) -> None:
        canvas = self._canvas
        if canvas is None:
            return
        self._forget_menu()
        hot = self._handle_under(pointer)
        under = canvas.annotations_at(pointer.x, pointer.y) if hot is None else []
        canvas.set_hovered(under[0] if under else None)
        if hot != self._hot:
            self._hot = hot
            self._repaint()
        if hot is not None:
            self._set_cursor(Qt.CursorShape.PointingHandCursor)
        elif (canvas.selection - canvas.locked) & set(under):
            self._set_cursor(Qt.CursorShape.SizeAllCursor)
        else:
            self._set_cursor(Qt.CursorShape.ArrowCursor)

    # --- keys and painting

    def wants_key(self, event: QKeyEvent) -> bool:
        """Whether the key is for the drag (Esc), picked vertices (Esc, Del), or the one under the cursor."""
        if event.key() == Qt.Key.Key_Escape:
            return self._drag is not None or bool(self._picked)
        if event.key() in _DELETES and self._picked and not event.modifiers():
            return True
        return event.key() == Qt.Key.Key_Delete and self._hot is not None and not self._hot.middle

    def key_press(self, event: QKeyEvent) -> bool:
        """Esc cancels the drag or lets picked vertices go, Del deletes them or the one under the cursor."""
        if not self.wants_key(event):
            return False
        annotation = self._editable()
        if event.key() == Qt.Key.Key_Escape:
            if self._drag is None:
                self._picked.clear()
            self.cancel()
            self._update_hint()
        elif self._picked and annotation is not None:
            self._delete_picked(annotation)
        elif annotation is not None and self._hot is not None:
            self._delete_vertex(annotation, self._hot)
        return True

    def paint(self, painter: QPainter, canvas: Canvas) -> None:
        """Paints the drag, or the handles."""
        if self._finished is not None and not canvas.shapes_pending:
            self._finished = None
            canvas.update()
        shown = self._drag or self._finished
        if shown is not None:
            shown.paint(painter, canvas)
            return
        one = self._editable()
        chosen = [one.id] if one is not None else list(canvas.selection)[:50]
        for annotation_id in chosen:
            shape = canvas.shape(annotation_id)
            if shape is None:
                continue
            handles = [] if one is None else handles_of(one.region, canvas)
            if handles:
                paint_handles(painter, handles, self._hot, shape.color, canvas)
            elif not self._picked:
                paint_corners(painter, shape.bounds, shape.color, canvas)
            self._picked.paint(painter, shape.color, canvas)


def _adds(pointer: Pointer) -> bool:
    return bool(pointer.modifiers & _ADDS)


def _removes(pointer: Pointer) -> bool:
    return bool(pointer.modifiers & _REMOVES)
