"""LabelDelegate: paints the rows of the labels panel and edits names in them."""

from __future__ import annotations

from PySide6.QtCore import (
    QAbstractItemModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QPointF,
    QRect,
    QRectF,
    QSize,
)
from PySide6.QtGui import QColor, QFontMetrics, QPainter
from PySide6.QtWidgets import QLineEdit, QStyleOptionViewItem, QWidget

from samdesk.ui.kit import painting
from samdesk.ui.kit.row_view import RowDelegate
from samdesk.ui.kit.theme import UNIT
from samdesk.ui.labels.groups import GroupRow, LabelRow, Row
from samdesk.ui.labels.model import LabelRole

Index = QModelIndex | QPersistentModelIndex

_FILLED = "filled"
"""Property of an editor that has been given the name."""
_EYE = 30
_COUNT = 52
_INDENT = 12


class LabelDelegate(RowDelegate):
    """Paints ``[1] swatch name   12  eye``, and ``v group (3)   40  eye`` above the labels of a group."""

    HEIGHT = 4 * UNIT

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: D102
        metrics = QFontMetrics(painting.row_font(option))
        return QSize(20 * UNIT, max(self.HEIGHT - 4, metrics.height() + UNIT))

    def part_of(self, rect: QRect, position: QPoint, index: QModelIndex) -> str:  # noqa: D102
        if position.x() > rect.right() - _EYE:
            return "eye"
        row: Row = index.data(LabelRole.ROW)
        if isinstance(row, GroupRow):
            return "fold"
        return "swatch" if self._swatch(rect, row).adjusted(-4, -6, 4, 6).contains(position) else ""

    def _number(self, rect: QRect) -> QRect:
        return QRect(rect.left() + UNIT + 2, rect.center().y() - 8, 18, 18)

    def _swatch(self, rect: QRect, row: Row) -> QRect:
        indent = _INDENT if isinstance(row, LabelRow) and row.group else 0
        return QRect(rect.left() + 38 + indent, rect.center().y() - 7, 16, 16)

    def _name(self, rect: QRect, row: Row) -> QRect:
        left = self._swatch(rect, row).right() + 11 if isinstance(row, LabelRow) else rect.left() + 38
        return QRect(left, rect.top(), rect.right() - _EYE - _COUNT - left, rect.height())

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:  # noqa: D102
        rect, palette = painting.row_rect(option), painting.row_palette(option)
        row: Row = index.data(LabelRole.ROW)
        hidden: bool = index.data(LabelRole.HIDDEN)
        hovered, selected = painting.is_hovered(option), painting.is_selected(option)
        painter.save()
        painting.draw_row_ground(painter, rect, palette, selected=selected, hovered=hovered)
        if hidden or hovered:
            eye = QPointF(rect.right() - _EYE / 2, rect.center().y() + 0.5)
            color = painting.warning(palette) if hidden else painting.faint(palette)
            painting.draw_eye(painter, eye, color, shown=not hidden)
        if hidden:
            painter.setOpacity(0.55)
        if isinstance(row, GroupRow):
            self._paint_group(painter, option, row, index.data(LabelRole.CURRENT))
        else:
            self._paint_label(painter, option, row)
        self._paint_count(painter, option, index.data(LabelRole.USAGE))
        painter.restore()

    def _paint_label(self, painter: QPainter, option: QStyleOptionViewItem, row: LabelRow) -> None:
        rect, palette, font = (
            painting.row_rect(option),
            painting.row_palette(option),
            painting.row_font(option),
        )
        painter.setFont(painting.small_font(font))
        number = str(row.class_id + 1)
        if row.class_id < 9:
            painting.draw_cap(painter, QRectF(self._number(rect)), number, palette)
        else:
            painting.draw_text(
                painter, self._number(rect).adjusted(-8, 0, 4, 0), number, painting.faint(palette), right=True
            )
        painting.draw_swatch(painter, QRectF(self._swatch(rect, row)), QColor(row.label.color), palette)
        font.setBold(painting.is_selected(option))
        painter.setFont(font)
        painting.draw_text(painter, self._name(rect, row), row.label.name, painting.ink(palette))

    def _paint_group(
        self, painter: QPainter, option: QStyleOptionViewItem, row: GroupRow, current: str
    ) -> None:
        rect, palette, font = (
            painting.row_rect(option),
            painting.row_palette(option),
            painting.row_font(option),
        )
        painting.draw_fold(
            painter, QPointF(rect.left() + 19, rect.center().y() + 0.5), painting.faint(palette),
            folded=row.collapsed,
        )  # fmt: skip
        font.setBold(True)
        painter.setFont(font)
        name, area = row.name, self._name(rect, row)
        painting.draw_text(painter, area, name, painting.ink(palette))
        used = min(QFontMetrics(font).horizontalAdvance(name) + UNIT, area.width())
        font.setBold(False)
        painter.setFont(painting.small_font(font))
        more = current if row.collapsed and current else f"{len(row.labels)} labels"
        painting.draw_text(painter, area.adjusted(used, 0, 0, 0), more, painting.faint(palette))

    def _paint_count(self, painter: QPainter, option: QStyleOptionViewItem, used: int) -> None:
        rect, palette = painting.row_rect(option), painting.row_palette(option)
        painter.setFont(painting.row_font(option))
        area = QRect(rect.right() - _EYE - _COUNT, rect.top(), _COUNT, rect.height())
        painting.draw_text(painter, area, f"{used:,}" if used else "–", painting.faint(palette), right=True)

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:  # noqa: D102
        editor = QLineEdit(parent)
        editor.setMaxLength(200)
        return editor

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: Index) -> None:  # noqa: D102
        rect = painting.row_rect(option)
        editor.setGeometry(self._name(rect, index.data(LabelRole.ROW)).adjusted(-4, 1, 0, -1))

    def setModelData(self, editor: QWidget, model: QAbstractItemModel, index: Index) -> None:  # noqa: D102
        if isinstance(editor, QLineEdit) and editor.text() != editor.property(_FILLED):
            model.setData(index, editor.text())  # one too long for the editor is only changed by the user

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        """Fills the editor as it opens; later changes, such as new counts, leave what the user types."""
        if isinstance(editor, QLineEdit) and editor.property(_FILLED) is None:
            super().setEditorData(editor, index)
            editor.setProperty(_FILLED, editor.text())
