"""FilmView: cells of equal size in one line, or in a grid if there is room for two lines."""

from __future__ import annotations

from PySide6.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QRect,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QMouseEvent, QPainter, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QAbstractItemView, QApplication, QWidget

from samdesk.ui.images.cell_view import CellView, Index
from samdesk.ui.kit.painting import draw_focus_frame
from samdesk.ui.kit.theme import UNIT

GRID_CELL = QSize(144, 128)
STRIP_HEIGHTS = (64, 176)


class FilmView(CellView):
    """An item view of equal cells: a strip that scrolls horizontally, or a grid that scrolls vertically.

    Signals:
        moved: The visible rows may have changed (scrolled, resized, other rows).
    """

    moved = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._click_timer = QTimer(self, singleShot=True)
        self._click_timer.timeout.connect(lambda: self.scrollTo(self.currentIndex()))
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.horizontalScrollBar().valueChanged.connect(self.moved)
        self.verticalScrollBar().valueChanged.connect(self.moved)

    @property
    def is_strip(self) -> bool:
        """Whether the cells are in one line."""
        room = self.maximumViewportSize()
        return room.height() < 2 * GRID_CELL.height() and room.width() >= GRID_CELL.width()

    @property
    def cell(self) -> QSize:
        """The size of a cell; the cells of a strip are as high as the strip.

        It must not depend on the scroll bar's visibility: cells that grow when it is hidden would show it
        again, endlessly.
        """
        if not self.is_strip:
            width = self.viewport().width() // self.columns
            return QSize(max(width, 1), GRID_CELL.height())
        room = self.maximumViewportSize()
        cell = _strip_cell(room.height())
        if self.row_count * cell.width() > room.width():
            cell = _strip_cell(room.height() - self.horizontalScrollBar().sizeHint().height())
        return cell

    @property
    def columns(self) -> int:
        """The number of cells per line; all of them in a strip."""
        if self.is_strip:
            return max(self.row_count, 1)
        return max(1, self.viewport().width() // GRID_CELL.width())

    def visible_rows(self, margin: int = 0) -> range:
        """The visible rows, and ``margin`` more on both sides."""
        cell, count = self.cell, self.row_count
        if self.is_strip:
            first = self.horizontalOffset() // cell.width()
            last = (self.horizontalOffset() + self.viewport().width() - 1) // cell.width()
        else:
            first = self.verticalOffset() // cell.height() * self.columns
            bottom = self.verticalOffset() + self.viewport().height() - 1
            last = (bottom // cell.height() + 1) * self.columns - 1
        return range(max(0, first - margin), min(count, last + 1 + margin))

    def keep_in_place(self, before: int, after: int) -> None:
        """Scrolls so that the row ``after`` is where the row ``before`` was before the rows were replaced."""
        self.executeDelayedItemsLayout()  # updates the scroll bars after new rows
        if before < 0 or after < 0:
            return
        if self.is_strip:
            bar, step = self.horizontalScrollBar(), (after - before) * self.cell.width()
        else:
            lines = after // self.columns - before // self.columns
            bar, step = self.verticalScrollBar(), lines * self.cell.height()
        bar.setValue(bar.value() + step)

    # Qt overrides

    def scrollTo(  # noqa: D102
        self, index: Index, hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible
    ) -> None:
        if not index.isValid():
            return
        self.executeDelayedItemsLayout()  # updates the scroll bars after new rows
        rect = self.rect_of(index.row())
        if self.is_strip:
            bar, low, high, space = (
                self.horizontalScrollBar(),
                rect.left(),
                rect.right(),
                self.viewport().width(),
            )
        else:
            bar, low, high, space = (
                self.verticalScrollBar(),
                rect.top(),
                rect.bottom(),
                self.viewport().height(),
            )
        size = high - low + 1
        if self._click_timer.isActive() and low >= 0 and high < space:
            return  # what was clicked stays under the mouse until the click cannot be a double click
        margin = min(size, max(0, (space - size) // 2))  # the neighbours of the image are seen, too
        if self.is_strip:
            bar.setValue(bar.value() + low - (space - size) // 2)  # the current image stays in the middle
        elif hint == QAbstractItemView.ScrollHint.PositionAtCenter or low < -space or high > 2 * space:
            bar.setValue(bar.value() + low - (space - size) // 2)
        elif low < margin:
            bar.setValue(bar.value() + low - margin)
        elif high >= space - margin:
            bar.setValue(bar.value() + high - space + 1 + margin)

    def moveCursor(  # noqa: D102
        self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier
    ) -> QModelIndex:
        count, columns = self.row_count, 1 if self.is_strip else self.columns
        if count == 0:
            return QModelIndex()
        row = self.currentIndex().row()
        page = max(1, len(self.visible_rows()) - columns)
        move = QAbstractItemView.CursorAction
        steps = {
            move.MoveLeft: -1, move.MovePrevious: -1, move.MoveRight: 1, move.MoveNext: 1,
            move.MoveUp: -columns, move.MoveDown: columns, move.MovePageUp: -page, move.MovePageDown: page,
            move.MoveHome: -count, move.MoveEnd: count,
        }  # fmt: skip
        target = 0 if row < 0 else row + steps.get(action, 0)
        return self.model().index(min(max(target, 0), count - 1), 0)

    def setSelection(self, rect: QRect, command: QItemSelectionModel.SelectionFlag) -> None:  # noqa: D102
        index = self.indexAt(rect.topLeft())
        if index.isValid():
            self.selectionModel().select(index, command)

    def updateGeometries(self) -> None:  # noqa: D102
        super().updateGeometries()
        cell, count, port = self.cell, self.row_count, self.viewport().size()
        across, down = self.horizontalScrollBar(), self.verticalScrollBar()
        lines = -(-count // self.columns)
        across.setRange(0, max(0, count * cell.width() - port.width()) if self.is_strip else 0)
        down.setRange(0, 0 if self.is_strip else max(0, lines * cell.height() - port.height()))
        across.setSingleStep(cell.width() // 2)
        across.setPageStep(port.width())
        down.setSingleStep(cell.height() // 2)
        down.setPageStep(port.height())
        self.moved.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102
        super().resizeEvent(event)
        self.updateGeometries()
        self.scrollTo(self.currentIndex())

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: D102
        if self.is_strip and event.angleDelta().x() == 0:
            delta = event.pixelDelta().y() or event.angleDelta().y()
            bar = self.horizontalScrollBar()
            bar.setValue(bar.value() - delta)
            event.accept()
            return
        super().wheelEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Opens an image; Ctrl adds it to the selection or takes it out, Shift selects all up to it."""
        self._click_timer.start(QApplication.doubleClickInterval())
        row = self.row_at(event.position().toPoint())
        keys = event.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
        if (
            event.button() == Qt.MouseButton.LeftButton
            and keys
            and row >= 0
            and self.currentIndex().isValid()
        ):
            self._select_also(row, everything=bool(keys & Qt.KeyboardModifier.ShiftModifier))
            return
        if event.button() == Qt.MouseButton.RightButton and row in self.selected_rows():
            return  # the menu is about all that are selected
        super().mousePressEvent(event)

    def _select_also(self, row: int, *, everything: bool) -> None:
        """Selects a row beside the current one, or all between them; the current one stays selected."""
        flag, current = QItemSelectionModel.SelectionFlag, self.currentIndex().row()
        if everything:
            low, high = sorted((current, row))
            rows = QItemSelection(self.model().index(low, 0), self.model().index(high, 0))
            self.selectionModel().select(rows, flag.ClearAndSelect)
        elif row != current:
            self.selectionModel().select(self.model().index(row, 0), flag.Toggle)

    def selected_rows(self) -> list[int]:
        """The selected rows, in order."""
        selection = self.selectionModel().selection()
        parts = [selection.at(n) for n in range(selection.size())]
        return sorted(row for part in parts for row in range(part.top(), part.bottom() + 1))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        self._hover(self.row_at(event.position().toPoint()))
        super().mouseMoveEvent(event)

    def paint_over(self, painter: QPainter) -> None:  # noqa: D102
        if self.hasFocus():
            draw_focus_frame(painter, self.viewport().rect(), self.palette())


def _strip_cell(height: int) -> QSize:
    low, high = STRIP_HEIGHTS
    clamped = min(max(height, low), high)
    return QSize(max(72, round((clamped - 30) * 1.35) + UNIT), clamped)
