"""The classes of an import, and the label that each becomes."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QPixmap
from PySide6.QtWidgets import QComboBox, QFrame, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from samdesk.domain.label_colors import label_color
from samdesk.exchange.importing.plan import label_name
from samdesk.ui.importing.looked_at import LookedAt
from samdesk.ui.kit.fields import TABLE_STYLE
from samdesk.ui.kit.plain import plain, tip

CLASS, COUNT, BECOMES = range(3)
_HEADERS = ("Class in the file", "Instances", "Becomes")
_LEFT_OUT = ""
_SWATCH = 10


class ClassesTable(QTableWidget):
    """One row for each class.

    Signals:
        edited: The user has chosen another label for a class.
    """

    edited = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, len(_HEADERS), parent)
        self._names: list[str] = []
        self.setAccessibleName("Classes")
        self.setHorizontalHeaderLabels(list(_HEADERS))
        self.setStyleSheet(TABLE_STYLE)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setShowGrid(False)
        self.setSelectionMode(QTableWidget.SelectionMode.NoSelection)
        self.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.verticalHeader().hide()
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(CLASS, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(COUNT, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(BECOMES, QHeaderView.ResizeMode.Stretch)

    def show_classes(self, looked: LookedAt) -> None:
        """Fills the table; the classes with the most instances come first."""
        assert looked.survey is not None
        assert looked.plan is not None
        counts = looked.survey.classes
        self._names = sorted(counts, key=lambda name: -counts[name])
        colors = class_colors(looked)
        self.setRowCount(len(self._names))
        for row, name in enumerate(self._names):
            item = QTableWidgetItem(plain(name) or "–")
            item.setToolTip(tip(name))
            swatch = QPixmap(_SWATCH, _SWATCH)
            swatch.fill(QColor(colors[name]))
            item.setIcon(swatch)
            self.setItem(row, CLASS, item)
            count = QTableWidgetItem(plain(f"{counts[name]:,}"))
            count.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self.setItem(row, COUNT, count)
            self.setCellWidget(row, BECOMES, self._choice(name, looked, looked.plan.classes.get(name)))

    @property
    def classes(self) -> dict[str, str | None]:
        """The label of each class; None: it is left out."""
        return {name: self.choice(row).currentData() or None for row, name in enumerate(self._names)}

    def choice(self, row: int) -> QComboBox:
        """The field with the label of a row."""
        found = self.cellWidget(row, BECOMES)
        assert isinstance(found, QComboBox)
        return found

    def _choice(self, name: str, looked: LookedAt, chosen: str | None) -> QComboBox:
        field = QComboBox(self)
        field.setAccessibleName(plain(f"Label of the class {name}"))
        own = label_name(name)
        if looked.labels.match(own) is None:
            field.addItem(plain(f"New label “{own}”"), own)
        for label in looked.labels:
            field.addItem(plain(label.name), label.name)
        field.addItem("Leave out", _LEFT_OUT)
        field.setCurrentIndex(max(field.findData(chosen or _LEFT_OUT), 0))
        field.currentIndexChanged.connect(lambda _index: self.edited.emit())
        return field


def class_colors(looked: LookedAt) -> dict[str, str]:
    """Returns a colour of each class: that of its label, that of the file, or the next one."""
    assert looked.survey is not None
    assert looked.plan is not None
    found = {}
    for place, name in enumerate(looked.survey.classes):
        label = looked.labels.find(looked.plan.classes.get(name) or "")
        own = looked.survey.colors.get(name)
        found[name] = label.color if label is not None else own or label_color(len(looked.labels) + place)
    return found
