"""BrushTool: paints on an annotation and erases from it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from PySide6.QtCore import QObject, QPointF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPen, QRegion

from samdesk.domain.annotation import Annotation, AnnotationId
from samdesk.domain.geometry import regions, strokes
from samdesk.domain.geometry.types import Region
from samdesk.ui.canvas.tools import combine
from samdesk.ui.canvas.tools.base import Canvas, Pointer, Tool, can_let_go
from samdesk.ui.canvas.tools.combine import Combined, Way
from samdesk.ui.canvas.tools.mask_preview import MaskPreview, ring_region

SMALLEST, LARGEST = 1.0, 2000.0
"""Of the brush's size, its diameter in image pixels."""
DEFAULT_SIZE = 32.0
_FACTOR = 1.15
_LIGHTEST = 0.15
"""The least share of the brush's size that a pen paints with."""
_FINEST = 0.7
"""A stroke has no more than one point for each of these, logical pixels."""
_MOST_SHOWN = 6
"""Erasing from more annotations than this shows the stroke only."""
_NEW = "Drag to paint a new annotation; [ ] size"
_ONE = "Drag to paint, Ctrl+drag or right-drag to erase; [ ] size; Enter: done with it"
_MANY = "Begin on one of the selected annotations to paint on it; Ctrl+drag erases from all"
_DONE = (Qt.Key.Key_Escape, Qt.Key.Key_Return, Qt.Key.Key_Enter)
_BUTTONS = (Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton)
_ERASER = QColor("#ffffff")


@dataclass
class Stroke:
    """A stroke in progress.

    Attributes:
        adds: False: it erases.
        button: The one that is held.
        targets: What it paints on or erases from, as it was at the press; none: a new annotation.
        points: Image pixels.
        radii: At each point, image pixels.
    """

    adds: bool
    button: Qt.MouseButton
    targets: tuple[Annotation, ...]
    points: list[tuple[float, float]] = field(default_factory=list)
    radii: list[float] = field(default_factory=list)

    def region(self, width: float, height: float) -> Region:
        """What it covers of an image of this size."""
        radius = self.radii[0] if len(set(self.radii)) == 1 else self.radii
        return strokes.stroke(self.points, radius, width, height)


