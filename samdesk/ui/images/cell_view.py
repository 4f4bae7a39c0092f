"""CellView: an item view of equal cells, whose positions are computed.

QListView lays out every row (0.2 to 0.3 s for 100,000 rows, again at each resize); here the cost does not
depend on the number of rows.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import (
    QEvent,
    QItemSelection,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    Qt,
)
from PySide6.QtGui import QPainter, QPaintEvent, QRegion
from PySide6.QtWidgets import QAbstractItemView, QFrame, QStyle, QStyleOptionViewItem, QWidget

from samdesk.ui.kit.painting import faint
from samdesk.ui.kit.theme import UNIT

Index = QModelIndex | QPersistentModelIndex


class CellView(QAbstractItemView):
    """What views of equal cells have in common; a subclass says where the cells are."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._hint = ""
        self._hovered = -1
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setMouseTracking(True)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)

    def set_hint(self, text: str) -> None:
        """Sets the text shown if there are no rows."""
        if text != self._hint:
            self._hint = text
            self.viewport().update()

    @property
    def hint(self) -> str:
        """The text shown if there are no rows."""
        return self._hint

    def rows_in_view(self) -> Sequence[int]:
        """The rows of which something is in view."""
        raise NotImplementedError

    def rect_of(self, row: int) -> QRect:
        """Where a row is, in pixels of the viewport."""
        raise NotImplementedError

    def row_at(self, point: QPoint) -> int:
        """The row at a point of the viewport; -1: none."""
        raise NotImplementedError

    @property
    def row_count(self) -> int:
        """The number of rows."""
        model = self.model()
        return model.rowCount() if model is not None else 0

    def _hover(self, row: int) -> None:
        if row != self._hovered:
            for changed in (row, self._hovered):
                if changed >= 0:
                    self.viewport().update(self.rect_of(changed))
            self._hovered = row

    # Qt overrides

    def visualRect(self, index: Index) -> QRect:  # noqa: D102
        return self.rect_of(index.row()) if index.isValid() else QRect()

    def indexAt(self, point: QPoint) -> QModelIndex:  # noqa: D102
        row = self.row_at(point)
        return self.model().index(row, 0) if row >= 0 else QModelIndex()

    def isIndexHidden(self, index: Index) -> bool:  # noqa: D102
        return False

    def visualRegionForSelection(self, selection: QItemSelection) -> QRegion:  # noqa: D102
        return QRegion(self.viewport().rect())

    def keyboardSearch(self, search: str) -> None:
        """Does nothing: single letters are window shortcuts."""

    def leaveEvent(self, event: QEvent) -> None:  # noqa: D102
        self._hover(-1)
        super().leaveEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        painter = QPainter(self.viewport())
        if self.row_count == 0:
            painter.setPen(faint(self.palette()))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.viewport().rect().adjusted(UNIT, UNIT, -UNIT, -UNIT), flags, self._hint)
        selection, model = self.selectionModel(), self.model()
        option = QStyleOptionViewItem()
        self.initViewItemOption(option)
        state = option.state
        for row in self.rows_in_view():
            rect = self.rect_of(row)
            if not rect.intersects(event.rect()):
                continue
            index = model.index(row, 0)
            option.rect, option.state = rect, state
            if selection.isSelected(index):
                option.state |= QStyle.StateFlag.State_Selected
            if row == self._hovered:
                option.state |= QStyle.StateFlag.State_MouseOver
            if self.hasFocus() and index == self.currentIndex():
                option.state |= QStyle.StateFlag.State_HasFocus
            self.itemDelegate().paint(painter, option, index)
        self.paint_over(painter)

    def paint_over(self, painter: QPainter) -> None:
        """Paints what lies over the cells."""
