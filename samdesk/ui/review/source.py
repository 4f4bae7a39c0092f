"""SearchSource: finds the annotations to review in the dataset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from samdesk.dataset.dataset import Dataset
from samdesk.domain.annotation import AnnotationId
from samdesk.domain.document import ImageKey
from samdesk.domain.doubt import doubt, evidence
from samdesk.domain.review import AnnotationReview
from samdesk.ui.review.queue import ReviewTarget
from samdesk.workers.storage.client import StorageClient


class SearchSource:
    """Answers from the dataset, on the storage thread."""

    def __init__(self, storage: StorageClient) -> None:
        self._storage = storage

    def count(self, text: str, then: Callable[[int], None]) -> None:
        """Counts the annotations of a search."""
        self._storage.ask(lambda dataset: len(_pending(dataset)), then, doing="counting what is to review")

    def following(
        self,
        text: str,
        after: ReviewTarget | None,
        skip: frozenset[AnnotationId],
        then: Callable[[ReviewTarget | None], None],
    ) -> None:
        """Finds the next annotation of a search."""
        self._storage.ask(partial(_next, after=after, skip=skip), then, doing="finding what is to review")


@dataclass(frozen=True)
class _Pending:
    image: ImageKey
    id: AnnotationId
    doubt: float


def _pending(dataset: Dataset) -> list[_Pending]:
    found = []
    for key in dataset.keys:
        document = dataset.load(key)
        for annotation, its in zip(document.annotations, evidence(document), strict=True):
            if annotation.review is AnnotationReview.PENDING:
                found.append(_Pending(key, annotation.id, doubt(its)))
    return sorted(found, key=lambda found: (-found.doubt, found.id))


def _next(dataset: Dataset, after: ReviewTarget | None, skip: frozenset[AnnotationId]) -> ReviewTarget | None:
    place = None if after is None else (-after.doubt, after.id)
    return next(
        (f for f in _pending(dataset) if f.id not in skip and (place is None or (-f.doubt, f.id) > place)),
        None,
    )
