"""The search language: ``class:person score:<0.5 -state:accepted IMG_2 sort:doubt``, read and written.

Words combine: what is found fits all of them. A comma means "or" (``class:car,bus``), a minus in front "not",
a word by itself is part of an image's name, quotes keep spaces together, ``*`` stands for any letters.
Numbers are ``<0.5``, ``>=10``, ``0.2..0.5`` (both ends included), ``0.9..`` or ``0.5``; shares may be
percentages.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from difflib import get_close_matches

from samdesk.base.errors import UserError
from samdesk.domain.search_words import (
    ALIASES,
    FIELDS,
    SORT,
    VALUE_ALIASES,
    Level,
    SearchWord,
    SortKey,
    ValueKind,
    quoted,
)

MOST_CHARACTERS = 2000
MOST_TERMS = 50
"""Limits of one search, so that none takes long to read or to answer."""


class SearchError(UserError, ValueError):
    """A search that cannot be read.

    Attributes:
        start: Where the part that is wrong begins, in characters.
        end: Where it ends.
        suggestion: What to put there instead; "" if nothing is near.
        fixed: The whole search with the suggestion; "" if there is none.
    """

    code = "search"

    def __init__(
        self, what: str, text: str, start: int, end: int, suggestion: str = "", hint: str = ""
    ) -> None:
        advice = f"Did you mean {suggestion}?" if suggestion else hint
        super().__init__(what, where=f"character {start + 1}", next=advice)
        self.start = start
        self.end = end
        self.suggestion = suggestion
        self.fixed = text[:start] + suggestion + text[end:] if suggestion else ""


@dataclass(frozen=True)
class AnyOf:
    """One of several values: names of choices or labels, or texts in which ``*`` stands for any letters."""

    values: tuple[str, ...]

    def __str__(self) -> str:
        return ",".join(quoted(value) for value in self.values)


@dataclass(frozen=True)
class Bounds:
    """A range of numbers.

    Attributes:
        low: Its lower end; None: none.
        high: Its upper end; None: none.
        above: Without the lower end itself.
        below: Without the upper end itself.
    """

    low: float | None = None
    high: float | None = None
    above: bool = False
    below: bool = False

    def __str__(self) -> str:
        low, high = _number_text(self.low), _number_text(self.high)
        if self.low == self.high:
            return low
        if self.high is None:
            return f"{'>' if self.above else '>='}{low}"
        if self.low is None:
            return f"{'<' if self.below else '<='}{high}"
        return f"{low}..{high}"


@dataclass(frozen=True)
class Term:
    """One word of a search.

    Attributes:
        field: A key of ``FIELDS``.
        test: What its value must be.
        negated: Whether it must not.
    """

    field: str
    test: AnyOf | Bounds
    negated: bool = False

    @property
    def level(self) -> Level:
        """Whether it is about images, annotations or both."""
        return FIELDS[self.field].level

    def __str__(self) -> str:
        return f"{'-' if self.negated else ''}{self.field}:{self.test}"


@dataclass(frozen=True)
class Sort:
    """What comes first.

    Attributes:
        key: See ``SORTS``.
        reverse: The other way round.
        seed: Of ``RANDOM``: each gives another order, the same every time.
    """

    key: SortKey
    reverse: bool = False
    seed: int = 0

    def __str__(self) -> str:
        seed = f"({self.seed})" if self.seed else ""
        return f"{SORT}:{'-' if self.reverse else ''}{self.key.value}{seed}"


@dataclass(frozen=True)
class Search:
    """A search of a dataset. Its text reads back as an equal search.

    Attributes:
        terms: What is found fits all of them.
        sort: What comes first; None: by image name.
    """

    terms: tuple[Term, ...] = ()
    sort: Sort | None = None

    def __str__(self) -> str:
        return " ".join(str(part) for part in (*self.terms, *([self.sort] if self.sort else [])))

    @property
    def is_empty(self) -> bool:
        """Whether it finds everything."""
        return not self.terms

    def sorted_by(self, key: SortKey, *, reverse: bool = False, seed: int = 0) -> Search:
        """Returns the search in another order."""
        return replace(self, sort=Sort(key, reverse, seed))

    def plus(self, *terms: Term) -> Search:
        """Returns the search with more terms; those it has are not repeated."""
        return replace(self, terms=tuple(dict.fromkeys([*self.terms, *terms])))

    def minus(self, *terms: Term) -> Search:
        """Returns the search without terms."""
        return replace(self, terms=tuple(term for term in self.terms if term not in terms))

    def with_only(self, term: Term) -> Search:
        """Returns the search with this as the only term of its field."""
        others = tuple(other for other in self.terms if other.field != term.field)
        return replace(self, terms=(*others, term))


def parse(text: str) -> Search:
    """Reads a search.

    Args:
        text: As typed by the user; blank finds everything.

    Raises:
        SearchError: A word, value or number that it cannot make sense of, with its place and the nearest that
            it could. Class names are not checked, as they belong to the dataset.
    """
    return _Parser(text).search()


@dataclass(frozen=True)
class _Part:
    """A value as it was typed."""

    text: str
    start: int
    end: int


_SPACE = re.compile(r"\s*")
_KEY = re.compile(r"([^\W\d][\w-]*)(?::|(\s*)(?=[<>=]))")
_OPERATOR = re.compile(r"(<=|>=|=<|=>|<|>|=)\s*")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")
_RUN = re.compile(r'[^\s",]+')
_BARE = re.compile(r'[^\s"]+')
_NUMBER = re.compile(r"[0-9]*\.?[0-9]+(?:e[+-]?[0-9]+)?|[0-9]+\.", re.IGNORECASE)
_SORT = re.compile(r"([a-z]+)(?:[(:]([^)]*)\)?)?")
_COMPARISONS = {"=<": "<=", "=>": ">="}


class _Parser:
    """Reads one search from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def search(self) -> Search:
        text = self._text
        if len(text) > MOST_CHARACTERS:
            raise self._error(
                f"A search has at most {MOST_CHARACTERS:,} characters.", MOST_CHARACTERS, len(text)
            )
        terms: list[Term] = []
        sort: Sort | None = None
        self._skip_space()
        while self._at < len(text):
            part = self._next()
            if isinstance(part, Sort):
                sort = part
            else:
                terms.append(part)
            self._skip_space()
        if len(terms) > MOST_TERMS:
            raise self._error(f"A search has at most {MOST_TERMS} words.", 0, len(text))
        return Search(tuple(terms), sort)

    def _next(self) -> Term | Sort:
        start = self._at
        negated = self._text.startswith("-", self._at)
        self._at += negated
        key = self._key()
        if key is None:
            return Term("name", AnyOf((self._bare(start),)), negated)
        if key == SORT:
            return self._sort(negated)
        field = FIELDS[key]
        operator = self._match(_OPERATOR) if field.kind in _NUMBERS else ""
        parts = self._values()
        if not parts:
            example = f"For example {field.example}."
            raise self._error(f"{field.name}: needs {field.kind.value}.", start, self._at, hint=example)
        return Term(field.name, self._test(field, operator, parts), negated)

    def _key(self) -> str | None:
        """Takes a word with its colon; None, with nothing taken, if a name comes next."""
        found = _KEY.match(self._text, self._at)
        if found is None:
            return None
        typed = found[1].lower()
        name = ALIASES.get(typed, typed)
        known = name in FIELDS or name == SORT
        if not known and found[2] is not None:  # "a <b" is two words, "score <0.5" is one
            return None
        if not known:
            raise self._unknown_key(found[1], found.start(), found.end())
        self._at = found.end()
        space = self._at + len(_SPACE.match(self._text, self._at)[0])  # type: ignore[index]
        if not self._known_key_at(space):
            self._at = space
        return name

    def _known_key_at(self, position: int) -> bool:
        position += self._text.startswith("-", position)
        found = _KEY.match(self._text, position)
        return found is not None and found[1].lower() in {*FIELDS, *ALIASES, SORT}

    def _unknown_key(self, typed: str, start: int, end: int) -> SearchError:
        near = get_close_matches(typed.lower(), [*FIELDS, *ALIASES, SORT], 1, 0.6)
        suggestion = f"{ALIASES.get(near[0], near[0])}:" if near else ""
        hint = f'To find an image with a colon in its name, put the name in quotes: "{typed}:…".'
        return self._error(f'"{typed}:" is nothing to search by.', start, end, suggestion, hint)

    def _bare(self, start: int) -> str:
        pieces = []
        while self._at < len(self._text) and not self._text[self._at].isspace():
            pieces.append(self._quoted() if self._text[self._at] == '"' else self._match(_BARE))
        text = "".join(pieces)
        if not text:
            what = (
                "A minus needs a word after it."
                if self._at == start + 1
                else "There is nothing in the quotes."
            )
            raise self._error(what, start, self._at, hint='For example -state:accepted or "two words".')
        if text[0] in "<>=" and self._text[start] != '"':
            hint = "For example score:<0.5 or count:>10."
            raise self._error(f"{text} needs a word before it.", start, self._at, hint=hint)
        return text

    def _values(self) -> list[_Part]:
        """Takes the values after a colon, which commas separate."""
        parts: list[_Part] = []
        while True:
            start, pieces = self._at, []
            while self._at < len(self._text) and not self._ends_value(self._text[self._at]):
                pieces.append(self._quoted() if self._text[self._at] == '"' else self._match(_RUN))
            if "".join(pieces):
                parts.append(_Part("".join(pieces), start, self._at))
            if not self._text.startswith(",", self._at):
                return parts
            self._at += 1
            after = self._at + len(_SPACE.match(self._text, self._at)[0])  # type: ignore[index]
            if not self._known_key_at(after):
                self._at = after

    @staticmethod
    def _ends_value(character: str) -> bool:
        return character == "," or character.isspace()

    def _quoted(self) -> str:
        found = _QUOTED.match(self._text, self._at)
        if found is None:
            rest = self._text[self._at :]
            raise self._error("The quote is not closed.", self._at, len(self._text), f'{rest.rstrip()}"')
        self._at = found.end()
        return _ESCAPED.sub(r"\1", found[1])

    def _match(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        if found is None:
            return ""
        self._at = found.end()
        return found[0].rstrip()

    def _skip_space(self) -> None:
        self._at = _SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]

    def _test(self, field: SearchWord, operator: str, parts: list[_Part]) -> AnyOf | Bounds:
        if field.kind in _NUMBERS:
            if len(parts) > 1:
                comma = "A range is written 0.2..0.5, a decimal number with a point."
                raise self._error(
                    f"{field.name}: takes one number or range.", parts[0].start, self._at, hint=comma
                )
            if field.values and not operator and parts[0].text.lower() == field.values[0].text:
                return AnyOf((field.values[0].text,))
            return self._bounds(field, operator, parts[0])
        choice = self._choice if field.kind is ValueKind.CHOICE else _keyword
        return AnyOf(tuple(dict.fromkeys(choice(field, part) for part in parts)))

    def _choice(self, field: SearchWord, part: _Part) -> str:
        typed = part.text.lower().replace("_", "-")
        typed = VALUE_ALIASES.get((field.name, typed), typed)
        names = [value.text for value in field.values]
        if typed in names:
            return typed
        near = (
            get_close_matches(typed, names, 1, 0.5) or [name for name in names if name.startswith(typed)][:1]
        )
        raise self._error(
            f"{field.name}: has no value {part.text!r}.", part.start, part.end, near[0] if near else "",
            f"It takes {', '.join(names)}.",
        )  # fmt: skip

    def _bounds(self, field: SearchWord, operator: str, part: _Part) -> Bounds:
        operator = _COMPARISONS.get(operator, operator)
        if ".." in part.text:
            if operator:
                raise self._error(
                    f"A range has no {operator} before it.", part.start - len(operator), part.end, part.text
                )
            return self._range(field, part)
        value = self._number(field, part.text, part)
        if operator in ("<", "<="):
            return Bounds(high=value, below=operator == "<")
        if operator in (">", ">="):
            return Bounds(low=value, above=operator == ">")
        return Bounds(value, value)

    def _range(self, field: SearchWord, part: _Part) -> Bounds:
        left, _, right = part.text.partition("..")
        low = self._number(field, left, part) if left else None
        high = self._number(field, right, part) if right else None
        if low is None and high is None:
            raise self._error(
                "A range needs a number.", part.start, part.end, hint=f"For example {field.example}."
            )
        if low is not None and high is not None and low > high:
            raise self._error("The range ends before it begins.", part.start, part.end, f"{right}..{left}")
        return Bounds(low, high)

    def _number(self, field: SearchWord, text: str, part: _Part) -> float:
        share = field.kind is ValueKind.SHARE
        percent = share and text.endswith("%")
        digits = text[:-1] if percent else text
        if not _NUMBER.fullmatch(digits) or not math.isfinite(float(digits)):
            raise self._error(
                f"{field.name}: takes a number, {text!r} is none.", part.start, part.end,
                hint=f"For example {field.example}.",
            )  # fmt: skip
        value = float(digits) / 100 if percent else float(digits)
        if share and value > 1:
            fixed = part.text.replace(text, _number_text(value / 100)) if value <= 100 and not percent else ""
            raise self._error(f"{field.name}: is a number from 0 to 1.", part.start, part.end, fixed)
        return value

    def _sort(self, negated: bool) -> Sort:
        start = self._at
        parts = self._values()
        typed = parts[0].text.lower() if len(parts) == 1 else ""
        reverse = typed.startswith("-")
        found = _SORT.fullmatch(typed[reverse:])
        names = [key.value for key in SortKey]
        if found is None or found[1] not in names:
            near = get_close_matches(found[1] if found else typed, names, 1, 0.5)
            what = f"There is no order called {typed!r}." if typed else "sort: needs what to sort by."
            raise self._error(what, start, self._at, near[0] if near else "", f"It takes {', '.join(names)}.")
        key = SortKey(found[1])
        if not found[2]:
            return Sort(key, reverse != negated)
        if key is not SortKey.RANDOM or not re.fullmatch("[0-9]{1,9}", found[2]):
            what = (
                f"{found[2]!r} is no number."
                if key is SortKey.RANDOM
                else f"sort:{key.value} takes no number."
            )
            raise self._error(what, start, self._at, key.value)
        return Sort(key, reverse != negated, int(found[2]))

    def _error(self, what: str, start: int, end: int, suggestion: str = "", hint: str = "") -> SearchError:
        return SearchError(what, self._text, start, end, suggestion, hint)


