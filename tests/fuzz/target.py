"""Target: one kind of input, how it is made, and how samdesk reads it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.fuzz.mutate import mutate_bytes


class SilentLossError(Exception):
    """Something was read that is not what was written, and nothing was said."""


def _no_allowance(_data: bytes) -> int:
    return 0


@dataclass(frozen=True)
class Target:
    """One kind of input.

    Attributes:
        seeds: Makes valid inputs, at least one; the folder is empty. Slow work is done here, once.
        read: Reads an input as samdesk does, in an empty folder. It returns if the input was read (or its bad
            part was left out and said so), and raises a ``UserError`` if it was refused in words; anything
            else is a fault. ``SilentLossError`` if what was read is wrong and nothing tells.
        mutate: Makes an input from a valid one, another valid one and a random number generator.
        short: Number of inputs in the test suite.
        allowance: How many bytes of memory the input's own header entitles its reader to.
    """

    seeds: Callable[[Path], Sequence[bytes]]
    read: Callable[[bytes, Path], object]
    mutate: Callable[[bytes, bytes, Random], bytes] = mutate_bytes
    allowance: Callable[[bytes], int] = _no_allowance
    short: int = 25
