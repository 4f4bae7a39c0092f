"""LabelsTable: which labels are exported, and under which names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QColor, QPixmap
from PySide6.QtWidgets import QFrame, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from samdesk.domain.labels import LabelId, LabelSet
from samdesk.exchange.exporting.plan import LabelChoice
from samdesk.ui.kit.fields import TABLE_STYLE
from samdesk.ui.kit.plain import plain, tip

LABEL, TARGET, CLASS_ID, COUNT = range(4)
_HEADERS = ("Label", "Exported as", "Id", "Annotations")
_TIPS = (
    "Only the labels that are checked are exported",
    "Double-click to give another name; labels with the same name are merged",
    "The class id in the export",
    "Annotations in the dataset",
)
_SWATCH = 10


class LabelsTable(QTableWidget):
    """One row for each label.

    Signals:
        edited: A label was checked, unchecked or renamed.
    """

    edited = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, len(_HEADERS), parent)
        self._labels = LabelSet()
        self.setAccessibleName("Labels")
        self.setHorizontalHeaderLabels(list(_HEADERS))
        for column, text in enumerate(_TIPS):
            item = self.horizontalHeaderItem(column)
            assert item is not None
            item.setToolTip(tip(text))
        self.setStyleSheet(TABLE_STYLE)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setShowGrid(False)
        self.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.verticalHeader().hide()
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        for column in (LABEL, TARGET):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        for column in (CLASS_ID, COUNT):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        self.itemChanged.connect(self._follow)

    def set_labels(self, labels: LabelSet) -> None:
        """Shows the labels of the dataset, all of them checked, under their names."""
        self._labels = labels
        with QSignalBlocker(self):
            self.setRowCount(len(labels))
            for row, label in enumerate(labels):
                name = QTableWidgetItem(plain(label.name))
                swatch = QPixmap(_SWATCH, _SWATCH)
                swatch.fill(QColor(label.color))
                name.setIcon(swatch)
                name.setFlags(
                    Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsUserCheckable
                )
                name.setCheckState(Qt.CheckState.Checked)
                self.setItem(row, LABEL, name)
                self.setItem(row, TARGET, QTableWidgetItem(plain(label.name)))
                for column in (CLASS_ID, COUNT):
                    item = QTableWidgetItem("")
                    item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                    self.setItem(row, column, item)
            self._number()

    def set_counts(self, counts: Mapping[LabelId, int]) -> None:
        """Shows how many annotations each label has."""
        with QSignalBlocker(self):
            for row, label in enumerate(self._labels):
                self._cell(row, COUNT).setText(f"{counts.get(label.id, 0):,}")

    def set_choices(self, labels: Sequence[LabelChoice], renamed: Sequence[LabelChoice]) -> None:
        """Shows the labels of a plan; those that the dataset lacks are left out."""
        chosen = {choice.name: choice.target for choice in labels}
        others = {choice.name: choice.target for choice in renamed}
        with QSignalBlocker(self):
            for row, label in enumerate(self._labels):
                used = not labels or label.name in chosen
                self._cell(row, LABEL).setCheckState(
                    Qt.CheckState.Checked if used else Qt.CheckState.Unchecked
                )
                target = chosen.get(label.name) or others.get(label.name) or label.name
                self._cell(row, TARGET).setText(plain(target))
            self._number()

    def check_all(self, checked: bool) -> None:
        """Checks or unchecks all labels."""
        with QSignalBlocker(self):
            for row in range(self.rowCount()):
                self._cell(row, LABEL).setCheckState(
                    Qt.CheckState.Checked if checked else Qt.CheckState.Unchecked
                )
            self._number()
        self.edited.emit()

    @property
    def choices(self) -> tuple[LabelChoice, ...]:
        """The labels that are checked; (): all of them, under their names."""
        found = tuple(
            LabelChoice(label.name, self._target(row, label.name))
            for row, label in enumerate(self._labels)
            if self._is_used(row)
        )
        plain_all = len(found) == len(self._labels) and all(c.name == c.target for c in found)
        return () if plain_all else found

    @property
    def any_used(self) -> bool:
        """Whether any label is checked; a dataset without labels has nothing to choose."""
        return not len(self._labels) or any(map(self._is_used, range(self.rowCount())))

    def _cell(self, row: int, column: int) -> QTableWidgetItem:
        found = self.item(row, column)
        assert found is not None
        return found

    def _is_used(self, row: int) -> bool:
        return self._cell(row, LABEL).checkState() is Qt.CheckState.Checked

    def _target(self, row: int, name: str) -> str:
        text = " ".join(self._cell(row, TARGET).text().split())
        return name if not text or text == plain(name) else text

    def _number(self) -> None:
        """Shows the class ids of the export."""
        ids: dict[str, int] = {}
        for row, label in enumerate(self._labels):
            used = self._is_used(row)
            target = self._target(row, label.name)
            shown = str(ids.setdefault(target, len(ids))) if used else ""
            self._cell(row, CLASS_ID).setText(shown)
            flags = self._cell(row, TARGET).flags() | Qt.ItemFlag.ItemIsEnabled
            self._cell(row, TARGET).setFlags(flags if used else flags & ~Qt.ItemFlag.ItemIsEnabled)

    def _follow(self, item: QTableWidgetItem) -> None:
        if item.column() not in (LABEL, TARGET):
            return
        with QSignalBlocker(self):
            if item.column() == TARGET and not item.text().strip():
                item.setText(plain(self._labels.labels[item.row()].name))
            self._number()
        self.edited.emit()
