"""The result of the headless demo."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class StepOutcome(str, Enum):
    """The result of a step."""

    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "FAILED"


@dataclass(frozen=True)
class DemoStep:
    """One step of the demo.

    Attributes:
        name: Title of the step.
        outcome: Whether it succeeded.
        detail: What was observed, or why it failed or was skipped.
        ms: Duration in milliseconds.
    """

    name: str
    outcome: StepOutcome
    detail: str
    ms: float


@dataclass(frozen=True)
class DemoReport:
    """The results of all steps.

    Attributes:
        steps: In the order they ran.
        engine: Title and name of the mask model.
        device: Device and precision it ran on.
    """

    steps: tuple[DemoStep, ...]
    engine: str
    device: str

    @property
    def failed(self) -> int:
        """Number of failed steps."""
        return sum(step.outcome is StepOutcome.FAILED for step in self.steps)
