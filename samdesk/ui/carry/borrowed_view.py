"""BorrowedView: what the user looks at stays from image to image, but to show what cannot be seen."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRectF

from samdesk.domain.annotation import AnnotationId
from samdesk.ui.canvas.view import CanvasView
from samdesk.ui.canvas.viewport import Viewport

SMALLEST = 48
"""An annotation whose longer side is shorter on the screen is too small to judge, logical pixels."""


@dataclass(frozen=True)
class _Loan:
    """The user's view, and what is shown in its place.

    Attributes:
        before: The user's view.
        fitted: Whether that was all of the image.
        scale: Of the view in its place, device pixels per image pixel.
    """

    before: Viewport
    fitted: bool
    scale: float


class BorrowedView:
    """Moves or zooms the canvas to an annotation only if it is out of sight or too small to judge."""

    def __init__(self, canvas: CanvasView) -> None:
        self._canvas = canvas
        self._loan: _Loan | None = None
        self._along: tuple[Viewport, tuple[int, int] | None] | None = None
        """The view to take to the next image, if that has the same size; None: all of the image."""

    def take_along(self) -> None:
        """Another image is to be shown as this one."""
        self.give_back()
        canvas = self._canvas
        self._along = None if canvas.fitted else (canvas.viewport, canvas.image_size)

    def arrive(self) -> None:
        """Another image is on screen, fitted."""
        self._loan, along, self._along = None, self._along, None
        if along is not None and along[1] == self._canvas.image_size:
            self._canvas.show_viewport(along[0])

    def show(self, annotation_id: AnnotationId) -> None:
        """Shows an annotation; the view stays as it is if it can be judged there."""
        canvas, shape = self._canvas, self._canvas.shape(annotation_id)
        if shape is None:
            return
        loan = self._loan if self._is_untouched() else None
        before, fitted = (canvas.viewport, canvas.fitted) if loan is None else (loan.before, loan.fitted)
        at = QRectF(canvas.to_widget(*_start(shape.bounds)), canvas.to_widget(*_end(shape.bounds)))
        if max(at.width(), at.height()) < SMALLEST:
            canvas.zoom_around(annotation_id)
        elif not _in_sight(at, QRectF(canvas.rect())):
            canvas.reveal([annotation_id])
        else:
            return
        self._loan = _Loan(before, fitted, canvas.zoom)

    def give_back(self) -> None:
        """Shows what the user saw before, unless the user has zoomed since."""
        loan = self._loan
        if loan is not None and self._is_untouched():
            if loan.fitted:
                self._canvas.fit()
            else:
                self._canvas.show_viewport(loan.before)
        self._loan = None

    def _is_untouched(self) -> bool:
        """Whether the user has not zoomed since; what is selected and bars move the image, too."""
        return self._loan is not None and self._loan.scale == self._canvas.zoom


def _in_sight(rect: QRectF, canvas: QRectF) -> bool:
    """Whether a rectangle is on the canvas, or what is longer than it covers it; a pixel for rounding."""
    seen = rect.intersected(canvas)
    return (
        seen.width() >= min(rect.width(), canvas.width()) - 1
        and seen.height() >= min(rect.height(), canvas.height()) - 1
    )


def _start(rect: QRectF) -> tuple[float, float]:
    return rect.left(), rect.top()


def _end(rect: QRectF) -> tuple[float, float]:
    return rect.right(), rect.bottom()
