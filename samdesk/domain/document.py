"""ImageDocument: all annotations of one image, the unit of save."""

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
        key: Which image.
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
        """The annotation with this id, or None."""
        return next((a for a in self.annotations if a.id == annotation_id), None)

    def index(self, annotation_id: AnnotationId) -> int:
        """Its place in painting order; ``KeyError`` if it is not there."""
        for i, annotation in enumerate(self.annotations):
            if annotation.id == annotation_id:
                return i
        raise KeyError(annotation_id)


@dataclass(frozen=True)
class Changes:
    """What differs between two states of one document (or of the label set)."""

    key: ImageKey | None
    added: frozenset[AnnotationId] = frozenset()
    removed: frozenset[AnnotationId] = frozenset()
    modified: frozenset[AnnotationId] = frozenset()
    review: bool = False
    labels: bool = False

    @property
    def geometry(self) -> frozenset[AnnotationId]:
        """Every annotation that came, went or changed."""
        return self.added | self.removed | self.modified


def diff(before: ImageDocument, after: ImageDocument) -> Changes:
    """What an edit changed, found by comparing the two states."""
    old = {a.id: a for a in before.annotations}
    new = {a.id: a for a in after.annotations}
    return Changes(
        key=after.key,
        added=frozenset(new.keys() - old.keys()),
        removed=frozenset(old.keys() - new.keys()),
        modified=frozenset(i for i in new.keys() & old.keys() if new[i] is not old[i] and new[i] != old[i]),
        review=before.review is not after.review,
    )
