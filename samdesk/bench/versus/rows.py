"""The rows of the table: one figure of samdesk's, beside Ultralytics' where it has one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np

from samdesk.bench.versus.contest import Contestant, Timing

Part: TypeAlias = Callable[[Timing], float]
"""What of a turn's time counts."""


def everything(timing: Timing) -> float:
    """All of it."""
    return timing.ms


def besides_the_network(timing: Timing) -> float:
    """What is left without the network."""
    return timing.ms - (timing.network_ms or 0.0)


@dataclass(frozen=True)
class Entry:
    """A row to be.

    Attributes:
        name: The row's.
        ours: samdesk's contestant.
        reference: Ultralytics'; None: it has nothing like it.
        note: What was included on either side.
        part: What counts of a turn of samdesk's.
        reference_part: What counts of a turn of Ultralytics'.
    """

    name: str
    ours: Contestant
    reference: Contestant | None = None
    note: str = ""
    part: Part = everything
    reference_part: Part = everything


@dataclass(frozen=True)
class Row:
    """One figure.

    Attributes:
        name: What was measured.
        samdesk_ms: Median, milliseconds; None: what was measured is no time.
        reference_ms: Ultralytics' median; None: it has nothing like it.
        note: What was included on either side.
        found: What was found besides the times, in words.
        extra: More figures by name: other percentiles, the network's part, agreement.
    """

    name: str
    samdesk_ms: float | None
    reference_ms: float | None
    note: str = ""
    found: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """How many times as long Ultralytics takes: above 1, samdesk is faster."""
        return self.reference_ms / self.samdesk_ms if self.samdesk_ms and self.reference_ms else None

    def having(self, found: str = "", **extra: Any) -> Row:
        """The same with more said about it."""
        return replace(self, found=_joined(self.found, found), extra={**self.extra, **extra})

    def with_networks(self) -> Row:
        """The same with what of it was the network's, on either side, in words."""
        ours, theirs = (self.extra.get(f"{whose}_network_ms") for whose in ("samdesk", "reference"))
        known = ours is not None and theirs is not None
        return self.having(f"networks alone {ours:.1f} ms, {theirs:.1f} ms") if known else self

    def as_json(self) -> dict[str, Any]:
        """All of it, as values that JSON knows."""
        return {
            "name": self.name,
            "samdesk_ms": self.samdesk_ms,
            "reference_ms": self.reference_ms,
            "ratio": self.ratio,
            "note": _joined(self.note, self.found),
            **self.extra,
        }


def row(entry: Entry, ours: Sequence[Timing], reference: Sequence[Timing] = ()) -> Row:
    """The row of an entry whose contestants have taken their turns."""
    extra = {"times": len(ours), **_figures("samdesk", ours, entry.part)}
    if reference:
        extra |= _figures("reference", reference, entry.reference_part)
    return Row(
        entry.name,
        _median([entry.part(t) for t in ours]),
        _median([entry.reference_part(t) for t in reference]) if reference else None,
        entry.note,
        extra=extra,
    )


def _figures(whose: str, times: Sequence[Timing], part: Part) -> dict[str, float]:
    values = [part(timing) for timing in times]
    found = {f"{whose}_p95_ms": _percentile(values, 95), f"{whose}_p99_ms": _percentile(values, 99)}
    network = [timing.network_ms for timing in times if timing.network_ms is not None]
    if network and part is everything:
        found[f"{whose}_network_ms"] = _median(network)
    return found


def _median(values: Sequence[float]) -> float:
    return float(np.median(values))


def _percentile(values: Sequence[float], percent: float) -> float:
    return float(np.percentile(values, percent))


def _joined(*words: str) -> str:
    return "; ".join(part for part in words if part)
