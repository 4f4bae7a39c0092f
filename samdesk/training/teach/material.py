"""The training material of a dataset: its accepted annotations, drawn by hand or reviewed.

Masks are trained on every accepted annotation. The detector is trained only on images without pending
annotations: elsewhere it would learn that objects not labelled yet are background.
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
from samdesk.domain.review import ImageReview
from samdesk.images.errors import ImageError
from samdesk.images.header import MAX_PIXELS
from samdesk.training.samples import Instance, TrainingImage

MAX_IMAGES = 2000
"""More could not be used in the few minutes that a training takes."""


@dataclass(frozen=True)
class AcceptedImage:
    """One image with its accepted annotations.

    Attributes:
        image: The accepted annotations.
        complete: Nothing on it is pending, so that everything unlabelled is background.
    """

    image: TrainingImage
    complete: bool


@dataclass(frozen=True)
class TrainingMaterial:
    """The accepted annotations of a dataset.

    Attributes:
        names: Class names by class id.
        accepted: In natural order, at most ``max_images`` of ``read_material``.
        total: Number of images without that limit.
        unreadable: A message for each image that could not be read.
    """

    names: tuple[str, ...]
    accepted: tuple[AcceptedImage, ...]
    total: int
    unreadable: tuple[str, ...] = ()

    @property
    def images(self) -> tuple[TrainingImage, ...]:
        """All images with all accepted annotations."""
        return tuple(a.image for a in self.accepted)

    @property
    def for_masks(self) -> tuple[TrainingImage, ...]:
        """Images with masks; plain boxes are left out, since they say nothing about an object's edge."""
        outlined = (_without_boxes(accepted.image) for accepted in self.accepted)
        return tuple(image for image in outlined if image.instances)

    @property
    def for_detector(self) -> tuple[TrainingImage, ...]:
        """Images without pending annotations, including those without any object."""
        return tuple(a.image for a in self.accepted if a.complete)


def read_material(
    folder: Path,
    *,
    max_images: int = MAX_IMAGES,
    max_pixels: int = MAX_PIXELS,
    cancel: CancelToken | None = None,
) -> TrainingMaterial:
    """Reads the accepted annotations; the dataset may be open in a samdesk window at the same time.

    Args:
        folder: A dataset, with a store or with label files only.
        max_images: If there are more, a fixed sample of this size is read.
        max_pixels: Images with more pixels are not read.
        cancel: Checked before each image.

    Raises:
        StoreError: The folder does not exist, or its store cannot be read.
        Cancelled: ``cancel`` was used.
    """
    cancel = cancel or CancelToken()
    images: list[AcceptedImage] = []
    unreadable: list[str] = []
    with open_read_only(folder, max_pixels=max_pixels) as dataset:
        stored = {key for key, image in dataset.images().items() if _has_accepted(image)}
        keys = stored.union(dataset.only_in_files())
        chosen = _sample(keys, max_images)
        for key in dataset.keys:
            if key in chosen:
                cancel.check()
                try:
                    images.append(_read(dataset, key))
                except ImageError as error:
                    unreadable.append(str(error))
        return TrainingMaterial(dataset.names, tuple(images), len(keys), tuple(unreadable))


def is_box(region: Region) -> bool:
    """Whether a region is a plain box, as made from a detection label or by the rectangle tool."""
    if len(region.geoms) != 1 or region.geoms[0].interiors:
        return False
    x0, y0, x1, y1 = region.bounds
    same = abs(region.area - (x1 - x0) * (y1 - y0)) <= 1e-6 * region.area
    return len(region.geoms[0].exterior.coords) == 5 and bool(same)


def _has_accepted(image: StoredImage) -> bool:
    return image.review is ImageReview.ACCEPTED or image.count > image.pending


def _sample(keys: Iterable[ImageKey], count: int) -> set[ImageKey]:
    """At most ``count`` keys, by their hash: images added later change few of them."""
    ranked = sorted(keys, key=lambda key: hashlib.sha256(key.encode()).digest())
    return set(ranked[:count])


def _read(dataset: ReadOnlyDataset, key: ImageKey) -> AcceptedImage:
    document = dataset.document(key)
    all_kept = document.review is ImageReview.ACCEPTED
    kept = [a for a in document.annotations if all_kept or a.review.is_accepted]
    instances = tuple(Instance(a.region, dataset.class_id(a.label_id)) for a in kept)
    image = TrainingImage(key, dataset.folder / key, (document.height, document.width), instances)
    return AcceptedImage(image, _is_complete(document, len(kept)))


def _is_complete(document: ImageDocument, kept: int) -> bool:
    return document.review is ImageReview.ACCEPTED or kept == len(document.annotations)


def _without_boxes(image: TrainingImage) -> TrainingImage:
    return replace(image, instances=tuple(i for i in image.instances if not is_box(i.region)))
