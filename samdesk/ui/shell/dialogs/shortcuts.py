"""ShortcutsDialog: edits the shortcuts of commands and prevents conflicts."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QHeaderView,
    QKeySequenceEdit,
    QLineEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from samdesk.ui.commands.actions import Actions
from samdesk.ui.commands.keys import native
from samdesk.ui.commands.table import MENUS
from samdesk.ui.kit.icons import icon
from samdesk.ui.kit.plain import PlainLabel
from samdesk.ui.kit.theme import FIELD_HEIGHT, UNIT

_ID = Qt.ItemDataRole.UserRole


class KeyRecorder(QKeySequenceEdit):
    """Records one key sequence, also Tab and Escape; once it has one, Tab moves the focus again."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMaximumSequenceLength(1)
        self.setFinishingKeyCombinations([])  # Tab would end the recording instead of being recorded
        self.setAccessibleName("New shortcut")

    def event(self, event: QEvent) -> bool:
        """Records Tab if nothing is recorded yet."""
        key = getattr(event, "key", None)
        if (
            event.type() == QEvent.Type.KeyPress
            and key is not None
            and key() in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab)
            and self.keySequence().isEmpty()
        ):
            self.keyPressEvent(event)  # type: ignore[arg-type]
            return True
        return super().event(event)


