"""Session: applies every edit to the document on screen and to the undo history, which saves it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial

from PySide6.QtCore import QObject, Signal

from samdesk.dataset import plans
from samdesk.dataset.change import AppliedEdit
from samdesk.dataset.plans import Decision, Plan
from samdesk.domain.annotation import AnnotationId
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import Edit, Transaction, by_user, relabel
from samdesk.domain.labels import LabelId, LabelSet
from samdesk.ui.editing.document_model import DocumentModel
from samdesk.workers.storage.history import UndoHistory


class Session(QObject):
    """Edits the open document and the label set, and undoes and redoes steps of any image.

    A change is shown at once and saved in the background. See ``samdesk.workers.storage.history`` for how
    screen, history and store are kept the same.

    Attributes:
        model: The document on screen and the labels.
        history: What can be undone and redone.
        read_only: Whether nothing can be changed.
        edits_shown: Counts the edits applied to the open document. If it has changed since a document was
            requested from the store, that document is out of date.

    Signals:
        image_requested: Key of an image that was changed in the store and has to be read again and shown.
        images_changed: Keys of images whose annotation counts and review states may have changed.
        step_done: Text of the undo or redo just made, for the status bar.
    """

    image_requested = Signal(str)
    images_changed = Signal(object)
    step_done = Signal(str)

    def __init__(self, model: DocumentModel, history: UndoHistory, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.model = model
        self.history = history
        self.read_only = False
        self.edits_shown = 0
        self._labels_seen: set[LabelId] = set()
        self._replaced: dict[LabelId, LabelId] = {}
        """The labels that were replaced, and by which."""
        model.document_changed.connect(self._note_labels)

    def edit(self, text: str, edit: Edit) -> None:
        """Applies an edit by the user to the open document; ``text`` is for the Undo command."""
        document = self.model.document
        if document is None or not edit or self.read_only:
            return
        if any(p.annotation.label_id not in self.model.labels for p in edit.put):
            self.image_requested.emit(document.key)  # its label was just replaced: the document is stale
            return
        applied = self._apply(by_user(edit, document))
        do = Transaction(text, ((document.key, applied.edit),))
        self._commit(do, Transaction(text, ((document.key, applied.back),)), applied)

    def change_labels(self, text: str, labels: LabelSet) -> None:
        """Replaces the label set, as an edit by the user."""
        before = self.model.labels
        if labels == before or self.read_only:
            return
        self.model.set_labels(labels)
        self._commit(Transaction(text, labels=labels, labels_before=before))

    def delete_label(self, label_id: LabelId) -> None:
        """Deletes a label that no annotation uses; the store refuses it if one does when it is saved."""
        self._remove_label(label_id, "Delete label", partial(plans.delete_label, old=label_id))

    def replace_label(self, label_id: LabelId, by: LabelId) -> None:
        """Gives all annotations of one label another one and deletes it.

        The store finds the annotations when it saves this, those drawn meanwhile included.
        """
        self._replaced[label_id] = by
        self._remove_label(label_id, "Replace and delete", partial(plans.replace_label, old=label_id, new=by))

    def decide(
        self, text: str, chosen: Mapping[ImageKey, Collection[AnnotationId]], decision: Decision
    ) -> None:
        """Decides about annotations of any images, as one step.

        The store makes the edits from the images as they are when it saves this.

        Args:
            text: For the Undo command.
            chosen: The annotations by image.
            decision: What to do with those of an image, such as ``edits.reject``.
        """
        if self.read_only or not chosen:
            return
        do = Transaction(text, tuple((key, Edit()) for key in chosen))
        shown, key = self.model.document, self.model.key
        if shown is not None and key in chosen:
            edit = decision(shown, chosen[shown.key])
            if edit:
                self._apply(by_user(edit, shown))  # the store's own edit takes its place when it has answered
        self._commit(do, plan=partial(plans.decide, chosen=chosen, decision=decision, text=text))

    def undo(self) -> None:
        """Undoes the next step, and shows an image it has changed."""
        self._show_step(self.history.undo(self.model.key), "Undid")

    def redo(self) -> None:
        """Redoes the next step, and shows an image it has changed."""
        self._show_step(self.history.redo(self.model.key), "Redid")

    def show_stored_labels(self, labels: LabelSet) -> None:
        """Shows the label set of the store; while changes are pending, only labels it has added itself."""
        if self.history.pending:
            found = (label for label in labels if label.id not in self._labels_seen)
            labels = LabelSet((*self.model.labels, *found))
        self.model.set_labels(labels)

    def with_labels_shown(self, document: ImageDocument) -> ImageDocument:
        """Returns a document that was read before labels were replaced with those that take their place."""
        labels = self.model.labels
        for _ in self._replaced:  # one may have been replaced by another that was replaced later
            gone = {a.label_id for a in document.all_annotations if a.label_id not in labels}
            for old in gone & self._replaced.keys():
                ids = [a.id for a in document.all_annotations if a.label_id == old]
                edit = relabel(document, ids, self._replaced[old])
                document = replace(edit.apply(document)[0], revision=document.revision)
        return document

    def show_loaded(self, document: ImageDocument) -> None:
        """Shows a document read from the store if its image is on screen."""
        if self.model.key == document.key:
            self.model.open(document)

    def _remove_label(self, label_id: LabelId, what: str, plan: Plan) -> None:
        before, key = self.model.labels, self.model.key
        if label_id not in before or self.read_only:
            return
        shown = () if key is None else ((key, Edit()),)  # which images it changes, the store decides
        text = f"{what} {before.get(label_id).name}"
        step = Transaction(text, shown, labels=before.remove(label_id), labels_before=before)
        self._show_labels(step)
        self._commit(step, plan=plan)

    def _apply(self, edit: Edit) -> AppliedEdit:
        self.edits_shown += 1
        return self.model.apply(edit)

    def _commit(
        self,
        do: Transaction,
        undo: Transaction | None = None,
        applied: AppliedEdit | None = None,
        plan: Plan | None = None,
    ) -> None:
        self.history.commit(do, undo, applied, plan)
        self.images_changed.emit(do.keys)

    def _show_step(self, step: Transaction | None, done: str) -> None:
        if step is None:
            return
        self._show_labels(step)
        if self._is_open_alone(step):
            self._apply(step.edits[0][1])
        self._reload(step)  # the store may have changed more or less than this step
        self.images_changed.emit(step.keys)
        self.step_done.emit(f"{done}: {step.text}")

    def _is_open_alone(self, transaction: Transaction) -> bool:
        """Whether the transaction can be shown before the store has answered."""
        if len(transaction.edits) != 1 or transaction.run_id is not None:
            return False
        key, edit = transaction.edits[0]
        return key == self.model.key and bool(edit)

    def _reload(self, transaction: Transaction) -> None:
        keys = transaction.keys
        if keys:
            self.image_requested.emit(self.model.key if self.model.key in keys else keys[0])

    def _note_labels(self, _changes: object) -> None:
        self._labels_seen.update(label.id for label in self.model.labels)

    def _show_labels(self, transaction: Transaction) -> None:
        """Shows the labels after a step, and on the open image the labels that replace deleted ones."""
        labels, document = transaction.labels, self.model.document
        if labels is None:
            return
        for old, new in self._replaced.items():
            if document is not None and old not in labels and new in labels:
                edit = relabel(document, [a.id for a in document.all_annotations if a.label_id == old], new)
                document = self._apply(edit).after if edit else document
        self.model.set_labels(labels)
