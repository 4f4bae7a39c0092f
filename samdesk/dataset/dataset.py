"""Dataset: a folder of images with its labels, annotations and undo history."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

from samdesk.dataset import conflicts
from samdesk.dataset.background.indexing import Indexing
from samdesk.dataset.background.integrity import IntegrityCheck
from samdesk.dataset.change import AppliedEdit, ChangeSet, EditFactory, RunEdit, constant_edit
from samdesk.dataset.core import DatasetCore
from samdesk.dataset.labels.files import DAMAGED
from samdesk.dataset.labels.leftovers import Leftovers
from samdesk.dataset.labels.reports import damaged_history, scaled_annotations
from samdesk.dataset.open import OpenedStore, folder_error, left_out_notices, open_store
from samdesk.dataset.resizing import resize
from samdesk.dataset.runs.record import RunInfo, RunRecord, RunState
from samdesk.dataset.runs.saving import Runs
from samdesk.dataset.splits.lists import SplitLists
from samdesk.dataset.store.errors import DamagedRowsError
from samdesk.dataset.trainer.checks import training_notices
from samdesk.dataset.trainer.facts import TrainingFacts
from samdesk.dataset.types import (
    NAMES,
    CommittedStep,
    ImageSummary,
    LogEntry,
    Notice,
    OutOfOrderError,
    StoreError,
)
from samdesk.domain.annotation import RunId
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.doubt import Calibration
from samdesk.domain.edits import Transaction
from samdesk.domain.labels import LabelSet
from samdesk.domain.split import inverse
from samdesk.images.errors import ImageError
from samdesk.images.header import MAX_PIXELS
from samdesk.images.sources import Survey, is_text, natural_order, survey

__all__ = ["NAMES", "Dataset", "ImageError", "ImageSummary", "LogEntry", "Notice", "StoreError"]

_CLEARING_SECONDS = 0.2


class Dataset:
    """Images, labels, annotations and the undo history of a folder. Not thread-safe.

    Changes are durable when a method returns: they survive a crash and a loss of power. Label files and
    data.yaml are written next; if that fails, a notice is added and they are retried later.

    Attributes:
        folder: Absolute, with links resolved.
        keys: The images, in natural order.
        survey: All image files in the folder, those that are no images of the dataset included.
        reason: Why it is ``in_memory`` or ``read_only``, for the user; "" if it is neither.
        indexing: Fills what ``dataset.search`` needs.
        runs: The auto-annotate runs that have not ended.
        lists: The lists of the splits.
    """

    def __init__(self, folder: Path, opened: OpenedStore, max_pixels: int) -> None:
        """Use ``Dataset.open``."""
        self.folder = folder
        self.survey = survey(folder)
        found = self.survey.keys
        self.keys: tuple[ImageKey, ...] = tuple(key for key in found if is_text(key))
        self.reason = opened.notice.message if opened.notice else ""
        self._known = frozenset(self.keys)
        self._notices: list[Notice] = [opened.notice] if opened.notice else []
        self._core = DatasetCore(
            folder, self.keys, opened, max_pixels, lambda notice: self._notices.append(notice),
            self.survey.run_outputs,
        )  # fmt: skip
        self._notices += left_out_notices(folder, found)
        self.indexing = Indexing(self._core, self.keys)
        self.runs = Runs(self._core)
        self.lists = SplitLists(self._core, folder, lambda notice: self._notices.append(notice))
        self._core.write_lists = self.lists.sync
        self.lists.set_images(self.keys)
        self._integrity = IntegrityCheck(self._core)
        self._notices += self._integrity.notices_at_opening()
        ours = not (opened.read_only or opened.in_memory)
        self._leftovers = Leftovers(self._core.files, opened.path, self._core.names.path, allowed=ours)
        self._notices += training_notices(self.training)

    @classmethod
    def open(cls, folder: Path, *, store_path: Path | None = None, max_pixels: int = MAX_PIXELS) -> Dataset:
        """Opens a folder of images.

        The store is created with the first edit; that of an older samdesk is brought up to date. After a
        crash the label files of the last edits are written, and an auto-annotate run that was interrupted
        becomes one step of the history.

        Args:
            folder: Any folder; images of its subfolders are included.
            store_path: The file of the store, which need not exist; None: where the user has moved it to,
                else ``.samdesk/dataset.db`` in the folder.
            max_pixels: Larger images are not opened.

        Raises:
            StoreError: There is no such folder, or its store is damaged, made by a newer samdesk, or cannot
                be brought up to date.
        """
        error = folder_error(folder)
        if error is not None:
            raise error
        folder = folder.resolve()
        opened = open_store(folder, store_path)
        try:
            dataset = cls(folder, opened, max_pixels)
            dataset._core.start()
        except BaseException:
            opened.store.close()
            opened.lock.release()
            raise
        return dataset

    @property
    def core(self) -> DatasetCore:
        """The parts of the dataset, for the functions of ``dataset.queries``."""
        return self._core

    @property
    def labels(self) -> LabelSet:
        """The label set. Loading an image may append labels for class ids without a name ("class_7")."""
        return self._core.documents.labels

    @property
    def training(self) -> TrainingFacts:
        """What is known about its training without looking at label files and data.yaml."""
        known = replace(self.survey, keys=self.keys)
        return TrainingFacts(self.folder, known, self._core.names.path, self._core.names.found)

    @property
    def in_memory(self) -> bool:
        """Whether the store cannot be written; edits are lost on closing without ``save_store_to``."""
        return self._core.in_memory

    @property
    def read_only(self) -> bool:
        """Whether another samdesk has the dataset open, so that nothing can be changed here."""
        return self._core.read_only

    @property
    def conflicts(self) -> frozenset[ImageKey]:
        """The images whose label file is not written until ``resolve``; ``NAMES`` for data.yaml."""
        found = frozenset(self._core.projection.conflicts)
        return found | {NAMES} if self._core.names.conflict else found

    def path(self, key: ImageKey) -> Path:
        """Returns the file of an image."""
        return self.folder / key

    def notices(self) -> list[Notice]:
        """Returns the notices since the last call."""
        found, self._notices = self._notices, []
        return found

    def load(self, key: ImageKey) -> ImageDocument:
        """Returns the document of an image: from the store, else from its label file, else an empty one.

        Raises:
            ImageError: The image is missing, damaged, too large, or not in this dataset.
            StoreError: The store or the label file cannot be read.
        """
        if key not in self._known:
            raise ImageError(self.path(key), "the image is not in this dataset")
        size = self._core.documents.size(key)
        self._core.documents.recheck_label_file(key)
        try:
            document = self._core.documents.get(key)
        except DamagedRowsError:
            return conflicts.ask_about_damage(self._core, key, size)
        if (document.width, document.height) != size:
            before, document = document, resize(self._core, document, *size)
            self._notices.append(scaled_annotations(before, size, self.path(key)))
        self._core.projection.check(document, self.labels)
        return document

    def set_survey(self, found: Survey, keep: ImageKey | None = None) -> None:
        """Replaces the list of images after the folder was looked at again.

        Args:
            found: The image files there are now.
            keep: An image that stays in the list even if its file is gone.
        """
        keys = [key for key in found.keys if is_text(key)]
        if keep is not None and keep not in found.keys:
            insort(keys, keep, key=natural_order)
        self.survey, self.keys, self._known = found, tuple(keys), frozenset(keys)
        self._core.set_images(self.keys, found.run_outputs)
        self.indexing.set_images(self.keys)
        self.lists.set_images(self.keys)

    def commit(self, transaction: Transaction, applied: AppliedEdit | None = None) -> Transaction:
        """Saves a step and appends it to the undo history; undone steps can no longer be redone.

        Args:
            transaction: The step.
            applied: One of its edits as it was applied on screen; see ``AppliedEdit``.

        Labels that were deleted since the edits were made are replaced as their other annotations were; those
        that no other label has replaced come back.

        Returns:
            The transaction that undoes it.

        Raises:
            StoreError: Nothing was saved; ``RefusedError``: nor can it be.
            ImageError: An image it changes cannot be read.
        """
        return self.commit_step(transaction, applied).back

    def commit_step(self, transaction: Transaction, applied: AppliedEdit | None = None) -> CommittedStep:
        """As ``commit``; returns the step in the log: once it is durable, nothing more is to be read."""
        adapted = self._core.retired.adapted_step(transaction, self.labels)
        brought_back = adapted.labels is not None and transaction.labels is None
        return self._commit(adapted, applied=applied, entry=brought_back)

    def commit_planned(self, plan: Callable[[Dataset], Transaction]) -> LogEntry:
        """Saves a step that is planned now; see ``samdesk.dataset.plans``. Raises as ``commit``."""
        entry = self._commit(plan(self), entry=True).entry
        assert entry is not None
        return entry

    def undo(self, seq: int | None = None) -> Transaction | None:
        """Undoes the newest step; None if there is none. Raises as ``commit``.

        Args:
            seq: The number of a step of one image to undo before newer ones of other images, which it
                overtakes in the history (``domain.edits.overtaken``); None: the newest.

        Returns:
            What was applied. Undoing a run keeps its annotations that were edited by hand.

        Raises:
            OutOfOrderError: The step ``seq`` may not be undone next.
        """
        return self._replay("undo", seq)

    def redo(self, seq: int | None = None) -> Transaction | None:
        """Redoes the step undone last; None if there is none. Raises as ``undo``.

        Args:
            seq: The number of a step of one image to redo before others, as for ``undo``; None: the next.

        Returns:
            What was applied.
        """
        return self._replay("do", seq)

    def history(self, limit: int = 10_000) -> tuple[list[LogEntry], list[LogEntry]]:
        """Returns the newest steps done, oldest first, and the steps undone, the next to redo first.

        Damaged ones are left out, with a notice.
        """
        history = self._core.history
        before = len(history.damaged)
        entries = history.entries(limit)
        new = list(history.damaged.values())[before:]
        if new:
            self._notices.append(damaged_history(self._core.path, new[0]))
        return entries

    def begin_run(
        self, text: str, record: RunRecord | None = None, keys: Sequence[ImageKey] = (),
        names: Iterable[str] = (),
    ) -> RunId:  # fmt: skip
        """Begins an auto-annotate run; its edits become one step of the history. Raises ``StoreError``.

        Args:
            text: For the undo menu.
            record: How it is made, for the list of runs.
            keys: The images it is to annotate, in order.
            names: The labels it may use. Those that the dataset has are used even if they are renamed later.
        """
        return self.runs.begin(text, record, keys, names)

    def commit_run(self, run_id: RunId, key: ImageKey, edit: RunEdit, labels: Sequence[str] = ()) -> bool:
        """Saves an edit of a run. Returns False and changes nothing if the image was edited by hand.

        That holds unless the edit only changes annotations that are there. Nor does it change an image with
        damaged annotations.

        Annotations whose label was deleted since get the label that has replaced it, or are left out.

        Args:
            run_id: The run.
            key: The image.
            edit: The edit, or a function that makes it from the document as it is now; it returns None
                to leave the image alone.
            labels: The names of the labels that the edit may use. Those that are missing and used are added
                at the end, as a part of the run.

        Raises:
            StoreError: Nothing was saved, or the run has ended.
            ImageError: The image cannot be read.
        """
        return self.runs.commit(run_id, key, edit, labels)

    def end_run(self, run_id: RunId, state: RunState | None = None) -> LogEntry | None:
        """Ends a run. Returns its step of the history, None if it changed nothing. Raises ``StoreError``.

        ``state``: what it was; None: "done" if all its images were tried, else "stopped".
        """
        return self.runs.end(run_id, state)

    def resume_run(self, run_id: RunId) -> RunInfo:
        """Opens a run again that has ended; when it ends, its one step is the newest of the history.

        Raises:
            StoreError: It goes on already, was undone, or is not known; nothing was changed.
        """
        return self.runs.resume(run_id)

    def resolve(self, key: ImageKey, choice: str) -> LogEntry | None:
        """Resolves a conflict about a label file (``NAMES``: about data.yaml).

        Args:
            key: One of ``conflicts``; nothing happens for others.
            choice: "mine" overwrites the file with samdesk's annotations (a copy goes to the folder
                "replaced" beside the store); "file" uses the file's annotations, as a step that can be
                undone. A file with bad lines stays in conflict and is not written until "mine" is chosen.

        Returns:
            The step, if annotations or labels changed.

        Raises:
            StoreError: It could not be saved; the conflict stays.
        """
        if choice not in ("mine", "file"):
            raise ValueError(f"choose 'mine' or 'file', not {choice!r}")
        if key not in self.conflicts:
            return None
        self._core.check_writable()
        make = conflicts.keep_mine if choice == "mine" else conflicts.take_file
        try:
            if self._core.projection.conflicts.get(key) == DAMAGED:
                conflicts.repair(self._core, key)
            resolution = make(self._core, key)
            step = self._commit(
                resolution.transaction or Transaction(""),
                lambda: conflicts.write(self._core, key, resolution),
                logged=resolution.transaction is not None,
                entry=True,
            )
        except Exception:
            if key == NAMES:
                self._core.names.ask_again()
            raise
        conflicts.finish(self._core, key, resolution)
        self._core.write_label_files([] if key == NAMES else [key])
        return step.entry

    @property
    def newest_step(self) -> int:
        """The number of the step that ``undo`` undoes; 0: there is none."""
        return self._core.history.newest_number(undone=False)

    @property
    def next_redo(self) -> int:
        """The number of the step that ``redo`` redoes; 0: there is none."""
        return self._core.history.newest_number(undone=True)

    def settings_get(self, key: str) -> str | None:
        """Returns a value stored with the dataset ("last_image"); None if there is none."""
        return self._core.setting(key)

    def settings_set(self, key: str, value: str, *, durable: bool = False) -> None:
        """Stores a value with the dataset; not if it is read-only.

        Args:
            key: Its name.
            value: The value.
            durable: Whether to write it at once, and to create the store for it: for what the user has made.
                Other values are written with the next step, or on closing.

        Raises:
            StoreError: It could not be written; only if ``durable``.
        """
        self._core.set_setting(key, value)
        if durable:
            self._core.save_settings()

    def set_calibration(self, calibration: Calibration | None) -> None:
        """Sets the weights of the doubt; annotations follow in the background. Raises ``StoreError``."""
        self._core.check_writable()
        self.indexing.recalibrate(calibration)

    def save_store_to(self, path: Path) -> None:
        """Saves a store in memory to a file, which is opened from then on. Raises ``StoreError``."""
        self._core.move_to(path)
        self.reason = ""

    @property
    def unfinished(self) -> bool:
        """Whether ``advance`` has something to do."""
        parts = (self.lists, self._integrity, self.indexing, self._leftovers)
        return self._core.unfinished or any(part.pending for part in parts)

    def renew_lock(self) -> None:
        """Shows other machines that this process is alive; call it every few seconds."""
        self._core.renew_lock()

    def advance(self, seconds: float) -> None:
        """Goes on with what was put off for about these seconds: label files, data.yaml, checks."""
        if self._core.unfinished:
            self._core.advance(seconds)
        elif self.lists.pending:
            self.lists.advance(seconds)
        elif self._integrity.pending:
            self._notices += self._integrity.advance(seconds)
        elif self.indexing.pending:
            self.indexing.advance(seconds)
        else:
            self._leftovers.advance(seconds)

    def close(self) -> None:
        """Writes what is not saved yet and releases the dataset."""
        self._leftovers.advance(_CLEARING_SECONDS)
        self.lists.sync(now=True)
        self._core.close()

    def _changed(
        self, edits: Iterable[tuple[ImageKey, EditFactory]], applied: AppliedEdit | None = None
    ) -> ChangeSet:
        self._core.check_writable()
        return ChangeSet.of(edits, self._core.documents.get, applied, self._core.breathe)

    def _commit(
        self, step: Transaction, also: Callable[[], None] = lambda: None, *,
        logged: bool = True, applied: AppliedEdit | None = None, entry: bool = False,
    ) -> CommittedStep:  # fmt: skip
        """Saves a step, and ``also`` with it; ``entry``: whether to return how the log has it."""
        change = self._changed(((key, constant_edit(edit)) for key, edit in step.edits), applied)
        back = Transaction(step.text, tuple(change.inverses[::-1]), run_id=step.run_id)
        saved = CommittedStep(back)

        def log(labels: LabelSet) -> None:
            nonlocal back, saved
            also()
            splits = self._core.rows.splits.change(step.splits)
            do = replace(step, edits=tuple(change.edits), splits=splits)
            back = replace(back, splits=inverse(splits))
            if step.labels is not None:
                # Read after saving: reading label files may have added labels.
                do = replace(do, labels=labels, labels_before=self.labels)
                back = replace(back, labels=self.labels, labels_before=labels)
            seq = self._core.history.append(do, back) if logged else 0
            saved = CommittedStep(back, seq, self._core.history.find(seq) if seq and entry else None)

        self._core.save(change, log, step.labels, step.labels_before)
        return saved

    def _replay(self, way: Literal["undo", "do"], seq: int | None) -> Transaction | None:
        history = self._core.history
        if seq is not None:
            step = history.within_reach(seq, undone=way == "do")
            if step is None:
                raise OutOfOrderError("The step cannot be undone or redone before others.")
        else:
            step = history.newest() if way == "undo" else history.next_redo()
        if step is None:
            return None
        change = self._changed(history.replay(step, way))
        to: LabelSet | Callable[[], LabelSet] | None = step.labels
        base = step.labels_before
        if way == "undo":
            to, base = base, step.labels
        if step.run_id is not None and step.owner == step.run_id:
            to = self._labels_of_run(step.run_id, way, change)
        splits = history.split_changes(step, way)
        applied = Transaction(step.text, tuple(change.edits), run_id=step.run_id, splits=splits)

        def log(labels: LabelSet) -> None:
            nonlocal applied
            before = None if to is None or callable(to) else self.labels
            if before is not None:
                applied = replace(applied, labels=labels, labels_before=before)
            if seq is not None:
                history.move_up(step, undone=way == "do")
            self._core.rows.splits.change(splits)
            history.mark(step, undone=way == "undo", back=change.inverses, labels_back=before)

        self._core.save(change, log, to, base)
        return applied

    def _labels_of_run(self, run_id: RunId, way: str, change: ChangeSet) -> Callable[[], LabelSet]:
        """Returns what makes the label set when a run is undone or redone."""
        if way == "undo":
            return partial(self.runs.labels_without, run_id)
        return partial(self.runs.labels_again, run_id, [edit for _, edit in change.edits])
