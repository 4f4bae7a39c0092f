"""The figures of carrying as text, as JSON and as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from samdesk.base.text import counted
from samdesk.bench.carry.measure import SCENARIOS, TIMED_SIZE, CarryStep, CarryTimes
from samdesk.bench.carry.shots import STEPS

RIGHT = 0.75
"""IoU with the truth from which on a proposal is right."""
_SMALL_STEPS = ("camera 8%", "object 2%", "object 8%")
_COLUMNS: tuple[tuple[str, Callable[[CarryStep], float]], ...] = (
    ("moved", lambda row: row.moved),
    ("redrawn", lambda row: row.redrawn),
    ("copied", lambda row: row.copied),
    ("old prompt", lambda row: row.prompted),
)


@dataclass(frozen=True)
class CarryReport:
    """The result of the carry bench.

    Attributes:
        predictor: Title of the mask model.
        images: Number of images.
        machine: In words.
        steps: One for each object and image.
        times: None: there was no object to time.
    """

    predictor: str
    images: int
    machine: str
    steps: tuple[CarryStep, ...]
    times: CarryTimes | None

    def __str__(self) -> str:
        rows = self._rows()
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        table = ["  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) for row in rows]
        return "\n".join([self._head(), "", *table, "", *self._notes()])

    def as_json(self) -> dict[str, Any]:
        """All values as JSON types."""
        return {
            "predictor": self.predictor,
            "machine": self.machine,
            "steps": [asdict(step) for step in self.steps],
            "times": None if self.times is None else asdict(self.times),
        }

    def markdown(self) -> str:
        """A table, and the notes below it."""
        head, *rows = self._rows()
        lines = [head, ["---"] + ["--:"] * (len(head) - 1), *rows]
        table = "\n".join(f"| {' | '.join(row)} |" for row in lines)
        return "\n".join([self._head(), "", table, "", *self._notes(), ""])

    def _head(self) -> str:
        measured = len({step.image for step in self.steps})
        return (
            f"{counted(measured, 'image')} of {self.images:,}; {self.predictor} draws. "
            f"Mean IoU after 1 / {STEPS} steps; "
            f"sure proposals, and how many of them are right (IoU {RIGHT})\n{self.machine}"
        )

    def _rows(self) -> list[list[str]]:
        rows = [["", "objects", *(name for name, _ in _COLUMNS), "sure", "right"]]
        for scenario in SCENARIOS:
            of = [step for step in self.steps if step.scenario == scenario.name]
            if of:
                rows.append([scenario.name, *_cells(of)])
        return rows

    def _notes(self) -> list[str]:
        small = [step for step in self.steps if step.scenario in _SMALL_STEPS]
        single = [step for step in small if step.step == 1]
        lines = [
            f"Steps of 2 to 8%: {_right(small)} until the first doubt, {_right(single)} in the first step.",
        ]
        if self.times is not None:
            width, height = TIMED_SIZE
            lines.append(
                f"{width} x {height}, {counted(self.times.images, 'image')}: {self.times.first:.0f} ms for "
                f"the first object, encode and mask included, "
                f"{self.times.further:.0f} ms for each one more."
            )
        return lines


def _cells(steps: Sequence[CarryStep]) -> list[str]:
    first, last = ([step for step in steps if step.step == number] for number in (1, STEPS))
    sure = _sure(steps)
    right = np.mean([step.moved >= RIGHT for step in sure]) if sure else 0.0
    reached = sum(step.unbroken for step in steps)
    return [
        f"{len(first)}",
        *(f"{_mean(first, value):.3f} / {_mean(last, value):.3f}" for _, value in _COLUMNS),
        f"{len(sure)} of {reached}",
        f"{right:.1%}",
    ]


def _mean(steps: Sequence[CarryStep], value: Callable[[CarryStep], float]) -> float:
    return float(np.mean([value(step) for step in steps])) if steps else 0.0


def _sure(steps: Sequence[CarryStep]) -> list[CarryStep]:
    """The sure ones, up to the first doubt about their object."""
    return [step for step in steps if step.sure and step.unbroken]


def _right(steps: Sequence[CarryStep]) -> str:
    sure = _sure(steps)
    right = sum(step.moved >= RIGHT for step in sure)
    return f"{right} of {len(sure)} sure proposals are right ({right / max(1, len(sure)):.1%})"
