"""CellView: an item view of equal cells, whose positions are computed.

QListView lays out every row (0.2 to 0.3 s for 100,000 rows, again at each resize); here the cost does not
depend on the number of rows.
"""

from __future__ import annotations

from PySide6.QtCore import (
    QEvent,
    QItemSelection,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QRectF,
    QSize,
    Qt,
)
from PySide6.QtGui import QPainter, QPaintEvent, QPalette, QPen, QRegion
from PySide6.QtWidgets import QAbstractItemView, QFrame, QStyle, QStyleOptionViewItem, QWidget

from samdesk.ui.kit import painting
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

    @property
    def cell(self) -> QSize:
        """The size of a cell, pixels."""
        raise NotImplementedError

    @property
    def columns(self) -> int:
        """The number of cells in a line."""
        raise NotImplementedError

    def visible_rows(self, margin: int = 0) -> range:
        """The rows of which something is in view, and more on both sides."""
        raise NotImplementedError

    def rect_of(self, row: int) -> QRect:
        """Where a row is, in pixels of the viewport."""
        cell = self.cell
        line, place = divmod(row, self.columns)
        x, y = place * cell.width() - self.horizontalOffset(), line * cell.height() - self.verticalOffset()
        return QRect(QPoint(x, y), cell)

    def row_at(self, point: QPoint) -> int:
        """The row at a point of the viewport; -1: none."""
        cell, columns = self.cell, self.columns
        place = (point.x() + self.horizontalOffset()) // cell.width()
        line = (point.y() + self.verticalOffset()) // cell.height()
        row = line * columns + place
        return row if 0 <= place < columns and line >= 0 and 0 <= row < self.row_count else -1

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

    def horizontalOffset(self) -> int:  # noqa: D102
        return self.horizontalScrollBar().value()

    def verticalOffset(self) -> int:  # noqa: D102
        return self.verticalScrollBar().value()

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
            painter.setPen(painting.faint(self.palette()))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.viewport().rect().adjusted(UNIT, UNIT, -UNIT, -UNIT), flags, self._hint)
        selection, model = self.selectionModel(), self.model()
        option = QStyleOptionViewItem()
        self.initViewItemOption(option)
        state = option.state
        for row in self.visible_rows():
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


def paint_ground(painter: QPainter, frame: QRectF, option: QStyleOptionViewItem, selected: float) -> None:
    """Paints the frame and the ground of a selected cell, or the ground of one under the mouse.

    ``selected``: the share of the accent colour in the ground of a selected one.
    """
    palette = painting.row_palette(option)
    base, accent = palette.color(QPalette.ColorRole.Base), palette.color(QPalette.ColorRole.Highlight)
    if painting.is_selected(option):
        painter.setPen(QPen(accent, 2))
        painter.setBrush(painting.blend(base, accent, selected))
    elif painting.is_hovered(option):
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(painting.blend(base, palette.color(QPalette.ColorRole.Text), 0.08))
    else:
        return
    painter.drawRoundedRect(frame, 5, 5)
