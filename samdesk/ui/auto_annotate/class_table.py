"""The table of the detector's classes: which to use, and the label that each becomes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from PySide6.QtCore import (
    QAbstractItemModel,
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    Qt,
    Signal,
)
from PySide6.QtGui import QBrush
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QFrame,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from samdesk.ui.kit.fields import TABLE_STYLE
from samdesk.ui.kit.painting import faint
from samdesk.ui.kit.plain import plain

Index = QModelIndex | QPersistentModelIndex
_CLASS, _LABEL = 0, 1


@dataclass(frozen=True)
class ClassRow:
    """A class of the detector: its name, whether it is used, and the name of its label."""

    name: str
    used: bool = True
    label: str = ""


class ClassModel(QAbstractTableModel):
    """The table model; check marks and labels are editable.

    Signals:
        edited: Emitted when a check mark or a label was changed.
    """

    edited = Signal()

    def __init__(self, labels: Iterable[str]) -> None:
        super().__init__()
        self._labels = tuple(labels)
        self._rows: list[ClassRow] = []

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the label set, then new ones from the rows."""
        new = (row.label for row in self._rows if row.used and row.label not in self._labels)
        return (*self._labels, *dict.fromkeys(new))

    @property
    def rows(self) -> tuple[ClassRow, ...]:
        """The classes by class id."""
        return tuple(self._rows)

    def set_rows(self, rows: Sequence[ClassRow]) -> None:
        """Replaces the rows."""
        self.beginResetModel()
        self._rows = list(rows)
        self.endResetModel()

    def set_used(self, used: bool) -> None:
        """Checks all classes, or none."""
        self._rows = [replace(row, used=used) for row in self._rows]
        if self._rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._rows) - 1, _LABEL))
        self.edited.emit()

    def is_new(self, row: int) -> bool:
        """Whether the label of this class is not in the label set yet."""
        return self._rows[row].label not in self._labels

    # Qt overrides

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, D102
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, D102
        return 0 if parent.isValid() else 2

    def flags(self, index: Index) -> Qt.ItemFlag:  # noqa: D102
        flags = Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEnabled
        if index.column() == _CLASS:
            return flags | Qt.ItemFlag.ItemIsUserCheckable
        return flags | Qt.ItemFlag.ItemIsEditable

    def headerData(  # noqa: D102
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return ("Class", "Label")[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: D102
        if not index.isValid():
            return None
        row, new = self._rows[index.row()], self.is_new(index.row())
        if index.column() == _CLASS:
            if role == Qt.ItemDataRole.CheckStateRole:
                return Qt.CheckState.Checked if row.used else Qt.CheckState.Unchecked
            return plain(row.name) if role == Qt.ItemDataRole.DisplayRole else None
        if role == Qt.ItemDataRole.EditRole:
            return row.label
        if role == Qt.ItemDataRole.DisplayRole:
            return plain(f"{row.label}  (new)" if new else row.label) if row.used else "–"
        if role == Qt.ItemDataRole.ToolTipRole:
            return "Double-click to choose another label" + (
                ". It will be added to the labels." if new else ""
            )
        return None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:  # noqa: D102
        row = self._rows[index.row()]
        if role == Qt.ItemDataRole.CheckStateRole and index.column() == _CLASS:
            changed = replace(row, used=Qt.CheckState(value) == Qt.CheckState.Checked)
        elif role == Qt.ItemDataRole.EditRole and index.column() == _LABEL:
            changed = replace(row, label=" ".join(str(value).split()) or row.name, used=True)
        else:
            return False
        self._rows[index.row()] = changed
        self.dataChanged.emit(self.index(index.row(), 0), self.index(index.row(), _LABEL))
        self.edited.emit()
        return True


class _LabelEditorDelegate(QStyledItemDelegate):
    """Edits a label in an editable combo box; a new label is drawn faint."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: Index) -> None:
        super().initStyleOption(option, index)
        model = index.model()
        if isinstance(model, ClassModel) and (model.is_new(index.row()) or not model.rows[index.row()].used):
            palette = option.palette
            palette.setBrush(palette.ColorRole.Text, QBrush(faint(palette)))
            option.palette = palette

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:
        editor = QComboBox(parent)
        editor.setEditable(True)
        model = index.model()
        if isinstance(model, ClassModel):
            for label in model.labels:
                editor.addItem(plain(label), label)
        return editor

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        if isinstance(editor, QComboBox):
            editor.setCurrentIndex(editor.findData(index.data(Qt.ItemDataRole.EditRole)))

    def setModelData(self, editor: QWidget, model: QAbstractItemModel, index: Index) -> None:
        if isinstance(editor, QComboBox):
            text, chosen = editor.currentText(), editor.currentIndex()
            known = chosen >= 0 and text == editor.itemText(chosen)
            model.setData(index, editor.itemData(chosen) if known else text)


class ClassTable(QTableView):
    """The table of classes."""

    def __init__(self, labels: Iterable[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.classes = ClassModel(labels)
        self.setModel(self.classes)
        self.setItemDelegateForColumn(_LABEL, _LabelEditorDelegate(self))
        self.setAccessibleName("Classes")
        self.setStyleSheet(TABLE_STYLE)
        self.setShowGrid(False)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(28)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        triggers = QAbstractItemView.EditTrigger
        self.setEditTriggers(triggers.DoubleClicked | triggers.EditKeyPressed | triggers.SelectedClicked)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
