"""Progress of work on many images, and the pauses in which other work comes first."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class BulkProgress:
    """How far work on many images is.

    Attributes:
        what: What is being done ("Writing label files").
        done: Number of images done.
        total: Number of all.
        rate: Images per second; 0.0 while unknown.
        seconds_left: None while unknown.
        stopped: The user has stopped it; it can be resumed.
        cancels: Stopping it leaves nothing of it; False: what is done stays.
    """

    what: str
    done: int
    total: int
    rate: float = 0.0
    seconds_left: float | None = None
    stopped: bool = False
    cancels: bool = False


Breathe: TypeAlias = Callable[[str, int, int], None]
"""Called between two images of a long change with (what, done, total).

It may read from the dataset, but not write; it may raise ``Cancelled``, and nothing is saved then.
"""


def without_pauses(_what: str, _done: int, _total: int) -> None:
    """The ``Breathe`` that does nothing."""


def breathing(values: Collection[T], what: str, breathe: Breathe) -> Iterator[T]:
    """Yields values, with a pause before each but the first."""
    for done, value in enumerate(values):
        if done:
            breathe(what, done, len(values))
        yield value


def in_parts(values: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yields values as lists of at most this many."""
    part: list[T] = []
    for value in values:
        part.append(value)
        if len(part) == size:
            yield part
            part = []
    if part:
        yield part
