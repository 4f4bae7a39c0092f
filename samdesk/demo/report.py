"""What the headless demo did."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Outcome(str, Enum):
    """How a step went."""

    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "FAILED"


@dataclass(frozen=True)
class Step:
    """One step of the job.

    Attributes:
        name: What was tried.
        outcome: How it went.
        detail: What was seen.
        ms: How long it took, milliseconds.
    """

    name: str
    outcome: Outcome
    detail: str
    ms: float


@dataclass(frozen=True)
class Report:
    """The whole job.

    Attributes:
        steps: In order.
        engine: The model that drew the masks.
        device: Where it ran.
    """

    steps: tuple[Step, ...]
    engine: str
    device: str

    @property
    def failed(self) -> int:
        """How many steps failed."""
        return sum(step.outcome is Outcome.FAILED for step in self.steps)
