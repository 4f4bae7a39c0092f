"""ScoreFilter: which pending annotations are hidden for their score, on the screen and in a search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from samdesk.domain.annotation import Annotation
from samdesk.domain.review import AnnotationReview
from samdesk.domain.search import AnyOf, Bounds, Search, Term

STEPS = 100
"""A limit is a multiple of 1/100."""
_PENDING = AnnotationReview.PENDING.value
_PENDING_ONLY = Term("state", AnyOf((_PENDING,)))


class Scored(Protocol):
    """What is known of the scores of an annotation that a search has found."""

    @property
    def review(self) -> AnnotationReview:
        """What the user has decided."""

    @property
    def detector_score(self) -> float | None:
        """Confidence of the detector, 0..1."""

    @property
    def mask_score(self) -> float | None:
        """Predicted IoU, 0..1."""

    @property
    def doubt(self) -> float:
        """How likely it is wrong, 0..1."""


@dataclass(frozen=True)
class ScoreKind:
    """A number by which annotations are hidden.

    Attributes:
        field: Its name in a search and of its histogram.
        title: What the user chooses.
        name: The number in the middle of a sentence.
        falls: Whether annotations above the limit are hidden, as it is better the lower it is.
    """

    field: str
    title: str
    name: str
    falls: bool = False


SCORE_KINDS = (
    ScoreKind("score", "Detector score under", "detector score"),
    ScoreKind("mask", "Mask score under", "mask score"),
    ScoreKind("doubt", "Doubt of at least", "doubt", falls=True),
)


@dataclass(frozen=True)
class ScoreFilter:
    """Hides pending annotations under a score, or from a doubt on. One without the number is not hidden.

    Attributes:
        kind: The number that counts.
        step: The limit in hundredths.
    """

    kind: ScoreKind = SCORE_KINDS[0]
    step: int = 0

    @property
    def limit(self) -> float:
        """The limit, 0..1."""
        return self.step / STEPS

    @property
    def active(self) -> bool:
        """Whether it can hide anything: at its end the slider hides nothing."""
        return self.step < STEPS if self.kind.falls else self.step > 0

    @property
    def text(self) -> str:
        """What is hidden: "detector score under 0.50"."""
        relation = "of at least" if self.kind.falls else "under"
        return f"{self.kind.name} {relation} {self.limit:.2f}"

    def hides_value(self, value: float | None) -> bool:
        """Whether a pending annotation with this number is hidden."""
        if value is None or not self.active:
            return False
        return value >= self.limit if self.kind.falls else value < self.limit

    def hides(self, annotation: Annotation, doubt: float | None) -> bool:
        """Whether an annotation is hidden; ``doubt``: None if it is not known."""
        if annotation.review is not AnnotationReview.PENDING:
            return False
        values = {"score": annotation.detector_score, "mask": annotation.mask_score, "doubt": doubt}
        return self.hides_value(values[self.kind.field])

    def hides_found(self, found: Scored) -> bool:
        """Whether an annotation that a search has found is hidden."""
        if found.review is not AnnotationReview.PENDING:
            return False
        values = {"score": found.detector_score, "mask": found.mask_score, "doubt": found.doubt}
        return self.hides_value(values[self.kind.field])

    def hidden(self, scope: Search) -> Search:
        """Returns the search for what is hidden of a search; call it while ``active``."""
        return pending(scope).plus(self._term(negated=False))

    def shown(self, search: Search) -> Search:
        """Returns a search without what is hidden, if it is for pending annotations only, else itself."""
        states = [term for term in search.terms if term.field in ("state", "is") and not term.negated]
        if not self.active or any(term != _PENDING_ONLY for term in states):
            return search
        return search.plus(self._term(negated=True))

    def _term(self, *, negated: bool) -> Term:
        bounds = Bounds(low=self.limit) if self.kind.falls else Bounds(high=self.limit, below=True)
        return Term(self.kind.field, bounds, negated)


def pending(scope: Search) -> Search:
    """Returns the search for the pending annotations of a search."""
    return Search(scope.terms).plus(_PENDING_ONLY)
