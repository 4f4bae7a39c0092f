"""The rows of the table: a time of samdesk and, where there is one, the corresponding time of Ultralytics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np

from samdesk.bench.versus.timing import Contestant, Timing

Part: TypeAlias = Callable[[Timing], float]
"""The part of a turn's time that a row reports, milliseconds."""


def total_ms(timing: Timing) -> float:
    """Returns the total time, milliseconds."""
    return timing.ms


def without_network_ms(timing: Timing) -> float:
    """Returns the time without the network's part, milliseconds."""
    return timing.ms - (timing.network_ms or 0.0)


@dataclass(frozen=True)
class RowSpec:
    """The specification of a row.

    Attributes:
        name: Name of the row.
        samdesk: samdesk's contestant.
        reference: Ultralytics' contestant; None if it has no corresponding operation.
        note: What the times of either side include.
        part: The reported part of samdesk's times.
        reference_part: The reported part of Ultralytics' times.
    """

    name: str
    samdesk: Contestant
    reference: Contestant | None = None
    note: str = ""
    part: Part = total_ms
    reference_part: Part = total_ms


@dataclass(frozen=True)
class BenchRow:
    """One row of results.

    Attributes:
        name: What was measured.
        samdesk_ms: samdesk's median, milliseconds; None if no time was measured.
        reference_ms: Ultralytics' median, milliseconds; None if it has no corresponding operation.
        note: What the times of either side include.
        remark: Further results as text.
        extra: Further values by name: other percentiles, the network's part, agreement.
    """

    name: str
    samdesk_ms: float | None
    reference_ms: float | None
    note: str = ""
    remark: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """Ultralytics' time divided by samdesk's: above 1, samdesk is faster."""
        return self.reference_ms / self.samdesk_ms if self.samdesk_ms and self.reference_ms else None

    def extended(self, remark: str = "", **extra: Any) -> BenchRow:
        """Returns the row with a further remark and further values."""
        return replace(self, remark=_join(self.remark, remark), extra={**self.extra, **extra})

    def with_network_times(self) -> BenchRow:
        """Returns the row with the networks' times added to its remark."""
        samdesk, reference = (self.extra.get(f"{side}_network_ms") for side in ("samdesk", "reference"))
        known = samdesk is not None and reference is not None
        return self.extended(f"networks alone {samdesk:.1f} ms, {reference:.1f} ms") if known else self

    def as_json(self) -> dict[str, Any]:
        """All values as JSON types."""
        return {
            "name": self.name,
            "samdesk_ms": self.samdesk_ms,
            "reference_ms": self.reference_ms,
            "ratio": self.ratio,
            "note": _join(self.note, self.remark),
            **self.extra,
        }


def make_row(spec: RowSpec, samdesk: Sequence[Timing], reference: Sequence[Timing] = ()) -> BenchRow:
    """Returns the row of a specification from the times of its contestants."""
    extra = {"times": len(samdesk), **_statistics("samdesk", samdesk, spec.part)}
    if reference:
        extra |= _statistics("reference", reference, spec.reference_part)
    return BenchRow(
        spec.name,
        _median([spec.part(t) for t in samdesk]),
        _median([spec.reference_part(t) for t in reference]) if reference else None,
        spec.note,
        extra=extra,
    )


def _statistics(side: str, times: Sequence[Timing], part: Part) -> dict[str, float]:
    values = [part(timing) for timing in times]
    found = {f"{side}_p95_ms": _percentile(values, 95), f"{side}_p99_ms": _percentile(values, 99)}
    network = [timing.network_ms for timing in times if timing.network_ms is not None]
    if network and part is total_ms:
        found[f"{side}_network_ms"] = _median(network)
    return found


def _median(values: Sequence[float]) -> float:
    return float(np.median(values))


def _percentile(values: Sequence[float], percent: float) -> float:
    return float(np.percentile(values, percent))


def _join(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
