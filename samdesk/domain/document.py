"""Image documents: all annotations of one image, the unit of saving."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType

from samdesk.domain.annotation import Annotation, AnnotationId
from samdesk.domain.review import ImageReview

ImageKey = NewType("ImageKey", str)
"""The image's path relative to the dataset folder, with forward slashes."""


@dataclass(frozen=True)
class ImageDocument:
    """All annotations of one image.

    Attributes:
        key: The image.
        width: Of the EXIF-rotated image, pixels.
        height: Of the EXIF-rotated image, pixels.
        annotations: In painting order, the last on top.
        review: How far the user has got with it.
        revision: Number of edits so far.
    """

    key: ImageKey
    width: int
    height: int
    annotations: tuple[Annotation, ...] = ()
    review: ImageReview = ImageReview.UNREVIEWED
    revision: int = 0

    def find(self, annotation_id: AnnotationId) -> Annotation | None:
        """Returns the annotation with an id, or None."""
        return next((a for a in self.annotations if a.id == annotation_id), None)

    def index(self, annotation_id: AnnotationId) -> int:
        """Returns the place of an annotation in painting order. Raises ``KeyError`` if there is none."""
        for i, annotation in enumerate(self.annotations):
            if annotation.id == annotation_id:
                return i
        raise KeyError(annotation_id)


@dataclass(frozen=True)
class Changes:
    """The differences between two states of a document, or that the label set changed.

    Attributes:
        key: The image; None: no document is open.
        added: Annotations only the new state has.
        removed: Annotations only the old state has.
        modified: Annotations that differ.
        review: The review state of the image differs.
        labels: The label set differs.
    """

    key: ImageKey | None
    added: frozenset[AnnotationId] = frozenset()
    removed: frozenset[AnnotationId] = frozenset()
    modified: frozenset[AnnotationId] = frozenset()
    review: bool = False
    labels: bool = False

    @property
    def geometry(self) -> frozenset[AnnotationId]:
        """All annotations that were added, removed or modified."""
        return self.added | self.removed | self.modified


def diff(before: ImageDocument, after: ImageDocument) -> Changes:
    """Returns the differences between two states of a document."""
    old = {a.id: a for a in before.annotations}
    new = {a.id: a for a in after.annotations}
    return Changes(
        key=after.key,
        added=frozenset(new.keys() - old.keys()),
        removed=frozenset(old.keys() - new.keys()),
        modified=frozenset(i for i in new.keys() & old.keys() if new[i] is not old[i] and new[i] != old[i]),
        review=before.review is not after.review,
    )
