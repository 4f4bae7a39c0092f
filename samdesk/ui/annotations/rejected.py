"""RejectedSection: the rejected annotations of the open image, to look at them and to bring them back."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from samdesk.base.text import counted
from samdesk.domain.annotation import Annotation, AnnotationId
from samdesk.domain.document import ImageDocument
from samdesk.domain.labels import LabelSet
from samdesk.ui.annotations.model import AnnotationDelegate, AnnotationModel
from samdesk.ui.kit.plain import button_text
from samdesk.ui.kit.row_view import RowView
from samdesk.ui.kit.theme import UNIT

_MOST_ROWS = 5
"""The list is at most this high; more rows scroll."""


class RejectedSection(QWidget):
    """A foldable list below the annotations; not there while nothing is rejected.

    Signals:
        toggled: (bool) The user wants to see the rejected annotations, or not any more.
        restore_requested: The user wants to bring back those that are selected.
        selection_changed: Other rows are selected.
    """

    toggled = Signal(bool)
    restore_requested = Signal()
    selection_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = AnnotationModel()
        self._rejected: tuple[Annotation, ...] = ()
        self.header, self.restore = QToolButton(self), QToolButton(self)
        for button in (self.header, self.restore):
            button.setAutoRaise(True)
        self.header.setCheckable(True)
        self.header.clicked.connect(self.toggled)
        self.restore.setText("Bring back")
        self.restore.clicked.connect(self.restore_requested)
        self.view = RowView("", self)
        self.view.setModel(self._model)
        self.view.setItemDelegate(AnnotationDelegate(self.view))
        self.view.setAccessibleName("Rejected annotations")
        self.view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.view.selectionModel().selectionChanged.connect(self.selection_changed)
        self.view.doubleClicked.connect(lambda _index: self.restore_requested.emit())
        self._lay_out()
        self.set_shown(False)
        self.setVisible(False)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setContentsMargins(UNIT // 2, 2, UNIT // 2, 2)
        head.addWidget(self.header)
        head.addStretch(1)
        head.addWidget(self.restore)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(self.view)

    @property
    def shown(self) -> bool:
        """Whether the list is unfolded."""
        return self.header.isChecked()

    @property
    def annotations(self) -> tuple[Annotation, ...]:
        """The rejected annotations, the newest last."""
        return self._rejected

    @property
    def selection(self) -> list[AnnotationId]:
        """The selected ones; else the one rejected last."""
        rows = [index.row() for index in self.view.selectionModel().selectedRows()]
        if rows:
            return [self._model.annotation(row).id for row in sorted(rows)]
        return [a.id for a in self._rejected[-1:]]

    def set_document(self, document: ImageDocument | None, labels: LabelSet) -> None:
        """Lists the rejected annotations of a document."""
        self._rejected = () if document is None else document.rejected
        listed = None if document is None else replace(document, annotations=document.rejected)
        self._model.set_document(listed, labels, None)
        self.setVisible(bool(self._rejected))
        self.header.setText(button_text(counted(len(self._rejected), "rejected annotation")))
        rows = min(max(len(self._rejected), 1), _MOST_ROWS)
        self.view.setFixedHeight(rows * AnnotationDelegate.HEIGHT + 2)

    def set_shown(self, shown: bool) -> None:
        """Unfolds or folds the list."""
        self.header.setChecked(shown)
        self.view.setVisible(shown)
        self.restore.setVisible(shown)
        self.header.setToolTip("Hide what you have rejected" if shown else "Show what you have rejected")
