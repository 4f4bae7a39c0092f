"""SheetGrid: equal cells in lines, as many a line as there is room for, of which several can be selected."""

from __future__ import annotations

from PySide6.QtCore import (
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QWidget

from samdesk.ui.images.cell_view import CellView, Index
from samdesk.ui.kit.painting import draw_focus_frame
from samdesk.ui.kit.theme import UNIT

CAPTION = 20
"""Height of a cell's text, pixels."""
SIZES = (64, 320)
"""Smallest and largest side of a crop, pixels."""


class SheetGrid(CellView):
    """Cells with a crop and a line of text.

    Signals:
        moved(): Other rows may be in view.
        selected(): Other rows are selected.
        opened(): The current row was double-clicked.
        size_changed(int): The user has changed the side of the crops, pixels.
    """

    moved = Signal()
    selected = Signal()
    opened = Signal()
    size_changed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._side = 128
        self._band: QRect | None = None
        self._band_start = QPoint()
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalScrollBar().valueChanged.connect(self.moved)

    # -- what is shown

    @property
    def side(self) -> int:
        """The side of the crops, pixels."""
        return self._side

    def set_side(self, side: int) -> None:
        """Changes the side of the crops; the first row in view stays in view."""
        side = min(max(side, SIZES[0]), SIZES[1])
        if side == self._side:
            return
        first = self.visible_rows().start
        self._side = side
        self.updateGeometries()
        self.verticalScrollBar().setValue(first // self.columns * self.cell.height())
        self.viewport().update()
        self.size_changed.emit(side)

    @property
    def columns(self) -> int:
        """The number of cells in a line."""
        return max(1, self.viewport().width() // (self._side + UNIT))

    @property
    def cell(self) -> QSize:
        """The size of a cell, pixels; the cells of a line share its width."""
        return QSize(max(1, self.viewport().width() // self.columns), self._side + UNIT + CAPTION)

    def visible_rows(self, margin: int = 0) -> range:
        """The rows in view, and ``margin`` lines more on both sides."""
        height, columns = self.cell.height(), self.columns
        first = self.verticalOffset() // height - margin
        last = (self.verticalOffset() + self.viewport().height() - 1) // height + margin
        return range(max(0, first * columns), max(0, min(self.row_count, (last + 1) * columns)))

    def selected_rows(self) -> list[int]:
        """The selected rows, in order."""
        selection = self.selectionModel().selection()
        parts = [selection.at(n) for n in range(selection.size())]
        rows = [row for part in parts for row in range(part.top(), part.bottom() + 1)]
        return sorted(rows)

    def select_only(self, row: int) -> None:
        """Makes a row current and the only one selected, and scrolls to it."""
        index = self.model().index(row, 0)
        flag = QItemSelectionModel.SelectionFlag
        self.selectionModel().setCurrentIndex(index, flag.ClearAndSelect)
        self.scrollTo(index)

    # -- the rubber band

    def _begin_band(self, point: QPoint, *, keep: bool) -> None:
        if not keep:
            self.clearSelection()
        self._band_start = point + QPoint(0, self.verticalOffset())
        self._band = QRect(point, QSize())

    def _move_band(self, point: QPoint, *, keep: bool) -> None:
        start = self._band_start - QPoint(0, self.verticalOffset())
        self._band = QRect(start, point).normalized()
        flag = QItemSelectionModel.SelectionFlag
        command = flag.Select if keep else flag.ClearAndSelect
        self.selectionModel().select(self._under(self._band), command)
        self.viewport().update()
        if not self.viewport().rect().contains(point):
            beyond = point.y() - min(max(point.y(), 0), self.viewport().height())
            self.verticalScrollBar().setValue(self.verticalOffset() + beyond)

    def _under(self, rect: QRect) -> QItemSelection:
        """The cells that a rectangle touches."""
        cell, columns, count = self.cell, self.columns, self.row_count
        left, right = max(0, rect.left() // cell.width()), min(columns - 1, rect.right() // cell.width())
        offset = self.verticalOffset()
        top, bottom = (
            max(0, (rect.top() + offset) // cell.height()),
            (rect.bottom() + offset) // cell.height(),
        )
        selection = QItemSelection()
        for line in range(top, min(bottom, (count - 1) // columns) + 1):
            first, last = line * columns + left, min(line * columns + right, count - 1)
            if first <= last:
                selection.select(self.model().index(first, 0), self.model().index(last, 0))
        return selection

    # -- Qt overrides

    def scrollTo(  # noqa: D102
        self, index: Index, hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible
    ) -> None:
        if not index.isValid():
            return
        self.executeDelayedItemsLayout()
        rect, bar, space = self.rect_of(index.row()), self.verticalScrollBar(), self.viewport().height()
        if hint == QAbstractItemView.ScrollHint.PositionAtCenter:
            bar.setValue(bar.value() + rect.center().y() - space // 2)
        elif rect.top() < 0:
            bar.setValue(bar.value() + rect.top())
        elif rect.bottom() >= space:
            bar.setValue(bar.value() + rect.bottom() - space + 1)

    def moveCursor(  # noqa: D102
        self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier
    ) -> QModelIndex:
        count, columns = self.row_count, self.columns
        if count == 0:
            return QModelIndex()
        row = self.currentIndex().row()
        page = max(columns, self.viewport().height() // self.cell.height() * columns)
        move = QAbstractItemView.CursorAction
        steps = {
            move.MoveLeft: -1, move.MovePrevious: -1, move.MoveRight: 1, move.MoveNext: 1,
            move.MoveUp: -columns, move.MoveDown: columns, move.MovePageUp: -page, move.MovePageDown: page,
            move.MoveHome: -count, move.MoveEnd: count,
        }  # fmt: skip
        target = row + steps.get(action, 0) if row >= 0 or action == move.MoveEnd else 0
        if action in (move.MoveUp, move.MoveDown) and not 0 <= target < count:
            target = row
        return self.model().index(min(max(target, 0), count - 1), 0)

    def setSelection(self, rect: QRect, command: QItemSelectionModel.SelectionFlag) -> None:
        """Selects the rows from the one at one corner to the one at the other, in reading order."""
        first, last = self.row_at(rect.topLeft()), self.row_at(rect.bottomRight())
        selection = QItemSelection()
        if first >= 0 and last >= 0:
            low, high = sorted((first, last))
            selection.select(self.model().index(low, 0), self.model().index(high, 0))
        self.selectionModel().select(selection, command)

    def rowsInserted(self, parent: Index, start: int, end: int) -> None:  # noqa: D102
        super().rowsInserted(parent, start, end)
        self.scheduleDelayedItemsLayout()  # for the range of the scroll bar

    def selectionChanged(self, selected: QItemSelection, deselected: QItemSelection) -> None:  # noqa: D102
        super().selectionChanged(selected, deselected)
        self.selected.emit()

    def updateGeometries(self) -> None:  # noqa: D102
        super().updateGeometries()
        cell, lines, bar = self.cell, -(-self.row_count // self.columns), self.verticalScrollBar()
        bar.setRange(0, max(0, lines * cell.height() - self.viewport().height()))
        bar.setSingleStep(cell.height() // 3)
        bar.setPageStep(self.viewport().height())
        self.moved.emit()

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        """Moves what is painted already; only the rest is painted."""
        if self._band is None:
            self.viewport().scroll(dx, dy)
        else:
            self.viewport().update()

    def event(self, event: QEvent) -> bool:
        """Keeps Home and End, which otherwise go to the first and the last image."""
        keys = (Qt.Key.Key_Home, Qt.Key.Key_End)
        asks = isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride
        if asks and event.key() in keys and not event.modifiers():  # type: ignore[attr-defined]
            event.accept()
            return True
        return super().event(event)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102
        first = self.visible_rows().start
        super().resizeEvent(event)
        self.updateGeometries()
        if first:
            self.verticalScrollBar().setValue(first // self.columns * self.cell.height())
        self.viewport().update()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scrolls; with Ctrl, changes the size of the crops."""
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.set_side(round(self._side * 1.15 ** (event.angleDelta().y() / 120)))
            event.accept()
            return
        super().wheelEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        point = event.position().toPoint()
        modifiers = event.modifiers()
        row = self.row_at(point)
        if event.button() == Qt.MouseButton.LeftButton and row < 0:
            self._begin_band(point, keep=bool(modifiers & Qt.KeyboardModifier.ControlModifier))
            return
        if modifiers & Qt.KeyboardModifier.ShiftModifier and row >= 0 and self.currentIndex().isValid():
            self._select_to(row)
            return
        super().mousePressEvent(event)
        self._band_start = point + QPoint(0, self.verticalOffset())

    def _select_to(self, row: int) -> None:
        """Selects the rows from the current one to another, which does not become current."""
        low, high = sorted((self.currentIndex().row(), row))
        selection = QItemSelection(self.model().index(low, 0), self.model().index(high, 0))
        self.selectionModel().select(selection, QItemSelectionModel.SelectionFlag.ClearAndSelect)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        point = event.position().toPoint()
        keep = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if self._band is None and event.buttons() & Qt.MouseButton.LeftButton and self._is_far(point):
            self._band = QRect(point, QSize())  # a drag that began on a cell
        if self._band is not None:
            self._move_band(point, keep=keep)
            return
        self._hover(self.row_at(point))

    def _is_far(self, point: QPoint) -> bool:
        start = self._band_start - QPoint(0, self.verticalOffset())
        return (point - start).manhattanLength() > 2 * UNIT

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        if self._band is not None:
            self._band = None
            self.setState(QAbstractItemView.State.NoState)
            self.viewport().update()
            return
        super().mouseReleaseEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Opens the annotation."""
        row = self.row_at(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and row >= 0:
            self.select_only(row)
            self.opened.emit()
            return
        super().mouseDoubleClickEvent(event)

    def paint_over(self, painter: QPainter) -> None:  # noqa: D102
        if self._band is not None:
            self._paint_band(painter, self._band)
        if self.hasFocus() and self.row_count == 0:
            draw_focus_frame(painter, self.viewport().rect(), self.palette())

    def _paint_band(self, painter: QPainter, band: QRect) -> None:
        accent = self.palette().highlight().color()
        painter.setPen(QPen(accent, 1))
        accent.setAlphaF(0.2)
        painter.fillRect(band, accent)
        painter.drawRect(band.adjusted(0, 0, -1, -1))
