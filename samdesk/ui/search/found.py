"""FoundPanel: the annotations that a search has found, as rows that open them."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import (
    QAbstractListModel,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QFontMetrics, QKeyEvent, QPainter
from PySide6.QtWidgets import QHBoxLayout, QStyleOptionViewItem, QVBoxLayout, QWidget

from samdesk.domain.annotation import AnnotationId
from samdesk.domain.labels import Label, LabelSet
from samdesk.ui.editing.marks import STATE_TEXTS, draw_review, score_text
from samdesk.ui.kit import painting
from samdesk.ui.kit.plain import PlainLabel, plain, plain_lines, tip
from samdesk.ui.kit.row_view import RowDelegate, RowView
from samdesk.ui.kit.theme import UNIT

if TYPE_CHECKING:
    from samdesk.dataset.search import FoundAnnotation

Index = QModelIndex | QPersistentModelIndex

NO_SEARCH = "Search to list annotations here: Ctrl+F, or a button above the images."


class FoundRole(IntEnum):
    """Item data roles of ``FoundModel``."""

    FOUND = Qt.ItemDataRole.UserRole + 1
    LABEL = Qt.ItemDataRole.UserRole + 2


class FoundModel(QAbstractListModel):
    """List model of the annotations found; more are asked for as the list is scrolled.

    Signals:
        more_requested: The next ones are to be read.
    """

    more_requested = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[FoundAnnotation] = []
        self._labels: dict[str, Label] = {}
        self._more = False

    def set_labels(self, labels: LabelSet) -> None:
        """Sets the dataset's labels."""
        self._labels = {label.id: label for label in labels}
        if self._rows:
            self.dataChanged.emit(self.index(0), self.index(len(self._rows) - 1))

    def set_rows(self, rows: Sequence[FoundAnnotation], *, more: bool) -> None:
        """Lists these; ``more``: there are further ones."""
        same = [row.id for row in rows] == [row.id for row in self._rows]
        if not same:
            self.beginResetModel()
        self._rows, self._more = list(rows), more
        if not same:
            self.endResetModel()
        elif rows:
            self.dataChanged.emit(self.index(0), self.index(len(rows) - 1))

    def add_rows(self, rows: Sequence[FoundAnnotation], *, more: bool) -> None:
        """Lists further ones."""
        self._more = more
        if rows:
            self.beginInsertRows(QModelIndex(), len(self._rows), len(self._rows) + len(rows) - 1)
            self._rows += rows
            self.endInsertRows()

    def at(self, row: int) -> FoundAnnotation:
        """The annotation of a row."""
        return self._rows[row]

    def row(self, annotation_id: AnnotationId | None) -> int:
        """The row of an annotation; -1 if it is not listed."""
        return next((row for row, found in enumerate(self._rows) if found.id == annotation_id), -1)

    # Qt overrides

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, D102
        return 0 if parent.isValid() else len(self._rows)

    def canFetchMore(self, parent: Index) -> bool:  # noqa: D102
        return self._more and not parent.isValid()

    def fetchMore(self, parent: Index) -> None:  # noqa: D102
        self._more = False  # until they are there
        self.more_requested.emit()

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: D102
        if not index.isValid():
            return None
        found = self._rows[index.row()]
        label = self._labels.get(found.label_id)
        if role == FoundRole.FOUND:
            return found
        if role == FoundRole.LABEL:
            return label
        name = label.name if label is not None else "?"
        if role == Qt.ItemDataRole.DisplayRole:
            return plain(name)
        text = _describe(found, name)
        if role == Qt.ItemDataRole.ToolTipRole:
            return tip(text)
        return plain_lines(text) if role == Qt.ItemDataRole.AccessibleTextRole else None


def _describe(found: FoundAnnotation, name: str) -> str:
    lines = [f"{plain(name)}, {STATE_TEXTS[found.review]}", plain(found.image)]
    if found.detector_score is not None:
        lines.append(f"detector score {found.detector_score:.3f}")
    if found.mask_score is not None:
        lines.append(f"mask score (predicted IoU) {found.mask_score:.3f}")
    if found.doubt is not None:
        lines.append(f"doubt {found.doubt:.2f}")
    lines.append(f"area {found.area:,.0f} px")
    if found.model:
        lines.append(plain(found.model))
    if found.note:
        lines.append(f"note: {plain(found.note)}")
    return "\n".join(lines)


