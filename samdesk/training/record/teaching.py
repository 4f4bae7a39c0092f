"""Teachings: what was taught, from how much, and how well it does; and their folders on disk."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

Kind: TypeAlias = Literal["masks", "detector"]
MASKS: Kind = "masks"
DETECTOR: Kind = "detector"
KINDS: tuple[Kind, ...] = (MASKS, DETECTOR)


@dataclass(frozen=True)
class Score:
    """One figure of the held-out images, 0..1.

    Attributes:
        what: "box", "click" (mean IoU), "map50", or a class's name after "class ".
        before: Of the weights it started from; None: it did not know the class.
        after: Of what was taught.
    """

    what: str
    before: float | None
    after: float | None


@dataclass(frozen=True)
class Teaching:
    """One teaching that is over.

    Attributes:
        id: Its folder's name.
        kind: What was taught.
        when: Seconds since 1970.
        scores: Before and after; none for a file from elsewhere.
        n_train: Images learned from.
        n_held_out: Images judged by.
        seconds: That it took.
        better: Whether it does better on the held-out images than what was before it.
        names: The classes, for a detector.
        origin: The file it was brought from; "" for one taught here.
        base: Hash of the Flint that it was taught on, "" where it is not known.
        problem: Why its figures are not known, in words.
        path: The weights; set when it is read.
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
        """As it is written and told to other processes."""
        return {**asdict(self), "path": str(self.path)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Teaching:
        """What ``to_json`` made; ``ValueError`` or ``TypeError`` if it is something else."""
        if value.get("kind") not in KINDS:
            raise ValueError(f"it teaches {value.get('kind')!r}")
        scores = tuple(Score(**score) for score in value.get("scores", ()))
        return cls(**{**value, "scores": scores, "names": tuple(value.get("names", ())),
                      "path": Path(value.get("path", ""))})  # fmt: skip


FIGURES = "teaching.json"
"""The file beside the weights."""


def weights_name(kind: Kind) -> str:
    """What the file of weights is called: it may be shown as a model's name."""
    return f"flint-taught-{kind}.safetensors"


def teachings_in(home: Path) -> Iterator[Teaching]:
    """The teachings whose folders are in a folder; those whose figures are damaged say so."""
    try:
        names = sorted(entry.name for entry in os.scandir(home) if not entry.name.startswith("."))
    except OSError:
        return
    for name in names:
        for kind in KINDS:
            weights = home / name / weights_name(kind)
            if weights.is_file():
                yield _teaching(home / name, weights, kind)


def _teaching(folder: Path, weights: Path, kind: Kind) -> Teaching:
    try:
        value = json.loads((folder / FIGURES).read_text("utf-8"))
        return replace(Teaching.from_json(value), id=folder.name, kind=kind, path=weights)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        problem = (
            f"{folder / FIGURES} cannot be read ({error}): the weights are there, their figures are not."
        )
        when = 0.0
        with contextlib.suppress(OSError):
            when = weights.stat().st_mtime
        return Teaching(folder.name, kind, when, problem=problem, path=weights)
