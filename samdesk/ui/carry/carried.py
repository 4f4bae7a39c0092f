"""What was carried to an image: values, and how they become annotations there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import shapely

from samdesk.carry import MASK_DOUBTS, CarriedObject, LeftBehind, with_redrawn
from samdesk.domain.annotation import Annotation, AnnotationId, RunId, Source, new_annotation_id
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.geometry.regions import iou, is_drawable
from samdesk.domain.geometry.types import Region
from samdesk.domain.labels import LabelSet
from samdesk.domain.review import AnnotationReview
from samdesk.domain.same_object import PROPOSED_IOU, KnownRegions

_SAME = 1e-6
"""Outlines whose vertices are this near to each other are the same, image pixels."""


@dataclass(frozen=True)
class Redrawn:
    """What the mask model has drawn in place of a carried outline.

    Attributes:
        region: Image pixels; may be empty.
        score: Predicted IoU, 0..1.
        stability: IoU of the masks at two thresholds, 0..1.
    """

    region: Region
    score: float
    stability: float


@dataclass(frozen=True)
class CarriedAnnotation:
    """An annotation that was carried to an image, and its two outlines.

    Attributes:
        id: Of the annotation on the image it was carried to.
        label: The name of its label then.
        result: What the carry says of it.
        mask: What the mask model has drawn in its place; None: it has not yet. It may be empty.
        settled: The user has accepted its outline on the image before, where the mask model drew another.
    """

    id: AnnotationId
    label: str
    result: CarriedObject
    mask: Redrawn | None = None
    settled: bool = False

    @property
    def doubt(self) -> str:
        """Why it is not sure, in words; "": it is. What the user has settled is no doubt again."""
        doubt = self.result.doubt
        return "" if self.settled and doubt in MASK_DOUBTS else doubt

    @property
    def disputed(self) -> bool:
        """Whether the mask model draws another outline."""
        return self.result.doubt in MASK_DOUBTS

    def swapped(self, now: Annotation) -> Annotation | None:
        """The annotation with the other outline; None if it has neither of them, or there is no other."""
        if _same(now.region, self.result.moved) and self.mask is not None and is_drawable(self.mask.region):
            mask = self.mask
            return replace(now, region=mask.region, mask_score=mask.score, stability=mask.stability)
        if self.shows_redrawn(now):
            return replace(now, region=self.result.moved, mask_score=self.result.back, stability=None)
        return None

    def shows_redrawn(self, now: Annotation) -> bool:
        """Whether the annotation has the outline of the mask model."""
        return self.mask is not None and _same(now.region, self.mask.region)


@dataclass(frozen=True)
class CarriedImage:
    """What became of the objects that were carried to an image.

    Attributes:
        key: The image.
        source: The image they are from.
        found: Those that became annotations.
        left: Label and reason of each that has no place here, and is not here already.
        same: The annotations that are these objects already.
        rejected: How many the user has rejected at their place before.
        hidden: How many of the source image were not carried because they are hidden.
        chosen: Whether the user has selected them.
        run_id: Of the carry.
        note: Where a carry through several images has ended.
        failed: Why the mask model has redrawn nothing; "": it has, or it was not asked.
        closed: The user need not be told again.
    """

    key: ImageKey
    source: ImageKey
    found: tuple[CarriedAnnotation, ...]
    left: tuple[tuple[str, str], ...]
    same: tuple[AnnotationId, ...]
    rejected: int
    hidden: int
    chosen: bool
    run_id: RunId
    note: str = ""
    failed: str = ""
    closed: bool = False

    def present(self, document: ImageDocument) -> tuple[CarriedAnnotation, ...]:
        """Those that the image has, also rejected ones."""
        known = {a.id for a in document.all_annotations}
        return tuple(c for c in self.found if c.id in known)

    def is_news(self, document: ImageDocument) -> bool:
        """Whether there is something to tell: not once it was undone, or the user has closed it."""
        undone = bool(self.found) and not self.present(document)
        return not (self.closed or undone)

    def pending(self, document: ImageDocument) -> tuple[CarriedAnnotation, ...]:
        """Those that the user has not decided about."""
        waiting = {a.id for a in document.annotations if a.review is AnnotationReview.PENDING}
        return tuple(c for c in self.found if c.id in waiting)

    def after(self, earlier: CarriedImage | None, document: ImageDocument) -> CarriedImage:
        """With what was carried here before and is not decided about."""
        if earlier is None:
            return self
        kept = earlier.pending(document)
        ids = {c.id for c in kept}
        return replace(self, found=(*kept, *self.found), same=tuple(i for i in self.same if i not in ids))

    def settled_by(self, document: ImageDocument) -> frozenset[AnnotationId]:
        """Those here that the user has accepted as they were carried, though the mask model disagrees."""
        known = {a.id: a for a in document.annotations}
        return frozenset(
            c.id
            for c in self.found
            if c.disputed
            and c.id in known
            and known[c.id].review.is_accepted
            and not c.shows_redrawn(known[c.id])
        )

    def with_masks(self, masks: Mapping[AnnotationId, Redrawn]) -> CarriedImage:
        """With what the mask model has drawn, by id of the annotation here; that settles what is doubtful."""
        drawn = {c.result.annotation_id: masks[c.id].region for c in self.found if c.id in masks}
        results = with_redrawn([c.result for c in self.found], drawn)
        found = [
            replace(c, result=result, mask=masks.get(c.id, c.mask))
            for c, result in zip(self.found, results, strict=True)
            if isinstance(result, CarriedObject)
        ]
        return replace(self, found=tuple(found))


@dataclass(frozen=True)
class Carry:
    """A carry of the objects of one image.

    Attributes:
        source: The image, as it was when they were carried.
        objects: The annotations that are carried.
        target: The image they are carried to.
        hidden: How many more there are that are hidden.
        chosen: Whether the user has selected them.
        run_id: The run that it is, or is a part of.
    """

    source: ImageDocument
    objects: tuple[Annotation, ...]
    target: ImageKey
    hidden: int
    chosen: bool
    run_id: RunId


def place(
    carry: Carry,
    results: Sequence[CarriedObject | LeftBehind],
    document: ImageDocument,
    labels: LabelSet,
    settled: frozenset[AnnotationId] = frozenset(),
) -> tuple[CarriedImage, tuple[Annotation, ...]]:
    """Makes pending annotations of what was carried, but of what is on the image already.

    Args:
        carry: The carry.
        results: What became of each of its objects, in their order.
        document: The target image as it is now.
        labels: The labels of the dataset.
        settled: Of ``CarriedImage.settled_by`` for the source image.

    Returns:
        What became of them, and the new annotations.
    """
    there = _Present(document)
    made: list[Annotation] = []
    found: list[CarriedAnnotation] = []
    left: list[tuple[str, str]] = []
    same: list[AnnotationId] = []
    rejected = 0
    for source, result in zip(carry.objects, results, strict=True):
        name = labels.get(source.label_id).name if source.label_id in labels else ""
        twin = there.twin(source, result)
        if twin is not None:
            same.append(twin)
        elif isinstance(result, LeftBehind):
            left.append((name, result.reason))
        elif not name:
            left.append(("", "Its label was deleted"))
        elif there.was_rejected(source, result.moved):
            rejected += 1
        else:
            new = _annotation(source, result, carry.run_id)
            made.append(new)
            found.append(CarriedAnnotation(new.id, name, result, settled=source.id in settled))
    image = CarriedImage(
        document.key, carry.source.key, tuple(found), tuple(left), tuple(same), rejected, carry.hidden,
        carry.chosen, carry.run_id,
    )  # fmt: skip
    return image, tuple(made)


def _annotation(source: Annotation, result: CarriedObject, run_id: RunId) -> Annotation:
    return Annotation(
        new_annotation_id(),
        source.label_id,
        result.moved,
        Source.CARRIED,
        AnnotationReview.PENDING,
        mask_score=result.back,
        run_id=run_id,
        attributes=source.attributes,
        track=source.track_of,
    )


class _Present:
    """The annotations of an image, to find one that is a carried object already."""

    def __init__(self, document: ImageDocument) -> None:
        self._annotations = document.annotations
        self._tracks = {a.track_of: a.id for a in document.annotations}
        self._regions = _regions(document.annotations)
        self._rejected = _regions(document.rejected)

    def twin(self, source: Annotation, result: CarriedObject | LeftBehind) -> AnnotationId | None:
        """The annotation of the same track, or with the same label at the same place; None: there is none."""
        if source.track_of in self._tracks:
            return self._tracks[source.track_of]
        if isinstance(result, LeftBehind) or not self._regions.holds(source.label_id, result.moved):
            return None
        alike = [a for a in self._annotations if a.label_id == source.label_id]
        return max(alike, key=lambda a: iou(a.region, result.moved)).id

    def was_rejected(self, source: Annotation, moved: Region) -> bool:
        """Whether the user has rejected it here."""
        return self._rejected.holds(source.label_id, moved)


def _regions(annotations: Iterable[Annotation]) -> KnownRegions:
    return KnownRegions(PROPOSED_IOU, ((a.label_id, a.region) for a in annotations))


def _same(one: Region, other: Region) -> bool:
    return bool(shapely.equals_exact(one, other, _SAME))
