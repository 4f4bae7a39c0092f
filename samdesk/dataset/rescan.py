"""Takes over what other programs have changed in the folder of an open dataset.

Each function is a query of ``StorageClient.ask`` with a bounded time: files are rechecked a few at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from samdesk.dataset.dataset import Dataset
from samdesk.dataset.labels.lines import says
from samdesk.domain.document import ImageKey
from samdesk.images.sources import Survey

RECHECKED_AT_ONCE = 50
"""Images for one call of ``recheck``, so that a save never waits for all of them."""


@dataclass(frozen=True)
class NewImages:
    """The images of a dataset after its folder was looked at again.

    Attributes:
        keys: All images, in natural order.
        added: Number of images that were not there before.
        removed: Number of images that are no longer there.
    """

    keys: tuple[ImageKey, ...]
    added: int
    removed: int


def update_images(dataset: Dataset, found: Survey, keep: ImageKey | None) -> NewImages:
    """Replaces the list of images.

    Args:
        dataset: The dataset.
        found: The image files that are there now.
        keep: The image on screen, which stays in the list even if its file is gone.
    """
    before = set(dataset.keys)
    dataset.set_survey(found, keep if keep in before else None)
    after = set(dataset.keys)
    return NewImages(dataset.keys, len(after - before), len(before - after))


def recheck(dataset: Dataset, images: Sequence[ImageKey], labels: Sequence[ImageKey]) -> tuple[ImageKey, ...]:
    """Drops what is known of files that have changed, to be read again when they are needed.

    Args:
        dataset: The dataset.
        images: Images whose file has changed.
        labels: Images whose label file has changed; samdesk's own changes are among them.

    Returns:
        The images whose label file says something else than samdesk last read or wrote.
    """
    documents, projection = dataset.core.documents, dataset.core.projection
    for key in images:
        documents.forget_image(key)
    changed = []
    for key in labels:
        known = projection.known(key)
        if known is None:
            documents.forget_label_file(key)
            dataset.indexing.recheck([key])
            changed.append(key)
            continue
        try:
            if not says(dataset.core.files.read(key), known or None):
                changed.append(key)
        except OSError:
            changed.append(key)
    return tuple(changed)


def recheck_class_names(dataset: Dataset) -> str:
    """Opens a conflict if another program has changed the names in data.yaml.

    Returns:
        The name of the file; "" if it holds what samdesk last read or wrote.
    """
    core = dataset.core
    if core.read_only or core.in_memory:
        return ""
    return core.names.path.name if core.names.recheck(core.documents.labels) else ""
