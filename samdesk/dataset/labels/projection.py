"""Writes label files from the store after each commit, never over changes of another program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from samdesk.base import atomic
from samdesk.dataset.labels.files import (
    BAD_LINES,
    CHANGED,
    ImportedDocument,
    LabelFiles,
    content_hash,
    digest,
)
from samdesk.dataset.store.rows import FileState, Rows
from samdesk.dataset.types import Notice
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.labels import LabelSet
from samdesk.domain.review import ImageReview


class Projection:
    """Keeps the label files of a dataset in step with its documents.

    Which files were written and which another program has changed goes to the store with the next
    transaction (``flush``). A crash before that is harmless: a file that already holds what would be
    written is recognised by its content.

    Attributes:
        rows: The store.
        conflicts: The images whose label file is not written until the user has chosen, and why.
    """

    def __init__(self, files: LabelFiles, rows: Rows, notify: Callable[[Notice], None]) -> None:
        self.rows = rows
        self.conflicts: dict[ImageKey, str] = rows.conflicts()
        self._files = files
        self._notify = notify
        self._reported: set[ImageKey] = set()
        self._written: dict[ImageKey, str | None] = {}
        self._new_conflicts: set[ImageKey] = set()
        self._failing = False
        self._notified: set[str] = set()
        self._unsynced: set[Path] = set()

    def flush(self) -> None:
        """Saves the state of the label files; the caller has a transaction open."""
        for key, known in self._written.items():
            self.rows.set_written(key, known)
        for key in self._new_conflicts:
            state = self.rows.file(key)
            if state is not None and key in self.conflicts:
                self.rows.set_file(key, replace(state, conflict=self.conflicts[key]), dirty=True)

    def flushed(self) -> None:
        """Call this after the transaction of ``flush`` is committed."""
        self._written.clear()
        self._new_conflicts.clear()

    @property
    def pending(self) -> bool:
        """Whether ``flush`` has something to save."""
        return bool(self._written or self._new_conflicts)

    def write(self, document: ImageDocument, labels: LabelSet) -> bool:
        """Updates one label file. Returns False if it could not be written; the image stays dirty."""
        key = document.key
        state = self.rows.file(key)
        if state is None or key in self.conflicts or self._belongs_to_another_image(key):
            return True
        path = self._files.path(key)
        try:
            on_disk = self._files.read(key)
            wanted = self._wanted(document, labels, state)
            if on_disk != wanted:
                if on_disk is not None and content_hash(on_disk) != self._written.get(key, state.hash):
                    self.mark_conflict(key)
                    return True
                self._replace(path, wanted)
        except OSError as error:
            self._report_failure(path, error)
            return False
        self._written[key] = content_hash(wanted)
        self._failing = False
        return True

    def sync(self) -> None:
        """Makes the files of one or many calls of ``write`` durable."""
        for folder in self._unsynced:
            atomic.sync_folder(folder)
        self._unsynced.clear()

    def check(self, document: ImageDocument, labels: LabelSet) -> None:
        """Detects that another program has changed a label file since it was last read or written.

        A conflict from an earlier session is reported again, once.
        """
        key = document.key
        state = self.rows.file(key)
        if state is None:
            return
        if key in self.conflicts:
            self._report_conflict(key)
            return
        try:
            on_disk = self._files.read(key)
        except OSError:
            return
        if on_disk is None or content_hash(on_disk) == self._written.get(key, state.hash):
            return
        if on_disk != self._wanted(document, labels, state):
            self.mark_conflict(key)

    def mark_conflict(self, key: ImageKey) -> None:
        """Stops writing the file until the user has chosen, and reports the conflict."""
        self.conflicts[key] = CHANGED
        self._new_conflicts.add(key)
        self._reported.discard(key)
        self._report_conflict(key)

    def resolve_conflict(self, key: ImageKey) -> None:
        """Ends a conflict whose resolution is saved."""
        self.conflicts.pop(key, None)
        self._new_conflicts.discard(key)

    def report_import(self, imported: ImportedDocument) -> None:
        """Reports bad lines, and boxes that would keep the trainer from using outlines."""
        key = imported.document.key
        path = str(self._files.path(key))
        for problem in imported.problems:
            text = (
                f"{path}, line {problem.line}: {problem.message}. The file is not written until you choose."
            )
            self._notify(Notice(BAD_LINES, text, path, problem.line, key))
        if imported.problems:
            self.conflicts[key] = BAD_LINES
            self._reported.add(imported.document.key)
        if imported.boxes and imported.document.annotations:
            text = (
                f"{path} holds boxes. The Ultralytics trainer drops all outlines of a dataset "
                "while any of its label files holds boxes: give every image outlines before you train."
            )
            self._notify_once("boxes", Notice("labels", text, path, key=key))

    def _wanted(self, document: ImageDocument, labels: LabelSet, state: FileState) -> bytes | None:
        if state.imported is not None and digest(document, labels) == state.digest:
            return state.imported
        blank = not document.annotations and document.review is ImageReview.UNREVIEWED
        if blank and state.imported is None and not self.rows.seen_by_run(document.key):
            return None  # an empty label file means "no objects", which the user has not confirmed
        text, report = self._files.format.write(document, labels)
        for loss in report.lossy:
            path = str(self._files.path(document.key))
            self._notify_once(f"{path}: {loss}", Notice("labels", f"{path}: {loss}.", path, key=document.key))
        return text.encode("utf-8")

    def _belongs_to_another_image(self, key: ImageKey) -> bool:
        owner = self._files.owner(key)
        if owner == key:
            return False
        path = str(self._files.path(key))
        text = (
            f"{key} and {owner} share the label file {path}, which holds the labels of {owner}. "
            f"Rename one of the images so that {key} gets a label file of its own."
        )
        self._notify_once(f"shared {key}", Notice("labels", text, path, key=key))
        return True

    def _report_conflict(self, key: ImageKey) -> None:
        if key in self._reported:
            return
        self._reported.add(key)
        path, kind = self._files.path(key), self.conflicts[key]
        what = "has lines that cannot be read" if kind == BAD_LINES else "was changed by another program"
        text = (
            f"{path} {what}. It is not written until you choose: "
            "keep the annotations in samdesk, or use those of the file."
        )
        self._notify(Notice(kind, text, str(path), key=key))

    def _report_failure(self, path: Path, error: OSError) -> None:
        if self._failing:
            return
        self._failing = True
        text = (
            f"{path} cannot be written: {error.strerror or error}. The annotations are saved in samdesk's "
            "store; the label files will be written as soon as possible."
        )
        self._notify(Notice("save", text, str(path)))

    def _notify_once(self, what: str, notice: Notice) -> None:
        if what not in self._notified:
            self._notified.add(what)
            self._notify(notice)

    def _replace(self, path: Path, content: bytes | None) -> None:
        if content is None:
            path.unlink(missing_ok=True)
        else:
            atomic.write_bytes(path, content, sync=False)
        self._unsynced.add(path.parent)
