"""Prints the events of a training: a progress bar on a terminal, plain lines in a log, or JSON."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import typer

from samdesk.base import text
from samdesk.base.text import printable
from samdesk.cli.output import echo
from samdesk.cli.progress import progress_bar
from samdesk.training.record.taught_record import MASKS, Kind, TaughtWeights
from samdesk.training.teach.events import (
    Event,
    MaterialFound,
    TrainingFailed,
    TrainingProgress,
    TrainingStarted,
    TrainingStopped,
    to_line,
)

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

KIND_TITLES = {"masks": "Masks", "detector": "Detector"}
_EVERY_S = 5.0


class EventPrinter(Protocol):
    """Prints the events of a training."""

    def print_event(self, event: Event) -> None:
        """Prints an event."""


class JsonEventPrinter:
    """Prints one JSON object per line on standard output."""

    def print_event(self, event: Event) -> None:
        """Prints an event. Raises ``OSError`` when the reader has closed the pipe."""
        typer.echo(to_line(event))


class LineEventPrinter:
    """Prints plain lines for logs and pipes; progress every few seconds."""

    def __init__(self) -> None:
        self._printed_at = 0.0

    def print_event(self, event: Event) -> None:
        """Prints an event."""
        if isinstance(event, TrainingProgress):
            self._progress(event)
        else:
            self._print(event_text(event))

    def _progress(self, event: TrainingProgress) -> None:
        now = time.monotonic()
        if now - self._printed_at >= _EVERY_S or event.done == event.total:
            self._printed_at = now
            echo(f"{KIND_TITLES[event.kind]}: {event.done}/{event.total} {rate_text(event)}".rstrip())

    def _print(self, text: str) -> None:
        if text:
            echo(text)


class BarEventPrinter(LineEventPrinter):
    """Prints a progress bar."""

    def __init__(self, bar: Progress) -> None:
        super().__init__()
        self._bar = bar
        self._tasks: dict[Kind, TaskID] = {}

    def _progress(self, event: TrainingProgress) -> None:
        if event.kind not in self._tasks:
            self._tasks[event.kind] = self._bar.add_task(KIND_TITLES[event.kind], total=None, state="")
        total = event.total or None
        self._bar.update(self._tasks[event.kind], completed=event.done, total=total, state=rate_text(event))

    def _print(self, line: str) -> None:
        if line:
            self._bar.console.print(printable(line, lines=True), markup=False, highlight=False)


@contextmanager
def event_printer(as_json: bool) -> Iterator[EventPrinter]:
    """Yields the printer for JSON, a terminal or a log."""
    if as_json:
        yield JsonEventPrinter()
        return
    with progress_bar(described=True) as bar:
        yield LineEventPrinter() if bar is None else BarEventPrinter(bar)


def event_text(event: Event) -> str:
    """The text of an event for the user; "" if it has none."""
    if isinstance(event, MaterialFound):
        return (
            f"Training material: {text.counted(event.masks, 'accepted mask')} on "
            f"{text.counted(event.mask_images, 'image')}, "
            f"{text.counted(event.whole_images, 'accepted image')}."
        )
    if isinstance(event, TrainingStarted) and event.again:
        return f"{KIND_TITLES[event.kind]}: resuming where it stopped, unless annotations have changed since."
    if isinstance(event, TrainingFailed):
        return event.message if event.kind is None else f"{KIND_TITLES[event.kind]}: {event.message}"
    if isinstance(event, TrainingStopped):
        return "Stopped. Progress so far is kept; run the same command to resume."
    return ""


def rate_text(event: TrainingProgress) -> str:
    """Rate and time left: "3.2 steps/s, 2 min 10 s left"."""
    if not event.rate:
        return ""
    rate = text.rate(event.rate, "step")
    return rate if event.seconds_left is None else f"{rate}, {text.duration(event.seconds_left)} left"


def print_table(results: Sequence[TaughtWeights], console: Console) -> None:
    """Prints a table of the scores on the held-out images, before and after."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title="On held-out images", title_justify="left")
    for title, justify in (("", "left"), ("before", "right"), ("after", "right"), ("", "left")):
        table.add_column(title, justify=justify)  # type: ignore[arg-type]
    for entry in results:
        for score in entry.scores:
            gain = "" if score.before is None or score.after is None else f"{score.after - score.before:+.3f}"
            table.add_row(
                Text(printable(score_title(score.what))),
                text.share(score.before, 3),
                text.share(score.after, 3),
                gain,
            )
    console.print(table)
    for entry in results:
        console.print(
            f"{KIND_TITLES[entry.kind]}: trained on {entry.n_train} images, measured on "
            f"{entry.n_held_out} others, in {text.duration(entry.seconds, exact=True)}.",
            highlight=False,
        )


def score_title(what: str) -> str:
    """The title of a score."""
    titles = {
        "box": "Mask from a box (IoU)",
        "click": "Mask from a click (IoU)",
        "map50": "Detector (mAP50)",
    }
    return titles.get(what, f"  {what.removeprefix('class ')} (AP50)")


def kind_names(entries: Sequence[TaughtWeights]) -> str:
    """The kinds in a list: "masks and detector"."""
    return " and ".join("masks" if t.kind == MASKS else "detector" for t in entries)
