"""RowView: a list view with clickable parts in its rows (an eye, a swatch) and a text for an empty list."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QRect, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QListView, QStyledItemDelegate, QWidget

from samdesk.ui.kit.painting import draw_focus_frame, faint
from samdesk.ui.kit.theme import UNIT


class RowDelegate(QStyledItemDelegate):
    """Base class of delegates whose rows have clickable parts."""

    def part_at(self, rect: QRect, position: QPoint) -> str:
        """The clickable part at ``position`` of the row ``rect`` (viewport pixels); "" for none."""
        return ""

    def part_of(self, rect: QRect, position: QPoint, index: QModelIndex) -> str:
        """As ``part_at``, for delegates whose rows differ in their parts."""
        return self.part_at(rect, position)


class RowView(QListView):
    """A list of rows with clickable parts.

    A click on a part does not select the row; it emits ``part_clicked``.

    Signals:
        part_clicked: (QModelIndex, part name): a part was pressed and released.
    """

    part_clicked = Signal(QModelIndex, str)

    def __init__(self, hint: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._hint = hint
        self._pressed: tuple[QPersistentModelIndex, str] | None = None
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)

    @property
    def hint(self) -> str:
        """The text shown if the list is empty."""
        return self._hint

    def set_hint(self, text: str) -> None:
        """Sets the text shown if the list is empty."""
        if text != self._hint:
            self._hint = text
            self.viewport().update()

    def _part(self, position: QPoint) -> tuple[QModelIndex, str]:
        index = self.indexAt(position)
        delegate = self.itemDelegate()
        if not index.isValid() or not isinstance(delegate, RowDelegate):
            return index, ""
        return index, delegate.part_of(self.visualRect(index), position, index)

    # Qt overrides

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        index, part = self._part(event.position().toPoint())
        if part and event.button() == Qt.MouseButton.LeftButton:
            self._pressed = (QPersistentModelIndex(index), part)
            event.accept()
            return
        super().mousePressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        if self._part(event.position().toPoint())[1]:
            self.mousePressEvent(event)
            return
        super().mouseDoubleClickEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        if self._pressed is not None:
            return
        on_part = bool(self._part(event.position().toPoint())[1])
        shape = Qt.CursorShape.PointingHandCursor if on_part else Qt.CursorShape.ArrowCursor
        if self.viewport().cursor().shape() != shape:
            self.viewport().setCursor(shape)
        super().mouseMoveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        if self._pressed is None:
            super().mouseReleaseEvent(event)
            return
        (pressed, part), self._pressed = self._pressed, None
        index, released = self._part(event.position().toPoint())
        if released == part and pressed == index:
            self.part_clicked.emit(index, part)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        super().paintEvent(event)
        model = self.model()
        if self._hint and (model is None or model.rowCount() == 0):
            painter = QPainter(self.viewport())
            painter.setPen(faint(self.palette()))
            rect = self.viewport().rect().adjusted(2 * UNIT, 2 * UNIT, -2 * UNIT, -UNIT)
            flags = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
            painter.drawText(rect, flags, self._hint)
            painter.end()
        if self.hasFocus():
            painter = QPainter(self.viewport())
            draw_focus_frame(painter, self.viewport().rect(), self.palette())
            if self.currentIndex().isValid():  # of several selected rows, the one that the arrow keys move
                draw_focus_frame(painter, self.visualRect(self.currentIndex()), self.palette())
