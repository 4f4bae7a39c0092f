"""Interleaved timing: contestants take turns, so that other load on the machine affects all equally."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TypeAlias


@dataclass(frozen=True)
class Timing:
    """The duration of one turn.

    Attributes:
        ms: Total, milliseconds.
        network_ms: The network's part, milliseconds; None if it was not measured separately.
    """

    ms: float
    network_ms: float | None = None


Contestant: TypeAlias = Callable[[int], Timing]
"""Does the work of a turn (0, 1, ...) and returns its duration, which excludes preparation."""

OnStep: TypeAlias = Callable[[int, int], None]
"""Called with (turns done, all turns)."""


class Clock:
    """A context manager that times its block, including the GPU work that the block starts.

    Attributes:
        ms: Duration in milliseconds, set when the block ends.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self._started = 0.0
        self.ms = 0.0

    def __enter__(self) -> Clock:
        synchronize(self._device)
        self._started = perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        synchronize(self._device)
        self.ms = (perf_counter() - self._started) * 1e3


def synchronize(device: str) -> None:
    """Waits for all pending work of a GPU; does nothing on the CPU."""
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
    """Runs every contestant in every turn, each turn in another order, and returns their times.

    Args:
        contestants: Each once.
        turns: Number of turns that are counted.
        on_step: Called with the progress.
        warm_up: Number of turns before these that are not counted.
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