class FoundDelegate(RowDelegate):
    """Paints two lines: ``swatch label  state  .91 .88`` and ``image  doubt .42``."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: D102
        metrics = QFontMetrics(painting.row_font(option))
        return QSize(20 * UNIT, 2 * metrics.height() + UNIT + 2)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:  # noqa: D102
        rect, palette = painting.row_rect(option), painting.row_palette(option)
        found: FoundAnnotation = index.data(FoundRole.FOUND)
        label: Label | None = index.data(FoundRole.LABEL)
        font = painting.row_font(option)
        small, quiet = painting.small_font(font), painting.faint(palette)
        painter.save()
        painting.draw_row_ground(
            painter, rect, palette, selected=painting.is_selected(option),
            hovered=painting.is_hovered(option),
        )  # fmt: skip
        line = (rect.height() - 6) // 2
        top = QRect(rect.left() + 36, rect.top() + 3, rect.width() - 36 - UNIT - 2, line)
        below = top.translated(0, line)
        color = QColor(label.color) if label is not None else quiet
        swatch = QRectF(rect.left() + 14, top.center().y() - 6, 13, 13)
        painting.draw_swatch(painter, swatch, color, palette)
        draw_review(painter, QPointF(rect.left() + 20.5, below.center().y() + 0.5), found.review, palette)
        painter.setFont(small)
        scores = "  ".join(filter(None, (score_text(found.detector_score), score_text(found.mask_score))))
        used = QFontMetrics(small).horizontalAdvance(scores)
        painting.draw_text(painter, top, scores, painting.ink(palette), right=True)
        doubt = f"doubt {score_text(found.doubt)}" if found.doubt is not None else ""
        wide = QFontMetrics(small).horizontalAdvance(doubt)
        painting.draw_text(painter, below, doubt, quiet, right=True)
        image = PurePosixPath(found.image).name
        painting.draw_text(painter, below.adjusted(0, 0, -wide - UNIT, 0), image, quiet)
        painter.setFont(font)
        name = label.name if label is not None else "?"
        painting.draw_text(painter, top.adjusted(0, 0, -used - UNIT, 0), name, painting.ink(palette))
        painter.restore()


class FoundView(RowView):
    """The list; Down goes to the first row while none is selected, although Qt makes it the current one."""

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102
        selection, current = self.selectionModel(), self.currentIndex()
        if event.key() == Qt.Key.Key_Down and current.isValid() and not selection.hasSelection():
            selection.select(current, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        else:
            super().keyPressEvent(event)


class FoundPanel(QWidget):
    """Lists the annotations found.

    Signals:
        chosen: (FoundAnnotation) the user selected or clicked one: it is to be opened.
        more_requested: The next ones are to be read.
    """

    chosen = Signal(object)
    more_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._showing = False
        self._next_row = -1  # what has taken the place of the selected one, which is found no more
        self._model = FoundModel(self)
        self._model.more_requested.connect(self.more_requested)
        self.view = FoundView(NO_SEARCH, self)
        self.view.setModel(self._model)
        self.view.setItemDelegate(FoundDelegate(self.view))
        self.view.setAccessibleName("Annotations found")
        self.view.selectionModel().selectionChanged.connect(self._user_selected)
        self.view.clicked.connect(lambda index: self.chosen.emit(self._model.at(index.row())))
        self.count = PlainLabel("", self)
        self.scores = PlainLabel("score · mask", self)
        self.scores.setProperty("muted", True)
        self.scores.setFont(painting.small_font(self.scores.font()))
        head = QHBoxLayout()
        head.setContentsMargins(UNIT + 2, 4, UNIT + 2, 4)
        head.addWidget(self.count, 1)
        head.addWidget(self.scores)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(self.view, 1)
        self.set_count("")

    @property
    def loaded(self) -> int:
        """How many are listed so far."""
        return self._model.rowCount()

    @property
    def current(self) -> FoundAnnotation | None:
        """The selected annotation."""
        index = self.view.currentIndex()
        return self._model.at(index.row()) if index.isValid() else None

    def set_labels(self, labels: LabelSet) -> None:
        """Sets the dataset's labels."""
        self._model.set_labels(labels)

    def set_rows(self, rows: Sequence[FoundAnnotation], *, more: bool) -> None:
        """Lists these; what is selected stays selected, or the row where it was, as long as there is one."""
        before, place = self.current, self.view.currentIndex().row()
        bar = self.view.verticalScrollBar().value()
        self._showing = True
        try:
            self._model.set_rows(rows, more=more)
            row = self._model.row(before.id) if before is not None else -1
            if row >= 0:
                self.view.setCurrentIndex(self._model.index(row))
            elif before is not None and 0 <= place < len(rows):
                self._next_row = place  # the next step goes to what has taken its place
        finally:
            self._showing = False
        self.view.verticalScrollBar().setValue(bar)

    def add_rows(self, rows: Sequence[FoundAnnotation], *, more: bool) -> None:
        """Lists further ones."""
        self._model.add_rows(rows, more=more)

    def clear(self, hint: str = NO_SEARCH) -> None:
        """Lists nothing; ``hint`` says why."""
        self._next_row = -1
        self._model.set_rows((), more=False)
        self.view.set_hint(hint)
        self.set_count("")

    def set_count(self, text: str) -> None:
        """Shows how many were found."""
        self.count.setText(text)
        self.count.setVisible(bool(text))
        self.scores.setVisible(bool(text))

    def step(self, by: int) -> bool:
        """Opens the next (+1) or previous (-1) one; wraps around what is listed. False if there is none."""
        rows = self._model.rowCount()
        if not rows:
            return False
        now = self.view.currentIndex().row()
        if now < 0 <= self._next_row < rows:
            target = self._next_row if by > 0 else self._next_row - 1
        else:
            target = now + by if now >= 0 else (0 if by > 0 else rows - 1)
        if target >= rows and self._model.canFetchMore(QModelIndex()):
            self._model.fetchMore(QModelIndex())
        self._next_row = -1
        index = self._model.index(target % rows)
        if index == self.view.currentIndex():
            self.chosen.emit(self._model.at(index.row()))
        self.view.setCurrentIndex(index)
        return True

    def _user_selected(self) -> None:
        found = self.current
        if not self._showing and found is not None and self.view.selectionModel().hasSelection():
            self._next_row = -1
            self.chosen.emit(found)
