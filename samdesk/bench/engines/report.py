"""The comparison of engines as text and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from samdesk.base.text import counted
from samdesk.bench.engines.measure import MEASURES, EngineRow
from samdesk.bench.machine import Machine

_NAME = 34


@dataclass(frozen=True, eq=False)
class EngineComparison:
    """The times of several engines and the conditions they were measured under.

    Attributes:
        machine: The machine.
        images: Name, width and height (pixels) of each image.
        rounds: Number of rounds counted.
        loads: Load average before and after; None where the system has none.
        rows: One per engine; ratios are relative to the first.
    """

    machine: Machine
    images: Sequence[tuple[str, int, int]]
    rounds: int
    loads: tuple[float | None, float | None]
    rows: Sequence[EngineRow]

    def __str__(self) -> str:
        return "\n".join([*self._head(), "", *self._engines(), *self._measures()])

    def as_json(self) -> dict[str, Any]:
        """All values as JSON types."""
        return {
            "machine": {**asdict(self.machine), "load_before": self.loads[0], "load_after": self.loads[1]},
            "photos": [{"name": n, "width": w, "height": h} for n, w, h in self.images],
            "rounds": self.rounds,
            "engines": [self._engine_json(row) for row in self.rows],
        }

    def _head(self) -> list[str]:
        sizes = sorted({f"{width} x {height}" for _, width, height in self.images})
        sizes = [*sizes[:3], "..."] if len(sizes) > 4 else sizes
        lines = [str(self.machine), f"{counted(self.rounds, 'round')} over "
                 f"{counted(len(self.images), 'image')} ({', '.join(sizes)} pixels)"]  # fmt: skip
        before, after = self.loads
        if before is None or after is None:
            return lines
        busy = before > self.machine.cores / 2
        warning = " The machine was busy: these times are too long." if busy else ""
        return [*lines, f"load average {before:.1f} before, {after:.1f} after.{warning}"]

    def _engines(self) -> list[str]:
        lines = [f"{'engine':<{_NAME}} runs on"]
        for row in self.rows:
            where = f"{row.info.device_title}, {row.info.precision}".removesuffix(", -")
            lines.append(f"  {title(row):<{_NAME - 2}} {where}")
        return lines

    def _measures(self) -> list[str]:
        lines = ["", f"{'':<{_NAME}} {'median':>12} {'p90':>12} {'times':>6}   relative to the first"]
        for measure, description in MEASURES.items():
            rows = [row for row in self.rows if measure in row.times_ms]
            if rows:
                lines += [description, *(self._line(row, measure) for row in rows)]
        return lines

    def _line(self, row: EngineRow, measure: str) -> str:
        times = row.times_ms[measure]
        cells = f"{_ms(median(times)):>12} {_ms(p90(times)):>12} {len(times):>6}"
        ratio = None if row is self.rows[0] else self._ratio(row, measure)
        return f"  {title(row):<{_NAME - 2}} {cells}" + ("" if ratio is None else f"   x {ratio:.2f}")

    def _ratio(self, row: EngineRow, measure: str) -> float | None:
        """The row's median relative to the first row's; None if the first does not support the measure."""
        first = self.rows[0].times_ms.get(measure)
        return median(row.times_ms[measure]) / median(first) if first else None

    def _engine_json(self, row: EngineRow) -> dict[str, Any]:
        return {
            "name": row.name,
            "title": title(row),
            "random_weights": row.random,
            **{key: getattr(row.info, key) for key in ("device", "device_title", "precision", "parameters")},
            "sha256": row.info.sha256,
            "measures": {
                measure: {
                    "median_ms": median(times),
                    "p90_ms": p90(times),
                    "times": len(times),
                    "against_first": self._ratio(row, measure),
                }
                for measure, times in row.times_ms.items()
            },
        }


def sizes_of(paths: Sequence[Path], shapes: Sequence[tuple[int, ...]]) -> list[tuple[str, int, int]]:
    """Returns name, width and height of images, from their paths and array shapes (H, W, ...)."""
    return [(path.name, shape[1], shape[0]) for path, shape in zip(paths, shapes, strict=True)]


def title(row: EngineRow) -> str:
    """Returns an engine's title for users."""
    return f"{row.info.title}, random weights" if row.random else row.info.title


def median(times: Sequence[float]) -> float:
    """Returns the median."""
    return float(np.median(times))


def p90(times: Sequence[float]) -> float:
    """Returns the 90th percentile."""
    return float(np.percentile(times, 90))


def _ms(value: float) -> str:
    return f"{value:,.1f} ms" if value < 100 else f"{value:,.0f} ms"
