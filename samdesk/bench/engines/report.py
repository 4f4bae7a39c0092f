"""The comparison in words and in JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from samdesk.base.text import counted
from samdesk.bench.engines.measure import MEASURES, Row
from samdesk.bench.machine import Machine

_NAME = 34


@dataclass(frozen=True, eq=False)
class Comparison:
    """Engines side by side, with what the times depend on.

    Attributes:
        machine: Where.
        photos: Name, width and height of each.
        rounds: How many were counted.
        loads: Load average before and after; None where nobody counts.
        rows: One an engine; the others are held against the first.
    """

    machine: Machine
    photos: Sequence[tuple[str, int, int]]
    rounds: int
    loads: tuple[float | None, float | None]
    rows: Sequence[Row]

    def __str__(self) -> str:
        return "\n".join([*self._head(), "", *self._engines(), *self._measures()])

    def as_json(self) -> dict[str, Any]:
        """All of it, as values that JSON knows."""
        return {
            "machine": {**asdict(self.machine), "load_before": self.loads[0], "load_after": self.loads[1]},
            "photos": [{"name": n, "width": w, "height": h} for n, w, h in self.photos],
            "rounds": self.rounds,
            "engines": [self._engine_json(row) for row in self.rows],
        }

    def _head(self) -> list[str]:
        sizes = sorted({f"{width} x {height}" for _, width, height in self.photos})
        sizes = [*sizes[:3], "..."] if len(sizes) > 4 else sizes
        lines = [str(self.machine), f"{counted(self.rounds, 'round')} over "
                 f"{counted(len(self.photos), 'photo')} ({', '.join(sizes)} pixels)"]  # fmt: skip
        before, after = self.loads
        if before is None or after is None:
            return lines
        busy = before > self.machine.cores / 2
        words = " Others are at work here: these times are too long." if busy else ""
        return [*lines, f"load average {before:.1f} before, {after:.1f} after.{words}"]

    def _engines(self) -> list[str]:
        lines = [f"{'engine':<{_NAME}} runs on"]
        for row in self.rows:
            where = f"{row.info.device_title}, {row.info.precision}".removesuffix(", -")
            lines.append(f"  {title(row):<{_NAME - 2}} {where}")
        return lines

    def _measures(self) -> list[str]:
        lines = ["", f"{'':<{_NAME}} {'median':>12} {'p90':>12} {'times':>6}   against the first"]
        for measure, words in MEASURES.items():
            rows = [row for row in self.rows if measure in row.times_ms]
            if rows:
                lines += [words, *(self._line(row, measure) for row in rows)]
        return lines

    def _line(self, row: Row, measure: str) -> str:
        times = row.times_ms[measure]
        cells = f"{_ms(median(times)):>12} {_ms(p90(times)):>12} {len(times):>6}"
        ratio = None if row is self.rows[0] else self._ratio(row, measure)
        return f"  {title(row):<{_NAME - 2}} {cells}" + ("" if ratio is None else f"   x {ratio:.2f}")

    def _ratio(self, row: Row, measure: str) -> float | None:
        """How many times as long as the first row's; None where that one does not do it."""
        first = self.rows[0].times_ms.get(measure)
        return median(row.times_ms[measure]) / median(first) if first else None

    def _engine_json(self, row: Row) -> dict[str, Any]:
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
    """Name, width and height of photos of these array shapes."""
    return [(path.name, shape[1], shape[0]) for path, shape in zip(paths, shapes, strict=True)]


def title(row: Row) -> str:
    """An engine's name for readers."""
    return f"{row.info.title}, random weights" if row.random else row.info.title


def median(times: Sequence[float]) -> float:
    """The middle of them."""
    return float(np.median(times))


def p90(times: Sequence[float]) -> float:
    """What nine of ten keep below."""
    return float(np.percentile(times, 90))


def _ms(value: float) -> str:
    return f"{value:,.1f} ms" if value < 100 else f"{value:,.0f} ms"
