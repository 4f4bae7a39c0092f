"""AnnotationModel and AnnotationDelegate: the annotations of one image as list rows, topmost first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import IntEnum
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
)
from PySide6.QtGui import QColor, QFontMetrics, QPainter
from PySide6.QtWidgets import QAbstractItemView, QStyleOptionViewItem

from samdesk.domain.annotation import Annotation, AnnotationId, Source
from samdesk.domain.document import Changes, ImageDocument
from samdesk.domain.labels import Label, LabelId, LabelSet
from samdesk.domain.review import AnnotationReview
from samdesk.ui.editing.marks import STATE_TEXTS, draw_review, score_text
from samdesk.ui.kit import painting
from samdesk.ui.kit.plain import plain, plain_lines, tip
from samdesk.ui.kit.row_view import RowDelegate
from samdesk.ui.kit.theme import UNIT

Index = QModelIndex | QPersistentModelIndex

SOURCE_TEXTS: dict[Source, tuple[str, str]] = {
    Source.MANUAL: ("manual", "drawn by hand"),
    Source.SAM: ("prompt", "segmented from point and box prompts"),
    Source.YOLO_SAM: ("auto", "made by auto-annotate"),
    Source.IMPORT: ("imported", "imported from a label file"),
    Source.CARRIED: ("carried", "carried along from another image"),
}
"""The badge and the tooltip text of each annotation source."""


class AnnotationRole(IntEnum):
    """Item data roles of ``AnnotationModel``."""

    ANNOTATION = Qt.ItemDataRole.UserRole + 1
    LABEL = Qt.ItemDataRole.UserRole + 2
    HIDDEN = Qt.ItemDataRole.UserRole + 3
    LOCKED = Qt.ItemDataRole.UserRole + 4
    COLOR = Qt.ItemDataRole.UserRole + 5


class AnnotationModel(QAbstractListModel):
    """List model of a document's annotations; the topmost, painted last, is the first row."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[Annotation] = []
        self._row_of: dict[AnnotationId, int] = {}
        self._labels: dict[str, Label] = {}
        self._hidden: set[AnnotationId] = set()
        self._hidden_labels: frozenset[LabelId] = frozenset()
        self.filtered: frozenset[AnnotationId] = frozenset()
        self._filter_text = ""
        self._tracks: Mapping[AnnotationId, str] = {}
        self.locked: frozenset[AnnotationId] = frozenset()
        self._color: Callable[[AnnotationId], QColor | None] | None = None

    @property
    def hidden(self) -> frozenset[AnnotationId]:
        """The hidden annotations of this image."""
        return frozenset(self._hidden)

    @property
    def ids(self) -> tuple[AnnotationId, ...]:
        """Ids of the annotations in row order."""
        return tuple(annotation.id for annotation in self._rows)

    def set_document(self, document: ImageDocument | None, labels: LabelSet, changes: Changes | None) -> bool:
        """Shows a document; returns whether the model was reset, which clears the view's selection."""
        rows = list(reversed(document.annotations)) if document is not None else []
        self._labels = {label.id: label for label in labels}
        same = [a.id for a in rows] == [a.id for a in self._rows]
        if not same:
            self.beginResetModel()
        self._rows = rows
        self._row_of = {annotation.id: row for row, annotation in enumerate(rows)}
        if not same:
            self.endResetModel()
        elif changes is None or changes.labels:
            self._emit_changed(self._row_of.values())
        else:
            self._emit_changed(self._row_of[i] for i in changes.modified if i in self._row_of)
        return not same

    def set_hidden(self, ids: Iterable[AnnotationId]) -> None:
        """Hides these annotations and shows all others."""
        changed = self._hidden.symmetric_difference(ids)
        self._hidden = set(ids)
        self._emit_changed(self._row_of[i] for i in changed if i in self._row_of)

    def set_hidden_labels(self, labels: Iterable[LabelId]) -> None:
        """Shows the annotations of these labels as hidden, whatever else hides them."""
        self._hidden_labels = frozenset(labels)
        self._emit_changed(self._row_of.values())

    def set_tracks(self, texts: Mapping[AnnotationId, str]) -> None:
        """Says in the tips of annotations which tracks they are in."""
        self._tracks = texts

    def set_filtered(self, ids: frozenset[AnnotationId], why: str) -> None:
        """Shows annotations as hidden for their scores, whatever else hides them; their tips say ``why``."""
        changed, self.filtered, self._filter_text = self.filtered ^ ids, ids, why
        self._emit_changed(self._row_of[i] for i in changed if i in self._row_of)

    @property
    def hidden_labels(self) -> frozenset[LabelId]:
        """The labels whose annotations are hidden."""
        return self._hidden_labels

    @property
    def hidden_count(self) -> int:
        """How many of the image's annotations are hidden."""
        return sum(map(self.is_hidden, self._rows))

    def is_hidden(self, annotation: Annotation) -> bool:
        """Whether an annotation is hidden, by itself or with its label."""
        return (
            annotation.id in self._hidden
            or annotation.id in self.filtered
            or annotation.label_id in self._hidden_labels
        )

    def set_locked(self, ids: frozenset[AnnotationId]) -> None:
        """Marks the locked annotations."""
        changed, self.locked = self.locked ^ ids, ids
        self._emit_changed(self._row_of[i] for i in changed if i in self._row_of)

    def set_colors(self, color: Callable[[AnnotationId], QColor | None] | None) -> None:
        """Shows the colours of annotations that ``color`` returns; None: of their labels."""
        self._color = color
        self._emit_changed(self._row_of.values())

    def annotation(self, row: int) -> Annotation:
        """The annotation of a row."""
        return self._rows[row]

    def row(self, annotation_id: AnnotationId) -> int:
        """The row of an annotation, -1 if it is not in the model."""
        return self._row_of.get(annotation_id, -1)

    def next_to(self, ids: Iterable[AnnotationId], step: int) -> AnnotationId | None:
        """The nearest shown annotation below (+1) or above (-1) all of these in the list.

        Without ``ids`` it is the first (+1) or the last (-1) of the list. None if there is no such one.
        """
        given = set(ids)
        rows = [row for i in given if (row := self.row(i)) >= 0]
        end = len(self._rows) if step > 0 else -1
        start = (max(rows) if step > 0 else min(rows)) if rows else (-1 if step > 0 else len(self._rows))
        found = (self._rows[row] for row in range(start + step, end, step))
        return next((a.id for a in found if not self.is_hidden(a) and a.id not in given), None)

    def _color_of(self, annotation: Annotation) -> QColor | None:
        own = None if self._color is None else self._color(annotation.id)
        label = self._labels.get(annotation.label_id)
        return own or (QColor(label.color) if label is not None else None)

    def _emit_changed(self, rows: Iterable[int]) -> None:
        changed = list(rows)
        if changed:
            self.dataChanged.emit(self.index(min(changed)), self.index(max(changed)))

    # Qt overrides

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, D102
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: D102
        if not index.isValid():
            return None
        annotation = self._rows[index.row()]
        if role == AnnotationRole.ANNOTATION:
            return annotation
        if role == AnnotationRole.LABEL:
            return self._labels.get(annotation.label_id)
        if role == AnnotationRole.HIDDEN:
            return self.is_hidden(annotation)
        if role == AnnotationRole.LOCKED:
            return annotation.id in self.locked
        if role == AnnotationRole.COLOR:
            return self._color_of(annotation)
        label = self._labels.get(annotation.label_id)
        name = label.name if label is not None else "?"
        if role == Qt.ItemDataRole.DisplayRole:
            return plain(name)
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            hidden = "hidden" if self.is_hidden(annotation) else ""
            if annotation.id in self.filtered:
                hidden = f"hidden by score: {self._filter_text}"
            track = self._tracks.get(annotation.id, "")
            text = _tip(annotation, name, track, hidden, annotation.id in self.locked)
            return tip(text) if role == Qt.ItemDataRole.ToolTipRole else plain_lines(text)
        return None


