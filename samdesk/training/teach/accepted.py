"""What there is to teach from: the annotations of a dataset that a person has accepted or drawn.

Masks are taught from every accepted annotation. The detector is taught from images that are accepted as
a whole: on the others it would learn that what is not labelled yet is no object.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from samdesk.base.jobs import CancelToken
from samdesk.dataset.readonly import ReadOnlyDataset, open_read_only
from samdesk.dataset.store.rows import StoredImage
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.geometry.types import Region
from samdesk.domain.review import AnnotationReview, ImageReview
from samdesk.images.reader import MAX_PIXELS, ImageError
from samdesk.training.samples import Instance, TrainingImage

MOST_IMAGES = 2000
"""More would not be looked at in the minutes that a teaching takes."""


@dataclass(frozen=True)
class AcceptedImage:
    """One image with what a person has accepted on it.

    Attributes:
        image: All that was accepted.
        whole: Nothing on it waits for a person, so that what is not labelled is no object.
    """

    image: TrainingImage
    whole: bool


@dataclass(frozen=True)
class Accepted:
    """What a dataset has to teach from.

    Attributes:
        names: Class names by class id.
        found: In natural order, at most ``MOST_IMAGES`` or as many as were asked for.
        total: How many images there are without that limit.
        unread: Images that could not be read, and why.
    """

    names: tuple[str, ...]
    found: tuple[AcceptedImage, ...]
    total: int
    unread: tuple[str, ...] = ()

    @property
    def images(self) -> tuple[TrainingImage, ...]:
        """All of them with all that was accepted."""
        return tuple(a.image for a in self.found)

    @property
    def for_masks(self) -> tuple[TrainingImage, ...]:
        """Images with outlines; plain boxes are left out, they say nothing about an edge."""
        outlined = (_outlined(accepted.image) for accepted in self.found)
        return tuple(image for image in outlined if image.instances)

    @property
    def for_detector(self) -> tuple[TrainingImage, ...]:
        """Images that are accepted as a whole, also those with nothing on them."""
        return tuple(a.image for a in self.found if a.whole)


def read_accepted(
    folder: Path,
    *,
    most: int = MOST_IMAGES,
    max_pixels: int = MAX_PIXELS,
    cancel: CancelToken | None = None,
) -> Accepted:
    """Reads what a person has accepted, while a samdesk may be working on the dataset.

    Args:
        folder: A dataset, with samdesk's store or with label files alone.
        most: Of more images so many are chosen, the same ones each time.
        max_pixels: Larger images are not read.
        cancel: Looked at before each image.

    Raises:
        StoreError: There is no such folder, or its store cannot be read; in words.
        Cancelled: ``cancel`` was used.
    """
    cancel = cancel or CancelToken()
    images: list[AcceptedImage] = []
    unread: list[str] = []
    with open_read_only(folder, max_pixels=max_pixels) as dataset:
        stored = {key for key, image in dataset.images().items() if _has_accepted(image)}
        keys = stored.union(dataset.only_in_files())
        chosen = _some(keys, most)
        for key in dataset.keys:
            if key in chosen:
                cancel.check()
                try:
                    images.append(_read(dataset, key))
                except ImageError as error:
                    unread.append(str(error))
        return Accepted(dataset.names, tuple(images), len(keys), tuple(unread))


def is_box(region: Region) -> bool:
    """Whether a region is a plain box, as a detection label or the rectangle tool makes it."""
    if len(region.geoms) != 1 or region.geoms[0].interiors:
        return False
    x0, y0, x1, y1 = region.bounds
    same = abs(region.area - (x1 - x0) * (y1 - y0)) <= 1e-6 * region.area
    return len(region.geoms[0].exterior.coords) == 5 and bool(same)


def _has_accepted(image: StoredImage) -> bool:
    return image.review is ImageReview.ACCEPTED or image.count > image.pending


def _some(keys: Iterable[ImageKey], most: int) -> set[ImageKey]:
    """At most so many, by the hash of their names: others that come later change few of them."""
    ranked = sorted(keys, key=lambda key: hashlib.sha256(key.encode()).digest())
    return set(ranked[:most])


def _read(dataset: ReadOnlyDataset, key: ImageKey) -> AcceptedImage:
    document = dataset.document(key)
    whole = document.review is ImageReview.ACCEPTED
    kept = [a for a in document.annotations if whole or a.review is AnnotationReview.ACCEPTED]
    instances = tuple(Instance(a.region, dataset.class_id(a.label_id)) for a in kept)
    image = TrainingImage(key, dataset.folder / key, (document.height, document.width), instances)
    return AcceptedImage(image, _is_whole(document, len(kept)))


def _is_whole(document: ImageDocument, kept: int) -> bool:
    return document.review is ImageReview.ACCEPTED or kept == len(document.annotations)


def _outlined(image: TrainingImage) -> TrainingImage:
    return replace(image, instances=tuple(i for i in image.instances if not is_box(i.region)))
