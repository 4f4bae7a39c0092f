"""Session: every change goes through here to the document, the undo history and the store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoStack

from samdesk.domain.document import ImageDocument
from samdesk.domain.edits import Edit, Transaction, by_user
from samdesk.domain.labels import LabelId, LabelSet
from samdesk.ui.editing.document_model import DocumentModel
from samdesk.ui.editing.undo import EditCommand


class Saves(Protocol):
    """What the session needs of the storage client; each call queues one durable change."""

    def commit(self, transaction: Transaction) -> int:
        """Saves a new step."""

    def undo(self) -> int:
        """Saves that the newest step is taken back."""

    def redo(self) -> int:
        """Saves that the last step taken back is done again."""


class Session(QObject):
    """One dataset being worked on: the open document, its labels and the undo history.

    Signals:
        image_wanted: An image was changed in the store: show it, as it stands there.
        images_changed: Keys of images whose counts and states may differ now.
        step_done: Text of an undo or redo just made, for the status bar.
    """

    image_wanted = Signal(str)
    images_changed = Signal(object)
    step_done = Signal(str)

    def __init__(self, model: DocumentModel, store: Saves, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.model = model
        self.stack = QUndoStack(self)
        self._store = store
        self._restoring = False
        self._labels_seen: set[LabelId] = set()
        model.document_changed.connect(self._note_labels)
        self.read_only = False
        self.edits_shown = 0
        """Counts the edits applied to the open document, to tell whether one read from the store is stale."""

    def restore(
        self,
        labels: LabelSet,
        done: Sequence[tuple[Transaction, Transaction]],
        undone: Sequence[tuple[Transaction, Transaction]],
    ) -> None:
        """Starts on a dataset with the history it had: pairs of (do, undo), the next redo first."""
        self._restoring = True
        try:
            self.stack.clear()
            for do, undo in [*done, *undone]:
                self.stack.push(EditCommand(do, undo, self._replay))
            self.stack.setIndex(len(done))
        finally:
            self._restoring = False
        self.model.set_labels(labels)

    def edit(self, text: str, edit: Edit) -> None:
        """A person's edit of the open document."""
        document = self.model.document
        if document is None or not edit or self.read_only:
            return
        if any(p.annotation.label_id not in self.model.labels for p in edit.put):
            self.image_wanted.emit(document.key)  # its label was just replaced: what is shown is out of date
            return
        edit = by_user(edit)
        inverse = self._apply(edit)
        self._push(Transaction(text, ((document.key, edit),)), Transaction(text, ((document.key, inverse),)))

    def change_labels(self, text: str, labels: LabelSet) -> None:
        """A person's change of the label set."""
        before = self.model.labels
        if labels == before or self.read_only:
            return
        self.model.set_labels(labels)
        self._push(
            Transaction(text, labels=labels, labels_before=before),
            Transaction(text, labels=before, labels_before=labels),
        )

    def perform(self, transaction: Transaction) -> None:
        """A planned change of several images (and the labels); the open one is read again after it."""
        if self.read_only:
            return
        # Only the store knows the way back for images that are not open; an empty edit names the image.
        named = tuple((key, Edit()) for key in transaction.keys)
        undo = Transaction(transaction.text, named, transaction.labels_before, transaction.labels)
        for key, edit in transaction.edits:
            if key == self.model.key:
                self._apply(edit)
        self._show_labels(transaction)
        self._push(transaction, undo)
        if self.model.key in transaction.keys:  # who changes a label stays where they are
            self._reload(transaction)

    def take_labels(self, labels: LabelSet, unsaved: int) -> None:
        """The store's label set; while ``unsaved`` changes wait, only what it has found itself is taken."""
        if unsaved:
            found = (label for label in labels if label.id not in self._labels_seen)
            labels = LabelSet((*self.model.labels, *found))
        self.model.set_labels(labels)

    def note_step(self, do: Transaction, undo: Transaction, unsaved: int) -> None:
        """The store added a step itself (a run, a file read again), below the ``unsaved`` newest ones."""
        commands = [self.stack.command(i) for i in range(self.stack.index())]
        pairs = [(c.do_transaction, c.undo_transaction) for c in commands if isinstance(c, EditCommand)]
        pairs.insert(len(pairs) - unsaved, (do, undo))
        self.restore(self.model.labels, pairs, ())
        self.images_changed.emit(do.keys)

    def show_loaded(self, document: ImageDocument) -> None:
        """A document was read; it is shown if its image is the open one."""
        if self.model.key == document.key:
            self.model.open(document)

    def _apply(self, edit: Edit) -> Edit:
        self.edits_shown += 1
        return self.model.apply(edit)

    def _push(self, do: Transaction, undo: Transaction) -> None:
        self.stack.push(EditCommand(do, undo, self._replay))
        self._store.commit(do)
        self.images_changed.emit(do.keys)

    def _replay(self, transaction: Transaction, back: bool) -> None:
        if self._restoring:
            return
        if back:
            self._store.undo()
        else:
            self._store.redo()
        self._show_labels(transaction)
        if self._is_open_alone(transaction):
            self._apply(transaction.edits[0][1])
        self._reload(transaction)  # what the store made of it is the truth
        self.images_changed.emit(transaction.keys)
        self.step_done.emit(f"{'Undid' if back else 'Redid'}: {transaction.text}")

    def _is_open_alone(self, transaction: Transaction) -> bool:
        """Whether the transaction can be shown without asking the store."""
        if len(transaction.edits) != 1 or transaction.run_id is not None:
            return False
        key, edit = transaction.edits[0]
        return key == self.model.key and bool(edit)

    def _reload(self, transaction: Transaction) -> None:
        keys = transaction.keys
        if keys:
            self.image_wanted.emit(self.model.key if self.model.key in keys else keys[0])

    def _note_labels(self, _changes: object) -> None:
        self._labels_seen.update(label.id for label in self.model.labels)

    def _show_labels(self, transaction: Transaction) -> None:
        if transaction.labels is not None:
            self.model.set_labels(transaction.labels)
