"""The table of the detector's classes: which to use, with what confidence, as which label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from PySide6.QtCore import QAbstractItemModel, Qt
from PySide6.QtGui import QBrush
from PySide6.QtWidgets import QComboBox, QLineEdit, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from samdesk.domain.labels import LabelSet
from samdesk.ui.auto_annotate.row_table import Index, RowModel, RowTable, source_index
from samdesk.ui.kit.painting import faint
from samdesk.ui.kit.plain import plain, tip

CLASS, LABEL, MINIMUM = 0, 1, 2
"""The columns."""
_HEADERS = ("Class", "Label", "Min. conf.")
_HEADER_TIPS = (
    "The classes of the detector; the number is the class id",
    "The label that objects of the class get",
    "The minimum confidence of the class, where it is another than that of the run",
)


@dataclass(frozen=True)
class ClassRow:
    """A class of the detector.

    Attributes:
        name: Its name.
        used: Whether objects of it are kept.
        label: The name of its label.
        conf: Its minimum confidence; None: that of the run.
    """

    name: str
    used: bool = True
    label: str = ""
    conf: float | None = None


class ClassModel(RowModel):
    """The table model; check marks, labels and minimum confidences are editable. Rows are class ids."""

    _rows: list[ClassRow]

    def __init__(self, labels: LabelSet) -> None:
        super().__init__(_HEADERS, _HEADER_TIPS)
        self._labels = labels
        self._conf = 0.0

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the label set, then new ones from the rows."""
        new = (row.label for row in self._rows if row.used and self._labels.match(row.label) is None)
        return (*self._labels.names, *dict.fromkeys(new))

    @property
    def rows(self) -> tuple[ClassRow, ...]:
        """The classes by class id."""
        return tuple(self._rows)

    def set_rows(self, rows: Sequence[ClassRow]) -> None:
        """Replaces the rows."""
        self.beginResetModel()
        self._rows = list(rows)
        self.endResetModel()

    def set_conf(self, conf: float) -> None:
        """Sets the minimum confidence of the run, which classes without one of their own show."""
        self._conf = conf
        if self._rows:
            self.dataChanged.emit(self.index(0, MINIMUM), self.index(len(self._rows) - 1, MINIMUM))

    def set_used(self, used: bool, class_ids: Sequence[int]) -> None:
        """Checks some classes, or unchecks them."""
        for i in class_ids:
            self._rows[i] = replace(self._rows[i], used=used)
        if self._rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._rows) - 1, MINIMUM))
        self.edited.emit()

    def label(self, row: int) -> str:
        """The name of the label that a class becomes: an existing one if only letter case differs."""
        match = self._labels.match(self._rows[row].label)
        return match.name if match is not None else self._rows[row].label

    def is_new(self, row: int) -> bool:
        """Whether the label of this class is not in the label set yet."""
        return self._labels.match(self._rows[row].label) is None

    def is_faint(self, index: Index) -> bool:
        """Whether a cell shows what nobody has chosen, or what does not matter."""
        row = self._rows[index.row()]
        if not row.used:
            return index.column() != CLASS
        return (
            self.is_new(index.row())
            if index.column() == LABEL
            else (index.column() == MINIMUM and row.conf is None)
        )

    # Qt overrides

    def flags(self, index: Index) -> Qt.ItemFlag:  # noqa: D102
        flags = Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEnabled
        if index.column() == CLASS:
            return flags | Qt.ItemFlag.ItemIsUserCheckable
        return flags | Qt.ItemFlag.ItemIsEditable

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: D102
        if not index.isValid():
            return None
        row = self._rows[index.row()]
        if index.column() == CLASS:
            if role == Qt.ItemDataRole.CheckStateRole:
                return Qt.CheckState.Checked if row.used else Qt.CheckState.Unchecked
            return plain(row.name) if role == Qt.ItemDataRole.DisplayRole else None
        if role == Qt.ItemDataRole.EditRole:
            return self.label(index.row()) if index.column() == LABEL else row.conf
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(index) if row.used else "–"
        if role == Qt.ItemDataRole.ToolTipRole:
            return tip(self._tip(index))
        return None

    def _text(self, index: Index) -> str:
        row = self._rows[index.row()]
        if index.column() == MINIMUM:
            return f"{self._conf if row.conf is None else row.conf:.2f}"
        label = self.label(index.row())
        return plain(f"{label} (new)" if self.is_new(index.row()) else label)

    def _tip(self, index: Index) -> str:
        row = self._rows[index.row()]
        if index.column() == MINIMUM:
            own = "" if row.conf is None else " Empty it to use the minimum confidence of the run again."
            return f"Double-click to set a minimum confidence for {row.name} only.{own}"
        text = "Double-click to choose another label."
        if self.is_new(index.row()):
            return f"{text} This one is added to the labels if the run finds an object of it."
        label = self.label(index.row())
        return (
            text
            if label == row.label
            else f"{text} “{label}” is your label; letter case makes no difference."
        )

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:  # noqa: D102
        row = self._rows[index.row()]
        if role == Qt.ItemDataRole.CheckStateRole and index.column() == CLASS:
            changed = replace(row, used=Qt.CheckState(value) == Qt.CheckState.Checked)
        elif role == Qt.ItemDataRole.EditRole and index.column() == LABEL:
            changed = replace(row, label=" ".join(str(value).split()) or row.name, used=True)
        elif role == Qt.ItemDataRole.EditRole and index.column() == MINIMUM:
            conf = _conf_of(str(value))
            if conf is not None and not 0 <= conf <= 1:
                return False
            changed = replace(row, conf=conf, used=True)
        else:
            return False
        self._rows[index.row()] = changed
        self.dataChanged.emit(self.index(index.row(), 0), self.index(index.row(), MINIMUM))
        self.edited.emit()
        return True