_NUMBERS = (ValueKind.SHARE, ValueKind.NUMBER)


def _keyword(field: SearchWord, part: _Part) -> str:
    """A value that has a meaning of its own is the same in capitals."""
    return next((v.text for v in field.values if v.text == part.text.lower()), part.text)


def _number_text(value: float | None) -> str:
    return "" if value is None else repr(value).removesuffix(".0")


def check_labels(search: Search, text: str, names: tuple[str, ...]) -> None:
    """Raises ``SearchError`` for a class name that no label has, with the nearest that one has.

    Args:
        search: What ``parse`` has read.
        text: What it was read from.
        names: The class names of the dataset.
    """
    folded = [name.casefold() for name in names]
    for term in search.terms:
        if FIELDS[term.field].kind is not ValueKind.LABEL or not isinstance(term.test, AnyOf):
            continue
        for value in term.test.values:
            if not any(map(matcher(value), names)):
                start = max(text.find(value), 0)
                near = get_close_matches(value.casefold(), folded, 1, 0.6)
                suggestion = quoted(names[folded.index(near[0])]) if near else ""
                raise SearchError(
                    f"There is no class called {value!r}.", text, start, start + len(value), suggestion
                )


def matcher(value: str, *, anywhere: bool = False) -> Callable[[str], bool]:
    """Returns a test whether a text is a value, in which ``*`` stands for any letters, whatever the case.

    Args:
        value: As typed.
        anywhere: Whether it may stand anywhere in the text.
    """
    pattern = re.compile(".*".join(re.escape(part) for part in value.casefold().split("*")), re.DOTALL)
    match = pattern.search if anywhere else pattern.fullmatch
    return lambda text: match(text.casefold()) is not None
