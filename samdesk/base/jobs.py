"""Cancellation, pausing and progress of long jobs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Condition, Event
from typing import TypeAlias


class Cancelled(Exception):  # noqa: N818 - it is no error
    """Raised in a job whose cancellation was requested."""


@dataclass(frozen=True)
class CancelToken:
    """A thread-safe cancellation flag, shared by a job and its caller."""

    _event: Event = field(default_factory=Event)

    def cancel(self) -> None:
        """Requests cancellation; the job stops at its next safe point."""
        self._event.set()

    @property
    def cancelled(self) -> bool:
        """Whether cancellation was requested."""
        return self._event.is_set()

    def check(self) -> None:
        """Raises ``Cancelled`` if cancellation was requested."""
        if self.cancelled:
            raise Cancelled


Progress: TypeAlias = Callable[[int, int], None]
"""Called with (done, total); total is 0 while unknown."""

Pause: TypeAlias = Callable[[], None]
"""Called between two layers of a long encode. It may use the predictor; it may raise ``Cancelled``."""


def no_pause() -> None:
    """The ``Pause`` that does nothing."""


class Foreground:
    """What the user is doing right now, for work in the background that waits meanwhile. Thread-safe.

    Work in the background calls ``wait`` between two small steps. It never starves: while the user goes on
    without end, it gets ``SHARE_S`` after every ``LONGEST_WAIT_S``.

    Args:
        clock: Seconds, monotonic.
    """

    TAIL_S = 0.25
    """How long after the last movement of the mouse the user is still taken to be busy, seconds."""
    LONGEST_WAIT_S = 1.0
    SHARE_S = 0.1

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = Condition()
        self._serving = 0
        self._busy_until = self._free_until = -1e9
        self._held_since: float | None = None

    def touch(self) -> None:
        """The user moves the mouse over the image, types or clicks. Never waits."""
        self._busy_until = self._clock() + self.TAIL_S

    @contextmanager
    def serving(self) -> Iterator[None]:
        """The user waits for what is done within the block."""
        with self._changed:
            self._serving += 1
        try:
            yield
        finally:
            with self._changed:
                self._serving -= 1
                self._changed.notify_all()

    @property
    def busy(self) -> bool:
        """Whether work in the background should wait."""
        return self._serving > 0 or self._clock() < self._busy_until

    def wait(self, cancel: CancelToken | None = None) -> None:
        """Waits while the user is served or busy, within the bounds of the class; ``Cancelled`` ends it."""
        with self._changed:
            while self.busy:
                if cancel is not None:
                    cancel.check()
                if self._is_its_turn():
                    return
                self._changed.wait(_FOREGROUND_CHECK_S)
            self._held_since = None
        if cancel is not None:
            cancel.check()

    def _is_its_turn(self) -> bool:
        """Whether work in the background may go on although the user is busy. Called with the lock held."""
        now = self._clock()
        if now < self._free_until and not self._serving:
            return True
        if self._held_since is None:
            self._held_since = now
        if now - self._held_since < self.LONGEST_WAIT_S:
            return False
        self._held_since, self._free_until = None, now + self.SHARE_S
        return True


_FOREGROUND_CHECK_S = 0.02
