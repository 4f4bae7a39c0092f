"""Reads and writes documents, labels and settings as rows of the store."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from samdesk.dataset.store import serial
from samdesk.dataset.store.database import Store
from samdesk.dataset.store.errors import StoreError
from samdesk.domain.annotation import Annotation, AnnotationId, RunId, Source
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.labels import Label, LabelId, LabelSet
from samdesk.domain.review import AnnotationReview, ImageReview

_COLUMNS = (
    "id, label_id, region, source, review, detector_score, mask_score, prompts, run_id, position, image"
)
_PUT = f"INSERT OR REPLACE INTO annotations ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?)"


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


@dataclass(frozen=True)
class StoredImage:
    """An image in the store without its annotations.

    Attributes:
        width: Of the EXIF-rotated image, pixels.
        height: As ``width``.
        count: Number of its annotations.
        pending: Number of annotations that the user has not accepted.
        review: How far the user has got with the image.
    """

    width: int
    height: int
    count: int
    pending: int
    review: ImageReview


class Rows:
    """Reads and writes domain values. The caller opens transactions."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def read(self, key: ImageKey) -> ImageDocument | None:
        """Returns the document of an image; None if the image is not in the store. Raises ``StoreError``."""
        row = self._store.row("SELECT width, height, review, revision FROM images WHERE key=?", (key,))
        if row is None:
            return None
        found = self._store.rows(
            f"SELECT {_COLUMNS} FROM annotations WHERE image=? ORDER BY position", (key,)
        )
        try:
            annotations = tuple(_annotation(r) for r in found)
            review = ImageReview(row[2])
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"{self._store.path}: the annotations of {key} are damaged ({error})."
            ) from error
        return ImageDocument(key, row[0], row[1], annotations, review, row[3])

    def insert(self, document: ImageDocument, file: FileState, dirty: bool = False) -> None:
        """Inserts an image that is not in the store yet."""
        self._store.execute(
            "INSERT INTO images (key, width, height, review, revision, count, pending, dirty,"
            " conflict, file_hash) VALUES (?,?,?,?,?,?,?,?,?,?)",
            (*_image_values(document), dirty, file.conflict, file.hash),
        )
        self._set_imported(document.key, file)
        self._set_written_lines(document.key, file.written_lines)
        self._put(document.key, zip(document.annotations, range(len(document.annotations)), strict=True))

    def update(self, before: ImageDocument, after: ImageDocument) -> None:
        """Writes the differences and marks the label file as out of date."""
        key = after.key
        old = {a.id: a for a in before.annotations}
        removed = old.keys() - {a.id for a in after.annotations}
        self._store.execute_many(
            "DELETE FROM annotations WHERE image=? AND id=?", [(key, i) for i in removed]
        )
        known = dict(self._store.rows("SELECT id, position FROM annotations WHERE image=?", (key,)))
        places = positions([a.id for a in after.annotations], known)
        self._put(
            key,
            (
                (a, place)
                for a, place in zip(after.annotations, places, strict=True)
                if known.get(a.id) != place or old.get(a.id) != a
            ),
        )
        self._store.execute(
            "UPDATE images SET width=?, height=?, review=?, revision=?, count=?, pending=?, dirty=1"
            " WHERE key=?",
            (*_image_values(after)[1:], key),
        )

    def file(self, key: ImageKey) -> FileState | None:
        """Returns the state of an image's label file; None if the image is not in the store."""
        row = self._store.row(
            "SELECT file_hash, conflict, content, digest, imported_files.lines, written_files.lines"
            " FROM images LEFT JOIN imported_files ON imported_files.image = key"
            " LEFT JOIN written_files ON written_files.image = key WHERE key=?",
            (key,),
        )
        return None if row is None else FileState(*row)

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

    def seen_by_run(self, key: ImageKey) -> bool:
        """Returns whether an auto-annotate run that is not undone has processed the image."""
        sql = "SELECT 1 FROM log_edits JOIN runs ON id = owner WHERE image=? AND state != 'undone'"
        return self._store.row(f"{sql} LIMIT 1", (key,)) is not None

    def conflicts(self) -> dict[ImageKey, str]:
        """Returns the images whose label file is not written, and why."""
        found = self._store.rows("SELECT key, conflict FROM images WHERE conflict IS NOT NULL")
        return {ImageKey(key): conflict for key, conflict in found}

    def images(self, keys: Sequence[ImageKey] | None) -> dict[ImageKey, StoredImage]:
        """Returns images of the store without their annotations.

        Args:
            keys: Which images; None: all.
        """
        sql = "SELECT key, width, height, count, pending, review FROM images"
        if keys is None:
            return self._images(sql)
        result: dict[ImageKey, StoredImage] = {}
        for start in range(0, len(keys), 500):
            some = keys[start : start + 500]
            result.update(self._images(f"{sql} WHERE key IN ({','.join('?' * len(some))})", some))
        return result

    def images_with(self, label_id: LabelId) -> list[ImageKey]:
        """Returns the images that have an annotation with a label."""
        sql = "SELECT DISTINCT image FROM annotations WHERE label_id=? ORDER BY image"
        return [ImageKey(r[0]) for r in self._store.rows(sql, (label_id,))]

    def usage(self) -> dict[LabelId, int]:
        """Returns the number of annotations per label."""
        return dict(self._store.rows("SELECT label_id, count(*) FROM annotations GROUP BY label_id"))

    def labels(self) -> LabelSet:
        """Returns the label set."""
        found = self._store.rows("SELECT id, name, color FROM labels ORDER BY position")
        return LabelSet(tuple(Label(LabelId(i), name, color) for i, name, color in found))

    def write_labels(self, labels: LabelSet) -> None:
        """Replaces the label set. The transaction fails if a label that is in use is missing."""
        self._store.execute_many(
            "INSERT INTO labels (id, position, name, color) VALUES (?,?,?,?) ON CONFLICT(id) DO UPDATE SET"
            " position=excluded.position, name=excluded.name, color=excluded.color",
            [(label.id, i, label.name, label.color) for i, label in enumerate(labels)],
        )
        stored = {r[0] for r in self._store.rows("SELECT id FROM labels")}
        removed = stored - {label.id for label in labels}
        self._store.execute_many("DELETE FROM labels WHERE id=?", [(i,) for i in removed])

    def setting(self, key: str) -> str | None:
        """Returns a value stored with the dataset; None if there is none."""
        row = self._store.row("SELECT value FROM settings WHERE key=?", (key,))
        return None if row is None else str(row[0])

    def set_setting(self, key: str, value: str) -> None:
        """Stores a value with the dataset."""
        self._store.execute("INSERT OR REPLACE INTO settings (key, value) VALUES (?,?)", (key, value))

    def _images(self, sql: str, values: Sequence[Any] = ()) -> dict[ImageKey, StoredImage]:
        found = self._store.rows(sql, values)
        try:
            return {ImageKey(r[0]): StoredImage(r[1], r[2], r[3], r[4], ImageReview(r[5])) for r in found}
        except ValueError as error:
            raise StoreError(f"{self._store.path}: the list of images is damaged ({error}).") from error

    def _set_imported(self, key: ImageKey, file: FileState) -> None:
        values = (file.imported, file.digest, file.imported_lines)
        if any(value is not None for value in values):
            sql = "INSERT OR REPLACE INTO imported_files (image, content, digest, lines) VALUES (?,?,?,?)"
            self._store.execute(sql, (key, *values))
        else:
            self._store.execute("DELETE FROM imported_files WHERE image=?", (key,))

    def _set_written_lines(self, key: ImageKey, lines: bytes | None) -> None:
        if lines is None:
            self._store.execute("DELETE FROM written_files WHERE image=?", (key,))
        else:
            sql = "INSERT OR REPLACE INTO written_files (image, lines) VALUES (?,?)"
            self._store.execute(sql, (key, lines))

    def _put(self, key: ImageKey, placed: Iterable[tuple[Annotation, float]]) -> None:
        self._store.execute_many(_PUT, [(*_annotation_values(a), place, key) for a, place in placed])


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
        annotation.detector_score,
        annotation.mask_score,
        serial.prompts_to_text(annotation.prompts),
        annotation.run_id,
    )


def _annotation(row: tuple[Any, ...]) -> Annotation:
    return Annotation(
        id=AnnotationId(row[0]),
        label_id=LabelId(row[1]),
        region=serial.region_from_bytes(row[2]),
        source=Source(row[3]),
        review=AnnotationReview(row[4]),
        detector_score=row[5],
        mask_score=row[6],
        prompts=serial.prompts_from_text(row[7]),
        run_id=None if row[8] is None else RunId(row[8]),
    )
