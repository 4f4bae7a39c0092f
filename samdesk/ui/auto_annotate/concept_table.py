"""The table of what an open vocabulary looks for: labels, words for them, and how many examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from PySide6.QtCore import QAbstractItemModel, Qt
from PySide6.QtGui import QBrush
from PySide6.QtWidgets import QLineEdit, QSpinBox, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from samdesk.batch.concepts import PlannedConcept, PlannedExample, texts_of
from samdesk.ui.auto_annotate.row_table import Index, RowModel, RowTable, source_index
from samdesk.ui.kit.painting import faint
from samdesk.ui.kit.plain import plain, tip

LABEL, WORDS, EXAMPLES = 0, 1, 2
"""The columns."""
MOST_EXAMPLES = 20
"""Examples of a label; more cost time and tell little new."""
USUAL_EXAMPLES = 5
_HEADERS = ("Label", "Words", "Examples")
_HEADER_TIPS = (
    "The labels to look for",
    "Words for it, each looked for by itself; commas separate them",
    "How many accepted annotations of the label show what to look for",
)


@dataclass(frozen=True)
class ConceptRow:
    """A label that can be looked for.

    Attributes:
        name: Its name.
        used: Whether it is looked for.
        texts: Words for it.
        wanted: How many examples the user wants.
        examples: Those that there are, the best first, at most ``MOST_EXAMPLES``; None: not known yet.
        pinned: Those of a plan that is made again: they come first.
        new: The label is not in the label set yet.
    """

    name: str
    used: bool = True
    texts: tuple[str, ...] = ()
    wanted: int = USUAL_EXAMPLES
    examples: tuple[PlannedExample, ...] | None = None
    pinned: tuple[PlannedExample, ...] = ()
    new: bool = False

    @property
    def chosen(self) -> tuple[PlannedExample, ...]:
        """The examples to look for it by."""
        return (self.examples or ())[: self.wanted]

    @property
    def concept(self) -> PlannedConcept:
        """As a plan has it."""
        return PlannedConcept(self.name, self.texts, self.chosen)


class ConceptModel(RowModel):
    """The table model; check marks, words and numbers of examples are editable."""

    _rows: list[ConceptRow]

    def __init__(self) -> None:
        super().__init__(_HEADERS, _HEADER_TIPS)

    @property
    def rows(self) -> tuple[ConceptRow, ...]:
        """The labels in the order of the label set, then new ones."""
        return tuple(self._rows)

    def set_rows(self, rows: Sequence[ConceptRow]) -> None:
        """Replaces the rows."""
        self.beginResetModel()
        self._rows = list(rows)
        self.endResetModel()

    def update_rows(self, rows: Sequence[ConceptRow]) -> None:
        """Replaces the values of the rows, which stay as many and in their order: an open editor stays."""
        self._rows = list(rows)
        if rows:
            self.dataChanged.emit(self.index(0, LABEL), self.index(len(rows) - 1, EXAMPLES))

    def set_used(self, used: bool, numbers: Sequence[int]) -> None:
        """Checks some labels, or unchecks them."""
        wanted = frozenset(numbers)
        self.update_rows(
            [replace(row, used=used) if i in wanted else row for i, row in enumerate(self._rows)]
        )
        self.edited.emit()

    def is_faint(self, index: Index) -> bool:
        """Whether a cell shows that there is nothing, or what does not matter."""
        row = self._rows[index.row()]
        if not row.used:
            return index.column() != LABEL
        return (index.column() == WORDS and not row.texts) or (index.column() == EXAMPLES and not row.chosen)

    # Qt overrides

    def flags(self, index: Index) -> Qt.ItemFlag:  # noqa: D102
        flags = Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEnabled
        if index.column() == LABEL:
            return flags | Qt.ItemFlag.ItemIsUserCheckable
        if index.column() == EXAMPLES and not self._rows[index.row()].examples:
            return flags
        return flags | Qt.ItemFlag.ItemIsEditable

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: D102
        if not index.isValid():
            return None
        row = self._rows[index.row()]
        if index.column() == LABEL:
            if role == Qt.ItemDataRole.CheckStateRole:
                return Qt.CheckState.Checked if row.used else Qt.CheckState.Unchecked
            if role == Qt.ItemDataRole.DisplayRole:
                return plain(f"{row.name} (new)" if row.new else row.name)
        if role == Qt.ItemDataRole.EditRole:
            return ", ".join(row.texts) if index.column() == WORDS else len(row.chosen)
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(row, index.column()) if row.used else "–"
        return tip(_tip(row, index.column())) if role == Qt.ItemDataRole.ToolTipRole else None

    def _text(self, row: ConceptRow, column: int) -> str:
        if column == WORDS:
            return plain(", ".join(row.texts) or "none")
        if row.examples is None:
            return "…"
        more = "+" if len(row.examples) >= MOST_EXAMPLES else ""
        return f"{len(row.chosen)} of {len(row.examples)}{more}" if row.examples else "none"

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:  # noqa: D102
        row = self._rows[index.row()]
        if role == Qt.ItemDataRole.CheckStateRole and index.column() == LABEL:
            changed = replace(row, used=Qt.CheckState(value) == Qt.CheckState.Checked)
        elif role == Qt.ItemDataRole.EditRole and index.column() == WORDS:
            changed = replace(row, texts=texts_of(str(value)), used=True)
        elif role == Qt.ItemDataRole.EditRole and index.column() == EXAMPLES:
            changed = replace(row, wanted=max(0, min(int(value), MOST_EXAMPLES)), used=True)
        else:
            return False
        self._rows[index.row()] = changed
        self.dataChanged.emit(self.index(index.row(), LABEL), self.index(index.row(), EXAMPLES))
        self.edited.emit()
        return True


def _tip(row: ConceptRow, column: int) -> str:
    if column == WORDS:
        return "Double-click to change them; commas separate several. Without any, only examples are used."
    if column == LABEL:
        return f"{row.name}: added to the labels if the run finds an object of it" if row.new else row.name
    if row.examples is None:
        return "The accepted annotations of this label are being counted."
    if not row.examples:
        return "No annotation of this label is accepted yet: it is looked for by words only."
    return (
        f"Double-click to use more or fewer of its accepted annotations, at most {MOST_EXAMPLES}. "
        "The largest and most different ones come first."
    )


class _ConceptDelegate(QStyledItemDelegate):
    """Draws faint what is not there."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: Index) -> None:
        super().initStyleOption(option, index)
        source = source_index(index)
        model = source.model()
        if isinstance(model, ConceptModel) and model.is_faint(source):
            palette = option.palette
            palette.setBrush(palette.ColorRole.Text, QBrush(faint(palette)))
            option.palette = palette


