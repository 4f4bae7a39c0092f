"""Reads and writes documents, labels and settings as rows of the store."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from samdesk.dataset.splits.rows import SplitRows
from samdesk.dataset.store import serial
from samdesk.dataset.store.database import Store
from samdesk.dataset.store.decisions import Decisions
from samdesk.dataset.store.documents import (
    COLUMNS,
    Examined,
    examine,
    image_digest,
    is_sound,
    read_annotation,
    row_digest,
)
from samdesk.dataset.store.errors import DamagedRowsError
from samdesk.dataset.store.facts import Facts
from samdesk.dataset.store.label_rows import is_signed, read_labels, write_labels
from samdesk.dataset.store.values import digest_of, stored_number
from samdesk.domain.annotation import Annotation, AnnotationId
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.labels import LabelId, LabelSet
from samdesk.domain.review import AnnotationReview, ImageReview

_PUT = f"INSERT OR REPLACE INTO annotations ({', '.join(COLUMNS)}, digest) VALUES ({'?,' * len(COLUMNS)}?)"
_REVIEWS: dict[Any, ImageReview] = {review.value: review for review in ImageReview}
_CONFLICTS = ("bad-lines", "changed-outside")


@dataclass(frozen=True)
class FileState:
    """The state of an image's label file.

    Attributes:
        hash: Of what the file said when it was last read or written (``labels.lines.content_hash``); None:
            there was none.
        conflict: Why it is not written ("bad-lines", "changed-outside"); None: no conflict.
        imported: The content that the document was imported from; None: it was not.
        digest: Of the annotations in ``imported``; while the document has the same, the file keeps that
            content byte for byte. None: the content has bad lines that the user has given up.
        imported_lines: The keys of the lines of ``imported`` (``labels.lines``); None: unknown.
        written_lines: The keys of the lines of the file that has the ``hash``; None: unknown.
    """

    hash: str | None = None
    conflict: str | None = None
    imported: bytes | None = None
    digest: str | None = None
    imported_lines: bytes | None = None
    written_lines: bytes | None = None

    @property
    def is_sound(self) -> bool:
        """Whether its values have the types that they are written with."""
        texts = all(isinstance(v, str | None) for v in (self.hash, self.conflict, self.digest))
        return texts and all(
            isinstance(v, bytes | None) for v in (self.imported, self.imported_lines, self.written_lines)
        )


@dataclass(frozen=True)
class StoredImage:
    """An image in the store without its annotations.

    Attributes:
        width: Of the EXIF-rotated image, pixels.
        height: As ``width``.
        count: Number of its annotations.
        pending: Number of annotations that the user has not accepted.
        review: How far the user has got with the image.
        flagged: Number of annotations to be looked at again.
    """

    width: int
    height: int
    count: int
    pending: int
    review: ImageReview
    flagged: int = 0


class Rows:
    """Reads and writes domain values. The caller opens transactions.

    Attributes:
        store: Where they are.
        facts: What a search of the annotations needs; written with them.
        decisions: The user's on proposals; likewise.
        splits: Of the images.
    """

    def __init__(self, store: Store) -> None:
        self.store = self._store = store
        self.facts = Facts(store)
        self.decisions = Decisions(store)
        self.splits = SplitRows(store)

    def read(self, key: ImageKey, *, prompts: bool = True) -> ImageDocument | None:
        """Returns the document of an image; None if the image is not in the store.

        Args:
            key: The image.
            prompts: Whether the annotations are to have their prompts.

        Raises:
            DamagedRowsError: Its rows are not those that were written.
            StoreError: The store cannot be read.
        """
        found = examine(self._store, key, prompts=prompts)
        if found is not None and found.problems:
            raise DamagedRowsError(
                f"{self._store.path}: the annotations of {key} are damaged ({found.problems[0]}).",
                next="Show the image and choose what to keep.",
            )
        return None if found is None else found.document

    def examine(self, key: ImageKey, size: tuple[int, int] | None = None) -> Examined | None:
        """Returns what the store has of an image, damaged or not; see ``store.documents``."""
        return examine(self._store, key, size)

    def is_sound(self, key: ImageKey) -> bool:
        """Returns whether the rows of an image are those that were written; quicker than ``examine``."""
        return is_sound(self._store, key)

    def replace(self, document: ImageDocument, file: FileState) -> None:
        """Writes all of an image anew, whatever its rows hold; its label file is out of date then."""
        for table in ("annotations", "imported_files", "written_files"):
            self._store.execute(f"DELETE FROM {table} WHERE image=?", (document.key,))
        self._store.execute("DELETE FROM images WHERE key=?", (document.key,))
        self.insert(document, file, dirty=True)

    def insert(self, document: ImageDocument, file: FileState, dirty: bool = False) -> None:
        """Inserts an image that is not in the store yet."""
        rows = _signed(document.key, zip(document.all_annotations, itertools.count()))
        values = _image_values(document)
        self._store.execute(
            "INSERT INTO images (key, width, height, review, revision, count, pending, digest, dirty,"
            " conflict, file_hash) VALUES (?,?,?,?,?,?,?,?,?,?,?)",
            (*values, image_digest(values, [row[-1] for row in rows]), dirty, file.conflict, file.hash),
        )
        self._set_imported(document.key, file)
        self._set_written_lines(document.key, file.written_lines)
        self._store.execute_many(_PUT, rows)
        self.facts.write(document)

    def update(self, before: ImageDocument, after: ImageDocument) -> None:
        """Writes the differences and marks the label file as out of date."""
        key = after.key
        annotations = after.all_annotations
        old = {a.id: a for a in before.all_annotations}
        removed = old.keys() - {a.id for a in annotations}
        self._store.execute_many(
            "DELETE FROM annotations WHERE image=? AND id=?", [(key, i) for i in removed]
        )
        stored = self._store.rows("SELECT id, position, digest FROM annotations WHERE image=?", (key,))
        known = {i: position for i, position, _ in stored}
        digests = {i: digest for i, _, digest in stored}
        places = [
            *positions([a.id for a in after.annotations], known),
            *positions([a.id for a in after.rejected], known),
        ]
        changed = [
            (a, place)
            for a, place in zip(annotations, places, strict=True)
            if known.get(a.id) != place or digests[a.id] is None or old.get(a.id) != a
        ]
        rows = _signed(key, changed)
        self._store.execute_many(_PUT, rows)
        digests.update({row[0]: row[-1] for row in rows})
        values = _image_values(after)
        self._store.execute(
            "UPDATE images SET width=?, height=?, review=?, revision=?, count=?, pending=?, digest=?, dirty=1"
            " WHERE key=?",
            (*values[1:], image_digest(values, list(digests.values())), key),
        )
        self.decisions.follow(before, [a for a, _ in changed])
        self.facts.update(before, after, changed, removed)

    def file(self, key: ImageKey) -> FileState | None:
        """Returns the state of an image's label file; None if the image is not in the store.

        A state that is damaged is returned as unknown: the file is compared with the annotations then, and
        the user is asked if they differ.
        """
        row = self._store.row(
            "SELECT file_hash, conflict, content, imported_files.digest, imported_files.lines,"
            " written_files.lines, row_digest FROM images"
            " LEFT JOIN imported_files ON imported_files.image = key"
            " LEFT JOIN written_files ON written_files.image = key WHERE key=?",
            (key,),
        )
        if row is None:
            return None
        state = FileState(*row[:-1])
        imported = (key, state.imported, state.digest, state.imported_lines)
        if not state.is_sound or row[-1] not in (None, digest_of(imported)):
            return FileState()
        return state

    def set_file(self, key: ImageKey, file: FileState, *, dirty: bool) -> None:
        """Writes the state of an image's label file."""
        self._store.execute(
            "UPDATE images SET conflict=?, file_hash=?, dirty=? WHERE key=?",
            (file.conflict, file.hash, dirty, key),
        )
        self._set_imported(key, file)
        self._set_written_lines(key, file.written_lines)

    def set_written(self, key: ImageKey, file_hash: str | None, lines: bytes | None) -> None:
        """Records that the label file is up to date, with its hash and the keys of its lines."""
        self._store.execute("UPDATE images SET file_hash=?, dirty=0 WHERE key=?", (file_hash, key))
        self._set_written_lines(key, lines)

    def file_hashes(self) -> dict[ImageKey, str | None]:
        """Returns the hashes of all label files as last read or written."""
        return {ImageKey(key): found for key, found in self._store.rows("SELECT key, file_hash FROM images")}

    def mark_all_dirty(self) -> None:
        """Marks every label file with annotations as out of date, after class ids have changed."""
        self._store.execute("UPDATE images SET dirty=1 WHERE count > 0")

    def keys(self, where: str = "1") -> list[ImageKey]:
        """Returns the images for which an SQL condition holds."""
        return [ImageKey(r[0]) for r in self._store.rows(f"SELECT key FROM images WHERE {where}")]

    def count_images(self) -> int:
        """Returns how many images the store has."""
        found = self._store.row("SELECT count(*) FROM images")
        return int(found[0]) if found else 0

    def is_stored(self, key: ImageKey) -> bool:
        """Returns whether the store has an image."""
        return self._store.row("SELECT 1 FROM images WHERE key=?", (key,)) is not None

    def lack_facts(self) -> bool:
        """Returns whether the store has images without facts."""
        counts = "(SELECT count(*) FROM images) > (SELECT count(*) FROM fact_images WHERE stamp IS NULL)"
        return self._store.row(f"SELECT {counts}") == (1,)

    def seen_by_run(self, key: ImageKey) -> bool:
        """Returns whether an auto-annotate run that is not undone has processed the image."""
        sql = "SELECT 1 FROM log_edits JOIN runs ON id = owner WHERE image=? AND state != 'undone'"
        return self._store.row(f"{sql} LIMIT 1", (key,)) is not None

    def conflicts(self) -> dict[ImageKey, str]:
        """Returns the images whose label file is not written, and why."""
        found = self._store.rows("SELECT key, conflict FROM images WHERE conflict IS NOT NULL")
        return {ImageKey(key): conflict for key, conflict in found if conflict in _CONFLICTS}

    def images(self, keys: Sequence[ImageKey] | None) -> dict[ImageKey, StoredImage]:
        """Returns images of the store without their annotations.

        Args:
            keys: Which images; None: all.
        """
        if keys is None:
            return self._images("1")
        result: dict[ImageKey, StoredImage] = {}
        for start in range(0, len(keys), 500):
            some = keys[start : start + 500]
            result.update(self._images(f"{{}} IN ({','.join('?' * len(some))})", some))
        return result

    def annotation(
        self, key: ImageKey, annotation_id: AnnotationId, size: tuple[int, int]
    ) -> Annotation | None:
        """Returns one annotation of an image; None if there is none, or it is damaged.

        ``size``: width and height of the image, pixels.
        """
        return read_annotation(self._store, key, annotation_id, size)

    def images_with(self, label_id: LabelId, most: int = -1) -> list[ImageKey]:
        """Returns the images that have an annotation with a label; ``most``: how many at most, -1: all."""
        sql = "SELECT DISTINCT image FROM annotations WHERE label_id=? ORDER BY image LIMIT ?"
        return [ImageKey(r[0]) for r in self._store.rows(sql, (label_id, most))]

    def usage(self) -> dict[LabelId, int]:
        """Returns the number of annotations per label, rejected ones included."""
        return dict(self._store.rows("SELECT label_id, count(*) FROM annotations GROUP BY label_id"))

    def rejected_usage(self) -> dict[LabelId, int]:
        """Returns the number of rejected annotations per label."""
        sql = "SELECT label_id, count(*) FROM annotations WHERE review='rejected' GROUP BY label_id"
        return dict(self._store.rows(sql))

    def labels(self, names: Sequence[str] = ()) -> tuple[LabelSet, str]:
        """Returns the label set, and what was wrong with it; see ``store.label_rows``."""
        return read_labels(self._store, names)

    @property
    def is_signed(self) -> bool:
        """Whether a samdesk that makes digests has written to the store."""
        return is_signed(self._store)

    def write_labels(self, labels: LabelSet) -> None:
        """Replaces the label set. The transaction fails if a label that is in use is missing."""
        write_labels(self._store, labels)

    def setting(self, key: str) -> str | None:
        """Returns a value stored with the dataset; None if there is none."""
        row = self._store.row("SELECT value FROM settings WHERE key=?", (key,))
        return row[0] if row is not None and isinstance(row[0], str) else None

    def set_setting(self, key: str, value: str) -> None:
        """Stores a value with the dataset."""
        self._store.execute("INSERT OR REPLACE INTO settings (key, value) VALUES (?,?)", (key, value))

    def _images(self, where: str, values: Sequence[Any] = ()) -> dict[ImageKey, StoredImage]:
        """``where``: which images; ``{}`` stands for the column of their keys."""
        images = "SELECT key, width, height, count, pending, review FROM images WHERE"
        found = self._store.rows(f"{images} {where.format('key')}", values)
        flags = "SELECT image, count(*) FROM annotations WHERE review='flagged' AND"  # by index
        grouped = self._store.rows(f"{flags} {where.format('image')} GROUP BY image", values)
        flagged: dict[str, int] = dict(grouped)
        result: dict[ImageKey, StoredImage] = {}
        for key, width, height, count, pending, review in found:
            known = _REVIEWS.get(review)
            if known is not None and type(width) is type(height) is type(count) is type(pending) is int:
                result[ImageKey(key)] = StoredImage(width, height, count, pending, known, flagged.get(key, 0))
            else:  # shown when the image is
                result[ImageKey(str(key))] = StoredImage(1, 1, 0, 0, ImageReview.EDITED)
        return result

    def _set_imported(self, key: ImageKey, file: FileState) -> None:
        values = (file.imported, file.digest, file.imported_lines)
        if any(value is not None for value in values):
            self._store.execute(
                "INSERT OR REPLACE INTO imported_files (image, content, digest, lines, row_digest)"
                " VALUES (?,?,?,?,?)",
                (key, *values, digest_of((key, *values))),
            )
        else:
            self._store.execute("DELETE FROM imported_files WHERE image=?", (key,))

    def _set_written_lines(self, key: ImageKey, lines: bytes | None) -> None:
        if lines is None:
            self._store.execute("DELETE FROM written_files WHERE image=?", (key,))
        else:
            sql = "INSERT OR REPLACE INTO written_files (image, lines) VALUES (?,?)"
            self._store.execute(sql, (key, lines))