class BrushTool(Tool):
    """Paints on the selected annotation, or a new one; every stroke makes one edit.

    Alt, Ctrl, the right button, the eraser of a pen, or ``erases`` make it erase.

    Signals:
        options_changed: ``size`` or ``erases`` has changed.
    """

    options_changed = Signal()

    wants_right_button = True
    wants_pen = True
    edits_selection = True

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._hint = _NEW
        self._size = DEFAULT_SIZE
        self._erases = False
        self._stroke: Stroke | None = None
        self._previews: list[MaskPreview] = []  # of the stroke's targets
        self._shown_after = False  # the stroke is over, and the canvas not yet painted
        self._ring: tuple[QPointF, float] | None = None  # as painted last, logical pixels
        self._at: Pointer | None = None  # where the cursor is
        self._erasing_held = False  # by a modifier, for the look of the ring

    # --- options

    @property
    def size(self) -> float:
        """The brush's diameter, image pixels."""
        return self._size

    def set_size(self, size: float) -> None:
        """Sets the diameter, limited to ``SMALLEST`` .. ``LARGEST``."""
        size = min(max(size, SMALLEST), LARGEST)
        if size != self._size:
            self._size = size
            self._move_ring()
            self.options_changed.emit()

    def step_size(self, steps: float) -> None:
        """Makes the brush larger (+) or smaller (-) by steps of 15 %, a pixel at least."""
        wanted = self._size * _FACTOR**steps
        if abs(wanted - self._size) < 1:
            wanted = self._size + math.copysign(1, steps)
        self.set_size(float(round(wanted)))

    @property
    def erases(self) -> bool:
        """Whether it erases without a modifier."""
        return self._erases

    def set_erases(self, erases: bool) -> None:
        """Sets whether it erases without a modifier."""
        if erases != self._erases:
            self._erases = erases
            self._repaint()
            self.options_changed.emit()

    # --- the tool

    @property
    def is_idle(self) -> bool:
        """Whether no stroke is being made."""
        return self._stroke is None

    @property
    def undo_name(self) -> str:
        """ "stroke", during one."""
        return "" if self._stroke is None else "stroke"

    def undo_step(self) -> bool:
        """Cancels the stroke."""
        if self._stroke is None:
            return False
        self.cancel()
        return True

    def activate(self, canvas: Canvas) -> None:
        """Shows what the next stroke does."""
        super().activate(canvas)
        self._update_hint()

    def deactivate(self) -> None:
        """Takes the ring off the canvas."""
        self._ring = self._at = None
        super().deactivate()

    def cancel(self) -> None:
        """Cancels the stroke."""
        if self._stroke is not None:
            self._end()
            self._previews = []
            self._repaint()

    def interrupt(self) -> None:
        """Ends the stroke as if the button were released."""
        self._finish_stroke()
        self._previews, self._shown_after = [], False

    def image_changed(self) -> None:
        """Drops the stroke."""
        self.cancel()
        self._previews, self._shown_after = [], False

    def document_changed(self) -> None:
        """Cancels the stroke if what it is about has changed, and updates the hint."""
        document = None if self._canvas is None else self._canvas.document
        if self._stroke is not None and (
            document is None
            or any(
                (now := document.find(a.id)) is None or now.region is not a.region
                for a in self._stroke.targets
            )
        ):
            self.cancel()
        self._update_hint()

    # --- mouse and pen

    def press(self, pointer: Pointer) -> None:
        """Begins a stroke."""
        canvas = self._canvas
        if canvas is None or self._stroke is not None or pointer.button not in _BUTTONS:
            return
        adds = not self._takes_away(pointer)
        way = Way.SUBTRACT if not adds else Way.ADD if canvas.selection else Way.NEW
        found = combine.targets(canvas, way, (pointer.x, pointer.y))
        if way is not Way.NEW and not found:
            many = len(canvas.selection) > 1
            self.notice.emit(
                "Begin on one of the selected annotations to paint on it." if many else combine.NO_TARGET[way]
            )
            return
        if not canvas.selection and found:
            canvas.set_selection({found[0].id})
        self._stroke = Stroke(adds, pointer.button, tuple(found))
        self._previews, self._shown_after = [], False
        canvas.set_hovered(None)
        if len(found) <= _MOST_SHOWN:
            canvas.set_dragged(a.id for a in found)
        self._ring_at(pointer)
        self._extend(pointer)
        self.steps_changed.emit()
        canvas.update()

    def double_click(self, pointer: Pointer) -> None:
        """Begins a stroke."""
        self.press(pointer)

    def move(self, pointer: Pointer) -> None:
        """Continues the stroke, or moves the ring."""
        self._ring_at(pointer)
        if self._stroke is not None:
            self._extend(pointer)

    def release(self, pointer: Pointer) -> None:
        """Ends the stroke with one edit."""
        if self._stroke is not None and pointer.button is self._stroke.button:
            self._finish_stroke()
            self._ring_at(pointer)

    def leave(self) -> None:
        """Takes the ring off the canvas."""
        self._at = None
        self._move_ring()

    def wheel(self, notches: float, modifiers: Qt.KeyboardModifier) -> bool:
        """Changes the size with Shift or Alt."""
        wanted = Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.AltModifier
        if not modifiers & wanted:
            return False
        self.step_size(notches)
        return True

    # --- keys

    def wants_key(self, event: QKeyEvent) -> bool:
        """Whether the key is Esc during a stroke, or Esc or Enter while something is selected."""
        if self._stroke is not None:
            return event.key() == Qt.Key.Key_Escape
        plain = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        return event.key() in _DONE and plain and can_let_go(self._canvas)

    def key_press(self, event: QKeyEvent) -> bool:
        """Esc cancels the stroke. Between strokes, Esc and Enter end the work on the selected annotation."""
        self._note_modifiers(event, pressed=True)
        if not self.wants_key(event):
            return False
        if self._stroke is not None:
            self.cancel()
        elif self._canvas is not None:
            self._canvas.set_selection(())
        return True

    def key_release(self, event: QKeyEvent) -> bool:
        """Shows in the ring whether the next stroke erases."""
        self._note_modifiers(event, pressed=False)
        return False

    def _note_modifiers(self, event: QKeyEvent, *, pressed: bool) -> None:
        if event.key() in (Qt.Key.Key_Alt, Qt.Key.Key_Control):
            self._erasing_held = pressed
            self._move_ring()

    # --- painting

    def paint(self, painter: QPainter, canvas: Canvas) -> None:
        """Paints the changed annotations, and a ring as large as the brush."""
        stroke = self._stroke
        if self._shown_after and not canvas.shapes_pending:
            self._previews, self._shown_after = [], False
            canvas.update()
        if stroke is not None:
            self._keep_previews(canvas, stroke)
        for preview in self._previews:
            preview.draw(painter)
        if self._ring is not None:
            _paint_ring(painter, *self._ring, dashed=self._shows_erasing())

    def _shows_erasing(self) -> bool:
        if self._stroke is not None:
            return not self._stroke.adds
        return self._erasing_held or self._erases

    def _takes_away(self, pointer: Pointer) -> bool:
        right = pointer.button is Qt.MouseButton.RightButton
        return pointer.subtracts or right or pointer.eraser or self._erases

    def _radius(self, pointer: Pointer) -> float:
        return self._size / 2 * max(pointer.pressure, _LIGHTEST)

    def _extend(self, pointer: Pointer) -> None:
        stroke, canvas = self._stroke, self._canvas
        if stroke is None or canvas is None:
            return
        at, radius = (pointer.x, pointer.y), self._radius(pointer)
        if stroke.points:
            moved = math.dist(at, stroke.points[-1])
            if moved < canvas.image_pixels(_FINEST) and abs(radius - stroke.radii[-1]) < radius / 8:
                return
        current = self._keep_previews(canvas, stroke)
        stroke.points.append(at)
        stroke.radii.append(radius)
        if current:
            for preview in self._previews:
                canvas.update_region(_show_step(preview, stroke, len(stroke.points) - 1, canvas))
        else:
            self._keep_previews(canvas, stroke)
            canvas.update()

    def _keep_previews(self, canvas: Canvas, stroke: Stroke) -> bool:
        """Makes the previews again if the view has moved; whether they were there as they should be."""
        view, size = canvas.viewport, canvas.device_size()
        ratio, few = canvas.devicePixelRatioF(), len(stroke.targets) <= _MOST_SHOWN
        shapes = [s for a in stroke.targets if few and (s := canvas.shape(a.id)) is not None]
        colors = [shape.color for shape in shapes] or [self.color if stroke.adds else _ERASER]
        if len(self._previews) == len(colors) and all(
            preview.is_for(view, size, color) for preview, color in zip(self._previews, colors, strict=True)
        ):
            return True
        self._previews = [MaskPreview(view, size, ratio, color) for color in colors]
        for shape, preview in zip(shapes, self._previews, strict=False):
            preview.fill(shape.path(view, (size.width(), size.height())))
        for preview in self._previews:
            for i in range(len(stroke.points)):
                _show_step(preview, stroke, i, canvas, adds=stroke.adds or not shapes)
        return False

    def _ring_at(self, pointer: Pointer) -> None:
        self._at = pointer
        held = pointer.subtracts
        if held != self._erasing_held:
            self._erasing_held = held
        self._move_ring()

    def _move_ring(self) -> None:
        """Repaints the ring where it was and where it is."""
        canvas, before = self._canvas, self._ring
        if canvas is None:
            return
        self._ring = None
        if self._at is not None:
            pressure = self._at.pressure if self._stroke is not None else 1.0
            radius = self._size / 2 * max(pressure, _LIGHTEST) / canvas.image_pixels(1)
            self._ring = (self._at.position, radius)
        for ring in (before, self._ring):
            if ring is not None:
                canvas.update_region(ring_region(*ring))

    # --- the end of a stroke

    def _end(self) -> Stroke | None:
        stroke, self._stroke = self._stroke, None
        if stroke is not None and self._canvas is not None:
            self._canvas.set_dragged(())
            self.steps_changed.emit()
        return stroke

    def _finish_stroke(self) -> None:
        canvas, size = self._canvas, None if self._canvas is None else self._canvas.image_size
        stroke = self._end()
        if stroke is None or canvas is None or size is None:
            self._previews = []
            return
        self._shown_after = True  # until the layer is painted, or it would flicker
        region = stroke.region(*size)
        document = canvas.document
        if not regions.is_drawable(region) or document is None:
            self.notice.emit(combine.OUTSIDE)
        elif not stroke.targets:
            self.region_drawn.emit(region)
        else:
            now = [a for target in stroke.targets if (a := document.find(target.id)) is not None]
            self._combined(canvas, stroke, now, region).emit_from(self)
        canvas.update()

    def _combined(
        self, canvas: Canvas, stroke: Stroke, annotations: list[Annotation], region: Region
    ) -> Combined:
        if not annotations:
            return Combined()
        if stroke.adds:
            return combine.added(canvas, annotations[0], region, "Paint")
        return combine.taken_away(canvas, annotations, region, "Erase from")

    def _update_hint(self) -> None:
        chosen: frozenset[AnnotationId] = frozenset() if self._canvas is None else self._canvas.selection
        self._set_hint(_NEW if not chosen else _ONE if len(chosen) == 1 else _MANY)


def _show_step(
    preview: MaskPreview, stroke: Stroke, index: int, canvas: Canvas, *, adds: bool | None = None
) -> QRegion:
    view = canvas.viewport
    first = max(index - 1, 0)
    start, end = (view.to_device(*stroke.points[i]) for i in (first, index))
    radii = stroke.radii[first] * view.scale, stroke.radii[index] * view.scale
    return preview.stroke(start, end, radii, adds=stroke.adds if adds is None else adds)


def _paint_ring(painter: QPainter, center: QPointF, radius: float, *, dashed: bool) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    radius = max(radius, 1.5)
    for color, more in ((QColor(0, 0, 0, 170), 1.0), (QColor(255, 255, 255), 0.0)):
        pen = QPen(color, 0 if more == 0 and not dashed else 1.0)  # cosmetic lines are much faster
        pen.setCosmetic(True)
        if dashed and not more:
            pen.setDashPattern([5, 4])
        painter.setPen(pen)
        painter.drawEllipse(center, radius + more, radius + more)
