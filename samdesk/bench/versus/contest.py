"""Who is timed, and how: all contestants by turns, so that a busy moment of the machine hits all alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TypeAlias


@dataclass(frozen=True)
class Timing:
    """What one turn took.

    Attributes:
        ms: All of it, milliseconds.
        network_ms: The network's part of it; None where the two were not told apart.
    """

    ms: float
    network_ms: float | None = None


Contestant: TypeAlias = Callable[[int], Timing]
"""Does its work for a turn (0, 1, ...) and says how long it took. What it must prepare is not in the time."""

OnStep: TypeAlias = Callable[[int, int], None]
"""Called with (turns done, all turns)."""


class Clock:
    """Times what is done in its block, with what a GPU still had to do for it.

    Attributes:
        ms: Milliseconds, once the block has ended.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self._started = 0.0
        self.ms = 0.0

    def __enter__(self) -> Clock:
        settle(self._device)
        self._started = perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        settle(self._device)
        self.ms = (perf_counter() - self._started) * 1e3


def settle(device: str) -> None:
    """Waits until a GPU has done all it was given."""
    if device == "cpu":
        return
    import torch

    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
    elif device == "mps":
        torch.mps.synchronize()


def take_turns(
    contestants: Sequence[Contestant], turns: int, on_step: OnStep, warm_up: int = 1
) -> dict[Contestant, list[Timing]]:
    """Lets everyone do every turn, each turn in another order.

    Args:
        contestants: Each once.
        turns: How many are counted.
        on_step: Told of the progress.
        warm_up: So many turns before the first are not counted.
    """
    times: dict[Contestant, list[Timing]] = {contestant: [] for contestant in contestants}
    total = warm_up + turns
    for turn in range(total):
        on_step(turn, total)
        first = turn % max(len(contestants), 1)
        for contestant in [*contestants[first:], *contestants[:first]]:
            timing = contestant(turn)
            if turn >= warm_up:
                times[contestant].append(timing)
    on_step(total, total)
    return times
