"""Makes the edit of an image from what is imported on it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

from samdesk.domain.annotation import Annotation, RunId, Source, TrackId, new_annotation_id
from samdesk.domain.document import ImageDocument
from samdesk.domain.edits import Edit, add
from samdesk.domain.labels import LabelId
from samdesk.domain.review import AnnotationReview, ImageReview, ReviewChange
from samdesk.domain.same_object import IMPORTED_IOU, KnownRegions
from samdesk.exchange.importing.plan import ImportPlan
from samdesk.exchange.importing.spool import SpooledImage
from samdesk.formats.base import TRACK, InstanceRecord

_AS_DRAWN = ("polygon", "mask")
"""Shapes that were not converted."""
_ID = re.compile("[0-9a-f]{32}")


@dataclass
class ImageCounts:
    """What became of the instances of images."""

    added: int = 0
    duplicates: int = 0
    left_out: int = 0
    outside: int = 0
    converted: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)

    def add(self, other: ImageCounts) -> None:
        """Adds the counts of another image."""
        self.added += other.added
        self.duplicates += other.duplicates
        self.left_out += other.left_out
        self.outside += other.outside
        self.converted += other.converted
        self.labels += other.labels


@dataclass
class ImportEdit:
    """Makes the edit of one image when it is saved, of its document as it is then.

    Attributes:
        image: What is imported.
        plan: How.
        run_id: The import.
        counts: What became of the instances, once it was called.
    """

    image: SpooledImage
    plan: ImportPlan
    run_id: RunId
    counts: ImageCounts = field(default_factory=ImageCounts)

    def __call__(self, document: ImageDocument, labels: Mapping[str, LabelId]) -> Edit:
        """Returns the edit; ``labels``: ids of labels by the names that the plan has for them."""
        self.counts = counts = ImageCounts(outside=self.image.outside)
        there = (((a.label_id, a.is_crowd), a.region) for a in document.annotations)
        known = KnownRegions(IMPORTED_IOU, there)
        fresh = []
        for instance in self.image.instances:
            name = self.plan.label_of(instance.label)
            if name is None:
                counts.left_out += 1
                continue
            same = (labels[name], instance.is_crowd)
            if known.holds(same, instance.region):
                counts.duplicates += 1
                continue
            known.add(same, instance.region)
            fresh.append(self._annotation(instance, labels[name]))
            counts.labels[name] += 1
            if instance.shape not in _AS_DRAWN:
                counts.converted[instance.shape] += 1
        counts.added = len(fresh)
        accepts = self.image.accepted and self.plan.review == "accepted"
        review = (
            ReviewChange.SET_ACCEPTED if accepts and document.review is not ImageReview.ACCEPTED else None
        )
        return Edit(put=add(fresh).put, review=review)

    def _annotation(self, instance: InstanceRecord, label_id: LabelId) -> Annotation:
        chosen = AnnotationReview.ACCEPTED if self.plan.review == "accepted" else AnnotationReview.PENDING
        review = instance.review or chosen
        return Annotation(
            new_annotation_id(),
            label_id,
            instance.region,
            source=Source.IMPORT,
            review=review,
            detector_score=instance.score,
            run_id=self.run_id,
            note=instance.note,
            attributes=tuple(pair for pair in instance.attributes if pair[0] != TRACK),
            track=self._track(instance.track_name),
        )

    def _track(self, name: str) -> TrackId:
        """The track that a file names: an id of samdesk as it is, any other is one of this import."""
        if not name or _ID.fullmatch(name):
            return TrackId(name)
        whole = f"{self.run_id} {name}".encode("utf-8", "surrogatepass")
        return TrackId(blake2b(whole, digest_size=16).hexdigest())
