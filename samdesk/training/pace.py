"""How fast a long job goes, and how long it will still take."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

_KEPT = 30


@dataclass
class Pace:
    """Steps a second over the last steps; where the job began does not count.

    Attributes:
        clock: Seconds that only go up.
    """

    clock: Callable[[], float] = time.monotonic
    _marks: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=_KEPT))

    def step(self, done: int) -> None:
        """So many steps are done now."""
        if self._marks and done < self._marks[-1][1]:
            self._marks.clear()
        self._marks.append((self.clock(), done))

    @property
    def rate(self) -> float:
        """Steps a second; 0 while it is not known."""
        if len(self._marks) < 2:
            return 0.0
        (first, start), (last, end) = self._marks[0], self._marks[-1]
        return (end - start) / (last - first) if last > first else 0.0

    def left(self, total: int) -> float | None:
        """Seconds to go; None while it is not known."""
        rate = self.rate
        return (total - self._marks[-1][1]) / rate if rate and total else None
