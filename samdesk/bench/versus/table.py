"""The comparison in words, as a table for a page, and in JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from samdesk import __version__
from samdesk.base.text import counted
from samdesk.bench.machine import Machine
from samdesk.bench.versus.rows import Row

_NAME = 34


@dataclass(frozen=True)
class Compared:
    """One model.

    Attributes:
        title: For users.
        random: Its weights are random.
        precisions: What each precision asked for really was, by its name.
    """

    title: str
    random: bool
    precisions: dict[str, str]

    def __str__(self) -> str:
        weights = ", random weights (times are those of trained ones, masks are noise)" if self.random else ""
        really = ", ".join(f"{asked} is {used}" for asked, used in self.precisions.items() if asked != used)
        return f"{self.title}{weights}{f'; {really}' if really else ''}"


@dataclass(frozen=True, eq=False)
class Comparison:
    """samdesk beside Ultralytics, with what the times depend on.

    Attributes:
        machine: Where.
        date: When, ISO 8601.
        models: Which.
        photos: How many.
        shapes: What stands for the masks of a trained network.
        rounds: How many.
        loads: Load average before and after; None where nobody counts.
        rows: The figures.
    """

    machine: Machine
    date: str
    models: Sequence[Compared]
    photos: int
    shapes: str
    rounds: int
    loads: tuple[float | None, float | None]
    rows: Sequence[Row]

    def __str__(self) -> str:
        head = f"{'':<{_NAME}} {'samdesk':>10} {'p95':>10} {'Ultralytics':>12} {'p95':>10} {'ratio':>8}"
        return "\n".join([*self._head(), "", head, *map(_line, self.rows), "", *self._notes()])

    def markdown(self) -> str:
        """A table to paste, with what the times depend on above it; what a row includes is left out."""
        lines = [f"{self.date}. {' '.join(self._head())}", ""]
        lines += ["| | samdesk | p95 | Ultralytics | p95 | ratio | |", "|---|--:|--:|--:|--:|--:|---|"]
        lines += [f"| {' | '.join([f'`{row.name}`', *_cells(row), row.found])} |" for row in self.rows]
        return "\n".join([*lines, ""])

    def as_json(self) -> dict[str, Any]:
        """All of it, as values that JSON knows."""
        return {
            "machine": {**asdict(self.machine), "load_before": self.loads[0], "load_after": self.loads[1]},
            "rows": [row.as_json() for row in self.rows],
            "samdesk": __version__,
            "date": self.date,
            "models": [asdict(model) for model in self.models],
            "photos": self.photos,
            "shapes": self.shapes,
            "rounds": self.rounds,
        }

    def _head(self) -> list[str]:
        before, after = self.loads
        lines = [*str(self.machine).splitlines(), *map(str, self.models)]
        lines.append(
            f"{counted(self.rounds, 'round')}, "
            f"{counted(self.photos, 'photo')}; after the network: {self.shapes}"
        )
        if before is not None and after is not None:
            busy = (
                " Others are at work here: these times are too long."
                if before > self.machine.cores / 2
                else ""
            )
            lines.append(f"load average {before:.1f} before, {after:.1f} after.{busy}")
        return [line if line.endswith(".") else f"{line}." for line in lines]

    def _notes(self) -> list[str]:
        """What each row includes, said once, with the names of its rows; then what was found besides."""
        names: dict[str, list[str]] = {}
        for row in self.rows:
            names.setdefault(row.note, []).append(row.name)
        notes = [f"{', '.join(rows)}: {note}" for note, rows in names.items() if note]
        return [*notes, "", *(f"{row.name}: {row.found}" for row in self.rows if row.found)]


def _line(row: Row) -> str:
    ours, ours_95, theirs, theirs_95, ratio = _cells(row)
    return f"{row.name:<{_NAME}} {ours:>10} {ours_95:>10} {theirs:>12} {theirs_95:>10} {ratio:>8}".rstrip()


def _cells(row: Row) -> tuple[str, str, str, str, str]:
    return (
        _ms(row.samdesk_ms),
        _ms(row.extra.get("samdesk_p95_ms")),
        _ms(row.reference_ms),
        _ms(row.extra.get("reference_p95_ms")),
        "" if row.ratio is None else f"x {row.ratio:.1f}",
    )


def _ms(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.2f} ms" if value < 10 else f"{value:.1f} ms" if value < 100 else f"{value:,.0f} ms"
