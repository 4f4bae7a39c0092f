"""SearchSource: finds the annotations to review, by the searches of the dataset."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QTimer

from samdesk.dataset import search as queries
from samdesk.dataset.dataset import Dataset
from samdesk.dataset.search import FoundAnnotation, FoundPage
from samdesk.domain.annotation import AnnotationId
from samdesk.domain.search import Search
from samdesk.workers.storage.client import StorageClient

_AGAIN_MS = 250
_DOING = "finding what is to review"


class SearchSource:
    """Asks the storage thread; the answers come on the main thread, while the same dataset is open."""

    def __init__(self, storage: StorageClient) -> None:
        self._storage = storage

    def count(self, search: Search, then: Callable[[int], None]) -> None:
        """Counts the annotations of a review."""
        query = partial(queries.review_count, search=search)
        self._storage.ask(query, lambda counts: then(counts.annotations), doing=_DOING)

    def following(
        self,
        search: Search,
        after: FoundAnnotation | None,
        skip: frozenset[AnnotationId],
        then: Callable[[FoundAnnotation | None], None],
    ) -> None:
        """Finds the next annotation of a review."""

        def find(dataset: Dataset) -> tuple[FoundAnnotation | None, bool]:
            found = queries.next_in_review(dataset, search, after, skip)
            return found, found is None and queries.progress(dataset) is not None

        def receive(answer: tuple[FoundAnnotation | None, bool]) -> None:
            found, too_early = answer
            if too_early:  # not all of the dataset is read for searches yet
                QTimer.singleShot(_AGAIN_MS, lambda: self.following(search, after, skip, then))
            else:
                then(found)

        self._storage.ask(find, receive, doing=_DOING)

    def page(self, search: Search, limit: int, start: int, then: Callable[[FoundPage], None]) -> None:
        """Finds annotations of a search, ``limit`` of them from the number ``start`` on."""
        query = partial(queries.find_annotations, search=search, limit=limit, offset=start)
        self._storage.ask(query, then, doing=_DOING)
