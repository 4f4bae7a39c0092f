"""Dataset: a folder of images with all that is known of it. The one door between disk and program."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Literal

from samdesk.dataset import conflicts
from samdesk.dataset.change import AppliedEdit, Change, MakeEdit, fixed
from samdesk.dataset.core import Core
from samdesk.dataset.open import Opened, folder_error, open_store
from samdesk.dataset.types import NAMES, ImageSummary, LogEntry, Notice, StoreError
from samdesk.domain.annotation import RunId, new_run_id
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import Edit, Transaction
from samdesk.domain.labels import LabelSet
from samdesk.domain.review import ImageReview
from samdesk.images.reader import MAX_PIXELS, ImageError
from samdesk.images.sources import is_text, scan

__all__ = ["NAMES", "Dataset", "ImageError", "ImageSummary", "LogEntry", "Notice", "StoreError"]


class Dataset:
    """Images, labels, annotations and their history. Use it from one thread at a time.

    What a method saved is durable when it returns: it survives a crash and a loss of power. Label files
    and data.yaml follow right after; where they cannot be written, a notice says so and it is tried again.

    Attributes:
        folder: Absolute, with links resolved.
        keys: The images, in natural order.
        reason: Why it is ``in_memory`` or ``read_only``; empty if it is neither.
    """

    def __init__(self, folder: Path, opened: Opened, max_pixels: int) -> None:
        """Use ``Dataset.open``."""
        self.folder = folder
        found = scan(folder)
        self.keys: tuple[ImageKey, ...] = tuple(key for key in found if is_text(key))
        self.reason = opened.notice.message if opened.notice else ""
        self._known = frozenset(self.keys)
        self._notices: list[Notice] = [opened.notice] if opened.notice else []
        self._core = Core(folder, self.keys, opened, max_pixels, lambda notice: self._notices.append(notice))
        left_out = [key for key in found if not is_text(key)]
        if left_out:
            name = left_out[0].encode("utf-8", "replace").decode("utf-8")
            text = (
                f"{len(left_out)} of the images ({name}) are left out: their names are not text in UTF-8. "
                "Rename them and open the folder again"
            )
            self._notices.append(Notice("image", text, str(folder)))

    @classmethod
    def open(cls, folder: Path, *, store_path: Path | None = None, max_pixels: int = MAX_PIXELS) -> Dataset:
        """Opens a folder of images.

        The store is made with the first edit. What a crash left undone is done now: the label files of the
        last edits are written, and an auto-annotate run that was cut off becomes one step of the history.

        Args:
            folder: Any folder; images of its subfolders belong to it.
            store_path: Where the store is, or shall be; ``.samdesk/dataset.db`` in the folder by default.
            max_pixels: Larger images are not opened.

        Raises:
            StoreError: There is no such folder, or its store is damaged or made by a newer samdesk.
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
    def core(self) -> Core:
        """The parts of the dataset, for the functions of ``dataset.queries``."""
        return self._core

    @property
    def labels(self) -> LabelSet:
        """The label set. Loading an image may add labels at its end ("class_7") for nameless class ids."""
        return self._core.documents.labels

    @property
    def in_memory(self) -> bool:
        """The store cannot be written: edits are lost on closing, unless ``save_store_to`` saves them."""
        return self._core.in_memory

    @property
    def read_only(self) -> bool:
        """Another samdesk has the dataset; nothing can be changed here."""
        return self._core.read_only

    @property
    def conflicts(self) -> frozenset[ImageKey]:
        """Images whose label file is not written until ``resolve``; ``NAMES`` for data.yaml."""
        found = frozenset(self._core.projection.conflicts)
        return found | {NAMES} if self._core.names.conflict else found

    def path(self, key: ImageKey) -> Path:
        """The image's file."""
        return self.folder / key

    def notices(self) -> list[Notice]:
        """What happened since the last call."""
        found, self._notices = self._notices, []
        return found

    def load(self, key: ImageKey) -> ImageDocument:
        """The document of an image: from the store, else from its label file, else an empty one.

        Raises:
            ImageError: The image is not there, damaged, too large, or not of this dataset.
            StoreError: The store or the label file cannot be read.
        """
        if key not in self._known:
            raise ImageError(self.path(key), "the image is not in this dataset")
        size = self._core.documents.size(key)
        document = self._core.documents.get(key)
        if (document.width, document.height) != size:
            text = (
                f"{key} was {document.width} x {document.height} pixels when it was annotated and is "
                f"{size[0]} x {size[1]} now: its annotations are scaled with it. Have a look whether they fit"
            )
            document = self._core.resize(document, *size)
            self._notices.append(Notice("image", text, str(self.path(key)), key=key))
        self._core.projection.check(document, self.labels)
        return document

    def commit(self, transaction: Transaction, applied: AppliedEdit | None = None) -> Transaction:
        """Saves a step and appends it to the history; what was undone can no longer be redone.

        Args:
            transaction: The step.
            applied: One of its edits as it was applied on screen; see ``AppliedEdit``.

        Returns:
            The transaction that takes it back.

        Raises:
            StoreError: Nothing of it was saved. The text says why.
            ImageError: An image it changes cannot be read.
        """
        back, _ = self._commit(transaction, applied=applied)
        return back

    def undo(self) -> Transaction | None:
        """Takes the newest step back; None if there is none. Raises as ``commit``.

        Returns:
            What was applied. Undoing a run leaves alone what a person made of its annotations.
        """
        return self._replay("undo")

    def redo(self) -> Transaction | None:
        """Does the step undone last again; None if there is none. Raises as ``commit``.

        Returns:
            What was applied.
        """
        return self._replay("do")

    def history(self, limit: int = 500) -> tuple[list[LogEntry], list[LogEntry]]:
        """The newest steps done, oldest first, and the steps undone, the next to redo first."""
        return self._core.history.entries(limit)

    def begin_run(self, text: str) -> RunId:
        """Opens an auto-annotate run; its edits become one step of the history. Raises ``StoreError``."""
        run_id = new_run_id()
        self._core.save(Change(), lambda _: self._core.history.begin_run(run_id, text))
        return run_id

    def commit_run(self, run_id: RunId, key: ImageKey, edit: Edit) -> bool:
        """Saves an edit of a run; False, and nothing is changed, if a person has touched the image.

        Raises:
            StoreError: Nothing of it was saved, or the run is not open.
            ImageError: The image cannot be read.
        """
        if not self._core.history.is_open(run_id):
            raise StoreError("the auto-annotate run is not open any more")
        change = self._changed([(key, fixed(edit))])
        if change.before[key].review is not ImageReview.UNREVIEWED:
            return False
        if not edit and self._core.rows.looked_at(key):
            return True  # found empty before: a run again is no new step of the history
        (_, back), *_ = change.back
        self._core.save(change, lambda _: self._core.history.add_to_run(run_id, key, edit, back))
        return True

    def end_run(self, run_id: RunId) -> LogEntry | None:
        """Closes a run; its step of the history, or None if it changed nothing. Raises ``StoreError``."""
        found: list[LogEntry | None] = []
        self._core.save(Change(), lambda _: found.append(self._core.history.end_run(run_id)))
        return found[0]

    def resolve(self, key: ImageKey, choice: str) -> LogEntry | None:
        """Ends a conflict about a label file (``NAMES``: about data.yaml).

        Args:
            key: One of ``conflicts``; nothing happens for others.
            choice: "mine" writes samdesk's annotations over the file (a copy is kept in the folder
                "replaced" beside the store); "file" takes the file's annotations, as a step that can be
                undone. A file with bad lines is in conflict and left alone until "mine" is chosen.

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
            resolution = make(self._core, key)
            _, seq = self._commit(
                resolution.transaction or Transaction(""),
                lambda: conflicts.write(self._core, key, resolution),
                logged=resolution.transaction is not None,
            )
        except Exception:
            self._core.names.conflict |= key == NAMES
            raise
        conflicts.settle(self._core, key, resolution)
        self._core.project([] if key == NAMES else [key])
        return self._core.history.find(seq) if seq else None

    def settings_get(self, key: str) -> str | None:
        """A value kept with the dataset ("last_image")."""
        return self._core.setting(key)

    def settings_set(self, key: str, value: str) -> None:
        """Keeps a value with the dataset; it is written with the next step, or on closing."""
        self._core.set_setting(key, value)

    def save_store_to(self, path: Path) -> None:
        """Gives a store that is in memory a file. Later openings find it there. Raises ``StoreError``."""
        self._core.move_to(path)
        self.reason = ""

    def close(self) -> None:
        """Writes what is left to write and gives the dataset free."""
        self._core.close()

    def _changed(
        self, edits: Iterable[tuple[ImageKey, MakeEdit]], applied: AppliedEdit | None = None
    ) -> Change:
        self._core.check_writable()
        return Change.of(edits, self._core.documents.get, applied)

    def _commit(
        self,
        step: Transaction,
        also: Callable[[], None] = lambda: None,
        *,
        logged: bool = True,
        applied: AppliedEdit | None = None,
    ) -> tuple[Transaction, int]:
        """The way back, and the number of the step in the history (0: not logged)."""
        change = self._changed(((key, fixed(edit)) for key, edit in step.edits), applied)
        back = Transaction(step.text, tuple(change.back[::-1]), run_id=step.run_id)
        seq = 0

        def log(labels: LabelSet) -> None:
            nonlocal back, seq
            also()
            do = step
            if step.labels is not None:
                # As they are only now: reading label files may have added some.
                do = replace(step, labels=labels, labels_before=self.labels)
                back = replace(back, labels=self.labels, labels_before=labels)
            if logged:
                seq = self._core.history.append(do, back)

        self._core.save(change, log, step.labels, step.labels_before)
        return back, seq

    def _replay(self, way: Literal["undo", "do"]) -> Transaction | None:
        history = self._core.history
        step = history.newest() if way == "undo" else history.next_redo()
        if step is None:
            return None
        change = self._changed(history.replay(step, way))
        to, base = step.labels, step.labels_before
        if way == "undo":
            to, base = base, to
        applied = Transaction(step.text, tuple(change.done), run_id=step.run_id)

        def log(labels: LabelSet) -> None:
            nonlocal applied
            before = None if to is None else self.labels
            if before is not None:
                applied = replace(applied, labels=labels, labels_before=before)
            history.mark(step, undone=way == "undo", back=change.back, labels_back=before)

        self._core.save(change, log, to, base)
        return applied
