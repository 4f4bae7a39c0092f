"""How a teaching is told: a bar on a terminal, plain lines in a log, JSON for another program."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import typer

from samdesk.base import text
from samdesk.cli.progress import progress_bar
from samdesk.training.record.taught import MASKS, Kind, Teaching
from samdesk.training.teach.events import Begun, Event, Failed, Found, Progressed, Stopped, to_line

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

WHAT = {"masks": "Masks", "detector": "Detector"}
_EVERY_S = 5.0


class Teller(Protocol):
    """Hears the events of a teaching."""

    def tell(self, event: Event) -> None:
        """One more event."""


class JsonTeller:
    """One object of JSON a line, on the standard output."""

    def tell(self, event: Event) -> None:
        """One more line. Raises ``OSError`` once nobody reads them."""
        typer.echo(to_line(event))


class LineTeller:
    """Words, for logs and pipes; progress now and then."""

    def __init__(self) -> None:
        self._told_at = 0.0

    def tell(self, event: Event) -> None:
        """One more event."""
        if isinstance(event, Progressed):
            self._progress(event)
        else:
            self._say(words(event))

    def _progress(self, event: Progressed) -> None:
        now = time.monotonic()
        if now - self._told_at >= _EVERY_S or event.done == event.total:
            self._told_at = now
            typer.echo(f"{WHAT[event.kind]}: {event.done}/{event.total} {pace(event)}".rstrip())

    def _say(self, text: str) -> None:
        if text:
            typer.echo(text)


class BarTeller(LineTeller):
    """A bar that moves."""

    def __init__(self, bar: Progress) -> None:
        super().__init__()
        self._bar = bar
        self._tasks: dict[Kind, TaskID] = {}

    def _progress(self, event: Progressed) -> None:
        if event.kind not in self._tasks:
            self._tasks[event.kind] = self._bar.add_task(WHAT[event.kind], total=None, state="")
        total = event.total or None
        self._bar.update(self._tasks[event.kind], completed=event.done, total=total, state=pace(event))

    def _say(self, text: str) -> None:
        if text:
            self._bar.console.print(text, markup=False, highlight=False)


@contextmanager
def teller(as_json: bool) -> Iterator[Teller]:
    """The one that fits where the output goes."""
    if as_json:
        yield JsonTeller()
        return
    with progress_bar(described=True) as bar:
        yield LineTeller() if bar is None else BarTeller(bar)


def words(event: Event) -> str:
    """What an event says to a person; "" for those that say nothing of their own."""
    if isinstance(event, Found):
        return (
            f"To learn from: {event.masks:,} accepted masks on {event.mask_images:,} images; "
            f"{event.whole_images:,} images accepted as a whole."
        )
    if isinstance(event, Begun) and event.again:
        return f"{WHAT[event.kind]}: going on where it stopped, if the accepted images are still the same."
    if isinstance(event, Failed):
        return event.message if event.kind is None else f"{WHAT[event.kind]}: {event.message}"
    if isinstance(event, Stopped):
        return "Stopped. What was learned is kept; the same command goes on from there."
    return ""


def pace(event: Progressed) -> str:
    """Rate and time left: "3.2 steps/s, 2 min 10 s left"."""
    if not event.rate:
        return ""
    rate = text.rate(event.rate, "step")
    return rate if event.seconds_left is None else f"{rate}, {text.duration(event.seconds_left)} left"


def print_table(results: Sequence[Teaching], console: Console) -> None:
    """Before and after, on images that nothing was learned from."""
    from rich.table import Table

    table = Table(title="On accepted images held out", title_justify="left")
    for title, justify in (("", "left"), ("before", "right"), ("after", "right"), ("", "left")):
        table.add_column(title, justify=justify)  # type: ignore[arg-type]
    for teaching in results:
        for score in teaching.scores:
            gain = "" if score.before is None or score.after is None else f"{score.after - score.before:+.3f}"
            table.add_row(
                score_title(score.what), text.share(score.before, 3), text.share(score.after, 3), gain
            )
    console.print(table)
    for teaching in results:
        console.print(
            f"{WHAT[teaching.kind]}: learned from {teaching.n_train} images, judged by "
            f"{teaching.n_held_out} others, in {text.duration(teaching.seconds, exact=True)}.",
            highlight=False,
        )


def score_title(what: str) -> str:
    """What a figure is called."""
    titles = {
        "box": "Mask from a box (IoU)",
        "click": "Mask from a click (IoU)",
        "map50": "Detector (mAP50)",
    }
    return titles.get(what, f"  {what.removeprefix('class ')} (AP50)")


def kind_words(teachings: Sequence[Teaching]) -> str:
    """Names what was taught: "masks and detector"."""
    return " and ".join("masks" if t.kind == MASKS else "detector" for t in teachings)
