"""LabelModel and LabelDelegate: the label set as list rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any

from PySide6.QtCore import (
    QAbstractItemModel,
    QAbstractListModel,
    QByteArray,
    QMimeData,
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
from PySide6.QtGui import QColor, QFontMetrics, QPainter
from PySide6.QtWidgets import QLineEdit, QStyleOptionViewItem, QWidget

from samdesk.base.text import counted
from samdesk.domain.labels import Label, LabelId, LabelSet
from samdesk.ui.kit import painting
from samdesk.ui.kit.plain import plain, tip
from samdesk.ui.kit.row_view import RowDelegate
from samdesk.ui.kit.theme import UNIT

_FILLED = "filled"
"""Property of an editor that has been given the name."""

MIME = "application/x-samdesk-label-row"
Index = QModelIndex | QPersistentModelIndex


class LabelRole(IntEnum):
    """Item data roles of ``LabelModel``."""

    LABEL = Qt.ItemDataRole.UserRole + 1
    USAGE = Qt.ItemDataRole.UserRole + 2


class LabelModel(QAbstractListModel):
    """List model of a label set, in class order. Edits and drops are only requested.

    Signals:
        rename_requested: (label id, new name).
        move_requested: (label id, new class id).
    """

    rename_requested = Signal(str, str)
    move_requested = Signal(str, int)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._labels: tuple[Label, ...] = ()
        self._usage: dict[LabelId, int] = {}

    def set_labels(self, labels: LabelSet, usage: Mapping[LabelId, int]) -> None:
        """Shows a label set; rows, and an open editor, are kept if labels are only changed or appended."""
        before, after = [label.id for label in self._labels], [label.id for label in labels]
        grown = len(after) > len(before) and after[: len(before)] == before
        if grown:
            self.beginInsertRows(QModelIndex(), len(before), len(after) - 1)
        elif after != before:
            self.beginResetModel()
        self._labels, self._usage = labels.labels, dict(usage)
        if grown:
            self.endInsertRows()
        elif after != before:
            self.endResetModel()
        if before and (grown or after == before):
            self.dataChanged.emit(self.index(0), self.index(len(before) - 1))

    def label(self, row: int) -> Label:
        """The label of a row."""
        return self._labels[row]

    def row(self, label_id: LabelId) -> int:
        """The row of a label, -1 if there is none."""
        return next((row for row, label in enumerate(self._labels) if label.id == label_id), -1)

    # Qt overrides

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, D102
        return 0 if parent.isValid() else len(self._labels)

    def flags(self, index: Index) -> Qt.ItemFlag:  # noqa: D102
        if not index.isValid():
            return Qt.ItemFlag.ItemIsDropEnabled
        return (
            Qt.ItemFlag.ItemIsEnabled
            | Qt.ItemFlag.ItemIsSelectable
            | Qt.ItemFlag.ItemIsEditable
            | Qt.ItemFlag.ItemIsDragEnabled
        )

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: D102
        if not index.isValid():
            return None
        label = self._labels[index.row()]
        used = self._usage.get(label.id, 0)
        if role == Qt.ItemDataRole.EditRole:
            return label.name
        if role == Qt.ItemDataRole.DisplayRole:
            return plain(label.name)
        if role == Qt.ItemDataRole.ToolTipRole:
            return _tip(label, index.row(), used)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return plain(f"{label.name}, {counted(used, 'annotation')}")
        return {LabelRole.LABEL: label, LabelRole.USAGE: used}.get(role)  # type: ignore[call-overload]

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:  # noqa: D102
        name = " ".join(str(value).split())
        if index.isValid() and name and name != self._labels[index.row()].name:
            self.rename_requested.emit(self._labels[index.row()].id, name)
        return False

    def supportedDropActions(self) -> Qt.DropAction:  # noqa: D102
        return Qt.DropAction.MoveAction

    def mimeTypes(self) -> list[str]:  # noqa: D102
        return [MIME]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:  # noqa: D102
        data = QMimeData()
        data.setData(MIME, QByteArray(self._labels[indexes[0].row()].id.encode()))
        return data

    def dropMimeData(  # noqa: D102
        self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: Index
    ) -> bool:
        if not data.hasFormat(MIME):
            return False
        label_id = LabelId(bytes(data.data(MIME).data()).decode())
        start = self.row(label_id)
        end = len(self._labels) if row < 0 else row
        target = end - 1 if end > start else end
        if start >= 0 and target != start:
            self.move_requested.emit(label_id, target)
        return False  # the rows follow the label set, once it has changed


def _tip(label: Label, row: int, used: int) -> str:
    key = f", key {row + 1}" if row < 9 else ""
    count = "not used" if used == 0 else counted(used, "annotation")
    return tip(f"{plain(label.name)}\nclass id {row}{key}, {count}")


class LabelDelegate(RowDelegate):
    """Paints ``[1] swatch name      12``."""

    HEIGHT = 4 * UNIT

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: D102
        metrics = QFontMetrics(painting.row_font(option))
        return QSize(20 * UNIT, max(self.HEIGHT - 4, metrics.height() + UNIT))

    def part_at(self, rect: QRect, position: QPoint) -> str:  # noqa: D102
        return "swatch" if self._swatch(rect).adjusted(-4, -6, 4, 6).contains(position) else ""

    def _number(self, rect: QRect) -> QRect:
        return QRect(rect.left() + UNIT + 2, rect.center().y() - 8, 18, 18)

    def _swatch(self, rect: QRect) -> QRect:
        return QRect(rect.left() + 38, rect.center().y() - 7, 16, 16)

    def _name(self, rect: QRect) -> QRect:
        return rect.adjusted(64, 0, -56, 0)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:  # noqa: D102
        rect, palette = painting.row_rect(option), painting.row_palette(option)
        label: Label = index.data(LabelRole.LABEL)
        used: int = index.data(LabelRole.USAGE)
        selected = painting.is_selected(option)
        painter.save()
        painting.draw_row_ground(
            painter, rect, palette, selected=selected, hovered=painting.is_hovered(option)
        )
        font = painting.row_font(option)
        painter.setFont(painting.small_font(font))
        number = str(index.row() + 1)
        if index.row() < 9:
            painting.draw_cap(painter, QRectF(self._number(rect)), number, palette)
        else:
            painter.setPen(painting.faint(palette))
            painter.drawText(self._number(rect).adjusted(-6, 0, 6, 0), Qt.AlignmentFlag.AlignCenter, number)
        painting.draw_swatch(painter, QRectF(self._swatch(rect)), QColor(label.color), palette)
        font.setBold(selected)
        painter.setFont(font)
        painting.draw_text(painter, self._name(rect), label.name, painting.ink(palette))
        font.setBold(False)
        painter.setFont(font)
        count = rect.adjusted(rect.width() - 56, 0, -UNIT - 2, 0)
        painting.draw_text(painter, count, f"{used:,}" if used else "–", painting.faint(palette), right=True)
        painter.restore()

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:  # noqa: D102
        editor = QLineEdit(parent)
        editor.setMaxLength(200)
        return editor

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: Index) -> None:  # noqa: D102
        editor.setGeometry(self._name(painting.row_rect(option)).adjusted(-4, 1, 0, -1))

    def setModelData(self, editor: QWidget, model: QAbstractItemModel, index: Index) -> None:  # noqa: D102
        if isinstance(editor, QLineEdit) and editor.text() != editor.property(_FILLED):
            model.setData(index, editor.text())  # one too long for the editor is only changed by the user

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        """Fills the editor as it opens; later changes, such as new counts, leave what the user types."""
        if isinstance(editor, QLineEdit) and editor.property(_FILLED) is None:
            super().setEditorData(editor, index)
            editor.setProperty(_FILLED, editor.text())
