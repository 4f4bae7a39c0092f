"""LabelsPanel: the list of the dataset's labels, in groups that collapse."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QLineEdit, QToolButton, QVBoxLayout, QWidget

from samdesk.base.text import counted
from samdesk.domain.labels import LabelId, LabelSet
from samdesk.ui.kit.plain import PlainLabel
from samdesk.ui.kit.row_view import RowView
from samdesk.ui.kit.theme import UNIT
from samdesk.ui.labels.delegate import LabelDelegate
from samdesk.ui.labels.groups import GroupRow, LabelRow
from samdesk.ui.labels.model import LabelModel

_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class LabelsPanel(QWidget):
    """Lists the label set with its current label. It requests changes; the controller makes them.

    Signals:
        current_changed: (LabelId) the user selected a label.
        label_clicked: (LabelId) the user clicked a label or pressed Enter on it, the current one perhaps.
        hidden_changed: (frozenset of LabelId) the labels whose annotations are hidden.
        collapsed_changed: (frozenset of str) the names of the collapsed groups.
        add_requested: (name).
        rename_requested: (LabelId, name).
        recolor_requested: (LabelId).
        move_requested: (LabelId, new class id).
        remove_requested: (LabelId).
        menu_requested: (QPoint) the context menu of the current label is to be opened there, global position.
    """

    current_changed = Signal(object)
    label_clicked = Signal(object)
    hidden_changed = Signal(object)
    collapsed_changed = Signal(object)
    add_requested = Signal(str)
    rename_requested = Signal(object, str)
    recolor_requested = Signal(object)
    move_requested = Signal(object, int)
    remove_requested = Signal(object)
    menu_requested = Signal(QPoint)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._current: LabelId | None = None
        self._hidden: frozenset[LabelId] = frozenset()
        self._grouped = True
        self._on_group = ""  # the key of the group that is selected in place of the current label
        self._read_only = False
        self._showing = False
        self._model = LabelModel(self)
        self.view = self._make_view()
        self.new_name = QLineEdit(self)
        self.new_name.setPlaceholderText("Add label…")
        self.new_name.setTextMargins(UNIT // 2, 0, 0, 0)
        self.new_name.setToolTip("Type a name and press Enter")
        self.new_name.setAccessibleName("New label's name")
        self.new_name.setClearButtonEnabled(True)
        self.new_name.setMaxLength(200)
        self.new_name.returnPressed.connect(self._add)
        self.hidden_text = PlainLabel("", self)
        self.show_all = QToolButton(self)
        self.show_all.setText("Show all")
        self.show_all.setAutoRaise(True)
        self.show_all.setToolTip("Show the annotations of every label")
        self.show_all.clicked.connect(lambda: self.set_hidden(frozenset(), notify=True))
        self._hidden_bar = self._lay_out()
        self._hidden_bar.hide()
        self._model.rename_requested.connect(lambda i, name: self.rename_requested.emit(LabelId(i), name))
        self._model.move_requested.connect(lambda i, at: self.move_requested.emit(LabelId(i), at))

    def _lay_out(self) -> QWidget:
        """Lays the panel out; returns the bar that says how many labels are hidden."""
        bar = QWidget(self)
        row = QHBoxLayout(bar)
        row.setContentsMargins(UNIT + 2, 2, UNIT // 2, 2)
        row.addWidget(self.hidden_text, 1)
        row.addWidget(self.show_all)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(bar)
        layout.addWidget(self.view, 1)
        foot = QVBoxLayout()
        foot.setContentsMargins(UNIT, UNIT, UNIT, UNIT)
        foot.addWidget(self.new_name)
        layout.addLayout(foot)
        return bar

    def _make_view(self) -> RowView:
        view = RowView("No labels yet. Type a name below and press Enter.", self)
        view.setModel(self._model)
        view.setItemDelegate(LabelDelegate(view))
        view.setAccessibleName("Labels")
        view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        view.setEditTriggers(QAbstractItemView.EditTrigger.DoubleClicked)
        view.setDragDropMode(QAbstractItemView.DragDropMode.DragDrop)
        view.setDefaultDropAction(Qt.DropAction.MoveAction)
        view.selectionModel().selectionChanged.connect(self._user_selected)
        view.clicked.connect(self._choose)
        view.part_clicked.connect(self._part_clicked)
        view.customContextMenuRequested.connect(self._show_menu)
        view.installEventFilter(self)
        return view

    @property
    def current(self) -> LabelId | None:
        """The label of new annotations; None if there is none."""
        return self._current

    @property
    def hidden(self) -> frozenset[LabelId]:
        """The labels whose annotations are hidden."""
        return self._hidden

    @property
    def collapsed(self) -> frozenset[str]:
        """The names of the collapsed groups."""
        return self._model.collapsed

    def set_labels(self, labels: LabelSet, usage: Mapping[LabelId, int] | None = None) -> None:
        """Shows the label set and the number of annotations of each label in the dataset."""
        self._model.set_labels(labels, usage or {})
        if self._current not in labels:
            self._current = None
        self._show_current()

    def set_current(self, label_id: LabelId | None) -> None:
        """Selects the current label without emitting ``current_changed``."""
        if label_id != self._current:
            self._on_group = ""
        self._current = label_id
        self._show_current()

    def set_groups(self, collapsed: Collection[str], *, grouped: bool = True) -> None:
        """Sets which groups are collapsed, or that there are none; emits nothing."""
        self._grouped = grouped
        self._model.set_groups(collapsed, grouped=grouped)
        self._show_current()

    def set_hidden(self, labels: Iterable[LabelId], *, notify: bool = False) -> None:
        """Marks the labels whose annotations are hidden; emits ``hidden_changed`` if ``notify``."""
        self._hidden = frozenset(labels)
        self._model.set_hidden(self._hidden)
        count = len(self._hidden)
        self.hidden_text.setText(f"{counted(count, 'label')} hidden")
        self._hidden_bar.setVisible(bool(count))
        if notify:
            self.hidden_changed.emit(self._hidden)

    def toggle_current(self) -> None:
        """Hides the annotations of the label or group that is selected in the list, or shows them."""
        self._toggle_hidden(self._selected_row)

    @property
    def current_hidden(self) -> bool:
        """Whether what is selected in the list is hidden."""
        row = self._selected_row
        return row >= 0 and self._model.members(row) <= self._hidden

    def set_read_only(self, read_only: bool) -> None:
        """Enables or disables editing; labels can still be selected."""
        self._read_only = read_only
        self.new_name.setEnabled(not read_only)
        self.view.setDragEnabled(not read_only)
        triggers = QAbstractItemView.EditTrigger
        self.view.setEditTriggers(triggers.NoEditTriggers if read_only else triggers.DoubleClicked)

    def rename_current(self) -> None:
        """Opens the editor of the current label's name, and its group."""
        row = self._current_row
        if row < 0 or self._read_only:
            return
        shown = self._model.at(row)
        if isinstance(shown, GroupRow):
            self._fold(row, folded=False)
            row = self._current_row
        self.view.scrollTo(self._model.index(row))
        self.view.edit(self._model.index(row))

    def recolor_current(self) -> None:
        """Requests another colour for the current label."""
        if self._current is not None and not self._read_only:
            self.recolor_requested.emit(self._current)

    def can_move(self, step: int) -> bool:
        """Whether the current label can be moved up (-1) or down (+1)."""
        at = self._class_id
        return at >= 0 and 0 <= at + step < len(self._model.labels)

    def move_current(self, step: int) -> None:
        """Requests that the current label is moved up (-1) or down (+1)."""
        if self.can_move(step) and not self._read_only:
            self.move_requested.emit(self._current, self._class_id + step)

    def remove_current(self) -> None:
        """Requests that the current label is deleted."""
        if self._class_id >= 0 and not self._read_only:
            self.remove_requested.emit(self._current)

    @property
    def _class_id(self) -> int:
        return -1 if self._current is None else self._model.labels.class_ids.get(self._current, -1)

    @property
    def _current_row(self) -> int:
        return -1 if self._current is None else self._model.row(self._current)

    @property
    def _selected_row(self) -> int:
        index = self.view.currentIndex()
        return index.row() if index.isValid() else self._current_row

    def _show_current(self) -> None:
        row = self._model.row_of_key(self._on_group)
        row = row if row >= 0 else self._current_row
        self._model.set_current(self._current)
        self._showing = True
        try:
            if row >= 0:
                self.view.setCurrentIndex(self._model.index(row))
            else:
                self.view.clearSelection()
        finally:
            self._showing = False

    def _user_selected(self) -> None:
        rows = self.view.selectionModel().selectedRows()
        shown = self._model.at(rows[0].row()) if rows and not self._showing else None
        if shown is not None:
            self._on_group = shown.key if isinstance(shown, GroupRow) else ""
        if isinstance(shown, LabelRow) and shown.label.id != self._current:
            self._current = shown.label.id
            self._model.set_current(self._current)
            self.current_changed.emit(self._current)

    def _choose(self, index: QModelIndex) -> None:
        """Does what a click on a row does, after it was selected."""
        shown = self._model.at(index.row())
        if isinstance(shown, LabelRow):
            self.label_clicked.emit(shown.label.id)
        else:
            self._fold(index.row(), folded=not shown.collapsed)

    def _part_clicked(self, index: QModelIndex, part: str) -> None:
        shown = self._model.at(index.row())
        if part == "eye":
            self._toggle_hidden(index.row())
        elif isinstance(shown, GroupRow):
            self._fold(index.row(), folded=not shown.collapsed)
        elif not self._read_only:
            self.recolor_requested.emit(shown.label.id)

    def _toggle_hidden(self, row: int) -> None:
        if row >= 0:
            ids = self._model.members(row)
            self.set_hidden(self._hidden - ids if ids <= self._hidden else self._hidden | ids, notify=True)

    def _fold(self, row: int, *, folded: bool) -> None:
        """Collapses or expands the group of a row and keeps the keyboard there."""
        shown = self._model.at(row)
        name = shown.name if isinstance(shown, GroupRow) else shown.group
        if not name or (name in self.collapsed) == folded:
            return
        names = self.collapsed | {name} if folded else self.collapsed - {name}
        self._on_group = f"group {name}"
        self.set_groups(names, grouped=self._grouped)
        self.collapsed_changed.emit(names)

    def _add(self) -> None:
        name = " ".join(self.new_name.text().split())
        if name:
            self.new_name.clear()
            self.add_requested.emit(name)

    def _show_menu(self, position: QPoint) -> None:
        if self.view.indexAt(position).isValid():  # the press has made it current
            self.menu_requested.emit(self.view.viewport().mapToGlobal(position))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Left and Right collapse and expand a group, Enter does what a click does."""
        if (
            isinstance(event, QKeyEvent)
            and event.type() is QEvent.Type.KeyPress
            and not (event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier)
        ):
            index = self.view.currentIndex()
            if index.isValid() and event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right):
                self._fold(index.row(), folded=event.key() == Qt.Key.Key_Left)
                return True
            if index.isValid() and event.key() in _ENTER:
                self._choose(index)
                return True
        return super().eventFilter(watched, event)
