"""What is measured, and how often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch

FP32, AUTO = "fp32", "auto"
_ON_GPU = 10
"""So many times as often: enough for a 99th percentile."""


@dataclass(frozen=True)
class Settings:
    """How a comparison is made.

    Attributes:
        device: As ``runtime.device.resolve`` returns it.
        precisions: samdesk's, in the order of the rows. Ultralytics' is always its default, fp32.
        rounds: How often what takes a second is done; what is quick is done more often.
        quick: Small and few: to see that it works.
        only: Patterns of the rows that are wanted; none: all.
        pages: How many photos are paged through for the row about memory.
        beat_s: How long the window's heartbeat is listened to, seconds.
    """

    device: str = "cpu"
    precisions: tuple[str, ...] = (FP32, AUTO)
    rounds: int = 5
    quick: bool = False
    only: tuple[str, ...] = ()
    pages: int = 24
    beat_s: float = 20.0

    def wants(self, name: str) -> bool:
        """Whether a row is asked for: by its name, its first words or a pattern such as ``*_auto``."""
        return not self.only or any(
            fnmatch(name, pattern) or name.startswith(f"{pattern}_") for pattern in self.only
        )

    @property
    def best(self) -> str:
        """The precision of rows that there is one of."""
        return AUTO if AUTO in self.precisions else self.precisions[-1]

    @property
    def megapixels(self) -> Sequence[int]:
        """Sizes of the photos that a click is timed on."""
        return (2,) if self.quick else (2, 12, 24, 100)

    @property
    def boxes(self) -> Sequence[int]:
        """How many boxes are given at once."""
        return (1, 8) if self.quick else (1, 8, 32)

    @property
    def warm_up(self) -> int:
        """Turns before the first one that counts."""
        return 0 if self.quick else 1

    @property
    def compared(self) -> int:
        """How many prompts of a kind are compared with the stock network."""
        return 2 if self.quick else 12

    def often(self, times: int) -> int:
        """Turns of something quick that is done so many times a round; more where a GPU makes it quicker."""
        if self.quick:
            return self.rounds
        return self.rounds * times * (1 if self.device == "cpu" else _ON_GPU)
