"""ReviewQueue: the annotations of a review: those visited, those found ahead, and what was decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from samdesk.dataset.search import FoundAnnotation
from samdesk.domain.annotation import AnnotationId
from samdesk.domain.document import ImageKey
from samdesk.domain.review import AnnotationReview
from samdesk.domain.search import Search

AHEAD = 4
"""Annotations that are found before they are needed, so that the next one is there at once."""
_LONGEST_S = 60.0
"""A longer time on one annotation counts as this: the user has been elsewhere."""
_MOST_SKIPPED = 20_000
"""A review with more annotations visited is not searched again for those whose doubt has risen meanwhile."""


@dataclass
class ReviewQueue:
    """A review of the result of a search.

    Attributes:
        search: Whose result it is.
        total: How many annotations it found at the start.
        seconds: The time spent on each annotation, in the order they were left.
        decided: What was decided about the annotations visited.
        rest: Those accepted together, by image.
    """

    search: Search
    total: int = 0
    seconds: list[float] = field(default_factory=list)
    decided: dict[AnnotationId, AnnotationReview] = field(default_factory=dict)
    rest: dict[ImageKey, list[AnnotationId]] = field(default_factory=dict)
    _visited: list[FoundAnnotation] = field(default_factory=list)
    _ahead: list[FoundAnnotation] = field(default_factory=list)
    _at: int = -1
    _wrapped: bool = False
    _resumed: bool = False
    _last_again: FoundAnnotation | None = None
    _exhausted: bool = False

    @property
    def current(self) -> FoundAnnotation | None:
        """The annotation under review; None: none yet, or there are no more."""
        return self._visited[self._at] if 0 <= self._at < len(self._visited) else None

    @property
    def position(self) -> int:
        """The number of the annotation under review, from 1."""
        return self._at + 1

    @property
    def visited(self) -> int:
        """How many annotations have been shown."""
        return len(self._visited)

    @property
    def finished(self) -> bool:
        """Whether there are no more annotations, neither visited nor ahead."""
        return self._exhausted and not self._ahead and self._at + 1 >= len(self._visited)

    @property
    def wants_more(self) -> bool:
        """Whether to search for more annotations ahead."""
        return not self._exhausted and len(self._ahead) < AHEAD

    @property
    def after(self) -> FoundAnnotation | None:
        """The annotation to search on after; None: from the start."""
        if self._wrapped:
            return self._last_again
        return next(iter(reversed(self._ahead or self._visited)), None)

    @property
    def skipped(self) -> frozenset[AnnotationId]:
        """The annotations that are not to be found again, if it may be searched from the start."""
        if not (self._wrapped or self._resumed):
            return frozenset()
        return frozenset(found.id for found in (*self._visited, *self._ahead))

    def add(self, found: FoundAnnotation | None) -> None:
        """Adds what was found ahead; None: nothing more from ``after`` on.

        At the end it is searched once more from the start: for what was added, or became more doubtful,
        while the others were reviewed.
        """
        if found is not None:
            self._ahead.append(found)
            self._last_again = found if self._wrapped else None
            self.total = max(self.total, len(self._visited) + len(self._ahead))
        elif self._wrapped or len(self._visited) > _MOST_SKIPPED:
            self._exhausted = True
        else:
            self._wrapped = True

    def search_again(self) -> None:
        """Searches anew after those visited: the result may be another one."""
        self._ahead.clear()
        self._wrapped = self._exhausted = False
        self._resumed = True
        self._last_again = None

    def forward(self) -> bool:
        """Goes on to the next annotation; False if none is known."""
        if self._at + 1 >= len(self._visited):
            if not self._ahead:
                return False
            self._visited.append(self._ahead.pop(0))
        self._at += 1
        return True

    def back(self) -> bool:
        """Goes back to the annotation before; False if there is none."""
        if self._at <= 0:
            return False
        self._at -= 1
        return True

    def end(self) -> None:
        """Goes on past the last annotation, from where ``back`` leads to it again."""
        self._at = len(self._visited)

    def return_to(self, annotation_id: AnnotationId) -> bool:
        """Goes to an annotation that was visited; False if there is no such one."""
        for at in range(len(self._visited) - 1, -1, -1):
            if self._visited[at].id == annotation_id:
                self._at = at
                return True
        return False

    def by_image(self) -> dict[ImageKey, list[AnnotationId]]:
        """The annotations visited or accepted together, by their images."""
        result = {key: list(ids) for key, ids in self.rest.items()}
        for found in self._visited:
            result.setdefault(found.image, []).append(found.id)
        return result

    def images_ahead(self, count: int) -> list[ImageKey]:
        """The next images, without the present one, each once."""
        here = self.current
        following = (*self._visited[self._at + 1 :], *self._ahead)
        keys = dict.fromkeys(found.image for found in following)
        if here is not None:
            keys.pop(here.image, None)
        return list(keys)[:count]

    def note(self, annotation_id: AnnotationId, review: AnnotationReview) -> None:
        """Notes what was decided about an annotation; PENDING: nothing any more."""
        if review is AnnotationReview.PENDING:
            self.decided.pop(annotation_id, None)
        else:
            self.decided[annotation_id] = review

    def note_rest(self, chosen: Mapping[ImageKey, Iterable[AnnotationId]]) -> None:
        """Notes the annotations that were accepted together."""
        for key, ids in chosen.items():
            self.rest.setdefault(key, []).extend(ids)

    def note_time(self, seconds: float) -> None:
        """Notes the time spent on the annotation that is left, seconds."""
        self.seconds.append(min(seconds, _LONGEST_S))

    def counts(self) -> Counter[AnnotationReview]:
        """How many were decided, by decision; those accepted together included."""
        result = Counter(self.decided.values())
        accepted = sum(i not in self.decided for ids in self.rest.values() for i in ids)
        if accepted:
            result[AnnotationReview.ACCEPTED] += accepted
        return result
