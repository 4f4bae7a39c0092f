"""CutTool: cuts annotations into pieces by a stroke."""

from __future__ import annotations

from dataclasses import replace

import shapely
from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QColor, QKeyEvent, QPainter

from samdesk.base.text import counted
from samdesk.domain.annotation import Annotation, AnnotationId, TrackId, new_annotation_id
from samdesk.domain.edits import Edit, Placed
from samdesk.domain.geometry.cut import cut
from samdesk.domain.geometry.types import Region
from samdesk.ui.canvas.style import paint_line
from samdesk.ui.canvas.tools.base import Canvas, Pointer, can_let_go, edit_title
from samdesk.ui.canvas.tools.freehand import FreehandTool, follow, smoother

_HINT = "Draw a line across an annotation to cut it; if some are selected, only those"
_SHORT = "Nothing was cut: draw a line across an annotation, from edge to edge."
_MISSED = "Nothing was cut: the line crosses no annotation."
_MISSED_SELECTED = "Nothing was cut: the line does not cross the selected annotation. Esc ends the selection."
_MISSED_PART = "Nothing was cut: the line has to cross the annotation from edge to edge."


class CutTool(FreehandTool):
    """Cuts the selected annotations, or else all it crosses, along the line that the mouse is dragged.

    The largest piece keeps the id. The others are new annotations, and selected.
    """

    name = "cut"
    edits_selection = True

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(_HINT, parent)

    def press(self, pointer: Pointer) -> None:
        """Begins a line."""
        if (
            self._canvas is None
            or self._pressed is not None
            or pointer.button is not Qt.MouseButton.LeftButton
        ):
            return
        self._begin(pointer, self._canvas)

    def move(self, pointer: Pointer) -> None:
        """Goes on with the line; with Shift it is straight."""
        canvas, pressed = self._canvas, self._pressed
        if canvas is None or pressed is None:
            return
        if pointer.has(Qt.KeyboardModifier.ShiftModifier):
            self._points[1:] = [(pointer.x, pointer.y)]
        else:
            follow(self._points, pointer, canvas)
        canvas.update()

    def release(self, pointer: Pointer) -> None:
        """Cuts along the line, or says why nothing is cut."""
        pressed, canvas = self._pressed, self._canvas
        if pressed is None or canvas is None or pointer.button is not pressed.button:
            return
        self.move(pointer)
        points = self._points
        self.cancel()
        if len(points) < 2 or (not pointer.far_from(pressed) and len(points) < 3):
            self.notice.emit(_SHORT)
            return
        line = smoother(points, canvas)
        crossed = self._crossed(canvas, line)
        pieces = [(a, found) for a in crossed if (found := cut(a.region, line)) is not None]
        if pieces:
            self._request(canvas, pieces)
        elif crossed:
            self.notice.emit(_MISSED_PART)
        else:
            self.notice.emit(_MISSED_SELECTED if canvas.selection else _MISSED)

    def _crossed(self, canvas: Canvas, line: list[tuple[float, float]]) -> list[Annotation]:
        """Those of the selected annotations, or of all, that a line meets; only visible ones."""
        every, chosen = canvas.document.annotations if canvas.document else (), canvas.selection
        found = [a for a in every if (a.id in chosen if chosen else a.id not in canvas.locked)]
        met = shapely.intersects([a.region for a in found], shapely.linestrings(line)) if found else []
        return [a for a, meets in zip(found, met, strict=True) if meets and canvas.shape(a.id) is not None]

    def _request(self, canvas: Canvas, cuts: list[tuple[Annotation, tuple[Region, ...]]]) -> None:
        document = canvas.document
        if document is None:
            return
        new: list[AnnotationId] = []
        order = [a.id for a in document.annotations]
        made: list[Annotation] = []
        for annotation, (largest, *others) in cuts:
            made.append(_piece(annotation, annotation.id, largest))
            for region in others:
                piece = _piece(annotation, new_annotation_id(), region)
                piece = replace(piece, run_id=None, track=TrackId(""))
                order.insert(order.index(annotation.id) + 1, piece.id)
                new.append(piece.id)
                made.append(piece)
        places = {annotation_id: order.index(annotation_id) for annotation_id in new}
        self.edit_requested.emit(
            edit_title("Cut", len(cuts)), Edit(put=tuple(Placed(a, places.get(a.id)) for a in made))
        )
        if canvas.document is document:
            return  # it was refused, and the user told why
        canvas.set_selection(new)  # what was cut off: Del and the labels act on it
        pieces = counted(len(made), "piece")
        self.notice.emit(
            f"Cut into {pieces}; the smaller is selected." if len(made) == 2 else f"Cut into {pieces}."
        )

    def wants_key(self, event: QKeyEvent) -> bool:
        """Whether the key is Esc while a line is drawn, or while something is selected."""
        if event.key() != Qt.Key.Key_Escape:
            return False
        return self._pressed is not None or can_let_go(self._canvas)

    def key_press(self, event: QKeyEvent) -> bool:
        """Esc discards the line, or ends the selection."""
        if not self.wants_key(event):
            return False
        if self._pressed is not None:
            self.cancel()
        elif self._canvas is not None:
            self._canvas.set_selection(())
        return True

    def paint(self, painter: QPainter, canvas: Canvas) -> None:
        """Paints the line so far."""
        path = self._path(canvas)
        if path is not None:
            paint_line(painter, path, QColor(Qt.GlobalColor.white), dashed=True)


def _piece(annotation: Annotation, annotation_id: AnnotationId, region: Region) -> Annotation:
    """A part of an annotation, of the same origin; the scores and prompts were about the whole."""
    return replace(
        annotation, id=annotation_id, region=region, detector_score=None, mask_score=None, stability=None,
        prompts=None,
    )  # fmt: skip
