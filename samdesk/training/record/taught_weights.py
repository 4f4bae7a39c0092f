"""Taught weights: what was trained, on how many images, with which scores; and their folders on disk."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

from samdesk.base import json_file
from samdesk.base.errors import reason

Kind: TypeAlias = Literal["masks", "detector"]
MASKS: Kind = "masks"
DETECTOR: Kind = "detector"
KINDS: tuple[Kind, ...] = (MASKS, DETECTOR)


@dataclass(frozen=True)
class Score:
    """One metric on the held-out images, 0..1.

    Attributes:
        what: "box" or "click" (mean IoU of masks), "map50", or "class " and a class name (AP50).
        before: Of the weights that training started from; None: they did not know the class.
        after: Of the trained weights.
    """

    what: str
    before: float | None
    after: float | None


@dataclass(frozen=True)
class TaughtWeights:
    """Weights trained on a dataset, with their scores.

    Attributes:
        id: Name of the entry's folder.
        kind: What was trained.
        when: When it was trained, seconds since 1970.
        scores: Before and after; empty for imported weights.
        n_train: Number of training images.
        n_held_out: Number of held-out images.
        seconds: Duration of the training.
        better: Whether it scores better on the held-out images than the weights it started from.
        names: Class names, for a detector.
        origin: The file it was imported from; "" if it was trained here.
        base: Hash of the Flint weights it builds on, "" if unknown.
        problem: Message for the user about unreadable scores; "" if there is none.
        path: The weights file; set on reading.
    """

    id: str
    kind: Kind
    when: float
    scores: tuple[Score, ...] = ()
    n_train: int = 0
    n_held_out: int = 0
    seconds: float = 0.0
    better: bool = False
    names: tuple[str, ...] = ()
    origin: str = ""
    base: str = ""
    problem: str = ""
    path: Path = Path()

    def to_json(self) -> dict[str, Any]:
        """The JSON object for the file and for other processes."""
        return {**asdict(self), "path": str(self.path)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> TaughtWeights:
        """Reads the result of ``to_json``. Raises ``ValueError`` or ``TypeError``."""
        if value.get("kind") not in KINDS:
            raise ValueError("it is of an unknown kind")
        for name, expected in _TYPES.items():
            if not isinstance(value.get(name, expected[0]()), expected):
                raise ValueError(f"its {name!r} is not what was expected")
        if not 0 <= value.get("when", 0) < _LATEST:
            raise ValueError("its time is not one")
        scores, names = tuple(map(_score, value.get("scores", ()))), tuple(map(str, value.get("names", ())))
        return cls(**{**value, "scores": scores, "names": names, "path": Path(value.get("path", ""))})


_TYPES: dict[str, tuple[type, ...]] = {
    "id": (str,), "when": (float, int), "scores": (list, tuple), "n_train": (int,), "n_held_out": (int,),
    "seconds": (float, int), "better": (bool,), "names": (list, tuple), "origin": (str,), "base": (str,),
    "problem": (str,), "path": (str,),
}  # fmt: skip
"""What a value of ``to_json`` may be, by name; it may be absent, too."""
_LATEST = 1e11  # in the year 5138


def _score(value: dict[str, Any]) -> Score:
    score = Score(**value)
    numbers = [x for x in (score.before, score.after) if x is not None]
    if not isinstance(score.what, str) or not all(isinstance(x, (float, int)) for x in numbers):
        raise ValueError("its scores are not what was expected")
    return score


SCORES_FILE = "teaching.json"
"""The file with the scores, beside the weights."""


def weights_name(kind: Kind) -> str:
    """Name of the weights file; it may be shown as a model's name."""
    return f"flint-taught-{kind}.safetensors"


def entries_in(home: Path) -> Iterator[TaughtWeights]:
    """Yields the entries in a folder; ``problem`` is set on those whose scores cannot be read."""
    try:
        names = sorted(entry.name for entry in os.scandir(home) if not entry.name.startswith("."))
    except OSError:
        return
    for name in names:
        for kind in KINDS:
            weights = home / name / weights_name(kind)
            if weights.is_file():
                yield _read_entry(home / name, weights, kind)


def _read_entry(folder: Path, weights: Path, kind: Kind) -> TaughtWeights:
    try:
        value = json_file.read_object(folder / SCORES_FILE)
        return replace(TaughtWeights.from_json(value), id=folder.name, kind=kind, path=weights)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        unread = f"{folder / SCORES_FILE} cannot be read ({reason(error)})."
        problem = f"{unread} The weights can be used; the scores are lost."
        when = 0.0
        with contextlib.suppress(OSError):
            when = weights.stat().st_mtime
        return TaughtWeights(folder.name, kind, when, problem=problem, path=weights)
