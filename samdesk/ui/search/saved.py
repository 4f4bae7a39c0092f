"""Saved searches of a dataset: kept in its store, renamed and deleted in a dialog."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from samdesk.base import json_file
from samdesk.ui.kit.messages import Messages
from samdesk.ui.kit.plain import PlainLabel, plain
from samdesk.ui.kit.theme import UNIT
from samdesk.ui.search.bar import SearchBar
from samdesk.workers.storage.client import DatasetInfo, StorageClient

SAVED = "saved_searches"
"""Setting of the dataset: name to text of the saved searches, JSON."""
MOST = 100
_TEXT = Qt.ItemDataRole.UserRole + 1


class SavedDialog(QDialog):
    """Lists the saved searches; a name is edited in its row.

    Signals:
        changed: The ``dict`` of name to text as it is now.
    """

    changed = Signal(object)

    def __init__(self, saved: Mapping[str, str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Saved searches")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._filling = True
        self.list = QListWidget(self)
        self.list.setProperty("roomy", True)
        self.list.setAccessibleName("Saved searches")
        triggers = QAbstractItemView.EditTrigger
        self.list.setEditTriggers(triggers.DoubleClicked | triggers.EditKeyPressed)
        for name, text in saved.items():
            item = QListWidgetItem(name, self.list)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
            item.setData(_TEXT, text)
            item.setToolTip(plain(text))
        self.list.setCurrentRow(0)
        self.list.itemChanged.connect(self._renamed)
        self.list.currentItemChanged.connect(lambda *_: self._show_text())
        self.text = PlainLabel("", self)
        self.text.setProperty("muted", True)
        self.text.setWordWrap(True)
        self.rename = QPushButton("Rename", self)
        self.rename.clicked.connect(lambda: self.list.editItem(self.list.currentItem()))
        self.delete = QPushButton("Delete", self)
        self.delete.clicked.connect(self._delete)
        QShortcut(QKeySequence(QKeySequence.StandardKey.Delete), self.list, self._delete,
                  context=Qt.ShortcutContext.WidgetShortcut)  # fmt: skip
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.reject)
        buttons.button(QDialogButtonBox.StandardButton.Close).setDefault(True)
        row = QHBoxLayout()
        row.addWidget(self.rename)
        row.addWidget(self.delete)
        row.addStretch(1)
        row.addWidget(buttons)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * UNIT, 2 * UNIT, 2 * UNIT, 2 * UNIT)
        layout.setSpacing(UNIT)
        layout.addWidget(self.list, 1)
        layout.addWidget(self.text)
        layout.addLayout(row)
        self.resize(52 * UNIT, 40 * UNIT)
        self._filling = False
        self._show_text()

    @property
    def saved(self) -> dict[str, str]:
        """Name to text of the searches listed."""
        items = [self.list.item(row) for row in range(self.list.count())]
        return {item.text(): item.data(_TEXT) for item in items}

    def _show_text(self) -> None:
        item = self.list.currentItem()
        self.text.setText(item.data(_TEXT) if item is not None else "No search is saved.")
        self.rename.setEnabled(item is not None)
        self.delete.setEnabled(item is not None)

    def _renamed(self, item: QListWidgetItem) -> None:
        if self._filling:
            return
        self._filling = True
        name = " ".join(item.text().split()) or item.data(_TEXT)
        others = {self.list.item(row).text() for row in range(self.list.count())} if name else set()
        taken = sum(self.list.item(row).text() == item.text() for row in range(self.list.count())) > 1
        item.setText(unused_name(name, others) if taken else name)
        self._filling = False
        self.changed.emit(self.saved)

    def _delete(self) -> None:
        row = self.list.currentRow()
        if row >= 0:
            self.list.takeItem(row)
            self._show_text()
            self.changed.emit(self.saved)


def unused_name(name: str, used: Mapping[str, str] | set[str]) -> str:
    """The name, or with a number the first that is not used yet."""
    number, found = 1, name
    while found in used:
        number += 1
        found = f"{name} ({number})"
    return found


class SavedSearches(QObject):
    """Reads and stores the saved searches of the open dataset."""

    def __init__(
        self,
        storage: StorageClient,
        bar: SearchBar,
        search: Callable[[], str],
        messages: Messages,
        parent: QWidget,
    ) -> None:
        """Keeps what ``search`` returns, the text of the search in use, when the bar asks for it."""
        super().__init__(parent)
        self._storage, self._bar, self._search, self._messages = storage, bar, search, messages
        self._window = parent
        self._saved: dict[str, str] = {}
        bar.save_requested.connect(self.save)
        bar.manage_requested.connect(self.manage)

    @property
    def saved(self) -> Mapping[str, str]:
        """The saved searches: name to text."""
        return dict(self._saved)

    def start(self, _info: DatasetInfo) -> None:
        """Reads the saved searches of a dataset."""
        self._show({})
        self._storage.ask(
            lambda dataset: dataset.settings_get(SAVED) or "{}", self._receive, doing="reading saved searches"
        )

    def save(self) -> None:
        """Saves the search in use, named by its text."""
        text = self._search()
        if not text:
            return
        if text in self._saved.values():
            self._messages.info("This search is saved already.", key="saved-search", seconds=3)
        elif len(self._saved) >= MOST:
            self._messages.warn(
                f"There are {MOST} saved searches. Delete one first.", key="saved-search",
                actions=[("Saved searches…", self.manage)],
            )  # fmt: skip
        else:
            self._keep({**self._saved, unused_name(text, self._saved): text})
            self._messages.info(
                f"Saved the search “{text}”. It is in the menu beside the search field.", key="saved-search",
                actions=[("Rename…", self.manage)],
            )  # fmt: skip

    def manage(self) -> None:
        """Opens the dialog to rename and delete."""
        dialog = SavedDialog(self._saved, self._window)
        dialog.changed.connect(self._keep)
        dialog.open()

    def _keep(self, saved: dict[str, str]) -> None:
        self._show(saved)
        self._storage.set_setting(SAVED, json.dumps(saved), durable=True)

    def _receive(self, text: str) -> None:
        try:
            found = json_file.parse_object(text)
        except json_file.JsonError:
            found = {}
        stored = {name: value for name, value in found.items() if isinstance(value, str)}
        self._show(dict(list(stored.items())[:MOST]) | self._saved)

    def _show(self, saved: dict[str, str]) -> None:
        self._saved = dict(saved)
        self._bar.set_saved(self._saved)