class ShortcutsDialog(QDialog):
    """Lists all commands with their shortcuts; the selected one is edited below the list."""

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keyboard shortcuts")
        self._actions = actions
        self._items: dict[str, QTreeWidgetItem] = {}
        self.filter = QLineEdit(self)
        self.filter.setPlaceholderText("Filter by name or key")
        self.filter.setClearButtonEnabled(True)
        self.filter.setAccessibleName("Filter")
        self.filter.textChanged.connect(self._apply_filter)
        self.tree = QTreeWidget(self)
        self.tree.setAccessibleName("Commands")
        self.tree.setColumnCount(2)
        self.tree.setHeaderLabels(["Command", "Shortcuts"])
        self.tree.setRootIsDecorated(False)
        self.tree.setItemsExpandable(False)
        self.tree.setProperty("roomy", True)
        self.tree.setIndentation(2 * UNIT)
        self.tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.tree.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self._fill()
        self.recorder = KeyRecorder(self)
        self.recorder.setMinimumHeight(FIELD_HEIGHT)
        self.filter.setMinimumHeight(FIELD_HEIGHT)
        self.filter.setTextMargins(UNIT // 2, 0, 0, 0)
        self.note = PlainLabel("", self)
        self.note.setWordWrap(True)
        self.note.setMinimumHeight(4 * UNIT)
        self.note.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.replace_button = self._button("Replace", self._replace)
        self.add_button = self._button("Add", self._add)
        self.clear_button = self._button("Remove all", self._clear)
        self.reset_button = self._button("Reset", self._reset_one)
        self.recorder.keySequenceChanged.connect(self._check)
        self.recorder.editingFinished.connect(self._focus_button)
        self.tree.currentItemChanged.connect(self._update_selection)
        self.tree.itemActivated.connect(lambda *_: self.recorder.setFocus())
        self._lay_out()
        self.resize(80 * UNIT, 80 * UNIT)
        self.select(next(iter(self._items)))

    @property
    def command_id(self) -> str:
        """Id of the selected command; empty if none is."""
        item = self.tree.currentItem()
        return str(item.data(0, _ID) or "") if item is not None else ""

    def select(self, command_id: str) -> None:
        """Selects a command."""
        self.tree.setCurrentItem(self._items[command_id])

    def keys_shown(self, command_id: str) -> str:
        """The text of a command's shortcuts in the list."""
        return self._items[command_id].text(1)

    def reset_all(self) -> None:
        """Resets all shortcuts to their defaults."""
        self._actions.reset_shortcuts()
        self._refresh()

    def _fill(self) -> None:
        titles = {menu.path: menu.title.replace("&", "") for menu in MENUS}
        parents: dict[str, QTreeWidgetItem] = {}
        for command in self._actions.commands:
            top = command.menu.split("/")[0]
            if top not in parents:
                parents[top] = QTreeWidgetItem(self.tree, [titles[top]])
                parents[top].setFlags(Qt.ItemFlag.ItemIsEnabled)
                font = parents[top].font(0)
                font.setBold(True)
                parents[top].setFont(0, font)
            item = QTreeWidgetItem(parents[top], [command.title.rstrip("…"), ""])
            item.setData(0, _ID, command.id)
            item.setIcon(0, icon(command.icon))
            item.setToolTip(0, command.tip)
            self._items[command.id] = item
        self.tree.expandAll()
        self._write_keys()

    def _write_keys(self) -> None:
        for command_id, item in self._items.items():
            keys = self._actions.shortcuts(command_id)
            item.setText(1, "   ".join(self._actions.shortcut_texts(command_id)))
            font = item.font(1)
            font.setBold(keys != self._actions.command(command_id).shortcuts)
            item.setFont(1, font)

    def _refresh(self) -> None:
        self._write_keys()
        self.recorder.clear()
        self._update_selection()

    def _update_selection(self, *_: object) -> None:
        self.recorder.clear()
        self._check()

    def _recorded(self) -> str:
        return self.recorder.keySequence().toString(QKeySequence.SequenceFormat.PortableText)

    def _check(self, *_: object) -> None:
        command_id, key = self.command_id, self._recorded()
        clash = self._actions.clash(command_id, key) if command_id and key else None
        own = command_id != "" and key != "" and key in self._actions.shortcuts(command_id)
        free = bool(command_id and key) and clash is None
        self.recorder.setEnabled(bool(command_id))
        self.add_button.setEnabled(free and not own)
        self.replace_button.setEnabled(free)
        self.clear_button.setEnabled(bool(command_id and self._actions.shortcuts(command_id)))
        changed = command_id and self._actions.shortcuts(command_id) != self._default(command_id)
        self.reset_button.setEnabled(bool(changed))
        self.note.setText(self._note(command_id, key, clash.title.rstrip("…") if clash else "", own))

    def _note(self, command_id: str, key: str, clash: str, own: bool) -> str:
        if not command_id:
            return "Select a command in the list."
        title = self._actions.command(command_id).title.rstrip("…")
        if not key:
            return f"Click the field and press the new shortcut for “{title}”."
        if clash:
            return f"{native(key)} is already used by “{clash}”. Change that command first."
        if own:
            return f"“{title}” already has {native(key)}."
        return f"{native(key)} is available."

    def _default(self, command_id: str) -> tuple[str, ...]:
        return self._actions.command(command_id).shortcuts

    def _replace(self) -> None:
        self._rebind((self._recorded(),))

    def _add(self) -> None:
        self._rebind((*self._actions.shortcuts(self.command_id), self._recorded()))

    def _clear(self) -> None:
        self._rebind(())

    def _reset_one(self) -> None:
        for key in self._default(self.command_id):
            clash = self._actions.clash(self.command_id, key)
            if clash is not None:
                owner = clash.title.rstrip("…")
                self.note.setText(f"The default {native(key)} is now used by “{owner}”. Change that first.")
                return
        self._rebind(self._default(self.command_id))

    def _rebind(self, keys: tuple[str, ...]) -> None:
        self._actions.rebind(self.command_id, keys)
        self._refresh()

    def _focus_button(self) -> None:
        if self.replace_button.isEnabled():
            self.replace_button.setFocus()

    def _apply_filter(self, text: str) -> None:
        wanted = text.casefold().strip()
        shown: set[int] = set()
        for item in self._items.values():
            fits = wanted in item.text(0).casefold() or wanted in item.text(1).casefold()
            item.setHidden(not fits)
            if fits:
                shown.add(self.tree.indexFromItem(item).parent().row())
        for at in range(self.tree.topLevelItemCount()):
            top = self.tree.topLevelItem(at)
            if top is not None:
                top.setHidden(at not in shown)

    def _button(self, title: str, slot: object) -> QPushButton:
        button = QPushButton(title, self)
        button.setAutoDefault(False)
        button.clicked.connect(slot)
        return button

    def _lay_out(self) -> None:
        editor = QHBoxLayout()
        editor.setSpacing(UNIT)
        editor.addWidget(self.recorder, 1)
        for button in (self.replace_button, self.add_button, self.clear_button, self.reset_button):
            editor.addWidget(button)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.button(QDialogButtonBox.StandardButton.Close).setAutoDefault(False)
        reset = buttons.addButton("Reset all to defaults", QDialogButtonBox.ButtonRole.ResetRole)
        reset.setAutoDefault(False)
        reset.clicked.connect(self.reset_all)
        buttons.rejected.connect(self.close)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * UNIT, 2 * UNIT, 2 * UNIT, 2 * UNIT)
        layout.setSpacing(UNIT * 3 // 2)
        layout.addWidget(self.filter)
        layout.addWidget(self.tree, 1)
        layout.addLayout(editor)
        layout.addWidget(self.note)
        layout.addWidget(buttons)
