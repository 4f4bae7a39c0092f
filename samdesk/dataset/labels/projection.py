"""Writes label files from the store after each commit, never over changes of another program."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from samdesk.base import atomic
from samdesk.base.boundary import LeadsOutsideError
from samdesk.base.errors import reason, typed_line
from samdesk.dataset.labels.files import (
    BAD_LINES,
    CHANGED,
    DAMAGED,
    DAMAGED_ALONE,
    ImportedDocument,
    LabelFiles,
    digest,
)
from samdesk.dataset.labels.lines import (
    KnownContents,
    kept_lines,
    line_end,
    line_keys,
    numbered_lines,
    rekeyed,
    says,
)
from samdesk.dataset.links import link_notice
from samdesk.dataset.store.rows import FileState, Rows
from samdesk.dataset.store.serial import regions_to_bytes
from samdesk.dataset.trainer.settings import TrainingSettings, held
from samdesk.dataset.types import Notice
from samdesk.domain.annotation import AnnotationId
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.labels import LabelSet
from samdesk.domain.review import ImageReview
from samdesk.formats.label_lines import WriteReport

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _WrittenFile:
    """A label file as last read or written: the hash of what it says, and the keys of its lines."""

    hash: str | None
    lines: bytes | None


@dataclass(frozen=True)
class _WantedFile:
    """What a label file should hold, None: there should be none; and the keys of its lines."""

    content: bytes | None
    lines: bytes | None


@dataclass(frozen=True)
class FileWrite:
    """What is to be done with one label file.

    Attributes:
        key: The image.
        content: Its new content; None: it is deleted.
        written: What the store is to know of it.
        changes: The file does not hold that yet.
    """

    key: ImageKey
    content: bytes | None
    written: _WrittenFile
    changes: bool


class Projection:
    """Keeps the label files of a dataset in step with its documents.

    Which files were written and which another program has changed goes to the store with the next
    transaction (``flush``). A crash before that is harmless: a file that already holds what would be
    written is recognised by its content.

    Attributes:
        rows: The store.
        conflicts: The images whose label file is not written until the user has chosen, and why.
        training: Which annotations label files hold.
    """

    def __init__(self, files: LabelFiles, rows: Rows, notify: Callable[[Notice], None]) -> None:
        self.rows = rows
        self.conflicts: dict[ImageKey, str] = rows.conflicts()
        self.training = TrainingSettings()
        self._files = files
        self._notify = notify
        self._reported: set[ImageKey] = set()
        self._written: dict[ImageKey, _WrittenFile] = {}
        self._new_conflicts: set[ImageKey] = set()
        self._failing = False
        self._notified: set[str] = set()
        self._unsynced: set[Path] = set()
        self._contents = KnownContents()

    def flush(self) -> None:
        """Saves the state of the label files; the caller has a transaction open."""
        for key, known in self._written.items():
            self.rows.set_written(key, known.hash, known.lines)
        for key in self._new_conflicts:
            state = self.rows.file(key)
            if state is not None and key in self.conflicts:
                self.rows.set_file(key, replace(state, conflict=self.conflicts[key]), dirty=True)

    def flushed(self) -> None:
        """Call this after the transaction of ``flush`` is committed."""
        self._written.clear()
        self._new_conflicts.clear()

    @property
    def pending(self) -> int:
        """The number of files whose state ``flush`` has to save."""
        return len(self._written) + len(self._new_conflicts)

    @property
    def unsaved_hashes(self) -> dict[ImageKey, str | None]:
        """What label files say that were written and of which the store does not know yet."""
        return {key: known.hash for key, known in self._written.items()}

    def write(self, document: ImageDocument, labels: LabelSet) -> bool:
        """Updates one label file. Returns False if it could not be written; the image stays dirty."""
        try:
            write = self.plan(document, labels)
            error = None if write is None else self.attempt(write)
        except OSError as unreadable:
            error = unreadable
        if error is not None:
            return self.goes_on(document.key, error)
        if write is not None:
            self.note(write)
        return True

    def plan(self, document: ImageDocument, labels: LabelSet) -> FileWrite | None:
        """Returns how to update one label file; None if it is not to be written. Raises ``OSError``."""
        key = document.key
        state = self.rows.file(key)
        if state is None or key in self.conflicts or self._belongs_to_another_image(key):
            return None
        on_disk = self._files.read(key)
        known = self._known(key, state)
        ours = on_disk is not None and self._says(on_disk, known.hash)
        wanted = self._wanted(document, labels, state, on_disk if ours else None, known.lines)
        written = _WrittenFile(self._contents.hash_of(wanted.content), wanted.lines)
        changes = on_disk != wanted.content and not self._says(on_disk, written.hash)
        if changes and on_disk is not None and not ours:
            self.mark_conflict(key)
            return None
        return FileWrite(key, wanted.content, written, changes)

    def attempt(self, write: FileWrite) -> OSError | None:
        """Writes one label file, in any thread. Returns why it could not be written."""
        if write.changes:
            try:
                self._unsynced.add(self._files.write(write.key, write.content))
            except OSError as error:
                return error
        return None

    def note(self, write: FileWrite) -> None:
        """Notes for the store that a label file is up to date."""
        self._written[write.key] = write.written
        self._failing = False

    def sync(self) -> None:
        """Makes the files of one or many calls of ``write`` durable."""
        for folder in self._unsynced:
            atomic.sync_folder(folder)
        self._unsynced.clear()

    def line_keys_of(self, key: ImageKey, state: FileState) -> bytes | None:
        """Returns the keys of the lines of a label file as last written; None: unknown."""
        return self._known(key, state).lines

    def known(self, key: ImageKey) -> str | None:
        """Returns the hash of what a label file last said; None if the image is not in the store.

        The hash of a missing file is "".
        """
        state = self.rows.file(key)
        return None if state is None else self._known(key, state).hash or ""

    def check(self, document: ImageDocument, labels: LabelSet) -> None:
        """Detects that another program has changed a label file since it was last read or written.

        A conflict from an earlier session is reported again, once. Never raises: the image can be shown.
        """
        try:
            self._compare(document, labels)
        except Exception as error:
            log.exception("comparing the label file of %s", document.key)
            text = (
                f"{self._files.name(document.key)} could not be compared with the annotations in samdesk's "
                f"store ({typed_line(error)}). The annotations shown are those of the store."
            )
            self._notify_once(text, Notice("save", text, self._files.name(document.key), key=document.key))

    def _compare(self, document: ImageDocument, labels: LabelSet) -> None:
        key = document.key
        state = self.rows.file(key)
        if state is None:
            return
        if key in self.conflicts:
            self._report_conflict(key)
            return
        try:
            on_disk = self._files.read(key)
        except LeadsOutsideError as error:
            self.report_link(key, error)
            return
        except OSError:
            return
        known = self._known(key, state)
        if on_disk is None or self._says(on_disk, known.hash):
            return
        wanted = self._wanted(document, labels, state, None, known.lines)
        if not self._says(on_disk, self._contents.hash_of(wanted.content)):
            self.mark_conflict(key)

    def mark_conflict(self, key: ImageKey) -> None:
        """Stops writing the file until the user has chosen, and reports the conflict."""
        self.conflicts[key] = CHANGED
        self._new_conflicts.add(key)
        self._reported.discard(key)
        self._report_conflict(key)

    def report_damage(self, key: ImageKey, text: str, *, alone: bool) -> None:
        """Asks the user what to keep of an image with damaged annotations.

        Args:
            key: The image.
            text: What is damaged.
            alone: There is no label file.
        """
        self.conflicts[key] = DAMAGED
        if key not in self._reported:
            self._reported.add(key)
            kind = DAMAGED_ALONE if alone else DAMAGED
            self._notify(Notice(kind, text, str(self._files.path(key)), key=key))

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
        for name, text in _remarks(imported, path):
            self._notify_once(name, Notice("labels", text, path, key=key))

    def report_link(self, key: ImageKey, error: LeadsOutsideError) -> None:
        """Reports that the label file of an image is left alone because a link leads out of the dataset."""
        self._notify(link_notice(error, "Labels", key))

    def held(self, document: ImageDocument) -> ImageDocument:
        """Returns a document with those annotations only that its label file holds."""
        return held(document, self.training.label_files_hold)

    def resized(
        self, state: FileState, before: ImageDocument, after: ImageDocument, labels: LabelSet
    ) -> FileState:
        """Returns the state of a label file, whose coordinates are relative, after its image was scaled."""
        before, after = self.held(before), self.held(after)
        return replace(
            state,
            digest=digest(after, labels) if state.digest == digest(before, labels) else state.digest,
            imported_lines=rekeyed(state.imported_lines, before.annotations, after.annotations),
            written_lines=rekeyed(state.written_lines, before.annotations, after.annotations),
        )

    def _says(self, data: bytes | None, known: str | None) -> bool:
        return says(data, known, self._contents.hash_of)

    def _known(self, key: ImageKey, state: FileState) -> _WrittenFile:
        """Returns the label file as last read or written."""
        return self._written.get(key) or _WrittenFile(state.hash, state.written_lines)

    def _wanted(
        self,
        document: ImageDocument,
        labels: LabelSet,
        state: FileState,
        on_disk: bytes | None,
        lines: bytes | None,
    ) -> _WantedFile:
        """Returns what the label file should hold.

        Args:
            document: The annotations.
            labels: The label set.
            state: The state of the file in the store.
            on_disk: The file as it was last read or written; None: it was changed, or there is none.
            lines: The keys of the lines of ``on_disk``.
        """
        all_shown = document.annotations
        document = self.held(document)
        regions = regions_to_bytes(annotation.region for annotation in document.annotations)
        if state.imported is not None and digest(document, labels, regions) == state.digest:
            return _WantedFile(state.imported, state.imported_lines)
        blank = not document.annotations and document.review is ImageReview.UNREVIEWED
        left_out = bool(all_shown) and not document.annotations
        if blank and state.digest is None and (left_out or not self.rows.seen_by_run(document.key)):
            # An empty file means "no objects", which the user has not confirmed.
            return _WantedFile(None, None)
        line_key = dict(
            zip((a.id for a in document.annotations), line_keys(document.annotations, regions), strict=True)
        )
        kept = self._kept(document, labels, state, on_disk, lines, line_key)
        text, report = self._files.format.write(
            document, labels, kept, self._files.keypoint_values, self._files.train_size
        )
        self._report_writing(document.key, report)
        end = line_end(on_disk or state.imported or b"")
        return _WantedFile(
            text.replace("\n", end).encode("utf-8"), b"".join(line_key[a.id] for a in report.annotations)
        )

    def _kept(
        self,
        document: ImageDocument,
        labels: LabelSet,
        state: FileState,
        on_disk: bytes | None,
        lines: bytes | None,
        line_key: Mapping[AnnotationId, bytes],
    ) -> dict[AnnotationId, list[str]]:
        """Returns the lines of the annotations that are as they were last written (first) or read."""
        imported = state.imported_lines
        if imported is None and lines is None and state.imported is not None:  # an older samdesk's
            size = (document.width, document.height)
            imported = self._files.parse(document.key, size, state.imported, labels).file.imported_lines
        known = {} if lines else self._lines_without_keys(document, labels, on_disk)
        owners = {key: annotation_id for annotation_id, key in line_key.items()}
        result: dict[AnnotationId, list[str]] = {}
        for data, keys in ((on_disk, lines), (state.imported, imported)):
            for owner, line in kept_lines(owners, data, keys).items():
                result.setdefault(owner, []).append(line)
        for owner, line in known.items():
            result.setdefault(owner, []).append(line)
        return result

    def _lines_without_keys(
        self, document: ImageDocument, labels: LabelSet, on_disk: bytes | None
    ) -> dict[AnnotationId, str]:
        """Returns the lines that a samdesk before keys of lines has written and would write again."""
        if on_disk is None:
            return {}
        there = {line for _, line in numbered_lines(on_disk)}
        plain = max(document.width, document.height)  # it knew no training size
        text, report = self._files.format.write(document, labels, {}, self._files.keypoint_values, plain)
        made = zip(text.splitlines(), report.annotations, strict=True)
        return {annotation.id: line for line, annotation in made if line in there}

    def _report_writing(self, key: ImageKey, report: WriteReport) -> None:
        path = str(self._files.path(key))
        for loss in report.lossy:
            self._notify_once(f"{path}: {loss}", Notice("labels", f"{path}: {loss}.", path, key=key))
        if report.mixed:
            text = (
                f"{path} now holds keypoints and outlines. The Ultralytics trainer leaves out such an image: "
                "keep keypoints and outlines in separate datasets."
            )
            self._notify_once("mixed", Notice("labels", text, path, key=key))

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

    def goes_on(self, key: ImageKey, error: OSError) -> bool:
        """Reports that a label file could not be written. Returns whether others are worth trying."""
        if isinstance(error, LeadsOutsideError):  # it stays out of date until the user agrees
            self._notify_once(f"link {error.target}", link_notice(error, "Labels", key))
            return True
        if not self._failing:
            self._report_failure(key, error)
        return False

    def _report_failure(self, key: ImageKey, error: OSError) -> None:
        self._failing = True
        path = self._files.path(key)
        text = (
            f"{path} cannot be written: {reason(error)}. The annotations are saved in samdesk's "
            "store; the label files will be written as soon as possible."
        )
        self._notify(Notice("save", text, str(path), key=key))

    def _notify_once(self, what: str, notice: Notice) -> None:
        if what not in self._notified:
            self._notified.add(what)
            self._notify(notice)


def _remarks(imported: ImportedDocument, path: str) -> Iterator[tuple[str, str]]:
    """What the user should know about the kinds of lines in a label file, each once for all files."""
    if imported.keypoints:
        yield (
            "keypoints",
            f"{path} holds keypoints. They are shown as their boxes, as the Ultralytics "
            "segmentation trainer reads them. A line with keypoints stays as it is until you edit its box.",
        )
    if imported.mixed:
        yield (
            "mixed",
            f"{path} holds boxes and outlines. The Ultralytics trainer leaves out such an image. Boxes "
            "without keypoints become outlines when the image is edited.",
        )
    elif imported.boxes:
        yield (
            "boxes",
            f"{path} holds boxes. The Ultralytics trainer drops all outlines of a dataset "
            "while any of its label files holds boxes: give every image outlines before you train.",
        )
