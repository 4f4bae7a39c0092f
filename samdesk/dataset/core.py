"""Saves changes of a dataset: one transaction of the store, then the label files and data.yaml."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from time import monotonic

from samdesk.base.bulk import Breathe, breathing, without_pauses
from samdesk.base.errors import reason
from samdesk.dataset.change import ChangeSet, check_no_conflicts, check_used, class_ids_change, rebase_labels
from samdesk.dataset.documents import Documents
from samdesk.dataset.labels.class_names import ClassNamesFile, read_names, write_names
from samdesk.dataset.labels.class_scan import SCANNED_ON_OPENING, ClassScan
from samdesk.dataset.labels.files import CHANGED, TRAIN_SIZE_SETTING, LabelFiles
from samdesk.dataset.labels.projection import Projection
from samdesk.dataset.labels.reports import UnwrittenReports, damaged_labels
from samdesk.dataset.labels.sweep import LabelSweep
from samdesk.dataset.links import boundary_of
from samdesk.dataset.lock import DatasetLock, lock_path
from samdesk.dataset.open import OpenedStore, save_location
from samdesk.dataset.retired import RetiredLabels
from samdesk.dataset.store.database import Store
from samdesk.dataset.store.history import History
from samdesk.dataset.store.rows import FileState, Rows
from samdesk.dataset.trainer.settings import training_settings
from samdesk.dataset.types import Notice, RefusedError, StoreError
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.labels import LabelSet
from samdesk.formats.yolo.inset import train_size_of
from samdesk.images.errors import ImageError

log = logging.getLogger(__name__)

_LAST_NAMES = "samdesk.names"
_SCAN_SECONDS = 0.1
"""The time an edit waits for the class ids in label files that were not read yet."""
_CLOSING_SECONDS = 5.0
"""The time to write label files and data.yaml on closing; the rest is written when it is opened again."""
_AT_ONCE = 64
"""Label files that are written with the change; those of a larger change are written in parts."""
_UNSAVED = 500
"""Label files written before the store is told so."""


class DatasetCore:
    """The parts of an open dataset. All changes go through ``save``, which keeps the parts consistent.

    Attributes:
        rows: Documents and labels in the store.
        history: The undo log.
        files: The label files.
        projection: Writes the label files.
        names: The file with the class names.
        documents: Loads documents.
        retired: The labels deleted since.
        in_memory: Nothing can be written at ``path``; edits are lost on closing.
        read_only: Another samdesk has the dataset open.
        breathe: Called between two images of a long change.
        sweep: Writes the label files after a change of all of them.
        path: The file that the store is in or will be in.
        write_lists: Writes the lists of the splits and their names in data.yaml.
    """

    def __init__(
        self, folder: Path, keys: tuple[ImageKey, ...], opened: OpenedStore, max_pixels: int,
        notify: Callable[[Notice], None], run_outputs: Sequence[str] = (),
    ) -> None:  # fmt: skip
        self.in_memory = opened.in_memory
        self.read_only = opened.read_only
        self.path = opened.path
        self._folder = folder
        self._keys = keys
        self._lock = opened.lock
        self._attempted = False
        self._notify = notify
        self._store = opened.store
        self.rows = Rows(opened.store)
        self.breathe: Breathe = without_pauses
        self.history = History(opened.store, lambda *step: self.breathe(*step))
        boundary = boundary_of(folder)
        self.files = LabelFiles(folder, keys, boundary)
        self.projection = Projection(self.files, self.rows, notify)
        self.names = ClassNamesFile(folder, keys, boundary, notify, run_outputs)
        self.files.keypoint_values = self.names.keypoint_values()
        self.files.train_size = train_size_of(self.rows.setting(TRAIN_SIZE_SETTING))
        self.documents = Documents(folder, self.files, self.rows, self.projection, max_pixels)
        self.documents.shared = self.read_only
        self.retired = RetiredLabels()
        self._settings: dict[str, str] = {}
        self._label_files_stale = False
        self._class_names_stale = False
        self.write_lists: Callable[[], None] = lambda: None
        self._unwritten = UnwrittenReports(folder, notify)
        self.sweep = LabelSweep(
            self.projection, self.documents, lambda key, e: self._unwritten.add(self.files.name(key), e, key)
        )
        self._scan = ClassScan(self.files, keys, lambda: self.rows.file_hashes(), self.documents.class_counts)

    def set_images(self, keys: tuple[ImageKey, ...], run_outputs: Sequence[str] = ()) -> None:
        """Replaces the list of images after the folder was looked at again."""
        self._keys = keys
        self.files.set_images(keys)
        self.names.set_images(keys, run_outputs)
        self.files.keypoint_values = self.names.keypoint_values()

    def start(self) -> None:
        """Loads the label set and completes what a crash or a full disk interrupted."""
        self.projection.training = training_settings(self.setting)
        names = read_names(self.rows.setting(_LAST_NAMES))
        labels, problem = self.rows.labels(names or ())
        if labels:
            self.documents.labels, self.documents.labels_unsaved = labels, bool(problem)
        elif self.names.found:
            named = LabelSet.from_names(self.names.found)
            self.documents.labels, self.documents.labels_unsaved = named, True
        self.files.declared = max(len(labels), len(self.names.found))
        self._start_class_names(names, new=not labels)
        if problem and labels:
            self._report_labels(problem)
        if len(self._keys) <= SCANNED_ON_OPENING:
            self.advance(_SCAN_SECONDS)
        if self._store.path is None or self.read_only:
            return
        if labels and not self.rows.is_signed:  # by an older samdesk
            with self._store.transaction():
                self.rows.write_labels(labels)
        if interrupted := self.history.journal.runs("open"):
            with self._store.transaction():
                for run_id in interrupted:
                    self.history.end_run(run_id, "interrupted")
        self._label_files_stale = True
        self.write_label_files()  # a sweep that a crash or a restart has interrupted goes on

    def _start_class_names(self, names: tuple[str, ...] | None, *, new: bool) -> None:
        """Finds what was last seen of data.yaml: the names in the store, or in the file of a new dataset."""
        if names is None or new:
            self.names.check(ask=not self.read_only and not self.in_memory)
        if names is not None:
            self.names.seen = names
        elif not new:
            self.names.seen = None

    def _report_labels(self, problem: str) -> None:
        """Tells that the labels were damaged; if data.yaml has others, the user is asked which to keep."""
        self.names.seen = ()
        if not self.read_only:
            with self._store.transaction():
                self.rows.write_labels(self.documents.labels)
            self.documents.labels_unsaved = False
        self._notify(damaged_labels(self.path, self.names.path.name, problem))

    @property
    def unfinished(self) -> bool:
        """Whether ``advance`` has something to do."""
        if self.read_only:
            return False
        return not self.sweep.stopped if self.sweep.pending else self._scan.pending

    def renew_lock(self) -> None:
        """Shows other machines that this process is alive; call it every few seconds."""
        self._lock.renew()

    def advance(self, seconds: float) -> None:
        """Writes label files for about this long; when all are written, looks for class ids in them.

        At the end data.yaml is written if that waits.
        """
        if not self.unfinished:
            return
        if self.sweep.pending:
            self._advance_sweep(seconds)
            return
        try:
            finished = self._scan.advance(self.documents.labels, seconds)
        except StoreError:
            self._scan.pending = False  # tried again with the next change, which reports it
            return
        self.documents.add_classes(self._scan.highest + 1)
        if finished and self._class_names_stale:
            self._write_class_names()

    @property
    def was_not_closed(self) -> bool:
        """Whether the program that had the store open before has not closed it."""
        return self._store.was_not_closed

    @property
    def lost_saves(self) -> int:
        """Number of changes that were saved once and are gone."""
        return self._store.lost_saves

    def setting(self, key: str) -> str | None:
        """Returns a value stored with the dataset; None if there is none."""
        found = self._settings.get(key)
        return self.rows.setting(key) if found is None else found

    def set_setting(self, key: str, value: str) -> None:
        """Sets a value, which is written with the next transaction, or on closing."""
        self._settings[key] = value
        if key == TRAIN_SIZE_SETTING:
            self.files.train_size = train_size_of(value)

    def save_settings(self) -> None:
        """Writes the values set so far, unless the dataset is read-only. Raises ``StoreError``."""
        if self.read_only:
            return
        self.ensure_file()
        self.transact(lambda: None)

    def finish_class_scan(self) -> None:
        """Looks for class ids in all label files that were not read yet, and adds labels for them."""
        while not self._scan.advance(self.documents.labels, _SCAN_SECONDS):
            self.breathe("Reading label files", 0, 0)
        self.documents.add_classes(self._scan.highest + 1)

    def transact(self, write: Callable[[], None]) -> None:
        """Saves what ``write`` writes, settings and new labels in one transaction. Raises ``StoreError``."""
        with self._store.transaction():
            self._flush()
            write()
            if self.documents.labels_unsaved:
                self.rows.write_labels(self.documents.labels)
        self._flushed()
        self.documents.labels_unsaved = False

    def check_writable(self) -> None:
        """Raises ``StoreError`` if the dataset is read-only."""
        if self.read_only:
            raise StoreError(
                f"{self._folder} is open in another samdesk, so it is read-only.",
                next="Close it there and open the folder again.",
            )

    def save(
        self,
        change: ChangeSet,
        log: Callable[[LabelSet], None],
        labels: LabelSet | Callable[[], LabelSet] | None = None,
        base: LabelSet | None = None,
    ) -> LabelSet:
        """Saves edited documents and the label set durably, then updates the label files.

        Args:
            change: The edited documents.
            log: Writes the undo log in the same transaction; called with the new label set.
            labels: The new label set, or makes it of the present one once the documents are written; None
                leaves it.
            base: The label set that ``labels`` was made from.

        Returns:
            The new label set.

        Raises:
            StoreError: Nothing was saved.
        """
        self.check_writable()
        self.ensure_file()
        with self._store.transaction():
            self._flush()
            if self.documents.labels_unsaved:  # documents may be read in a pause
                self.rows.write_labels(self.documents.labels)
            for key, document in breathing(change.after.items(), "Saving", self.breathe):
                self.documents.ensure_row(key)
                self.rows.update(change.before[key], document)
            if callable(labels):
                labels, base = labels(), self.documents.labels
            after, moved = self._write_labels(labels, base)
            change.check(after)
            if labels is not None:
                check_used(self.rows.usage(), after, self.documents.labels)
            if moved:
                self.rows.mark_all_dirty()
            log(after)
        self._flushed()
        self.retired.note(self.documents.labels, after)
        self.documents.labels, self.documents.labels_unsaved = after, False
        for document in change.after.values():
            self.documents.cache(document)
        if moved:
            self.documents.clear_imports()
            self._label_files_stale = True
            self._scan.restart()
        self.write_label_files(change.after)
        return after

    def write_label_files(self, keys: Iterable[ImageKey] = ()) -> None:
        """Writes the class names and the label files of ``keys`` and of all images where it failed before.

        Never raises: the annotations are saved already, and a label file that cannot be written is retried.
        """
        try:
            self._write_label_files(keys)
        except Exception as error:  # noqa: BLE001 - reported
            self._label_files_stale = True
            self._unwritten.add("The label files", error)

    def _write_label_files(self, keys: Iterable[ImageKey]) -> None:
        if self._store.path is None or self.read_only or self._lock.lost:
            return
        if not self._folder.is_dir():
            self._label_files_stale = True
            return
        self.sweep.settle()
        some = list(itertools.islice(keys, _AT_ONCE + 1))
        if len(some) > _AT_ONCE:
            self._label_files_stale, some = True, []  # the store knows them all
        for key in some:
            if not self._write_label_file(key):
                self._label_files_stale = True
                break
        else:
            self._begin_sweep()
        self.projection.sync()
        if self.sweep.pending:
            self._class_names_stale = True  # written when all files have the class ids of these names
        else:
            self._write_class_names()

    def _write_label_file(self, key: ImageKey) -> bool:
        """Returns whether to go on with others."""
        try:
            return self.projection.write(self.documents.get(key), self.documents.labels)
        except ImageError:
            pass
        except Exception as error:  # noqa: BLE001 - it must not keep the others from being written
            self._unwritten.add(self.files.name(key), error, key)
        return True

    def _begin_sweep(self) -> None:
        """Begins to write the label files that are out of date, if any are; a few are written at once."""
        if self._label_files_stale:
            self._label_files_stale = False
            known = set(self._keys)
            self.sweep.start([key for key in self.rows.keys("dirty") if key in known])
            self._sweep_part(_SCAN_SECONDS)

    def _advance_sweep(self, seconds: float) -> None:
        try:
            if not self._folder.is_dir():
                raise FileNotFoundError(self._folder)
            self._sweep_part(seconds)
        except Exception as error:  # noqa: BLE001 - reported
            self.sweep.start(())
            self._label_files_stale = True  # with the next change
            self._unwritten.add("The label files", error)
        if not self.sweep.pending and not self._label_files_stale:
            self._write_class_names()

    def _sweep_part(self, seconds: float) -> None:
        self.sweep.advance(seconds)
        self._label_files_stale = self.sweep.failed
        over = not self.sweep.pending and self._class_names_stale
        if over or self.projection.pending >= _UNSAVED:
            self.save_settings()  # what is written is not written again after a crash

    def replace_rows(self, document: ImageDocument) -> None:
        """Writes an image with damaged rows anew; its label file waits until the user has chosen.

        Raises:
            StoreError: Nothing was saved.
        """
        self.check_writable()
        self.transact(lambda: self.rows.replace(document, FileState(conflict=CHANGED)))
        self.documents.cache(document)
        self.projection.conflicts[document.key] = CHANGED

    def move_to(self, path: Path) -> None:
        """Saves a store in memory to a file and uses that from now on. Raises ``StoreError``."""
        self.check_writable()
        lock = DatasetLock(self._folder, lock_path(path))
        try:
            holder = lock.acquire()
        except OSError as error:
            raise StoreError(f"{path} cannot be written: {reason(error)}.") from error
        if holder:
            raise StoreError(f"{path} is in use: {holder}.", next="Choose another place.")
        try:
            self._set_store(self._store.save_as(path))
        except BaseException:
            lock.release()
            raise
        self._lock.release()
        self._lock = lock
        self.path, self.in_memory = path, False
        save_location(self._folder, path)
        self._label_files_stale = True
        self.write_label_files()

    def close(self) -> None:
        """Writes what is not saved yet and releases the lock."""
        try:
            if self._store.path is not None and not self.read_only and not self._lock.lost:
                self.write_label_files()
                end = monotonic() + _CLOSING_SECONDS
                while self.unfinished and monotonic() < end:
                    self.advance(_SCAN_SECONDS)
                self.sweep.close()
                if self._settings or self.projection.pending or self._names_to_save() is not None:
                    self.save_settings()
        finally:
            self.sweep.close()
            self._store.close()
            self._lock.release()

    def ensure_file(self) -> None:
        """Makes sure that there is a file to write to. Raises ``StoreError``."""
        self._lock.renew()
        if self._lock.lost:
            raise StoreError(
                f"{self._folder} was opened by another samdesk while this one did not answer.",
                next="Close it there, then open the folder again.",
            )
        if self._store.path is None and not self.in_memory:
            # What an attempt that failed has left is replaced: the lock keeps others away.
            again, self._attempted = self._attempted, True
            self._set_store(self._store.save_as(self.path, replace=again))
        elif self._store.path is not None and not self._store.path.exists():
            # On most systems writing would succeed, into a file that is deleted already.
            raise StoreError(
                f"{self._store.path} is missing: its folder was moved, deleted or unplugged.",
                next="Put it back, or choose another place for the store.",
            )

    def _set_store(self, store: Store) -> None:
        self._store = store
        self.rows, self.history = Rows(store), History(store, lambda *step: self.breathe(*step))
        self.projection.rows = self.documents.rows = self.rows

    def _flush(self) -> None:
        self.projection.flush()
        if (names := self._names_to_save()) is not None:
            self._settings[_LAST_NAMES] = names
        for key, value in self._settings.items():
            self.rows.set_setting(key, value)

    def _flushed(self) -> None:
        self.projection.flushed()
        self._settings.clear()

    def _names_to_save(self) -> str | None:
        """What was last seen of data.yaml, for the store; None if it has that."""
        text = None if self.names.seen is None else write_names(self.names.seen)
        return None if text == self.rows.setting(_LAST_NAMES) else text

    def _write_labels(self, labels: LabelSet | None, base: LabelSet | None) -> tuple[LabelSet, bool]:
        """Returns the new label set, and whether class ids changed."""
        before = self.documents.labels
        if labels is None:
            if self.documents.labels_unsaved:
                self.rows.write_labels(before)
            return before, False
        moved = class_ids_change(before, rebase_labels(labels, base, before))
        if moved:
            # Label files not loaded yet hold the old class ids, so they are imported first.
            unread = self.documents.only_in_files(self._keys)
            for key in breathing(unread, "Reading label files", self.breathe):
                self._import(key)
            check_no_conflicts(self.projection.conflicts, names=self.names.conflict)
        after = rebase_labels(labels, base, self.documents.labels)
        self.rows.write_labels(after)
        return after, moved

    def _import(self, key: ImageKey) -> None:
        try:
            self.documents.ensure_row(key)
        except (ImageError, RefusedError) as error:
            path = str(self.files.path(key))
            text = f"{path} keeps its old class ids, because it or its image cannot be read ({error})."
            self._notify(Notice("labels", text, path, key=key))

    def _write_class_names(self) -> None:
        self._class_names_stale = False
        self.names.sync(self.documents.labels, self._complete_labels)
        self.write_lists()

    def _complete_labels(self) -> LabelSet | None:
        """Returns the label set with a label for each class id of the label files; None: not known yet."""
        if not self._scan.advance(self.documents.labels, _SCAN_SECONDS):
            self._class_names_stale = True
            return None
        self.documents.add_classes(self._scan.highest + 1)
        if self.documents.labels_unsaved:
            try:
                self.transact(lambda: None)
            except StoreError:
                return None  # the change before it is saved; the next one reports the store
        return self.documents.labels
