"""The model of the document on screen and of the label set, as a QObject with change signals."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from samdesk.dataset.change import AppliedEdit
from samdesk.domain.document import Changes, ImageDocument, ImageKey, diff
from samdesk.domain.edits import Edit
from samdesk.domain.labels import LabelSet


class DocumentModel(QObject):
    """Holds the document on screen; signals what changed.

    Signals:
        document_opened: Another document (or None) is on screen.
        document_changed: (Changes): the open document or the labels changed.
    """

    document_opened = Signal(object)
    document_changed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document: ImageDocument | None = None
        self._labels = LabelSet()

    @property
    def document(self) -> ImageDocument | None:
        """The document on screen, None while there is none."""
        return self._document

    @property
    def key(self) -> ImageKey | None:
        """The image on screen, None while there is none."""
        return self._document.key if self._document else None

    @property
    def labels(self) -> LabelSet:
        """The dataset's labels."""
        return self._labels

    def open(self, document: ImageDocument | None) -> None:
        """Shows a document; the same image again counts as a change of it."""
        before = self._document
        self._document = document
        if before is not None and document is not None and before.key == document.key:
            self.document_changed.emit(diff(before, document))
        else:
            self.document_opened.emit(document)

    def apply(self, edit: Edit) -> AppliedEdit:
        """Applies an edit to the open document."""
        if self._document is None:
            raise RuntimeError("there is no open document to edit")
        before = self._document
        applied = AppliedEdit.of(edit, before)
        self._document = applied.after
        self.document_changed.emit(diff(before, applied.after))
        return applied

    def set_labels(self, labels: LabelSet) -> None:
        """Shows another label set."""
        if labels != self._labels:
            self._labels = labels
            self.document_changed.emit(Changes(self.key, labels=True))
