"""The rate of a long job, and the time it will still take."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

_KEPT = 30


@dataclass
class Rate:
    """Steps a second over the last steps; steps done before the first call do not count.

    Attributes:
        clock: Seconds that only go up.
        apart: Calls that follow the last one sooner than this many seconds are passed over, so that a rate
            of many small steps spans a useful time.
    """

    clock: Callable[[], float] = time.monotonic
    apart: float = 0.0
    _marks: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=_KEPT))

    def step(self, done: int) -> None:
        """So many steps are done by now; fewer than before begin anew."""
        now = self.clock()
        if self._marks and done < self._marks[-1][1]:
            self._marks.clear()
        if not self._marks or now - self._marks[-1][0] >= self.apart:
            self._marks.append((now, done))

    @property
    def per_second(self) -> float:
        """Steps a second; 0.0 while it is unknown."""
        if len(self._marks) < 2:
            return 0.0
        (first, start), (last, end) = self._marks[0], self._marks[-1]
        return (end - start) / (last - first) if last > first else 0.0

    def seconds(self, steps: int) -> float | None:
        """How long so many steps will take; None while it is unknown."""
        rate = self.per_second
        return steps / rate if rate else None
