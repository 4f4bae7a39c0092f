"""Whether the training material of a dataset is enough, with counts and advice for the user."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from samdesk.base.text import counted
from samdesk.training.record.taught_weights import MASKS, Kind
from samdesk.training.teach.material import MAX_IMAGES, TrainingMaterial

MIN_IMAGES = 8
"""With fewer there are too few held-out images to measure the result."""

RECOMMENDED_IMAGES = 20
"""With this many a detector learns its classes well."""


@dataclass(frozen=True)
class Readiness:
    """Counts of the training material.

    Attributes:
        masks: Accepted masks.
        mask_images: Images with any.
        whole_images: Images without pending annotations.
        labelled_images: Those of them with at least one object.
        partly_reviewed: Images with pending annotations, which the detector is not trained on.
        boxes: Plain boxes, which the masks are not trained on.
        classes: (name, number of accepted annotations) of each class that occurs.
        left_out: Images beyond the maximum of one training.
        unreadable: A message for each image that cannot be read.
    """

    masks: int
    mask_images: int
    whole_images: int
    labelled_images: int
    partly_reviewed: int
    boxes: int
    classes: tuple[tuple[str, int], ...]
    left_out: int = 0
    unreadable: tuple[str, ...] = ()

    @classmethod
    def of(cls, material: TrainingMaterial) -> Readiness:
        """Counts the material; slow for large datasets."""
        outlined, whole = material.for_masks, material.for_detector
        masks = sum(len(image.instances) for image in outlined)
        labels = Counter(i.label for image in material.images for i in image.instances)
        return cls(
            masks=masks,
            mask_images=len(outlined),
            whole_images=len(whole),
            labelled_images=sum(1 for image in whole if image.instances),
            partly_reviewed=len(material.accepted) - len(whole),
            boxes=labels.total() - masks,
            classes=tuple((material.names[label], labels[label]) for label in sorted(labels)),
            left_out=material.total - len(material.accepted) - len(material.unreadable),
            unreadable=material.unreadable,
        )

    def images(self, kind: Kind) -> int:
        """Number of images that a kind can be trained on."""
        return self.mask_images if kind == MASKS else self.labelled_images

    def enough(self, kind: Kind) -> bool:
        """Whether there are enough images to train a kind."""
        return self.images(kind) >= MIN_IMAGES

    def advice(self, kind: Kind) -> str:
        """What is missing and what to do about it; "" if there is enough."""
        count = self.images(kind)
        missing = MIN_IMAGES - count
        if kind == MASKS and missing > 0:
            return (
                f"{counted(count, 'image')} with accepted masks; at least {MIN_IMAGES} are needed. "
                f"Accept masks on {missing} more."
            )
        if missing > 0:
            return (
                f"{counted(count, 'accepted image')} with objects; at least {MIN_IMAGES} are needed. "
                f"Accept {missing} more (Ctrl+Enter)."
            )
        if kind != MASKS and count < RECOMMENDED_IMAGES:
            return f"{count:,} images are enough to start; {RECOMMENDED_IMAGES} or more work well."
        return ""

    def notes(self) -> Sequence[str]:
        """Further remarks for the user, one sentence each."""
        notes = []
        if self.partly_reviewed:
            notes.append(
                f"{counted(self.partly_reviewed, 'image')} with pending annotations: used for the masks only."
            )
        if self.boxes:
            notes.append(f"{counted(self.boxes, 'plain box', 'plain boxes')}: used for the detector only.")
        if self.left_out:
            notes.append(f"{counted(self.left_out, 'image')} left out: at most {MAX_IMAGES:,} are used.")
        if self.unreadable:
            notes.append(f"{counted(len(self.unreadable), 'image')} cannot be read: {self.unreadable[0]}.")
        return notes
