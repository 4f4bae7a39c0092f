"""Makes SQL conditions of the terms of a search, for the tables of facts.

``f`` is a row of ``facts``, ``i`` one of ``fact_images``. Everything that is put into the text is a number or
a quoted text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from samdesk.dataset.store.database import HAS_TEXT, Store
from samdesk.dataset.store.facts import IMAGE_REVIEWS, PENDING, REJECTED, REVIEWS, SOURCES
from samdesk.dataset.tracks.conditions import track_condition
from samdesk.domain.annotation import Source
from samdesk.domain.doubt import DUPLICATE
from samdesk.domain.labels import LabelSet
from samdesk.domain.review import AnnotationReview, ImageReview
from samdesk.domain.search import AnyOf, Bounds, Search, Term, matcher

_NEVER, _ALWAYS = "0", "1"
_NUMBERS = {"score": "f.score", "mask": "f.mask", "stability": "f.stability", "doubt": "f.doubt",
            "area": "f.area", "count": "i.count"}  # fmt: skip
_SOURCES = {"auto": Source.YOLO_SAM, "sam": Source.SAM, "manual": Source.MANUAL, "import": Source.IMPORT,
            "carried": Source.CARRIED}  # fmt: skip
_STATES = {review.value for review in AnnotationReview}
_SHOWN = f"review IN ({','.join(str(n) for n in range(len(REVIEWS)) if n != REJECTED)})"
_ACCEPTED = IMAGE_REVIEWS.index(ImageReview.ACCEPTED)
_IMAGES = {
    "new": f"(i.review = {IMAGE_REVIEWS.index(ImageReview.UNREVIEWED)} AND i.pending = 0)",
    "to-review": f"(i.pending > 0 AND i.review <> {_ACCEPTED})",
    "edited": f"i.review = {IMAGE_REVIEWS.index(ImageReview.EDITED)}",
    "flagged": f"i.review = {IMAGE_REVIEWS.index(ImageReview.FLAGGED)}",
    "done": f"i.review = {_ACCEPTED}",
    "empty": "i.count = 0",
}


@dataclass(frozen=True)
class Conditions:
    """The conditions of a search.

    Attributes:
        annotations: Of the annotations it finds, on ``f``; all have to hold.
        images: Of the images of these, on ``i``; all have to hold.
        alone: Of the images it finds whatever annotations they have, on ``i``; None: there are none.
        labels: The numbers of the labels that annotations may have; None: any.
        annotated: Whether a word is about annotations.
    """

    annotations: tuple[str, ...]
    images: tuple[str, ...]
    alone: tuple[str, ...] | None
    labels: tuple[int, ...] | None = None
    annotated: bool = False


def asks_for_states(search: Search) -> bool:
    """Whether a search says which states annotations may have."""
    return any(not t.negated and _states(t) for t in search.terms)


def conditions(store: Store, labels: LabelSet, search: Search) -> Conditions:
    """Returns the conditions of a search. Raises ``StoreError``."""
    found = _TermConditions(store, labels)
    annotations: list[str] = []
    images: list[str] = []
    alone: list[str] | None = []
    for term in search.terms:
        of_annotation, of_image = found.of(term)
        if of_annotation is None:
            images.append(_signed(of_image or _NEVER, term))
        else:
            annotations.append(_signed(of_annotation, term))
        if of_image is None:
            alone = None
        elif alone is not None:
            alone.append(_signed(of_image, term))
    annotated = bool(annotations)
    if not any(AnnotationReview.REJECTED.value in _states(t) for t in search.terms if not t.negated):
        annotations.append(f"f.review <> {REJECTED}")
    by_itself = None if alone is None else tuple(alone)
    return Conditions(tuple(annotations), tuple(images), by_itself, found.labels, annotated)


def _states(term: Term) -> set[str]:
    if term.field not in ("state", "is") or not isinstance(term.test, AnyOf):
        return set()
    return _STATES.intersection(term.test.values)


def _signed(condition: str, term: Term) -> str:
    return f"({condition}) IS NOT TRUE" if term.negated else f"({condition})"


class _TermConditions:
    """Makes the conditions of single terms."""

    def __init__(self, store: Store, labels: LabelSet) -> None:
        self._store = store
        self._names: dict[str, str] = {label.id: label.name for label in labels}
        self.labels: tuple[int, ...] | None = None

    def of(self, term: Term) -> tuple[str | None, str | None]:
        """Returns the conditions of a term without its minus.

        The first is on ``f``, None if it is about images only; the second on ``i``, of an image by itself,
        None if it is about annotations only.
        """
        test = term.test
        if isinstance(test, Bounds):
            condition = _bounds(_NUMBERS[term.field], test)
            return (None, condition) if term.field == "count" else (condition, None)
        if term.field in _NUMBERS:
            return f"{_NUMBERS[term.field]} IS NULL", None
        make: dict[str, Callable[[Term, Sequence[str]], tuple[str | None, str | None]]] = {
            "class": self._label,
            "with": self._with,
            "without": self._with,
            "state": lambda _, values: (_in("f.review", _reviews(values)), None),
            "image": lambda _, values: (None, _any(_IMAGES[v] for v in values)),
            "split": lambda _, values: (None, _any(_split(v) for v in values)),
            "is": self._is,
            "source": lambda _, values: (_in("f.source", (SOURCES.index(_SOURCES[v]) for v in values)), None),
            "run": self._run,
            "model": self._model,
            "track": lambda _, values: (_any(track_condition(v) for v in values), None),
            "note": lambda _, values: (_any(_note(v) for v in values), None),
            "name": lambda _, values: (None, _any(_contains("i.key", v) for v in values)),
        }
        return make[term.field](term, test.values)

    def _label(self, term: Term, values: Sequence[str]) -> tuple[str, None]:
        numbers = self._label_numbers(values)
        if not term.negated and (self.labels is None or len(numbers) < len(self.labels)):
            self.labels = numbers
        return _in("f.label", numbers), None

    def _with(self, term: Term, values: Sequence[str]) -> tuple[None, str]:
        labels = _in("label", self._label_numbers(values))
        return None, (
            f"i.id {'NOT ' if term.field == 'without' else ''}IN"
            f" (SELECT image FROM facts INDEXED BY facts_by_label WHERE {labels} AND {_SHOWN})"
        )

    def _label_numbers(self, values: Sequence[str]) -> tuple[int, ...]:
        tests = [matcher(value) for value in values]
        return tuple(
            number
            for number, label_id in self._words("label")
            if any(test(self._names.get(label_id, "")) for test in tests)
        )

    def _is(self, _: Term, values: Sequence[str]) -> tuple[str | None, str | None]:
        states = [v for v in values if v in _STATES]
        images = [_IMAGES[v] for v in values if v in _IMAGES]
        own = [_in("f.review", _reviews(states))] if states else []
        own += ["f.border"] if "touching-border" in values else []
        own += [f"f.overlap_same >= {DUPLICATE!r}"] if "duplicate" in values else []
        if not own:
            return None, _any(images)
        others = [_IMAGES[v] for v in values if v in _IMAGES and v not in _STATES]
        own += [f"f.image IN (SELECT i.id FROM fact_images i WHERE {_any(others)})"] if others else []
        return _any(own), _any(images) if images else None

    def _run(self, _: Term, values: Sequence[str]) -> tuple[str, None]:
        parts = []
        for value in values:
            if value == "any":
                parts.append("f.run IS NOT NULL")
            elif value == "none":
                parts.append("f.run IS NULL")
            else:
                wanted = self._last_run() if value == "last" else value.casefold()
                runs = (n for n, run in self._words("run") if wanted and run.casefold().startswith(wanted))
                parts.append(_in("f.run", runs))
        return _any(parts), None

    def _last_run(self) -> str:
        row = self._store.row("SELECT id FROM runs WHERE state='open'") or self._store.row(
            "SELECT run_id FROM log WHERE undone=0 AND run_id IS NOT NULL ORDER BY place DESC LIMIT 1"
        )
        return str(row[0]).casefold() if row else ""

    def _model(self, _: Term, values: Sequence[str]) -> tuple[str, None]:
        parts = ["f.model IS NULL"] if "none" in values else []
        tests = [matcher(value, anywhere=True) for value in values if value != "none"]
        parts.append(_in("f.model", (n for n, text in self._words("model") if any(t(text) for t in tests))))
        return _any(parts), None

    def _words(self, kind: str) -> list[tuple[int, str]]:
        rows = self._store.rows("SELECT id, text FROM fact_words WHERE kind=?", (kind,))
        return [(int(number), str(text)) for number, text in rows]


def _bounds(column: str, test: Bounds) -> str:
    parts = []
    if test.low is not None:
        parts.append(f"{column} {'>' if test.above else '>='} {test.low!r}")
    if test.high is not None:
        parts.append(f"{column} {'<' if test.below else '<='} {test.high!r}")
    return " AND ".join(parts) or _ALWAYS


def _reviews(values: Iterable[str]) -> list[int]:
    return [REVIEWS.index(AnnotationReview(value)) for value in values]


def _note(value: str) -> str:
    return "f.note IS NULL" if value == "none" else f"(f.note IS NOT NULL AND {_contains('f.note', value)})"


def _split(value: str) -> str:
    if value == "none":
        return "i.key NOT IN (SELECT image FROM splits)"
    return f"i.key IN (SELECT image FROM splits WHERE split = {_quoted(value)})"


def _contains(column: str, value: str) -> str:
    if "\0" in value or not _is_unicode(value):
        return _NEVER
    if not value.isascii():
        return f"{HAS_TEXT}({column}, {_quoted(value)})"
    pattern = "".join(f"\\{c}" if c in "%_\\" else "%" if c == "*" else c for c in value)
    return f"{column} LIKE {_quoted(f'%{pattern}%')} ESCAPE '\\'"


def _is_unicode(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _in(column: str, numbers: Iterable[int]) -> str:
    return f"{column} IN ({','.join(str(int(n)) for n in numbers)})"


def _any(parts: Iterable[str]) -> str:
    return " OR ".join(f"({part})" for part in parts) or _NEVER


PENDING_ONLY = f"f.review = {PENDING}"
"""The condition of annotations that a review shows if a search does not say which."""
