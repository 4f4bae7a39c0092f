"""The rate of a long job and its remaining time."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

_KEPT = 30


@dataclass
class Rate:
    """The rate over the latest steps, in steps per second; steps before the first call do not count.

    Attributes:
        clock: A monotonic clock, seconds.
        min_interval: Calls within this many seconds of the last counted one are ignored, so that the rate of
            many
            small steps spans a useful time.
    """

    clock: Callable[[], float] = time.monotonic
    min_interval: float = 0.0
    _marks: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=_KEPT))

    def step(self, done: int) -> None:
        """Records how many steps are done; a lower number than before restarts the measurement."""
        now = self.clock()
        if self._marks and done < self._marks[-1][1]:
            self._marks.clear()
        if not self._marks or now - self._marks[-1][0] >= self.min_interval:
            self._marks.append((now, done))

    @property
    def per_second(self) -> float:
        """Steps per second; 0.0 while unknown."""
        if len(self._marks) < 2:
            return 0.0
        (first, start), (last, end) = self._marks[0], self._marks[-1]
        return (end - start) / (last - first) if last > first else 0.0

    def seconds(self, steps: int) -> float | None:
        """The time that so many steps take, seconds; None while unknown."""
        rate = self.per_second
        return steps / rate if rate else None
