"""LabelsPanel: the list of the dataset's labels."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QLineEdit, QVBoxLayout, QWidget

from samdesk.domain.labels import LabelId, LabelSet
from samdesk.ui.kit.row_view import RowView
from samdesk.ui.kit.theme import UNIT
from samdesk.ui.labels.model import LabelDelegate, LabelModel


class LabelsPanel(QWidget):
    """Lists the label set with its current label. It requests changes; the controller makes them.

    Signals:
        current_changed: (LabelId) the user selected a label.
        add_requested: (name).
        rename_requested: (LabelId, name).
        recolor_requested: (LabelId).
        move_requested: (LabelId, new class id).
        remove_requested: (LabelId).
        menu_requested: (QPoint) the context menu of the current label is to be opened there, global position.
    """

    current_changed = Signal(object)
    add_requested = Signal(str)
    rename_requested = Signal(object, str)
    recolor_requested = Signal(object)
    move_requested = Signal(object, int)
    remove_requested = Signal(object)
    menu_requested = Signal(QPoint)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._current: LabelId | None = None
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
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.view, 1)
        foot = QVBoxLayout()
        foot.setContentsMargins(UNIT, UNIT, UNIT, UNIT)
        foot.addWidget(self.new_name)
        layout.addLayout(foot)
        self._model.rename_requested.connect(lambda i, name: self.rename_requested.emit(LabelId(i), name))
        self._model.move_requested.connect(lambda i, at: self.move_requested.emit(LabelId(i), at))

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
        view.part_clicked.connect(lambda index, _part: self._recolor(index.row()))
        view.customContextMenuRequested.connect(self._show_menu)
        return view

    @property
    def current(self) -> LabelId | None:
        """The label of new annotations; None if there is none."""
        return self._current

    def set_labels(self, labels: LabelSet, usage: Mapping[LabelId, int] | None = None) -> None:
        """Shows the label set and the number of annotations of each label in the dataset."""
        self._model.set_labels(labels, usage or {})
        if self._current not in labels:
            self._current = None
        self._show_current()

    def set_current(self, label_id: LabelId | None) -> None:
        """Selects the current label without emitting ``current_changed``."""
        self._current = label_id
        self._show_current()

    def set_read_only(self, read_only: bool) -> None:
        """Enables or disables editing; labels can still be selected."""
        self._read_only = read_only
        self.new_name.setEnabled(not read_only)
        self.view.setDragEnabled(not read_only)
        triggers = QAbstractItemView.EditTrigger
        self.view.setEditTriggers(triggers.NoEditTriggers if read_only else triggers.DoubleClicked)

    def rename_current(self) -> None:
        """Opens the editor of the current label's name."""
        row = self._current_row
        if row >= 0 and not self._read_only:
            self.view.scrollTo(self._model.index(row))
            self.view.edit(self._model.index(row))

    def recolor_current(self) -> None:
        """Requests another colour for the current label."""
        self._recolor(self._current_row)

    def can_move(self, step: int) -> bool:
        """Whether the current label can be moved up (-1) or down (+1)."""
        row = self._current_row
        return row >= 0 and 0 <= row + step < self._model.rowCount()

    def move_current(self, step: int) -> None:
        """Requests that the current label is moved up (-1) or down (+1)."""
        if self.can_move(step) and not self._read_only:
            row = self._current_row
            self.move_requested.emit(self._model.label(row).id, row + step)

    def remove_current(self) -> None:
        """Requests that the current label is deleted."""
        if self._current_row >= 0 and not self._read_only:
            self.remove_requested.emit(self._model.label(self._current_row).id)

    @property
    def _current_row(self) -> int:
        return -1 if self._current is None else self._model.row(self._current)

    def _show_current(self) -> None:
        row = self._current_row
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
        if self._showing or not rows:
            return
        label_id = self._model.label(rows[0].row()).id
        if label_id != self._current:
            self._current = label_id
            self.current_changed.emit(label_id)

    def _add(self) -> None:
        name = " ".join(self.new_name.text().split())
        if name:
            self.new_name.clear()
            self.add_requested.emit(name)

    def _recolor(self, row: int) -> None:
        if row >= 0 and not self._read_only:
            self.recolor_requested.emit(self._model.label(row).id)

    def _show_menu(self, position: QPoint) -> None:
        if self.view.indexAt(position).isValid():  # the press has made it current
            self.menu_requested.emit(self.view.viewport().mapToGlobal(position))
