"""The words of the search language: what can be searched by, with which values; completion while typing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from samdesk.domain.labels import LabelSet


class ValueKind(Enum):
    """What follows a word of the search language."""

    SHARE = "a number from 0 to 1"
    NUMBER = "a number"
    CHOICE = "one of a list"
    LABEL = "a class name"
    TEXT = "a text"


class Level(Enum):
    """What a word of the search language is about."""

    IMAGE = "image"
    ANNOTATION = "annotation"
    BOTH = "both"


@dataclass(frozen=True)
class SearchValue:
    """A value with a meaning of its own, and what it finds."""

    text: str
    help: str


@dataclass(frozen=True)
class SearchWord:
    """A word to search by.

    Attributes:
        name: As it is written before the colon.
        kind: What follows.
        level: Whether it is about images, annotations or both.
        help: What it searches by, one line.
        values: The values it takes, or those with a meaning of their own beside numbers and texts.
        aliases: Other words for it, which are understood and not offered.
        example: A use of it.
    """

    name: str
    kind: ValueKind
    level: Level
    help: str
    values: tuple[SearchValue, ...] = ()
    aliases: tuple[str, ...] = ()
    example: str = ""


_NONE = "none"
_WITHOUT = (SearchValue(_NONE, "annotations without one"),)
_STATES = (
    SearchValue("pending", "not reviewed yet"),
    SearchValue("accepted", "accepted as proposed, or drawn"),
    SearchValue("corrected", "proposed and corrected"),
    SearchValue("rejected", "rejected; not in the image any more"),
    SearchValue("flagged", "flagged for another look"),
)
_IMAGE_STATES = (
    SearchValue("new", "images nothing was done on"),
    SearchValue("to-review", "images with pending annotations, not done"),
    SearchValue("edited", "images edited by hand, not done"),
    SearchValue("done", "accepted images"),
    SearchValue("empty", "images without annotations"),
)
_SPLITS = (
    SearchValue("train", "images for training"),
    SearchValue("val", "images for validation"),
    SearchValue("test", "images for testing"),
    SearchValue(_NONE, "images in no split"),
)
_BORDER = SearchValue("touching-border", "reaches the border of its image")
_DUPLICATE = SearchValue("duplicate", "shares 80% or more with another of its class")
_I, _A, _B = Level.IMAGE, Level.ANNOTATION, Level.BOTH
_SHARE, _NUMBER, _CHOICE, _LABEL, _TEXT = (
    ValueKind.SHARE,
    ValueKind.NUMBER,
    ValueKind.CHOICE,
    ValueKind.LABEL,
    ValueKind.TEXT,
)

_ROWS = (
    SearchWord("class", _LABEL, _A, "class name; * for any letters", (), ("label",), "class:person"),
    SearchWord("score", _SHARE, _A, "confidence of the detector", _WITHOUT, ("confidence", "conf"),
               "score:<0.5"),
    SearchWord("mask", _SHARE, _A, "predicted IoU of the mask", _WITHOUT, ("iou",), "mask:<0.8"),
    SearchWord("stability", _SHARE, _A, "stability of the mask", _WITHOUT, (), "stability:<0.9"),
    SearchWord("doubt", _SHARE, _A, "how doubtful it is, 1 the most", (), (), "doubt:>0.5"),
    SearchWord("state", _CHOICE, _A, "state of the annotation", _STATES, ("status", "review"),
               "state:pending"),
    SearchWord("image", _CHOICE, _I, "state of the image",
               (*_IMAGE_STATES, SearchValue("flagged", "flagged images")), (), "image:to-review"),
    SearchWord("split", _CHOICE, _I, "what the image is used for", _SPLITS, (), "split:val"),
    SearchWord("is", _CHOICE, _B, "state of annotation or image",
               (*_STATES, _BORDER, _DUPLICATE, *_IMAGE_STATES), (), "is:flagged"),
    SearchWord("source", _CHOICE, _A, "what created it", (
        SearchValue("auto", "auto-annotate"),
        SearchValue("sam", "the mask model, by prompts"),
        SearchValue("manual", "drawn by hand"),
        SearchValue("import", "read from a label file"),
        SearchValue("carried", "carried along from another image"),
    ), (), "source:auto"),
    SearchWord("area", _NUMBER, _A, "area in pixels", (), ("size",), "area:<400"),
    SearchWord("count", _NUMBER, _I, "annotations on the image", (), ("objects",), "count:>10"),
    SearchWord("with", _LABEL, _I, "images that have a class", (), ("has",), "with:person"),
    SearchWord("without", _LABEL, _I, "images that have no annotation of a class", (), ("lacks",),
               "without:person"),
    SearchWord("run", _TEXT, _A, "the auto-annotate run that made it", (
        SearchValue("last", "the latest run"),
        SearchValue("any", "any run"),
        SearchValue(_NONE, "no run"),
    ), (), "run:last"),
    SearchWord("model", _TEXT, _A, "part of the name of the model that made it", _WITHOUT, (),
               "model:yolo11n"),
    SearchWord("track", _TEXT, _A, "the object on several images: the beginning of its id", (
        SearchValue("yes", "objects that were carried along, on all of their images"),
        SearchValue("no", "objects on one image only"),
    ), (), "track:yes"),
    SearchWord("note", _TEXT, _A, "part of its note; * for any", _WITHOUT, (), "note:blurred"),
    SearchWord("name", _TEXT, _I, "part of the image's path; a word by itself does the same", (),
               ("file", "path"), "name:IMG_2"),
)  # fmt: skip

FIELDS: dict[str, SearchWord] = {row.name: row for row in _ROWS}
"""All that can be searched by, in the order of the help."""

ALIASES: dict[str, str] = {alias: row.name for row in _ROWS for alias in row.aliases}
"""Other words, and the field they mean."""

VALUE_ALIASES: dict[tuple[str, str], str] = {
    ("source", "yolo+sam"): "auto",
    ("source", "drawn"): "manual",
    ("source", "imported"): "import",
    ("is", "border"): "touching-border",
    ("is", "review"): "to-review",
    ("image", "review"): "to-review",
    ("image", "accepted"): "done",
    ("split", "training"): "train",
    ("split", "validation"): "val",
    ("split", "valid"): "val",
    ("split", "testing"): "test",
}
"""Other values that are understood: (field, value) and the value they mean."""


class SortKey(str, Enum):
    """What found annotations are sorted by."""

    DOUBT = "doubt"
    SCORE = "score"
    MASK = "mask"
    SIZE = "size"
    CLASS = "class"
    AGE = "age"
    NAME = "name"
    RANDOM = "random"


SORT = "sort"
SORTS: dict[SortKey, str] = {
    SortKey.DOUBT: "most doubtful first",
    SortKey.SCORE: "least confident first",
    SortKey.MASK: "lowest predicted IoU first",
    SortKey.SIZE: "smallest first",
    SortKey.CLASS: "by class, in the order of the labels; then by state",
    SortKey.AGE: "last changed first",
    SortKey.NAME: "by image, in painting order",
    SortKey.RANDOM: "shuffled; random(7) is another order",
}
"""What each key puts first; a minus before it ("sort:-score") reverses it."""


@dataclass(frozen=True)
class Completion:
    """A way to go on with a search.

    Attributes:
        start: Where the text it replaces begins.
        end: Where that ends.
        text: What to put there ("class:", "state:pending ").
        label: What to show in the list ("pending").
        help: What it means, one line.
    """

    start: int
    end: int
    text: str
    label: str
    help: str

    def applied(self, text: str) -> str:
        """Returns the text of the search with this in its place."""
        return text[: self.start] + self.text + text[self.end :]


def vocabulary(labels: Iterable[str] = (), models: Iterable[str] = ()) -> dict[str, tuple[SearchValue, ...]]:
    """Returns all words of the language with the values that can be offered for each.

    Args:
        labels: Class names of the dataset, offered for ``class:``, ``with:`` and ``without:``.
        models: Names of models, offered for ``model:``.
    """
    classes = tuple(SearchValue(name, "") for name in labels)
    more = {"model": tuple(SearchValue(name, "") for name in models)}
    words = {
        row.name: classes if row.kind is ValueKind.LABEL else (*row.values, *more.get(row.name, ()))
        for row in _ROWS
    }
    return {**words, SORT: tuple(SearchValue(key.value, text) for key, text in SORTS.items())}


_WORD = re.compile(r'(?:"(?:[^"\\]|\\.)*(?:"|$)|[^\s"])+')
_SEPARATORS = re.compile(r'[^\s",:-][^\s":,]*:')


def completions(
    text: str,
    position: int,
    labels: LabelSet | Sequence[str] = (),
    models: Iterable[str] = (),
    most: int = 30,
) -> tuple[Completion, ...]:
    """Returns how the word before the cursor can go on: words first, after a colon the values of the word.

    Args:
        text: The search so far; need not be valid.
        position: Of the cursor, 0 up to the length of the text.
        labels: Class names of the dataset.
        models: Names of models.
        most: The most to return.
    """
    names = labels.names if isinstance(labels, LabelSet) else labels
    word, start = "", position
    for found in _WORD.finditer(text, 0, position):  # from the left, as a quote ends what one has begun
        if found.end() == position:
            word, start = found[0], found.start()
    if word.startswith("-"):
        word, start = word[1:], start + 1
    key = _SEPARATORS.match(word)
    if key is None:
        return _words(word, start, position)[:most]
    field = key[0][:-1].lower()
    values = vocabulary(names, models).get(ALIASES.get(field, field), ())
    rest = word[key.end() :]
    if "," in rest and '"' not in rest.rpartition(",")[2]:
        rest = rest.rpartition(",")[2]
    typed = rest.strip('"').casefold()
    begin = position - len(rest)
    ranked = sorted(
        (v for v in values if typed in v.text.casefold()), key=lambda v: not _starts(v.text, typed)
    )
    return tuple(Completion(begin, position, f"{quoted(v.text)} ", v.text, v.help) for v in ranked[:most])


def _words(typed: str, start: int, end: int) -> tuple[Completion, ...]:
    words = {**{row.name: row.help for row in _ROWS}, SORT: "what comes first"}
    typed = typed.casefold()
    matching = [name for name in words if name.startswith(typed)]
    return tuple(Completion(start, end, f"{name}:", f"{name}:", words[name]) for name in matching)


def _starts(text: str, typed: str) -> bool:
    return text.casefold().startswith(typed)


_PLAIN = re.compile(r'[^\s",:<>=\\-][^\s",:\\]*')


def quoted(value: str) -> str:
    """Returns a value as it is written in a search: in quotes if it could be read as something else."""
    if _PLAIN.fullmatch(value) and ".." not in value:
        return value
    return '"{}"'.format(value.replace("\\", "\\\\").replace('"', '\\"'))
