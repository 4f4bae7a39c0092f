"""LabelPalette: a list to choose a label from by typing a few of its letters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPalette
from PySide6.QtWidgets import QFrame, QLineEdit, QStyleOptionViewItem, QVBoxLayout, QWidget

from samdesk.domain.labels import Label, LabelId, LabelSet
from samdesk.ui.kit import painting
from samdesk.ui.kit.plain import PlainLabel, plain
from samdesk.ui.kit.row_view import RowDelegate, RowView
from samdesk.ui.kit.theme import UNIT
from samdesk.ui.labels.fuzzy import FuzzyMatch, fuzzy_match

Index = QModelIndex | QPersistentModelIndex

_ROWS_SHOWN = 9
_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
_MOVES = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)


@dataclass(frozen=True)
class PaletteRow:
    """A row of the palette.

    Attributes:
        name: The name of a label, or of the one to create.
        label: The label; None: a new one is created.
        class_id: Its index in the label set.
        places: Where the letters typed are in the name.
    """

    name: str
    label: Label | None = None
    class_id: int = -1
    places: tuple[int, ...] = ()


def palette_rows(
    labels: LabelSet, recent: Sequence[LabelId], typed: str, *, may_create: bool = True
) -> list[PaletteRow]:
    """Returns the labels that match, the best first; of equal ones the most recently used first.

    Args:
        labels: The label set.
        recent: Labels in the order of their last use, the newest first.
        typed: What the user has typed; "": every label matches.
        may_create: Whether a name that no label has is offered as a new one, as the last row.
    """
    order = {label_id: place for place, label_id in enumerate(recent)}
    typed = " ".join(typed.split())
    found: list[tuple[int, int, FuzzyMatch, int, PaletteRow]] = []
    for class_id, label in enumerate(labels):
        match = fuzzy_match(typed, label.name)
        if match is not None:
            row = PaletteRow(label.name, label, class_id, match.places)
            found.append((match.kind, order.get(label.id, len(order)), match, class_id, row))
    rows = [entry[-1] for entry in sorted(found, key=lambda entry: entry[:4])]
    if typed and may_create and labels.find(typed) is None:
        rows.append(PaletteRow(typed))
    return rows


class _PaletteRole(IntEnum):
    ROW = Qt.ItemDataRole.UserRole + 1


class _PaletteModel(QAbstractListModel):
    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.rows: list[PaletteRow] = []

    def set_rows(self, rows: list[PaletteRow]) -> None:
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row = self.rows[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return plain(row.name if row.label is not None else f"Create “{row.name}”")
        return row if role == _PaletteRole.ROW else None


class _PaletteDelegate(RowDelegate):
    """Paints ``swatch name  [3]`` with the letters typed in bold, or ``+ Create "name"``."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        metrics = QFontMetrics(painting.row_font(option))
        return QSize(20 * UNIT, max(28, metrics.height() + UNIT))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        rect, palette = painting.row_rect(option), painting.row_palette(option)
        row: PaletteRow = index.data(_PaletteRole.ROW)
        painter.save()
        painting.draw_row_ground(
            painter, rect, palette, selected=painting.is_selected(option),
            hovered=painting.is_hovered(option),
        )  # fmt: skip
        font = painting.row_font(option)
        painter.setFont(font)
        mark = QRect(rect.left() + UNIT + 4, rect.center().y() - 6, 14, 14)
        area = rect.adjusted(36, 0, -5 * UNIT, 0)
        if row.label is None:
            painter.setPen(palette.color(QPalette.ColorRole.Link))
            painter.drawText(mark, Qt.AlignmentFlag.AlignCenter, "+")
            painting.draw_text(painter, area, f"Create “{row.name}”", painting.ink(palette))
        else:
            painting.draw_swatch(painter, QRectF(mark), QColor(row.label.color), palette)
            painting.draw_marked_text(painter, area, row.name, row.places, palette)
            if row.class_id < 9:
                cap = QRectF(rect.right() - 30, rect.center().y() - 8, 18, 18)
                painter.setFont(painting.small_font(font))
                painting.draw_cap(painter, cap, str(row.class_id + 1), palette)
        painter.restore()


