"""``samdesk bench``: samdesk beside Ultralytics' own predictor.

With ``--engines``: engines side by side. With ``--heartbeat``: whether the window ever waits.
Exit codes: 0 measured, 1 the window failed at something, 2 no model or no photos.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Optional

import typer

_MOST_PHOTOS = 20
_MOST_PHOTOS_ENGINES = 8


@dataclass(frozen=True)
class _Given:
    """The options, as they were given."""

    photos: Path | None
    models: Sequence[str]
    detector: str
    rounds: int | None
    device: str
    precision: str
    quick: bool
    only: Sequence[str]
    pages: int
    seconds: float | None


@dataclass(frozen=True)
class _Found:
    """What came of it: for the console, for a file of values, for a page."""

    text: str
    values: dict[str, Any]
    markdown: str


def bench(  # noqa: PLR0913 - one argument an option
    photos: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Argument(
            help="A folder of photos, or one; by default the two of the demo. Where COCO's instances.json "
            "lies beside them, its masks stand for those of a trained network."
        ),
    ] = None,
    model: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            help="A SAM by name or path (mobile_sam.pt); again for more. One that is not on this machine is "
            "measured with random weights. With --engines also flint and grabcut, and the first is what the "
            "others are held against."
        ),
    ] = None,
    detector: Annotated[str, typer.Option(help="With --engines: one more detector, by name or path.")] = "",
    rounds: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(min=1, help="How often what is slow is done (5); what is quick is done more often."),
    ] = None,
    device: Annotated[str, typer.Option(help="cuda, mps or cpu; the fastest by default.")] = "",
    precision: Annotated[
        str, typer.Option(help="samdesk's: auto, fp32, fp16 or bf16; by default fp32 and auto, one by one.")
    ] = "",
    quick: Annotated[bool, typer.Option("--quick", help="Few and small: to see that it works.")] = False,
    only: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            metavar="PATTERN", help="Only rows of such names (next_mask, '*_auto'); again for more."
        ),
    ] = None,
    pages: Annotated[
        int, typer.Option(min=2, help="How many photos are paged through for memory_paging.")
    ] = 24,
    json_file: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--json", help="Write it all there, too."),
    ] = None,
    markdown: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Write the table there, for a page."),
    ] = None,
    engines: Annotated[
        bool, typer.Option("--engines", help="Compare Flint, MobileSAM and GrabCut, or others, instead.")
    ] = False,
    heartbeat: Annotated[
        bool, typer.Option("--heartbeat", help="Measure the window instead: does it ever wait?")
    ] = False,
    seconds: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(help="How long each phase of the heartbeat goes on (30); means --heartbeat."),
    ] = None,
) -> None:
    """Measure samdesk beside Ultralytics' own predictor: same weights, same photos, by turns in one process.

    With --engines: engine beside engine in all a hand asks for. With --heartbeat: a 5 ms heartbeat of the
    real window while everything else works (PHOTOS are copied).
    """
    from samdesk.engine.protocols import EngineError
    from samdesk.images.reader import ImageError
    from samdesk.images.samples import DemoError

    models, patterns = tuple(model or ()), tuple(only or ())
    given = _Given(
        photos, models, detector, rounds, device, precision, quick, patterns, pages, seconds
    )  # fmt: skip
    with TemporaryDirectory(prefix="samdesk-bench-") as name:
        try:
            paths = _photos(photos, Path(name))
            if heartbeat or seconds is not None:
                raise typer.Exit(_beat(photos or paths[0].parent, given))
            found = (_engines if engines else _versus)(paths, given, Path(name))
            typer.echo(found.text)
            if json_file is not None:
                json_file.write_text(json.dumps(found.values, indent=2), "utf-8")
            if markdown is not None:
                markdown.write_text(found.markdown, "utf-8")
        except (EngineError, DemoError, ImageError, OSError) as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(2) from error


def _photos(given: Path | None, scratch: Path) -> list[Path]:
    """The photos to use; the demo's where none are given."""
    from samdesk.images.samples import make_demo_folder
    from samdesk.images.sources import scan

    folder = make_demo_folder(scratch / "photos") if given is None else given
    if folder.is_file():
        return [folder]
    found = [folder / key for key in scan(folder)]
    if not found:
        typer.echo(f"There are no photos in {folder}.", err=True)
        raise typer.Exit(2)
    return found


def _versus(paths: list[Path], given: _Given, scratch: Path) -> _Found:
    from samdesk.bench.versus.run import MODEL, Plan, compare
    from samdesk.bench.versus.settings import Settings
    from samdesk.engine.runtime.device import resolve

    usual = Settings()
    settings = Settings(
        device=resolve(given.device),
        precisions=(given.precision,) if given.precision else usual.precisions,
        rounds=given.rounds or (1 if given.quick else usual.rounds),
        quick=given.quick,
        only=tuple(given.only),
        pages=given.pages,
        beat_s=2.0 if given.quick else usual.beat_s,
    )
    plan = Plan(given.models or (MODEL,), paths[:_MOST_PHOTOS], given.photos, settings)
    with _bar() as show:
        found = compare(plan, scratch, show)
    return _Found(str(found), found.as_json(), found.markdown())


def _engines(paths: list[Path], given: _Given, scratch: Path) -> _Found:
    from samdesk.bench.engines.contestants import USUAL, engines
    from samdesk.bench.engines.measure import measure
    from samdesk.bench.engines.report import Comparison, sizes_of
    from samdesk.bench.machine import load_average, this_machine
    from samdesk.images.reader import read_image

    before = load_average()
    paths = paths[:_MOST_PHOTOS_ENGINES]
    images = [read_image(path) for path in paths]
    rounds = given.rounds or 5
    who = engines(given.models or USUAL, given.detector, given.device, given.precision or "auto", scratch)
    with _bar() as show:
        rows = measure(who, images, rounds, lambda done, total: show("rounds", done, total))
    sizes = sizes_of(paths, [image.shape for image in images])
    found = Comparison(this_machine(), sizes, rounds, (before, load_average()), rows)
    return _Found(str(found), found.as_json(), f"```\n{found}\n```\n")


def _beat(folder: Path, given: _Given) -> int:
    from samdesk.bench import heartbeat

    options = {
        "--model": given.models[0] if given.models else "",
        "--detector": given.detector,
        "--seconds": str(given.seconds or 30.0),
    }
    return heartbeat.main([str(folder), *(part for pair in options.items() if pair[1] for part in pair)])


@contextmanager
def _bar() -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar beside the report, gone when it is there."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda what, done, total: bar.update(task, description=what, completed=done, total=total)
