"""How annotations are shown in lists: the marks and words of their states, their scores."""

from __future__ import annotations

from PySide6.QtCore import QPointF
from PySide6.QtGui import QPainter, QPalette

from samdesk.domain.review import AnnotationReview
from samdesk.ui.kit import painting

STATE_TEXTS: dict[AnnotationReview, str] = {
    AnnotationReview.PENDING: "to review",
    AnnotationReview.ACCEPTED: "accepted",
    AnnotationReview.CORRECTED: "corrected",
    AnnotationReview.REJECTED: "rejected",
    AnnotationReview.FLAGGED: "flagged",
}
"""The tooltip text of each state."""


def score_text(score: float | None) -> str:
    """A score or a doubt as it is shown everywhere: ``0.93``; an empty string for None."""
    return "" if score is None else f"{min(max(score, 0.0), 1.0):.2f}"


def draw_review(painter: QPainter, center: QPointF, review: AnnotationReview, palette: QPalette) -> None:
    """Paints the mark of an annotation's state; states differ in shape, not only in colour."""
    if review is AnnotationReview.PENDING:
        painting.draw_dot(painter, center, painting.warning(palette))
    elif review is AnnotationReview.ACCEPTED:
        painting.draw_check(painter, center, painting.success(palette))
    elif review is AnnotationReview.CORRECTED:
        painting.draw_pencil(painter, center, painting.success(palette))
    elif review is AnnotationReview.FLAGGED:
        painting.draw_flag(painter, center, painting.warning(palette))
    else:
        painting.draw_cross(painter, center, painting.error(palette))