def positions(order: Sequence[str], known: dict[str, float]) -> list[float]:
    """Returns a rising number for each id; known ids keep theirs if these still rise.

    New ids between two known ones get numbers at equal distances. All are renumbered where repeated
    insertions have left no room between two numbers.

    Args:
        order: The ids in order.
        known: The numbers of those that have one.
    """
    kept = [known[i] for i in order if i in known]
    result: list[float] = []
    if any(b <= a for a, b in itertools.pairwise(kept)):
        return [float(n) for n in range(len(order))]
    following = [n for n, name in enumerate(order) if name in known][::-1]
    """The places of the known ids not passed yet, the next one last."""
    for n, name in enumerate(order):
        if name in known:
            result.append(known[name])
            following.pop()
            continue
        low = result[-1] if result else None
        high = known[order[following[-1]]] if following else None
        new = following[-1] - n if following else 0
        if high is None:
            result.append(0.0 if low is None else low + 1)
        else:
            result.append(high - new if low is None else low + (high - low) / (new + 1))
    if any(b - a < 1e-6 for a, b in itertools.pairwise(result)):
        return [float(n) for n in range(len(order))]
    return result


def _image_values(document: ImageDocument) -> tuple[Any, ...]:
    pending = sum(a.review is AnnotationReview.PENDING for a in document.annotations)
    return (
        document.key,
        document.width,
        document.height,
        document.review.value,
        document.revision,
        len(document.annotations),
        pending,
    )


def _annotation_values(annotation: Annotation) -> tuple[Any, ...]:
    return (
        annotation.id,
        annotation.label_id,
        serial.region_to_bytes(annotation.region),
        annotation.source.value,
        annotation.review.value,
        stored_number(annotation.detector_score),
        stored_number(annotation.mask_score),
        serial.prompts_to_text(annotation.prompts),
        annotation.run_id,
    )


def _late_values(annotation: Annotation) -> tuple[Any, ...]:
    return (
        stored_number(annotation.stability),
        annotation.model or None,
        annotation.note or None,
        serial.attributes_to_text(annotation.attributes),
        annotation.track or None,
    )


def _signed(key: ImageKey, placed: Iterable[tuple[Annotation, float]]) -> list[tuple[Any, ...]]:
    """The rows of annotations, with their digests."""
    rows = [(*_annotation_values(a), float(place), key, *_late_values(a)) for a, place in placed]
    return [(*row, row_digest(row)) for row in rows]
