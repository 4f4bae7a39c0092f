"""Label files as the projection of the store: written after each commit, never over another's work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from samdesk.base import atomic
from samdesk.dataset.labels.files import BAD_LINES, CHANGED, Imported, LabelFiles, digest, file_hash
from samdesk.dataset.store.rows import FileState, Rows
from samdesk.dataset.types import Notice
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.labels import LabelSet
from samdesk.domain.review import ImageReview


class Projection:
    """Keeps the label files of a dataset equal to its documents.

    What it finds out (a file is written, a file was changed by another program) goes to the store with the
    next transaction, in ``flush``. A crash before that does no harm: a file that holds what the document
    says is known by its content.

    Attributes:
        conflicts: The images whose label file is left alone until the user has chosen, and why.
    """

    def __init__(self, files: LabelFiles, rows: Rows, tell: Callable[[Notice], None]) -> None:
        self.rows = rows
        self.conflicts: dict[ImageKey, str] = rows.conflicts()
        self._files = files
        self._tell = tell
        self._asked: set[ImageKey] = set()
        self._settled: dict[ImageKey, str | None] = {}
        self._found: set[ImageKey] = set()
        self._failing = False
        self._told: set[str] = set()
        self._unsynced: set[Path] = set()

    def flush(self) -> None:
        """Writes what was found out; inside the caller's transaction."""
        for key, known in self._settled.items():
            self.rows.settle(key, known)
        for key in self._found:
            state = self.rows.file(key)
            if state is not None and key in self.conflicts:
                self.rows.set_file(key, replace(state, conflict=self.conflicts[key]), dirty=True)

    def flushed(self) -> None:
        """The transaction that ``flush`` was part of is durable."""
        self._settled.clear()
        self._found.clear()

    @property
    def pending(self) -> bool:
        """Whether ``flush`` has something to write."""
        return bool(self._settled or self._found)

    def write(self, document: ImageDocument, labels: LabelSet) -> bool:
        """Brings one label file up to date. False: the disk refused; the store will try again."""
        key = document.key
        state = self.rows.file(key)
        if state is None or key in self.conflicts or self._is_anothers(key):
            return True
        path = self._files.path(key)
        try:
            there = self._files.read(key)
            wanted = self._wanted(document, labels, state)
            if there != wanted:
                if there is not None and file_hash(there) != self._settled.get(key, state.hash):
                    self.clash(key)
                    return True
                self._replace(path, wanted)
        except OSError as error:
            self._fail(path, error)
            return False
        self._settled[key] = file_hash(wanted)
        self._failing = False
        return True

    def sync(self) -> None:
        """Makes what ``write`` did durable; to be called after one or many."""
        for folder in self._unsynced:
            atomic.sync_folder(folder)
        self._unsynced.clear()

    def check(self, document: ImageDocument, labels: LabelSet) -> None:
        """Notices that another program has changed a label file since it was last seen or written.

        A conflict from before the last start is told again, once: its file is still not written.
        """
        key = document.key
        state = self.rows.file(key)
        if state is None:
            return
        if key in self.conflicts:
            self._ask(key)
            return
        try:
            there = self._files.read(key)
        except OSError:
            return
        if there is None or file_hash(there) == self._settled.get(key, state.hash):
            return
        if there != self._wanted(document, labels, state):
            self.clash(key)

    def clash(self, key: ImageKey) -> None:
        """From here on the file is left alone, and the user is asked."""
        self.conflicts[key] = CHANGED
        self._found.add(key)
        self._asked.discard(key)
        self._ask(key)

    def settle_conflict(self, key: ImageKey) -> None:
        """The user has chosen, and the store knows."""
        self.conflicts.pop(key, None)
        self._found.discard(key)

    def note_import(self, imported: Imported) -> None:
        """Tells of bad lines, and of boxes that would keep the trainer from using outlines."""
        key = imported.document.key
        path = str(self._files.path(key))
        for problem in imported.problems:
            text = (
                f"{path}, line {problem.line}: {problem.message}. The file is kept as it is until you choose"
            )
            self._tell(Notice(BAD_LINES, text, path, problem.line, key))
        if imported.problems:
            self.conflicts[key] = BAD_LINES
            self._asked.add(imported.document.key)
        if imported.boxes and imported.document.annotations:
            text = (
                f"{path} holds boxes. The Ultralytics trainer drops all outlines of a dataset "
                "while any of its label files holds boxes: give every image outlines before you train"
            )
            self._once("boxes", Notice("labels", text, path, key=key))

    def _wanted(self, document: ImageDocument, labels: LabelSet, state: FileState) -> bytes | None:
        if state.imported is not None and digest(document, labels) == state.digest:
            return state.imported
        blank = not document.annotations and document.review is ImageReview.UNREVIEWED
        if blank and state.imported is None and not self.rows.looked_at(document.key):
            return None  # an empty file says that nothing is there: somebody must have looked
        text, report = self._files.format.write(document, labels)
        for loss in report.lossy:
            path = str(self._files.path(document.key))
            self._once(f"{path}: {loss}", Notice("labels", f"{path}: {loss}", path, key=document.key))
        return text.encode("utf-8")

    def _is_anothers(self, key: ImageKey) -> bool:
        owner = self._files.owner(key)
        if owner == key:
            return False
        path = str(self._files.path(key))
        text = (
            f"{key} and {owner} share the label file {path}, which holds the labels of {owner}. "
            f"Rename one of the images, so that {key} is trained, too"
        )
        self._once(f"shared {key}", Notice("labels", text, path, key=key))
        return True

    def _ask(self, key: ImageKey) -> None:
        if key in self._asked:
            return
        self._asked.add(key)
        path, kind = self._files.path(key), self.conflicts[key]
        what = "has lines that cannot be read" if kind == BAD_LINES else "was changed by another program"
        text = (
            f"{path} {what}. It is left as it is until you choose: "
            "keep the annotations in samdesk, or take those of the file"
        )
        self._tell(Notice(kind, text, str(path), key=key))

    def _fail(self, path: Path, error: OSError) -> None:
        if self._failing:
            return
        self._failing = True
        text = (
            f"{path} cannot be written: {error.strerror or error}. The annotations are saved in samdesk's "
            "store; the label files follow as soon as they can be written"
        )
        self._tell(Notice("save", text, str(path)))

    def _once(self, what: str, notice: Notice) -> None:
        if what not in self._told:
            self._told.add(what)
            self._tell(notice)

    def _replace(self, path: Path, content: bytes | None) -> None:
        if content is None:
            path.unlink(missing_ok=True)
        else:
            atomic.write_bytes(path, content, sync=False)
        self._unsynced.add(path.parent)
