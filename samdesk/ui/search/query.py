"""What is asked of the storage thread for the list of images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from samdesk.base.bulk import BulkProgress
from samdesk.dataset import search as queries
from samdesk.dataset.dataset import Dataset
from samdesk.domain.document import ImageKey
from samdesk.domain.search import Search
from samdesk.ui.images.rows import Numbers, numbers_of


@dataclass(frozen=True, eq=False)
class FoundImages:
    """The images that a search has found.

    Attributes:
        numbers: Their numbers in the order of the search.
        numbering: What the numbers are of, see ``ImagesPanel.numbering``.
        progress: How far the dataset is read, if there is more to find.
    """

    numbers: Numbers
    numbering: Mapping[ImageKey, int]
    progress: BulkProgress | None


def find_numbers(dataset: Dataset, search: Search, numbering: Mapping[ImageKey, int]) -> FoundImages:
    """Finds images and numbers them here, as that takes some time for many."""
    images = queries.find_images(dataset, search, by_sort=True)
    return FoundImages(numbers_of(images, numbering), numbering, queries.progress(dataset))
