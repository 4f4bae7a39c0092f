"""Drags of the select tool: whole annotations, a rubber band. See ``vertex`` for vertices.

A drag previews the change while the mouse moves and returns the changed annotations at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath

from samdesk.domain.annotation import Annotation, Source
from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import Region
from samdesk.domain.prompts import BoxPrompt, PromptSet
from samdesk.ui.canvas.shapes import Shape
from samdesk.ui.canvas.style import faded, paint_line
from samdesk.ui.canvas.tools.base import Canvas, Pointer, edit_title

_MAX_WHOLE = 40
"""Maximum number of moved annotations that are painted whole; of more, only the bounds."""


class Drag(Protocol):
    """A drag in progress."""

    def move(self, pointer: Pointer, canvas: Canvas) -> None:
        """Handles a mouse move, and has the canvas painted again where the preview changes."""

    def paint(self, painter: QPainter, canvas: Canvas) -> None:
        """Paints the preview."""

    def result(self, canvas: Canvas) -> tuple[str, list[Annotation]] | None:
        """The undo text and the changed annotations, or None for no change."""


class BodyDrag:
    """Moves whole annotations."""

    def __init__(self, annotations: Sequence[Annotation], shapes: Sequence[Shape], start: Pointer) -> None:
        self._annotations, self._start, self._now = annotations, start, start
        self._shapes = shapes

    def move(self, pointer: Pointer, canvas: Canvas) -> None:
        """Moves the annotations; Shift constrains to the horizontal or the vertical."""
        if pointer.has(Qt.KeyboardModifier.ShiftModifier):
            moved = pointer.position - self._start.position
            if abs(moved.x()) >= abs(moved.y()):
                pointer = replace(
                    pointer, y=self._start.y, position=QPointF(pointer.position.x(), self._start.position.y())
                )
            else:
                pointer = replace(
                    pointer, x=self._start.x, position=QPointF(self._start.position.x(), pointer.position.y())
                )
        self._now = pointer
        canvas.update()

    def paint(self, painter: QPainter, canvas: Canvas) -> None:
        """Paints the annotations at their new position."""
        painter.save()
        painter.translate(self._now.position - self._start.position)
        if len(self._shapes) <= _MAX_WHOLE:
            for shape in self._shapes:
                canvas.paint_shape(painter, shape)
        else:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            for shape in self._shapes:
                painter.setPen(shape.color)
                painter.drawRect(on_screen(shape.bounds, canvas))
        painter.restore()

    def result(self, canvas: Canvas) -> tuple[str, list[Annotation]] | None:
        """The moved annotations, without those that would be outside the image."""
        dx, dy = self._now.x - self._start.x, self._now.y - self._start.y
        moved = []
        for annotation in self._annotations:
            changed = reshaped(annotation, regions.translate(annotation.region, dx, dy), canvas)
            if changed is not None:
                moved.append(replace(changed, prompts=shifted(annotation.prompts, dx, dy)))
        if not moved or (dx == 0 and dy == 0):
            return None
        return edit_title("Move", len(moved)), moved


class BandDrag:
    """A rubber band that selects the annotations in it."""

    def __init__(self, start: Pointer) -> None:
        self._start, self._now = start, start

    @property
    def rect(self) -> QRectF:
        """The rectangle, image pixels."""
        a, b = QPointF(self._start.x, self._start.y), QPointF(self._now.x, self._now.y)
        return QRectF(a, b).normalized()

    def move(self, pointer: Pointer, canvas: Canvas) -> None:
        """Moves the other corner."""
        self._now = pointer
        canvas.update()

    def paint(self, painter: QPainter, canvas: Canvas) -> None:
        """Paints the rubber band."""
        path = QPainterPath()
        path.addRect(on_screen(self.rect, canvas))
        white = QColor(Qt.GlobalColor.white)
        painter.fillPath(path, faded(white, 0.12))
        paint_line(painter, path, white, dashed=True)

    def result(self, canvas: Canvas) -> tuple[str, list[Annotation]] | None:
        """None: nothing is changed."""
        return None


def redrawn(annotation: Annotation, region: Region, canvas: Canvas) -> Annotation | None:
    """As ``reshaped``, for another outline: the scores, which were about the one before, are dropped."""
    changed = reshaped(annotation, region, canvas)
    return None if changed is None else annotation.redrawn(changed.region)


def reshaped(annotation: Annotation, region: Region, canvas: Canvas) -> Annotation | None:
    """The annotation with a region edited by hand, made valid and clipped to the image; None if empty."""
    if canvas.image_size is None:
        return None
    region = regions.clip(regions.clean(region), *canvas.image_size)
    return replace(annotation, region=region, source=Source.MANUAL) if regions.is_drawable(region) else None


def shifted(prompts: PromptSet | None, dx: float, dy: float) -> PromptSet | None:
    """Prompts translated by (dx, dy), image pixels."""
    if prompts is None:
        return None
    box = prompts.box
    return replace(
        prompts,
        points=tuple(replace(p, x=p.x + dx, y=p.y + dy) for p in prompts.points),
        box=None if box is None else BoxPrompt(box.x0 + dx, box.y0 + dy, box.x1 + dx, box.y1 + dy),
    )


def on_screen(rect: QRectF, canvas: Canvas) -> QRectF:
    """A rectangle converted from image pixels to logical pixels."""
    return QRectF(canvas.to_widget(rect.left(), rect.top()), canvas.to_widget(rect.right(), rect.bottom()))