class _WordsDelegate(_ConceptDelegate):
    """Edits words as text."""

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:
        editor = QLineEdit(parent)
        editor.setPlaceholderText("none: examples only")
        return editor

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        if isinstance(editor, QLineEdit):
            editor.setText(index.data(Qt.ItemDataRole.EditRole))

    def setModelData(self, editor: QWidget, model: QAbstractItemModel, index: Index) -> None:
        if isinstance(editor, QLineEdit):
            model.setData(index, editor.text())


class _ExamplesDelegate(_ConceptDelegate):
    """Edits the number of examples."""

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:
        editor = QSpinBox(parent)
        source = source_index(index)
        model = source.model()
        if isinstance(model, ConceptModel):
            editor.setRange(0, min(len(model.rows[source.row()].examples or ()), MOST_EXAMPLES))
        return editor

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        if isinstance(editor, QSpinBox):
            editor.setValue(index.data(Qt.ItemDataRole.EditRole))

    def setModelData(self, editor: QWidget, model: QAbstractItemModel, index: Index) -> None:
        if isinstance(editor, QSpinBox):
            editor.interpretText()
            model.setData(index, editor.value())


class ConceptTable(RowTable):
    """The table of labels to look for.

    Attributes:
        concepts: All of them.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        concepts = ConceptModel()
        super().__init__(concepts, lambda: [row.name for row in concepts.rows], parent)
        self.concepts = concepts
        self.setItemDelegate(_ConceptDelegate(self))
        self.setItemDelegateForColumn(WORDS, _WordsDelegate(self))
        self.setItemDelegateForColumn(EXAMPLES, _ExamplesDelegate(self))
        self.setAccessibleName("Labels to look for")
        self.keep_narrow(EXAMPLES, f"{MOST_EXAMPLES} of {MOST_EXAMPLES}+ x")
