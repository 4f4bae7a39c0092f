"""Cancellation, pausing and progress of long jobs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event
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
