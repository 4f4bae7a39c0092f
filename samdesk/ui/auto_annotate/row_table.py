"""A table of rows with check boxes that can be searched by name, and the field that searches it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
    Signal,
)
from PySide6.QtGui import QFontMetrics, QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHeaderView, QLineEdit, QTableView, QWidget

from samdesk.ui.kit.fields import TABLE_STYLE

Index = QModelIndex | QPersistentModelIndex


class RowModel(QAbstractTableModel):
    """The model of such a table; subclasses have its cells.

    Args:
        headers: The titles of the columns.
        tips: Their tooltips.

    Signals:
        edited: Emitted when the user has changed a row.
    """

    edited = Signal()
    _rows: list[Any]

    def __init__(self, headers: Sequence[str], tips: Sequence[str]) -> None:
        super().__init__()
        self._headers, self._tips = headers, tips
        self._rows = []

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, D102
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, D102
        return 0 if parent.isValid() else len(self._headers)

    def headerData(  # noqa: D102
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation == Qt.Orientation.Vertical:
            return str(section) if role == Qt.ItemDataRole.DisplayRole else None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._headers[section]
        return self._tips[section] if role == Qt.ItemDataRole.ToolTipRole else None


class RowFilter(QSortFilterProxyModel):
    """The rows that fit what is searched for: part of their name, or their number."""

    def __init__(
        self, rows: QAbstractTableModel, names: Callable[[], Sequence[str]], parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._names = names
        self._wanted: tuple[str, ...] = ()
        self.setSourceModel(rows)

    def search(self, text: str) -> None:
        """Shows the rows that fit one of the words, which are separated by commas; "" shows all."""
        self._wanted = tuple(word.strip().casefold() for word in text.split(",") if word.strip())
        self.invalidate()  # the filter alone: deprecated in some Qt versions, absent in others

    @property
    def shown(self) -> list[int]:
        """The numbers of the rows shown."""
        return [self.mapToSource(self.index(row, 0)).row() for row in range(self.rowCount())]

    def filterAcceptsRow(self, row: int, parent: Index) -> bool:
        """Whether a row fits."""
        name = self._names()[row].casefold()
        return not self._wanted or any(word in name or word == str(row) for word in self._wanted)


class RowTable(QTableView):
    """A table whose rows are numbered and checked; the keyboard edits its cells.

    Args:
        rows: Its model.
        names: Returns the names of its rows.
        parent: The Qt parent.

    Attributes:
        filter: The rows shown.
    """

    def __init__(
        self,
        rows: QAbstractTableModel,
        names: Callable[[], Sequence[str]],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        rows.setParent(self)
        self.filter = RowFilter(rows, names, self)
        self.setModel(self.filter)
        self.setStyleSheet(TABLE_STYLE)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setCornerButtonEnabled(False)
        self.verticalHeader().setDefaultSectionSize(28)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setHighlightSections(False)
        self.verticalHeader().setSectionsClickable(False)
        self.verticalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setTabKeyNavigation(False)
        triggers = QAbstractItemView.EditTrigger
        self.setEditTriggers(triggers.DoubleClicked | triggers.EditKeyPressed | triggers.SelectedClicked)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)

    def keep_narrow(self, column: int, widest: str) -> None:
        """Makes a column as wide as its widest text; the others share what is left."""
        header = self.horizontalHeader()
        header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
        header.resizeSection(column, QFontMetrics(self.font()).horizontalAdvance(widest) + 28)


class RowSearch(QLineEdit):
    """Searches the rows of a table: Down and Enter go to the table, Esc empties the field first."""

    def __init__(self, table: RowTable, parent: QWidget) -> None:
        super().__init__(parent)
        self._table = table
        self.setClearButtonEnabled(True)
        self.textChanged.connect(table.filter.search)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Leaves the field for the table, or empties it."""
        key = event.key()
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Down):
            if self._table.filter.rowCount():
                self._table.selectRow(0)
                self._table.setFocus(Qt.FocusReason.OtherFocusReason)
        elif key == Qt.Key.Key_Escape and self.text():
            self.clear()
        else:
            super().keyPressEvent(event)


def source_index(index: Index) -> QModelIndex:
    """The index of the table's own model."""
    model = index.model()
    assert isinstance(model, RowFilter)
    return model.mapToSource(index)