def _shows_state(annotation: Annotation) -> bool:
    """Whether a row shows the state: that what the user has made is accepted goes without saying."""
    return annotation.review is not AnnotationReview.ACCEPTED or annotation.is_proposed


def _tip(annotation: Annotation, name: str, track: str, hidden: str, locked: bool) -> str:
    lines = [plain(name), SOURCE_TEXTS[annotation.source][1], *([track] if track else [])]
    if annotation.detector_score is not None:
        lines.append(f"detector score {annotation.detector_score:.3f}")
    if annotation.mask_score is not None:
        lines.append(f"mask score (predicted IoU) {annotation.mask_score:.3f}")
    state = STATE_TEXTS[annotation.review] if _shows_state(annotation) else ""
    if state:
        lines.append(f"{state}: {plain(annotation.note)}" if annotation.note else state)
    if hidden:
        lines.append(hidden)
    if locked:
        lines.append("locked")
    return "\n".join(lines)


class AnnotationDelegate(RowDelegate):
    """Paints ``eye swatch lock name • 0.93 [auto]``, the padlock only where it is locked."""

    HEIGHT = 28
    SCORE = 40
    LOCK = 16

    def __init__(self, view: QAbstractItemView) -> None:
        super().__init__(view)
        self._view = view

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: D102
        metrics = QFontMetrics(painting.row_font(option))
        return QSize(20 * UNIT, max(self.HEIGHT, metrics.height() + UNIT))

    def part_at(self, rect: QRect, position: QPoint) -> str:  # noqa: D102
        if QRect(rect.left(), rect.top(), 32, rect.height()).contains(position):
            return "eye"
        on_lock = QRect(rect.left() + 53, rect.top(), self.LOCK + 4, rect.height()).contains(position)
        return "lock" if on_lock and self._view.indexAt(position).data(AnnotationRole.LOCKED) else ""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:  # noqa: D102
        rect, palette = painting.row_rect(option), painting.row_palette(option)
        annotation: Annotation = index.data(AnnotationRole.ANNOTATION)
        label: Label | None = index.data(AnnotationRole.LABEL)
        hidden: bool = index.data(AnnotationRole.HIDDEN)
        selected, hovered = painting.is_selected(option), painting.is_hovered(option)
        text, quiet = painting.ink(palette), painting.faint(palette)
        font = painting.row_font(option)
        small = painting.small_font(font)
        painter.save()
        painting.draw_row_ground(painter, rect, palette, selected=selected, hovered=hovered)
        middle = rect.center().y() + 0.5
        painting.draw_eye(painter, QPointF(rect.left() + 19, middle), quiet, shown=not hidden)
        if hidden:
            painter.setOpacity(0.55)
        swatch = QRectF(rect.left() + 36, middle - 6.5, 13, 13)
        painting.draw_swatch(painter, swatch, index.data(AnnotationRole.COLOR) or quiet, palette)
        right = self._paint_badge(painter, rect, annotation, option)
        painter.setFont(small)
        score = QRect(right - self.SCORE, rect.top(), self.SCORE - UNIT, rect.height())
        painting.draw_text(painter, score, score_text(annotation.score), text, right=True)
        right -= self.SCORE
        if _shows_state(annotation):
            draw_review(painter, QPointF(right - 4, middle), annotation.review, palette)
        painter.setFont(font)
        left = rect.left() + 57
        if index.data(AnnotationRole.LOCKED):
            painting.draw_lock(painter, QPointF(left + 5, middle), text)
            left += self.LOCK
        name = QRect(left, rect.top(), right - 12 - left, rect.height())
        painting.draw_text(painter, name, label.name if label else "?", text)
        painter.restore()

    def _paint_badge(
        self, painter: QPainter, rect: QRect, annotation: Annotation, option: QStyleOptionViewItem
    ) -> int:
        """Paints the badge of the source at the right end; returns the left edge of the badge column."""
        small = painting.small_font(painting.row_font(option))
        column = max(painting.badge_width(small, badge) for badge, _ in SOURCE_TEXTS.values())
        badge = SOURCE_TEXTS[annotation.source][0]
        width = painting.badge_width(small, badge)
        height = QFontMetrics(small).height() + 2
        left = rect.right() - UNIT - column
        painter.setFont(small)
        box = QRectF(left, rect.center().y() - height / 2 + 0.5, width, height)
        painting.draw_badge(painter, box, badge, painting.row_palette(option))
        return left
