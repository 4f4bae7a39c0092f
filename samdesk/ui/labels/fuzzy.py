"""Fuzzy matching of names: the letters typed occur in a name in this order, other letters between them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

_WORD_BREAKS = frozenset(" _-./:\\")


@dataclass(frozen=True, order=True)
class FuzzyMatch:
    """How well a name matches; the better one is the smaller.

    Attributes:
        kind: 0 the whole name, 1 its beginning, 2 the beginning of a word, 3 within a word, 4 with gaps.
        gaps: Number of interruptions between the letters.
        start: Where the first letter is.
        places: Where the letters are, ascending.
    """

    kind: int
    gaps: int
    start: int
    places: tuple[int, ...]


def fuzzy_match(typed: str, name: str) -> FuzzyMatch | None:
    """Returns how the letters typed match a name, upper and lower case alike; None if they do not.

    Blanks in ``typed`` match nothing of their own: "tra li" finds "traffic light". Takes time in proportion
    to the length of the name.
    """
    text, full = typed.casefold().strip(), name.casefold()
    if len(full) != len(name):
        full = name.lower() if len(name.lower()) == len(name) else name
    if not text:
        return FuzzyMatch(4, 0, 0, ())
    at = _best_place(text, full)
    if at >= 0:
        whole = len(text) == len(full)
        kind = 0 if whole else 1 if at == 0 else 2 if full[at - 1] in _WORD_BREAKS else 3
        return FuzzyMatch(kind, 0, at, tuple(range(at, at + len(text))))
    places = _subsequence("".join(text.split()), full)
    if places is None:
        return None
    gaps = sum(after != before + 1 for before, after in pairwise(places))
    return FuzzyMatch(4, gaps, places[0], places)


def _best_place(text: str, full: str) -> int:
    """Where the text occurs in the name: at the beginning of a word if it does so anywhere; -1 nowhere."""
    first = at = full.find(text)
    while at > 0:
        if full[at - 1] in _WORD_BREAKS:
            return at
        at = full.find(text, at + 1)
    return 0 if at == 0 else first


def _subsequence(letters: str, full: str) -> tuple[int, ...] | None:
    """The places of the letters in a name: the last occurrence that ends first, so that they are close."""
    end = -1
    for letter in letters:
        end = full.find(letter, end + 1)
        if end < 0:
            return None
    places: list[int] = []
    at = end + 1
    for letter in reversed(letters):
        at = full.rfind(letter, 0, at)
        places.append(at)
    return tuple(reversed(places))
