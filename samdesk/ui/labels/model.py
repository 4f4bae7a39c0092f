"""LabelModel: the label set as list rows, with the labels of a group below its name."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from enum import IntEnum
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QByteArray,
    QMimeData,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)

from samdesk.base.text import counted
from samdesk.domain.labels import LabelId, LabelSet
from samdesk.ui.kit.plain import plain, tip
from samdesk.ui.labels.groups import GroupRow, LabelRow, Row, label_rows

MIME = "application/x-samdesk-label-row"
Index = QModelIndex | QPersistentModelIndex


class LabelRole(IntEnum):
    """Item data roles of ``LabelModel``."""

    ROW = Qt.ItemDataRole.UserRole + 1
    USAGE = Qt.ItemDataRole.UserRole + 2
    HIDDEN = Qt.ItemDataRole.UserRole + 3
    CURRENT = Qt.ItemDataRole.UserRole + 4
    """Of a group: the name of the current label if it is one of its labels, else ""."""


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
        self._labels = LabelSet()
        self._rows: list[Row] = []
        self._usage: dict[LabelId, int] = {}
        self._collapsed: frozenset[str] = frozenset()
        self._grouped = True
        self._hidden: frozenset[LabelId] = frozenset()
        self._current: LabelId | None = None

    def set_labels(self, labels: LabelSet, usage: Mapping[LabelId, int]) -> None:
        """Shows a label set; rows, and an open editor, are kept if labels are only changed or appended."""
        self._labels, self._usage = labels, dict(usage)
        self._make_rows()

    def set_groups(self, collapsed: Collection[str], *, grouped: bool = True) -> None:
        """Sets which groups are collapsed, or that there are none (``grouped`` False)."""
        self._collapsed, self._grouped = frozenset(collapsed), grouped
        self._make_rows()

    def set_hidden(self, labels: Collection[LabelId]) -> None:
        """Marks the labels whose annotations are hidden."""
        self._hidden = frozenset(labels)
        self._all_changed()

    def set_current(self, label_id: LabelId | None) -> None:
        """Sets the current label, which a collapsed group names."""
        if label_id != self._current:
            self._current = label_id
            self._all_changed()

    @property
    def labels(self) -> LabelSet:
        """The label set shown."""
        return self._labels

    @property
    def collapsed(self) -> frozenset[str]:
        """The collapsed groups, those that do not exist now included."""
        return self._collapsed

    def at(self, row: int) -> Row:
        """What a row shows."""
        return self._rows[row]

    def members(self, row: int) -> frozenset[LabelId]:
        """The labels a row stands for: its own, or all of its group."""
        shown = self._rows[row]
        return frozenset({shown.label.id} if isinstance(shown, LabelRow) else (i.id for i in shown.labels))

    def row(self, label_id: LabelId) -> int:
        """The row of a label, or of its collapsed group; -1 if there is none."""
        for row, shown in enumerate(self._rows):
            if isinstance(shown, LabelRow):
                if shown.label.id == label_id:
                    return row
            elif shown.collapsed and any(label.id == label_id for label in shown.labels):
                return row
        return -1

    def row_of_key(self, key: str) -> int:
        """The row with this key, see ``LabelRow.key``; -1 if there is none."""
        return next((row for row, shown in enumerate(self._rows) if shown.key == key), -1)

    def _make_rows(self) -> None:
        rows = label_rows(self._labels, self._collapsed, grouped=self._grouped)
        before, after = [row.key for row in self._rows], [row.key for row in rows]
        grown = len(after) > len(before) and after[: len(before)] == before
        if grown:
            self.beginInsertRows(QModelIndex(), len(before), len(after) - 1)
        elif after != before:
            self.beginResetModel()
        self._rows = rows
        if grown:
            self.endInsertRows()
        elif after != before:
            self.endResetModel()
        if before and (grown or after == before):
            self.dataChanged.emit(self.index(0), self.index(len(before) - 1))

    def _all_changed(self) -> None:
        if self._rows:
            self.dataChanged.emit(self.index(0), self.index(len(self._rows) - 1))

    def _used(self, row: int) -> int:
        return sum(self._usage.get(label_id, 0) for label_id in self.members(row))

    def _current_name(self, row: int) -> str:
        current = self._current
        return (
            self._labels.get(current).name if current in self._labels and current in self.members(row) else ""
        )

    # Qt overrides

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, D102
        return 0 if parent.isValid() else len(self._rows)

    def flags(self, index: Index) -> Qt.ItemFlag:  # noqa: D102
        if not index.isValid():
            return Qt.ItemFlag.ItemIsDropEnabled
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        if isinstance(self._rows[index.row()], LabelRow):
            flags |= Qt.ItemFlag.ItemIsEditable | Qt.ItemFlag.ItemIsDragEnabled
        return flags

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: D102
        if not index.isValid():
            return None
        row = index.row()
        shown = self._rows[row]
        name = shown.label.name if isinstance(shown, LabelRow) else shown.name
        if role == Qt.ItemDataRole.EditRole:
            return name
        if role == Qt.ItemDataRole.DisplayRole:
            return plain(name)
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tip(row)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return plain(self._accessible(row))
        if role == LabelRole.ROW:
            return shown
        if role == LabelRole.USAGE:
            return self._used(row)
        if role == LabelRole.HIDDEN:
            return self.members(row) <= self._hidden
        return self._current_name(row) if role == LabelRole.CURRENT else None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:  # noqa: D102
        name = " ".join(str(value).split())
        shown = self._rows[index.row()] if index.isValid() else None
        if isinstance(shown, LabelRow) and name and name != shown.label.name:
            self.rename_requested.emit(shown.label.id, name)
        return False

    def supportedDropActions(self) -> Qt.DropAction:  # noqa: D102
        return Qt.DropAction.MoveAction

    def mimeTypes(self) -> list[str]:  # noqa: D102
        return [MIME]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:  # noqa: D102
        data = QMimeData()
        shown = self._rows[indexes[0].row()]
        if isinstance(shown, LabelRow):
            data.setData(MIME, QByteArray(shown.label.id.encode()))
        return data

    def dropMimeData(  # noqa: D102
        self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: Index
    ) -> bool:
        if not data.hasFormat(MIME):
            return False
        label_id = LabelId(bytes(data.data(MIME).data()).decode())
        start = self._labels.class_ids.get(label_id, -1)
        end = self._rows[row].class_id if 0 <= row < len(self._rows) else len(self._labels)
        target = end - 1 if end > start else end
        if start >= 0 and target != start:
            self.move_requested.emit(label_id, target)
        return False  # the rows follow the label set, once it has changed

    def _tip(self, row: int) -> str:
        shown, used = self._rows[row], self._used(row)
        count = "not used" if used == 0 else counted(used, "annotation")
        hidden = "\nhidden on the image" if self.members(row) <= self._hidden else ""
        if isinstance(shown, GroupRow):
            names = "\n".join(plain(label.name) for label in shown.labels[:12])
            more = f"\nand {len(shown.labels) - 12:,} more" if len(shown.labels) > 12 else ""
            return tip(
                f"{plain(shown.name)}: {counted(len(shown.labels), 'label')}, {count}\n{names}{more}{hidden}"
            )
        key = f", key {shown.class_id + 1}" if shown.class_id < 9 else ""
        return tip(f"{plain(shown.label.name)}\nclass id {shown.class_id}{key}, {count}{hidden}")

    def _accessible(self, row: int) -> str:
        shown, used = self._rows[row], counted(self._used(row), "annotation")
        hidden = ", hidden" if self.members(row) <= self._hidden else ""
        if isinstance(shown, GroupRow):
            state = "collapsed" if shown.collapsed else "expanded"
            return f"group {shown.name}, {counted(len(shown.labels), 'label')}, {used}, {state}{hidden}"
        return f"{shown.label.name}, {used}{hidden}"
