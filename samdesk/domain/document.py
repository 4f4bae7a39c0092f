"""Image documents: all annotations of one image, the unit of saving."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import NewType

import numpy as np
import shapely
from numpy.typing import NDArray

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
        annotations: Those that the image has, in painting order, the last on top.
        review: How far the user has got with it.
        revision: Number of edits so far.
        rejected: Annotations the user has rejected: kept so that they are not proposed again, and to bring
            them back, and in no label file.
    """

    key: ImageKey
    width: int
    height: int
    annotations: tuple[Annotation, ...] = ()
    review: ImageReview = ImageReview.UNREVIEWED
    revision: int = 0
    rejected: tuple[Annotation, ...] = ()

    @property
    def all_annotations(self) -> tuple[Annotation, ...]:
        """The annotations and the rejected ones."""
        return self.annotations + self.rejected

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
        rejected: The rejected annotations differ.
    """

    key: ImageKey | None
    added: frozenset[AnnotationId] = frozenset()
    removed: frozenset[AnnotationId] = frozenset()
    modified: frozenset[AnnotationId] = frozenset()
    review: bool = False
    labels: bool = False
    rejected: bool = False

    @property
    def geometry(self) -> frozenset[AnnotationId]:
        """All annotations that were added, removed or modified."""
        return self.added | self.removed | self.modified


_all_but_region = attrgetter(*(field.name for field in fields(Annotation) if field.name != "region"))


def diff(before: ImageDocument, after: ImageDocument) -> Changes:
    """Returns the differences between two states of a document."""
    old = {a.id: a for a in before.annotations}
    new = {a.id: a for a in after.annotations}
    return Changes(
        key=after.key,
        added=frozenset(new.keys() - old.keys()),
        removed=frozenset(old.keys() - new.keys()),
        modified=_modified([(old[i], new[i]) for i in new.keys() & old.keys() if new[i] is not old[i]]),
        review=before.review is not after.review,
        rejected=before.rejected != after.rejected,
    )


def _modified(pairs: Sequence[tuple[Annotation, Annotation]]) -> frozenset[AnnotationId]:
    """Returns the ids of two states of annotations that differ; compares the regions of all at once."""
    before, after = (_regions([pair[side] for pair in pairs]) for side in (0, 1))
    same = shapely.equals_exact(before, after, 0.0)
    return frozenset(
        a.id
        for (b, a), equal in zip(pairs, same, strict=True)
        if not equal or _all_but_region(b) != _all_but_region(a)
    )


def _regions(annotations: Sequence[Annotation]) -> NDArray[np.object_]:
    regions = np.empty(len(annotations), object)
    regions[:] = [annotation.region for annotation in annotations]
    return regions