class LabelPalette(QFrame):
    """A field and a list of labels in a popup, for the keyboard or the mouse alone.

    Signals:
        label_chosen: (LabelId) the user chose a label.
        create_requested: (name) the user wants a label that there is not.
    """

    label_chosen = Signal(object)
    create_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self._labels = LabelSet()
        self._recent: tuple[LabelId, ...] = ()
        self._may_create = True
        self._model = _PaletteModel(self)
        self.field = QLineEdit(self)
        self.field.setMaxLength(200)
        self.field.setTextMargins(UNIT // 2, 0, 0, 0)
        self.field.setAccessibleName("Label")
        self.field.installEventFilter(self)
        self.field.textChanged.connect(self._fill)
        self.view = RowView("", self)
        self.view.setModel(self._model)
        self.view.setItemDelegate(_PaletteDelegate(self.view))
        self.view.setAccessibleName("Labels that match")
        self.view.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.view.clicked.connect(self._choose)
        self.hint = PlainLabel("", self)
        self.hint.setProperty("muted", True)
        self.hint.setFont(painting.small_font(self.hint.font()))
        self.setProperty("card", True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(UNIT, UNIT, UNIT, UNIT // 2 + 2)
        layout.setSpacing(UNIT // 2)
        layout.addWidget(self.field)
        layout.addWidget(self.view, 1)
        layout.addWidget(self.hint)

    def open_at(
        self,
        place: QPoint,
        labels: LabelSet,
        recent: Iterable[LabelId],
        purpose: str,
        *,
        may_create: bool = True,
    ) -> None:
        """Opens with an empty field.

        Args:
            place: Where its top left corner is to be, global position; moved so that it fits the screen.
            labels: The label set.
            recent: Labels in the order of their last use, the newest first.
            purpose: What choosing one does, a short imperative.
            may_create: Whether labels can be added.
        """
        self._labels, self._recent, self._may_create = labels, tuple(recent), may_create
        self.field.clear()
        self.field.setPlaceholderText(purpose)
        self._fill()
        height = self.view.sizeHintForRow(0) if self._model.rows else 28
        self.view.setFixedHeight(height * min(max(len(labels), 2), _ROWS_SHOWN))
        self.setFixedWidth(38 * UNIT)
        self.adjustSize()
        screen = self.screen().availableGeometry()
        x = min(max(place.x(), screen.left()), screen.right() - self.width())
        y = min(max(place.y(), screen.top()), screen.bottom() - self.height())
        self.move(x, y)
        self.show()
        self.field.setFocus(Qt.FocusReason.PopupFocusReason)

    def _fill(self) -> None:
        typed = self.field.text()
        rows = palette_rows(self._labels, self._recent, typed, may_create=self._may_create)
        self._model.set_rows(rows)
        self.view.setCurrentIndex(self._model.index(0))
        self.view.scrollToTop()
        if not rows:
            self.hint.setText(f"No label matches “{typed}”." if typed.strip() else "No labels yet.")
        elif rows[0].label is None:
            self.hint.setText("No label matches: Enter creates it.")
        else:
            self.hint.setText("Enter chooses, Esc cancels.")

    def _choose(self, index: QModelIndex) -> None:
        if not index.isValid():
            return
        row = self._model.rows[index.row()]
        self.hide()
        if row.label is not None:
            self.label_chosen.emit(row.label.id)
        else:
            self.create_requested.emit(row.name)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The field's arrow keys move in the list, Enter chooses, Esc closes."""
        if watched is self.field and isinstance(event, QKeyEvent) and event.type() is QEvent.Type.KeyPress:
            if event.key() in _ENTER:
                self._choose(self.view.currentIndex())
                return True
            if event.key() == Qt.Key.Key_Escape:
                self.hide()
                return True
            if event.key() in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab):
                self._step(1 if event.key() == Qt.Key.Key_Tab else -1)
                return True
            if event.key() in _MOVES:
                page = _ROWS_SHOWN - 1
                steps = dict(zip(_MOVES, (-1, 1, -page, page), strict=True))
                self._step(steps[Qt.Key(event.key())])
                return True
        return super().eventFilter(watched, event)

    def _step(self, by: int) -> None:
        last = len(self._model.rows) - 1
        row = min(max(self.view.currentIndex().row() + by, 0), last)
        self.view.setCurrentIndex(self._model.index(row))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click beside the palette closes it and does nothing else: on the canvas it would be a prompt."""
        if not self.rect().contains(event.position().toPoint()):
            self.setAttribute(Qt.WidgetAttribute.WA_NoMouseReplay)
        super().mousePressEvent(event)
