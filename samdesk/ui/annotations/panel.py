"""AnnotationsPanel: the list of the open image's annotations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial

from PySide6.QtCore import QItemSelection, QItemSelectionModel, QModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from samdesk.base.text import counted
from samdesk.domain.annotation import AnnotationId
from samdesk.domain.document import Changes, ImageDocument
from samdesk.domain.labels import LabelId, LabelSet
from samdesk.domain.review import AnnotationReview
from samdesk.ui.annotations.model import AnnotationDelegate, AnnotationModel
from samdesk.ui.annotations.rejected import RejectedSection
from samdesk.ui.commands.popup import ChoicePopup
from samdesk.ui.kit import painting
from samdesk.ui.kit.plain import PlainLabel, button_text
from samdesk.ui.kit.row_view import RowView
from samdesk.ui.kit.theme import UNIT

_NO_IMAGE = "No image is open."
_NOTHING = "No annotations yet. Click an object and press Enter, or draw one with the polygon tool."


class AnnotationsPanel(QWidget):
    """Lists the annotations of the open image. It requests changes; the controller makes them.

    Attributes:
        rejected: The rejected annotations, in a list of their own.
        relabel_menu: A menu of the labels, to give one to the selection.

    Signals:
        selection_changed: (frozenset of AnnotationId) the user selected rows.
        visibility_changed: (frozenset of AnnotationId) all hidden annotations.
        label_shown: (LabelId) a hidden label is to be shown again.
        filtered_clicked: The eye of an annotation that is hidden for its score was clicked.
        relabel_requested: (frozenset of AnnotationId, LabelId).
        lock_requested: (frozenset of AnnotationId, bool) they are to be locked or unlocked.
        reopen_requested: (AnnotationId) its mask is to be edited with prompts.
        menu_requested: (QPoint) the context menu is to be opened there, global position.
    """

    selection_changed = Signal(object)
    visibility_changed = Signal(object)
    label_shown = Signal(object)
    filtered_clicked = Signal()
    relabel_requested = Signal(object, object)
    lock_requested = Signal(object, bool)
    reopen_requested = Signal(object)
    menu_requested = Signal(QPoint)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = AnnotationModel()
        self._labels = LabelSet()
        self._selection: frozenset[AnnotationId] = frozenset()
        self._showing = False
        self._read_only = False
        self.relabel_menu = ChoicePopup(self)
        self.view = self._make_view()
        self.count = PlainLabel("", self)
        self.count.setSizePolicy(
            QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred
        )  # as wide as may be
        self.toggle_all = QToolButton(self)
        self.toggle_all.setAutoRaise(True)
        self.toggle_all.clicked.connect(self._toggle_all)
        head = QHBoxLayout()
        head.setContentsMargins(UNIT + 2, 2, UNIT // 2, 2)
        head.addWidget(self.count, 1)
        head.addWidget(self.toggle_all)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(self.view, 1)
        self.rejected = RejectedSection(self)
        layout.addWidget(self.rejected)
        self._update_head()

    def _make_view(self) -> RowView:
        view = RowView(_NO_IMAGE, self)
        view.setModel(self._model)
        view.setItemDelegate(AnnotationDelegate(view))
        view.setAccessibleName("Annotations")
        view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        view.selectionModel().selectionChanged.connect(self._user_selected)
        view.part_clicked.connect(self._part_clicked)
        view.doubleClicked.connect(self._double_clicked)
        view.customContextMenuRequested.connect(self._show_menu)
        return view

    @property
    def hidden(self) -> frozenset[AnnotationId]:
        """The hidden annotations."""
        return self._model.hidden

    @property
    def selection(self) -> frozenset[AnnotationId]:
        """The selected annotations."""
        return self._selection

    @property
    def selection_hidden(self) -> bool:
        """Whether annotations are selected and all of them are hidden."""
        return bool(self._selection) and self._selection <= self.hidden

    def set_document(
        self, document: ImageDocument | None, labels: LabelSet, changes: Changes | None = None
    ) -> None:
        """Shows a document, or ``changes`` of the one shown; what is still there stays selected."""
        if labels != self._labels:
            self._labels = labels
            self._fill_relabel_menu()
        self.view.set_hint(_NO_IMAGE if document is None else _NOTHING)
        bar = self.view.verticalScrollBar().value()
        self._showing = True
        try:
            if self._model.set_document(document, labels, changes):
                self._selection = frozenset(i for i in self._selection if self._model.row(i) >= 0)
                self._select_rows()
                if changes is not None:
                    self.view.verticalScrollBar().setValue(bar)
        finally:
            self._showing = False
        self._update_head()

    def set_selection(self, ids: Iterable[AnnotationId]) -> None:
        """Selects rows without emitting ``selection_changed``."""
        ids = frozenset(ids)
        if ids == self._selection:
            return
        self._selection = ids
        self._showing = True
        try:
            self._select_rows()
        finally:
            self._showing = False
        rows = [self._model.row(i) for i in ids if self._model.row(i) >= 0]
        if rows:
            self.view.scrollTo(self._model.index(min(rows)))

    def next_to(self, ids: Iterable[AnnotationId], step: int) -> AnnotationId | None:
        """The annotation below (+1) or above (-1) these in the list, see ``AnnotationModel.next_to``."""
        return self._model.next_to(ids, step)

    def set_hidden(self, ids: Iterable[AnnotationId]) -> None:
        """Hides these annotations and shows all others, without emitting ``visibility_changed``."""
        self._model.set_hidden(frozenset(ids))
        self._update_head()

    def set_hidden_labels(self, labels: Iterable[LabelId]) -> None:
        """Shows the annotations of these labels as hidden, which showing one by one does not change."""
        self._model.set_hidden_labels(labels)
        self._update_head()

    def set_tracks(self, texts: Mapping[AnnotationId, str]) -> None:
        """Says in the tips of annotations which tracks they are in."""
        self._model.set_tracks(texts)

    def set_filtered(self, ids: frozenset[AnnotationId], why: str) -> None:
        """Shows annotations as hidden for their scores, which showing one by one does not change."""
        if ids != self._model.filtered:
            self._model.set_filtered(ids, why)
            self._update_head()

    def show_hidden(self, ids: frozenset[AnnotationId]) -> None:
        """Hides these annotations and shows all others."""
        self.set_hidden(ids)
        self.visibility_changed.emit(self.hidden)

    def set_locked(self, ids: frozenset[AnnotationId]) -> None:
        """Marks the rows of locked annotations."""
        self._model.set_locked(ids)
        self._update_head()

    def set_colors(self, color: Callable[[AnnotationId], QColor | None] | None) -> None:
        """Shows the colours of annotations that ``color`` returns; None: of their labels."""
        self._model.set_colors(color)

    def set_read_only(self, read_only: bool) -> None:
        """Enables or disables editing."""
        self._read_only = read_only

    def toggle_selected(self) -> None:
        """Hides the selected annotations, or shows them if all of them are hidden."""
        self._set_visible(self._selection, visible=self.selection_hidden)

    def _fill_relabel_menu(self) -> None:
        self.relabel_menu.clear()
        for label in self._labels:
            icon = _swatch_icon(label.color, self)
            action = self.relabel_menu.addAction(icon, button_text(label.name))
            action.triggered.connect(partial(self._relabel, label.id))

    def _relabel(self, label_id: LabelId, _checked: bool = False) -> None:
        self.relabel_requested.emit(self._selection, label_id)

    def _pending(self, ids: Iterable[AnnotationId]) -> list[AnnotationId]:
        rows = ((i, self._model.row(i)) for i in ids)
        return [
            i
            for i, row in rows
            if row >= 0 and self._model.annotation(row).review is AnnotationReview.PENDING
        ]

    def _select_rows(self) -> None:
        """Selects the rows of ``_selection`` in the view, in as few ranges as possible."""
        rows = sorted(row for i in self._selection if (row := self._model.row(i)) >= 0)
        chosen = QItemSelection()
        start = 0
        for at, row in enumerate(rows):
            if at + 1 == len(rows) or rows[at + 1] != row + 1:
                chosen.select(self._model.index(rows[start]), self._model.index(row))
                start = at + 1
        model = self.view.selectionModel()
        model.select(chosen, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        current = self._model.index(rows[0]) if rows else QModelIndex()
        model.setCurrentIndex(current, QItemSelectionModel.SelectionFlag.NoUpdate)

    def _user_selected(self) -> None:
        if self._showing:
            return
        rows = self.view.selectionModel().selectedRows()
        ids = frozenset(self._model.annotation(index.row()).id for index in rows)
        if ids != self._selection:
            self._selection = ids
            self.selection_changed.emit(ids)

    def _part_clicked(self, index: QModelIndex, part: str) -> None:
        annotation = self._model.annotation(index.row())
        if part == "eye" and annotation.label_id in self._model.hidden_labels:
            self.label_shown.emit(annotation.label_id)
            return
        if part == "eye" and annotation.id in self._model.filtered:
            self.filtered_clicked.emit()
            return
        clicked = annotation.id
        ids = self._selection if clicked in self._selection else frozenset({clicked})
        if part == "lock":
            self.lock_requested.emit(ids, clicked not in self._model.locked)
        else:
            self._set_visible(ids, visible=clicked in self.hidden)

    def _set_visible(self, ids: frozenset[AnnotationId], *, visible: bool) -> None:
        self.show_hidden(self.hidden - ids if visible else self.hidden | ids)

    def _toggle_all(self) -> None:
        ids = frozenset(self._model.ids)
        self._set_visible(ids, visible=ids <= self.hidden)

    def _double_clicked(self, index: QModelIndex) -> None:
        if not self._read_only:
            self.reopen_requested.emit(self._model.annotation(index.row()).id)

    def _update_head(self) -> None:
        ids = frozenset(self._model.ids)
        hidden, pending = self._model.hidden_count, len(self._pending(ids))
        parts = [counted(len(ids), "annotation")]
        if pending:
            parts.append(f"{pending:,} to review")
        if hidden:
            parts.append(f"{hidden:,} hidden")
        by_score = len(ids & self._model.filtered)
        if locked := len(ids & self._model.locked):
            parts.append(f"{locked:,} locked")
        self.count.setToolTip(" · ".join([*parts, *([f"{by_score:,} by score"] if by_score else [])]))
        if (locked or by_score) and len(parts) > 2:
            parts[0] = f"{len(ids):,}"
        self.count.setText(" · ".join(parts))
        self.count.setVisible(bool(ids))
        self.toggle_all.setVisible(bool(ids))
        all_hidden = bool(ids) and ids <= self.hidden
        self.toggle_all.setText("Show all" if all_hidden else "Hide all")
        self.toggle_all.setToolTip(f"{self.toggle_all.text()} annotations of this image")

    def _show_menu(self, position: QPoint) -> None:
        if self._model.rowCount():
            self.menu_requested.emit(self.view.viewport().mapToGlobal(position))


def _swatch_icon(color: str, widget: QWidget) -> QIcon:
    ratio = widget.devicePixelRatioF()
    pixmap = QPixmap(round(16 * ratio), round(16 * ratio))
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painting.draw_swatch(painter, pixmap.rect().toRectF(), QColor(color), widget.palette())
    painter.end()
    return QIcon(pixmap)
