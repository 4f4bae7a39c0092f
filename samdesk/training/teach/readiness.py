"""What a dataset has to teach from, counted and in words, and whether it is enough."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from samdesk.base.text import counted
from samdesk.training.record.teaching import MASKS, Kind
from samdesk.training.teach.accepted import Accepted

FEWEST_IMAGES = 8
"""With fewer there is nothing to judge by."""

GOOD_IMAGES = 20
"""From so many on a detector learns classes well."""


@dataclass(frozen=True)
class Outlook:
    """What there is.

    Attributes:
        masks: Accepted outlines.
        mask_images: Images with any.
        whole_images: Images that are accepted as a whole.
        telling_images: Those of them that have something on them.
        in_part: Images where something waits for a person: the detector leaves them out.
        boxes: Annotations that are plain boxes: they teach no edge.
        classes: (name, how many accepted annotations) of each class that occurs.
        left_out: Images beyond those that a teaching looks at.
        unread: Images that cannot be read, and why.
    """

    masks: int
    mask_images: int
    whole_images: int
    telling_images: int
    in_part: int
    boxes: int
    classes: tuple[tuple[str, int], ...]
    left_out: int = 0
    unread: tuple[str, ...] = ()

    @classmethod
    def of(cls, accepted: Accepted) -> Outlook:
        """Counts; it takes a while where there is much."""
        outlined, whole = accepted.for_masks, accepted.for_detector
        masks = sum(len(image.instances) for image in outlined)
        labels = Counter(i.label for image in accepted.images for i in image.instances)
        return cls(
            masks=masks,
            mask_images=len(outlined),
            whole_images=len(whole),
            telling_images=sum(1 for image in whole if image.instances),
            in_part=len(accepted.found) - len(whole),
            boxes=labels.total() - masks,
            classes=tuple((accepted.names[label], labels[label]) for label in sorted(labels)),
            left_out=accepted.total - len(accepted.found) - len(accepted.unread),
            unread=accepted.unread,
        )

    def images(self, kind: Kind) -> int:
        """How many images teach a kind."""
        return self.mask_images if kind == MASKS else self.telling_images

    def enough(self, kind: Kind) -> bool:
        """Whether a kind can be taught."""
        return self.images(kind) >= FEWEST_IMAGES

    def advice(self, kind: Kind) -> str:
        """What is too little, and what to do; "" where there is enough."""
        count = self.images(kind)
        missing = FEWEST_IMAGES - count
        if kind == MASKS and missing > 0:
            return (
                f"Too few: {counted(count, 'image')} with accepted masks, {FEWEST_IMAGES} are needed. "
                f"Accept masks on {missing} more."
            )
        if missing > 0:
            return (
                f"Too few: {counted(count, 'image')} accepted as a whole, {FEWEST_IMAGES} are needed. "
                f"Accept {missing} more (Ctrl+Enter)."
            )
        if kind != MASKS and count < GOOD_IMAGES:
            return f"{counted(count, 'image').capitalize()}: it works, {GOOD_IMAGES} or more make it good."
        return ""

    def notes(self) -> Sequence[str]:
        """What else should be known, a sentence each."""
        words = []
        if self.in_part:
            words.append(
                f"{counted(self.in_part, 'image')} with something left to review: not for the detector."
            )
        if self.boxes:
            words.append(f"{counted(self.boxes, 'plain box', 'plain boxes')}: for the detector only.")
        if self.left_out:
            words.append(f"{counted(self.left_out, 'image')} more than a teaching looks at.")
        if self.unread:
            words.append(f"{counted(len(self.unread), 'image')} cannot be read: {self.unread[0]}.")
        return words
