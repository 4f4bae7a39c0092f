"""The comparison as text, as a Markdown table and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from samdesk import __version__
from samdesk.base.text import counted
from samdesk.bench.machine import Machine
from samdesk.bench.versus.rows import BenchRow

_NAME = 34


@dataclass(frozen=True)
class ComparedModel:
    """One model of the comparison.

    Attributes:
        title: Title for users.
        random: Whether its weights are random.
        precisions: The precision that was used for each requested one.
    """

    title: str
    random: bool
    precisions: dict[str, str]

    def __str__(self) -> str:
        weights = ", random weights (times as with trained ones, masks are noise)" if self.random else ""
        really = ", ".join(f"{asked} is {used}" for asked, used in self.precisions.items() if asked != used)
        return f"{self.title}{weights}{f'; {really}' if really else ''}"


@dataclass(frozen=True, eq=False)
class Comparison:
    """The times of samdesk and Ultralytics and the conditions they were measured under.

    Attributes:
        machine: The machine.
        date: Date, ISO 8601.
        models: The models compared.
        images: Number of images.
        shapes: Description of the masks used in place of a trained network's.
        rounds: Number of rounds.
        loads: Load average before and after; None where the system has none.
        rows: The results.
    """

    machine: Machine
    date: str
    models: Sequence[ComparedModel]
    images: int
    shapes: str
    rounds: int
    loads: tuple[float | None, float | None]
    rows: Sequence[BenchRow]

    def __str__(self) -> str:
        head = f"{'':<{_NAME}} {'samdesk':>10} {'p95':>10} {'Ultralytics':>12} {'p95':>10} {'ratio':>8}"
        return "\n".join([*self._head(), "", head, *map(_line, self.rows), "", *self._notes()])

    def markdown(self) -> str:
        """Returns a Markdown table below the conditions of the measurement, without the rows' notes."""
        lines = [f"{self.date}. {' '.join(self._head())}", ""]
        lines += ["| | samdesk | p95 | Ultralytics | p95 | ratio | |", "|---|--:|--:|--:|--:|--:|---|"]
        lines += [f"| {' | '.join([f'`{row.name}`', *_cells(row), row.remark])} |" for row in self.rows]
        return "\n".join([*lines, ""])

    def as_json(self) -> dict[str, Any]:
        """All values as JSON types."""
        return {
            "machine": {**asdict(self.machine), "load_before": self.loads[0], "load_after": self.loads[1]},
            "rows": [row.as_json() for row in self.rows],
            "samdesk": __version__,
            "date": self.date,
            "models": [asdict(model) for model in self.models],
            "photos": self.images,
            "shapes": self.shapes,
            "rounds": self.rounds,
        }

    def _head(self) -> list[str]:
        before, after = self.loads
        lines = [*str(self.machine).splitlines(), *map(str, self.models)]
        lines.append(
            f"{counted(self.rounds, 'round')}, "
            f"{counted(self.images, 'image')}; after the network: {self.shapes}"
        )
        if before is not None and after is not None:
            busy = (
                " The machine was busy: these times are too long." if before > self.machine.cores / 2 else ""
            )
            lines.append(f"load average {before:.1f} before, {after:.1f} after.{busy}")
        return [line if line.endswith(".") else f"{line}." for line in lines]

    def _notes(self) -> list[str]:
        """Returns each distinct note with the names of its rows, then the remarks."""
        names: dict[str, list[str]] = {}
        for row in self.rows:
            names.setdefault(row.note, []).append(row.name)
        notes = [f"{', '.join(rows)}: {note}" for note, rows in names.items() if note]
        return [*notes, "", *(f"{row.name}: {row.remark}" for row in self.rows if row.remark)]


def _line(row: BenchRow) -> str:
    samdesk, ours_95, reference, theirs_95, ratio = _cells(row)
    return (
        f"{row.name:<{_NAME}} {samdesk:>10} {ours_95:>10} {reference:>12} {theirs_95:>10} {ratio:>8}".rstrip()
    )


def _cells(row: BenchRow) -> tuple[str, str, str, str, str]:
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
