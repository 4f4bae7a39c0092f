"""Stopping, pausing and following a long job."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event
from typing import TypeAlias


class Cancelled(Exception):  # noqa: N818 - it is no error
    """The user asked for a stop."""


@dataclass(frozen=True)
class CancelToken:
    """A stop signal shared between who runs a job and who may stop it (thread-safe)."""

    _event: Event = field(default_factory=Event)

    def cancel(self) -> None:
        """Asks the job to stop at its next safe point."""
        self._event.set()

    @property
    def cancelled(self) -> bool:
        """Whether a stop was asked for."""
        return self._event.is_set()

    def check(self) -> None:
        """Raises ``Cancelled`` if a stop was asked for."""
        if self.cancelled:
            raise Cancelled


Progress: TypeAlias = Callable[[int, int], None]
"""Called with (done, total); total is 0 while unknown."""

Pause: TypeAlias = Callable[[], None]
"""Called between two layers of a long encode. It may use the predictor; it may raise ``Cancelled``."""


def no_pause() -> None:
    """For an encode that nothing interrupts."""
