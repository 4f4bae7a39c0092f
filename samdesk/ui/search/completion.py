"""CompletionList: the words and values that can follow in the search field, in a list at the field."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, QPoint, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import QFrame, QStyleOptionViewItem, QWidget

from samdesk.domain.search_words import Completion
from samdesk.ui.kit import painting
from samdesk.ui.kit.plain import plain
from samdesk.ui.kit.row_view import RowDelegate, RowView
from samdesk.ui.kit.theme import UNIT

Index = QModelIndex | QPersistentModelIndex

_ROWS_SHOWN = 10
_WIDTH = 46 * UNIT


class _CompletionRole(IntEnum):
    COMPLETION = Qt.ItemDataRole.UserRole + 1


class _CompletionModel(QAbstractListModel):
    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.rows: Sequence[Completion] = ()

    def set_rows(self, rows: Sequence[Completion]) -> None:
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return plain(row.label)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return plain(f"{row.label} {row.help}".strip())
        return row if role == _CompletionRole.COMPLETION else None


class _CompletionDelegate(RowDelegate):
    """Paints ``word:   what it is about``."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(_WIDTH, QFontMetrics(painting.row_font(option)).height() + UNIT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        rect, palette = painting.row_rect(option), painting.row_palette(option)
        row: Completion = index.data(_CompletionRole.COMPLETION)
        painter.save()
        painting.draw_row_ground(
            painter, rect, palette, selected=painting.is_selected(option),
            hovered=painting.is_hovered(option),
        )  # fmt: skip
        font = painting.row_font(option)
        painter.setFont(font)
        area = rect.adjusted(UNIT + 4, 0, -UNIT, 0)
        used = QFontMetrics(font).horizontalAdvance(row.label) + 2 * UNIT
        used = min(max(used, 14 * UNIT), area.width()) if row.help else area.width()
        painting.draw_text(
            painter, area.adjusted(0, 0, used - area.width(), 0), row.label, painting.ink(palette)
        )
        painter.setFont(painting.small_font(font))
        painting.draw_text(painter, area.adjusted(used, 0, 0, 0), row.help, painting.faint(palette))
        painter.restore()


class CompletionList(RowView):
    """A list over the window beside a field; the keyboard stays in the field."""

    def __init__(self, field: QWidget) -> None:
        super().__init__("", field.window())
        self._field = field
        self._model = _CompletionModel(self)
        self.setModel(self._model)
        self.setItemDelegate(_CompletionDelegate(self))
        self.setAccessibleName("Ways to go on with the search")
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setProperty("offer", True)
        self.hide()

    def offer(self, rows: Sequence[Completion]) -> None:
        """Shows completions, none of them selected; hides itself without any."""
        self._model.set_rows(rows)
        self.setCurrentIndex(QModelIndex())
        if not rows:
            self.hide()
            return
        window = self._field.window()
        if self.parentWidget() is not window:
            self.setParent(window)
        height = self.sizeHintForRow(0) * min(len(rows), _ROWS_SHOWN) + 2 * self.frameWidth()
        below = self._field.mapTo(window, QPoint(0, self._field.height() + 2))
        above = self._field.mapTo(window, QPoint(0, -2 - height))
        place = below if below.y() + height <= window.height() or above.y() < 0 else above
        width = min(_WIDTH, window.width())
        self.setGeometry(min(place.x(), window.width() - width), place.y(), width, height)
        self.show()
        self.raise_()
        self.scrollToTop()

    @property
    def chosen(self) -> Completion | None:
        """The selected completion, or None."""
        index = self.currentIndex()
        return self._model.rows[index.row()] if index.isValid() else None

    @property
    def first(self) -> Completion | None:
        """The first completion, or None."""
        return self._model.rows[0] if self._model.rows else None

    @property
    def labels(self) -> list[str]:
        """What the list shows."""
        return [row.label for row in self._model.rows]

    def at(self, index: QModelIndex) -> Completion:
        """The completion of a row."""
        return self._model.rows[index.row()]

    def step(self, by: int) -> None:
        """Selects the next (+1) or previous (-1) completion; before the first one is none."""
        row = min(self.currentIndex().row() + by, len(self._model.rows) - 1)
        self.setCurrentIndex(self._model.index(row) if row >= 0 else QModelIndex())
