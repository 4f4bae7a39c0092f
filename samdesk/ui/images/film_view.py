"""FilmView: cells of equal size in one line, or in a grid if there is room for two lines.

QListView lays out every row (0.2 to 0.3 s for 100,000 rows, again at each resize); here a cell's position
is computed, so the cost does not depend on the number of rows.
"""

from __future__ import annotations

from PySide6.QtCore import (
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QRegion, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QAbstractItemView, QApplication, QFrame, QStyle, QStyleOptionViewItem, QWidget

from samdesk.ui.kit.painting import draw_focus_frame, faint
from samdesk.ui.kit.theme import UNIT

Index = QModelIndex | QPersistentModelIndex

GRID_CELL = QSize(144, 128)
STRIP_HEIGHTS = (64, 176)


class FilmView(QAbstractItemView):
    """An item view of equal cells: a strip that scrolls horizontally, or a grid that scrolls vertically.

    Signals:
        moved: The visible rows may have changed (scrolled, resized, other rows).
    """

    moved = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._hint = ""
        self._hovered = -1
        self._click_timer = QTimer(self, singleShot=True)
        self._click_timer.timeout.connect(lambda: self.scrollTo(self.currentIndex()))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setMouseTracking(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.horizontalScrollBar().valueChanged.connect(self.moved)
        self.verticalScrollBar().valueChanged.connect(self.moved)

    def set_hint(self, text: str) -> None:
        """Sets the text shown if there are no rows."""
        if text != self._hint:
            self._hint = text
            self.viewport().update()

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
        if self._count() * cell.width() > room.width():
            cell = _strip_cell(room.height() - self.horizontalScrollBar().sizeHint().height())
        return cell

    @property
    def columns(self) -> int:
        """The number of cells per line; all of them in a strip."""
        if self.is_strip:
            return max(self._count(), 1)
        return max(1, self.viewport().width() // GRID_CELL.width())

    def visible_rows(self, margin: int = 0) -> range:
        """The visible rows, and ``margin`` more on both sides."""
        cell, count = self.cell, self._count()
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

    def _count(self) -> int:
        model = self.model()
        return model.rowCount() if model is not None else 0

    def _rect(self, row: int) -> QRect:
        cell = self.cell
        line, place = divmod(row, self.columns)
        x = place * cell.width() - self.horizontalOffset()
        return QRect(QPoint(x, line * cell.height() - self.verticalOffset()), cell)

    def _row_at(self, point: QPoint) -> int:
        cell, columns = self.cell, self.columns
        place = (point.x() + self.horizontalOffset()) // cell.width()
        line = (point.y() + self.verticalOffset()) // cell.height()
        row = line * columns + place
        return row if 0 <= place < columns and line >= 0 and 0 <= row < self._count() else -1

    def _hover(self, row: int) -> None:
        if row != self._hovered:
            self._hovered = row
            self.viewport().update()

    # Qt overrides

    def visualRect(self, index: Index) -> QRect:  # noqa: D102
        return self._rect(index.row()) if index.isValid() else QRect()

    def indexAt(self, point: QPoint) -> QModelIndex:  # noqa: D102
        row = self._row_at(point)
        return self.model().index(row, 0) if row >= 0 else QModelIndex()

    def horizontalOffset(self) -> int:  # noqa: D102
        return self.horizontalScrollBar().value()

    def verticalOffset(self) -> int:  # noqa: D102
        return self.verticalScrollBar().value()

    def isIndexHidden(self, index: Index) -> bool:  # noqa: D102
        return False

    def scrollTo(  # noqa: D102
        self, index: Index, hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible
    ) -> None:
        if not index.isValid():
            return
        self.executeDelayedItemsLayout()  # updates the scroll bars after new rows
        rect = self._rect(index.row())
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
        count, columns = self._count(), 1 if self.is_strip else self.columns
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

    def visualRegionForSelection(self, selection: QItemSelection) -> QRegion:  # noqa: D102
        return QRegion(self.viewport().rect())

    def keyboardSearch(self, search: str) -> None:
        """Does nothing: single letters are window shortcuts."""

    def updateGeometries(self) -> None:  # noqa: D102
        super().updateGeometries()
        cell, count, port = self.cell, self._count(), self.viewport().size()
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

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        self._click_timer.start(QApplication.doubleClickInterval())
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        self._hover(self._row_at(event.position().toPoint()))
        super().mouseMoveEvent(event)

    def leaveEvent(self, event: QEvent) -> None:  # noqa: D102
        self._hover(-1)
        super().leaveEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        painter = QPainter(self.viewport())
        if self._count() == 0:
            painter.setPen(faint(self.palette()))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.viewport().rect().adjusted(UNIT, UNIT, -UNIT, -UNIT), flags, self._hint)
        selection, model = self.selectionModel(), self.model()
        for row in self.visible_rows():
            rect = self._rect(row)
            if not rect.intersects(event.rect()):
                continue
            index = model.index(row, 0)
            option = QStyleOptionViewItem()
            self.initViewItemOption(option)
            option.rect = rect
            if selection.isSelected(index):
                option.state |= QStyle.StateFlag.State_Selected
            if row == self._hovered:
                option.state |= QStyle.StateFlag.State_MouseOver
            self.itemDelegate().paint(painter, option, index)
        if self.hasFocus():
            draw_focus_frame(painter, self.viewport().rect(), self.palette())


def _strip_cell(height: int) -> QSize:
    low, high = STRIP_HEIGHTS
    clamped = min(max(height, low), high)
    return QSize(max(72, round((clamped - 30) * 1.35) + UNIT), clamped)