def _conf_of(text: str) -> float | None:
    """A confidence as it is typed: "0.4", ",4" or "40%"; None for nothing, -1.0 for what is no number."""
    typed = text.strip().replace(",", ".")
    if not typed:
        return None
    try:
        return float(typed.removesuffix("%")) / (100 if typed.endswith("%") else 1)
    except ValueError:
        return -1.0


class _CellDelegate(QStyledItemDelegate):
    """Draws faint what nobody has chosen."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: Index) -> None:
        super().initStyleOption(option, index)
        source = source_index(index)
        model = source.model()
        if isinstance(model, ClassModel) and model.is_faint(source):
            palette = option.palette
            palette.setBrush(palette.ColorRole.Text, QBrush(faint(palette)))
            option.palette = palette


class _LabelEditorDelegate(_CellDelegate):
    """Edits a label in an editable combo box."""

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:
        editor = QComboBox(parent)
        editor.setEditable(True)
        model = source_index(index).model()
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


class _MinimumEditorDelegate(_CellDelegate):
    """Edits a minimum confidence as text, so that it can be emptied."""

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:
        editor = QLineEdit(parent)
        editor.setPlaceholderText(index.data())
        return editor

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        conf = index.data(Qt.ItemDataRole.EditRole)
        if isinstance(editor, QLineEdit):
            editor.setText("" if conf is None else f"{conf:.2f}")

    def setModelData(self, editor: QWidget, model: QAbstractItemModel, index: Index) -> None:
        if isinstance(editor, QLineEdit):
            model.setData(index, editor.text())


class ClassTable(RowTable):
    """The table of classes.

    Attributes:
        classes: All classes.
    """

    def __init__(self, labels: LabelSet, parent: QWidget | None = None) -> None:
        classes = ClassModel(labels)
        super().__init__(classes, lambda: [row.name for row in classes.rows], parent)
        self.classes = classes
        self.setItemDelegate(_CellDelegate(self))
        self.setItemDelegateForColumn(LABEL, _LabelEditorDelegate(self))
        self.setItemDelegateForColumn(MINIMUM, _MinimumEditorDelegate(self))
        self.setAccessibleName("Classes")
        self.keep_narrow(MINIMUM, _HEADERS[MINIMUM])
