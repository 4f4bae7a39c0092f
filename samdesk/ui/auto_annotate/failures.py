"""The images of a run that failed, and why."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QDialogButtonBox,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from samdesk.ui.kit.fields import TABLE_STYLE
from samdesk.ui.kit.plain import plain, tip

_KEY = Qt.ItemDataRole.UserRole


class FailuresDialog(QDialog):
    """Lists the images of a run that failed, and why. A click, or Enter, opens the image.

    Signals:
        image_chosen: (image key as str) emitted on a click or Enter.
    """

    image_chosen = Signal(str)

    def __init__(self, failures: Mapping[str, str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Images that failed")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.list = QTreeWidget(self)
        self.list.setAccessibleName("Images that failed")
        self.list.setColumnCount(2)
        self.list.setHeaderLabels(["Image", "Reason"])
        self.list.setStyleSheet(TABLE_STYLE)
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        self.list.setAllColumnsShowFocus(True)
        self.list.setProperty("roomy", True)
        self.list.setColumnWidth(0, 220)
        self.list.setToolTip("Click to open the image")
        self.list.itemClicked.connect(self._choose)
        self.list.itemActivated.connect(self._choose)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        copy = buttons.addButton("Copy list", QDialogButtonBox.ButtonRole.ActionRole)
        copy.setAutoDefault(False)
        copy.clicked.connect(self._copy)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(self.list)
        layout.addWidget(buttons)
        for key, message in failures.items():
            self.add(key, message)
        self.resize(640, 320)

    def add(self, key: str, message: str) -> None:
        """Adds an image, or updates the reason of a listed one."""
        item = next((row for row in self._rows() if row.data(0, _KEY) == key), None)
        item = item or QTreeWidgetItem(self.list)
        item.setData(0, _KEY, key)
        item.setText(0, plain(key))
        item.setText(1, plain(message.removeprefix(f"{key}: ")))
        for column in (0, 1):
            item.setToolTip(column, tip(f"{key}\n{message}"))

    def _choose(self, item: QTreeWidgetItem) -> None:
        self.image_chosen.emit(item.data(0, _KEY))

    def _copy(self) -> None:
        lines = (f"{row.text(0)}\t{row.text(1)}" for row in self._rows())
        QApplication.clipboard().setText("\n".join(lines))

    def _rows(self) -> list[QTreeWidgetItem]:
        rows = (self.list.topLevelItem(i) for i in range(self.list.topLevelItemCount()))
        return [row for row in rows if row is not None]
