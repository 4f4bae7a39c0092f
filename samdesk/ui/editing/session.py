"""Session: applies every edit to the document on screen and to the undo history, which saves it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from PySide6.QtCore import QObject, QTimer, Signal

from samdesk.dataset import plans
from samdesk.dataset.change import AppliedEdit
from samdesk.dataset.plans import Decision, Plan
from samdesk.domain import edits
from samdesk.domain.annotation import AnnotationId, RunId
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import Edit, Placed, Transaction, by_user, relabel
from samdesk.domain.labels import LabelId, LabelSet
from samdesk.domain.split import Split, SplitChange
from samdesk.ui.editing.document_model import DocumentModel
from samdesk.ui.editing.locks import Locks
from samdesk.workers.storage.history import UndoHistory

RUN_ENDS_MS = 800
"""A run of edits (nudging with the arrow keys) ends when none has followed for so long."""


@dataclass
class EditRun:
    """Edits in a row that become one step of the history.

    Attributes:
        name: What they have in common.
        text: For the Undo command.
        before: The document before the first.
        put: The annotations they have put, as they are now.
        applied: All of them together, as one edit of ``before``.
        held: It is a preview: only ``keep_run`` and other edits keep it.
    """

    name: str
    text: str
    before: ImageDocument
    put: dict[AnnotationId, Placed]
    applied: AppliedEdit
    held: bool = False


class Session(QObject):
    """Edits the open document and the label set, and undoes and redoes steps of any image.

    A change is shown at once and saved in the background. See ``samdesk.workers.storage.history`` for how
    screen, history and store are kept the same.

    Attributes:
        model: The document on screen and the labels.
        history: What can be undone and redone.
        read_only: Whether nothing can be changed.
        locks: The annotations that no edit may change.
        edits_shown: Counts the edits applied to the open document. If it has changed since a document was
            requested from the store, that document is out of date.

    Signals:
        image_requested: Key of an image that was changed in the store and has to be read again and shown.
        images_changed: Keys of images whose annotation counts and review states may have changed.
        step_done: Text of the undo or redo just made, for the status bar.
        locked: (frozenset of AnnotationId) locked annotations for which an edit was not made.
        run_changed: ``run_text`` has changed.
    """

    image_requested = Signal(str)
    images_changed = Signal(object)
    step_done = Signal(str)
    locked = Signal(object)
    run_changed = Signal()

    def __init__(self, model: DocumentModel, history: UndoHistory, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.model = model
        self.history = history
        self.read_only = False
        self.locks = Locks(self)
        self.edits_shown = 0
        self._run: EditRun | None = None
        self._run_timer = QTimer(self, singleShot=True, interval=RUN_ENDS_MS)
        self._run_timer.timeout.connect(self.end_run)
        self._labels_seen: set[LabelId] = set()
        self._replaced: dict[LabelId, LabelId] = {}
        """The labels that were replaced, and by which."""
        model.document_changed.connect(self._note_labels)
        model.document_opened.connect(lambda _document: self.end_run())

    def edit(self, text: str, edit: Edit, *, labels: LabelSet | None = None) -> bool:
        """Applies an edit by the user to the open document.

        Args:
            text: For the Undo command.
            edit: The edit.
            labels: The label set that it needs, which becomes the dataset's in the same step.

        Returns:
            Whether it was made: not in a dataset that is open read-only, and not for locked annotations, see
            ``locked``.
        """
        self.keep_run()  # the edit was made of what is on screen
        before = self.model.labels
        if labels == before:
            labels = None
        document = self._editable(edit, before if labels is None else labels)
        if document is None:
            return False
        if labels is not None:
            self.model.set_labels(labels)
        applied = self._apply(by_user(edit, document))
        self._commit_applied(text, applied, labels, before)
        return True

    def propose(
        self,
        text: str,
        edit: Edit,
        run_id: RunId | None = None,
        source: ImageKey | None = None,
    ) -> bool:
        """Applies an edit by which the user decides nothing: what is pending stays so, and so does the image.

        Args:
            text: For the Undo command.
            edit: The edit; it uses labels of the dataset.
            run_id: The run that it is, or a part of.
            source: The image that the objects are from.

        Returns:
            Whether it was made, as ``edit``.
        """
        self.keep_run()
        document = self._editable(edit, self.model.labels)
        if document is None:
            return False
        applied = self._apply(edit)
        self._commit(
            Transaction(text, ((document.key, applied.edit),), run_id=run_id, source=source),
            Transaction(text, ((document.key, applied.back),), run_id=run_id),
            applied,
        )
        return True

    def edit_in_run(self, text: str, edit: Edit, name: str, *, held: bool = False) -> bool:
        """Applies one of many edits in a row that become one step of the history, as ``edit``.

        It is on screen at once; the step is saved when the run ends: with another edit, an undo, another
        image, or if no edit follows for ``RUN_ENDS_MS``.

        Args:
            text: For the Undo command.
            edit: Puts annotations that the document has, and nothing else.
            name: Of the run: only an edit with the same name continues it.
            held: It is a preview: not saved before ``keep_run`` or another edit, however long that takes.
        """
        if self._run is not None and self._run.name != name:
            self.keep_run()
        document = self._editable(edit, self.model.labels)
        if document is None:
            return False
        run = self._run
        before = document if run is None else run.before
        put = {**({} if run is None else run.put), **{p.annotation.id: p for p in edit.put}}
        applied = AppliedEdit.of(by_user(Edit(put=tuple(put.values())), before), before)
        self._run = EditRun(name, text, before, put, applied, held)
        self.edits_shown += 1
        self.model.open(applied.after)
        if not held:
            self._run_timer.start()
        if run is None:
            self.run_changed.emit()
        return True

    def end_run(self) -> None:
        """Ends a run of edits, which becomes a step of the history; takes back one that is held."""
        if self._run is not None and self._run.held:
            self.drop_run()
        else:
            self.keep_run()

    def keep_run(self) -> None:
        """Ends a run of edits, which becomes a step of the history."""
        self._run_timer.stop()
        run, self._run = self._run, None
        if run is not None:
            self._commit_applied(run.text, run.applied)
            self.run_changed.emit()

    def drop_run(self) -> None:
        """Takes back a run of edits that has not ended."""
        self._run_timer.stop()
        run, self._run = self._run, None
        if run is not None:
            self.edits_shown += 1
            if self.model.key == run.before.key:
                self.model.open(run.before)
            self.run_changed.emit()

    @property
    def run_text(self) -> str:
        """The text of the run of edits that has not ended; "" if there is none."""
        return "" if self._run is None else self._run.text

    def _editable(self, edit: Edit, labels: LabelSet) -> ImageDocument | None:
        """The open document if an edit may be made to it."""
        document = self.model.document
        if document is None or not edit or self.read_only:
            return None
        held = self.locks.held_by(edit, document)
        if held:
            self.locked.emit(held)
            return None
        if any(p.annotation.label_id not in labels for p in edit.put):
            self.image_requested.emit(document.key)  # its label was just replaced: the document is stale
            return None
        return document

    def _commit_applied(
        self, text: str, applied: AppliedEdit, labels: LabelSet | None = None, before: LabelSet | None = None
    ) -> None:
        key = applied.before.key
        before = None if labels is None else before
        self._commit(
            Transaction(text, ((key, applied.edit),), labels, before),
            Transaction(text, ((key, applied.back),), before, labels),
            applied,
        )

    def change_labels(self, text: str, labels: LabelSet) -> None:
        """Replaces the label set, as an edit by the user."""
        self.end_run()
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
        self.end_run()
        if decision is not edits.accept:  # a locked annotation can be accepted, and nothing else
            left_out = self.locks.locked.intersection(i for ids in chosen.values() for i in ids)
            chosen = {key: ids for key, given in chosen.items() if (ids := frozenset(given) - left_out)}
            if left_out:
                self.locked.emit(left_out)
        if self.read_only or not chosen:
            return
        do = Transaction(text, tuple((key, Edit()) for key in chosen))
        shown, key = self.model.document, self.model.key
        if shown is not None and key in chosen:
            edit = decision(shown, chosen[shown.key])
            if edit:
                self._apply(by_user(edit, shown))  # the store's own edit takes its place when it has answered
        self._commit(do, plan=partial(plans.decide, chosen=chosen, decision=decision, text=text))

    def commit_plan(self, text: str, keys: Sequence[ImageKey], plan: Plan) -> None:
        """Makes a change of images that the store plans when it saves it, as one step.

        Args:
            text: For the Undo command.
            keys: The images it may change.
            plan: Makes the change; it leaves locked annotations alone.
        """
        self.end_run()
        if not self.read_only and keys:
            self._commit(Transaction(text, tuple((key, Edit()) for key in keys)), plan=plan)

    def assign_splits(self, splits: Mapping[ImageKey, Split | None], text: str) -> None:
        """Puts images into splits, or out of them (None), as one step."""
        self.end_run()
        if self.read_only or not splits:
            return
        do = Transaction(text, splits=tuple(SplitChange(key, None, to) for key, to in splits.items()))
        self._commit(do, plan=partial(plans.assign_splits, splits=splits, text=text))

    def undo(self, *, newest: bool = False) -> None:
        """Undoes the next step, and shows an image it has changed; or takes back a preview.

        ``newest``: of all images; otherwise those of the image on screen come first.
        """
        if self._run is not None and self._run.held:
            self.drop_run()
            return
        self.end_run()
        self._show_step(self.history.undo(None if newest else self.model.key), "Undid")

    def redo(self, *, newest: bool = False) -> None:
        """Redoes the next step, and shows an image it has changed; ``newest`` as for ``undo``."""
        self.end_run()
        self._show_step(self.history.redo(None if newest else self.model.key), "Redid")

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
        if self._run is not None and self.model.key == document.key:
            self.end_run()  # the store does not have it yet
            self.image_requested.emit(document.key)
        elif self.model.key == document.key:
            self.model.open(document)

    def _remove_label(self, label_id: LabelId, what: str, plan: Plan) -> None:
        self.end_run()
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
        self.images_changed.emit((*do.keys, *(change.key for change in do.splits)))

    def _show_step(self, step: Transaction | None, done: str) -> None:
        if step is None:
            return
        self._show_labels(step)
        if self._is_open_alone(step):
            self._apply(step.edits[0][1])
        self._reload(step)  # the store may have changed more or less than this step
        self.images_changed.emit((*step.keys, *(change.key for change in step.splits)))
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
