"""Reads annotations and the states of label files of many images at once, for work that goes through all.

Rows are returned as they are in the store and decoded by the caller, in its own thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from samdesk.domain.annotation import AnnotationId
from samdesk.domain.document import ImageKey
from samdesk.domain.labels import LabelId, LabelSet

if TYPE_CHECKING:
    from samdesk.dataset.dataset import Dataset


class RawAnnotation(NamedTuple):
    """A row of an annotation that is not rejected.

    Attributes:
        id: Its id.
        label_id: Its label.
        region: Its region as well-known binary; anything, if the store is damaged.
        source: As the store has it.
        review: As the store has it.
    """

    id: AnnotationId
    label_id: LabelId
    region: bytes
    source: str
    review: str


@dataclass(frozen=True)
class RawImage:
    """An image as the store has it.

    Attributes:
        width: Of the EXIF-rotated image when it was annotated, pixels.
        height: As ``width``.
        review: Its review state, as the store has it.
        dirty: Its label file is not written yet.
        conflict: Why its label file is not written; None: no conflict.
        file_hash: Of what its label file said last; None: there was none.
        imported: The content of the label file it was imported from; None: it was not.
        annotations: In painting order.
    """

    width: int
    height: int
    review: str
    dirty: bool = False
    conflict: str | None = None
    file_hash: str | None = None
    imported: bytes | None = None
    annotations: list[RawAnnotation] = field(default_factory=list)


@dataclass(frozen=True)
class RawImages:
    """Images of the store, and the labels at that time.

    Attributes:
        images: Those that the store has.
        labels: The label set.
    """

    images: dict[ImageKey, RawImage]
    labels: LabelSet


def raw_images(dataset: Dataset, keys: Sequence[ImageKey]) -> RawImages:
    """A query: the rows of at most some hundred images; 500 with ten annotations each take 15 ms."""
    core = dataset.core
    written = core.projection.unsaved_hashes
    marks = ",".join("?" * len(keys))
    images: dict[ImageKey, RawImage] = {}
    for key, width, height, review, dirty, conflict, file_hash, imported in core.rows.store.rows(
        "SELECT key, width, height, review, dirty, conflict, file_hash, content FROM images"
        f" LEFT JOIN imported_files ON imported_files.image = key WHERE key IN ({marks})",
        keys,
    ):
        if isinstance(width, int) and isinstance(height, int):
            images[ImageKey(key)] = RawImage(
                width,
                height,
                str(review),
                bool(dirty) and key not in written,
                conflict or core.projection.conflicts.get(key),
                written.get(key, file_hash),
                imported,
            )
    for key, *values in core.rows.store.rows(
        f"SELECT image, id, label_id, region, source, review FROM annotations WHERE image IN ({marks})"
        " AND review != 'rejected' ORDER BY image, position",
        keys,
    ):
        if key in images:
            images[key].annotations.append(RawAnnotation(*values))
    return RawImages(images, dataset.labels)
