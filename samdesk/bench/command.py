"""``samdesk bench``: engines side by side, or, with ``--heartbeat``, whether the window ever waits.

Exit codes: 0 measured, 1 the window failed at something, 2 no model or no photos.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

if TYPE_CHECKING:
    from samdesk.bench.report import Comparison

_MOST_PHOTOS = 8


def bench(  # noqa: PLR0913 - one argument an option
    photos: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Argument(help="A folder of photos, or one; by default the two of the demo."),
    ] = None,
    model: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            help="flint, grabcut, a SAM by name or path; again for more, the first is what the others are "
            "held against. A SAM that is not on this machine is measured with random weights. "
            "By default Flint, MobileSAM and GrabCut."
        ),
    ] = None,
    detector: Annotated[str, typer.Option(help="One more detector, by name or path.")] = "",
    rounds: Annotated[int, typer.Option(min=1, help="How often all is measured.")] = 5,
    device: Annotated[str, typer.Option(help="cuda, mps or cpu; the fastest by default.")] = "",
    precision: Annotated[str, typer.Option(help="auto, fp32, fp16 or bf16.")] = "auto",
    json_file: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--json", help="Write it all there, too."),
    ] = None,
    heartbeat: Annotated[
        bool, typer.Option("--heartbeat", help="Measure the window instead: does it ever wait?")
    ] = False,
    seconds: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(help="How long each phase of the heartbeat goes on (30); means --heartbeat."),
    ] = None,
) -> None:
    """Measure what a hand feels, engine beside engine: encode, mask of a box, correction, click, and so on.

    With --heartbeat: a 5 ms heartbeat of the real window while everything else works (PHOTOS are copied).
    """
    from samdesk.engine.protocols import EngineError
    from samdesk.io.demo_photos import DemoError
    from samdesk.io.images import ImageError

    names = tuple(model or ())
    with TemporaryDirectory(prefix="samdesk-bench-") as name:
        try:
            paths = _photos(photos, Path(name))
            if heartbeat or seconds is not None:
                raise typer.Exit(_beat(photos or paths[0].parent, names, detector, seconds or 30.0))
            found = _compared(paths, names, detector, rounds, (device, precision), Path(name))
            typer.echo(str(found))
            if json_file is not None:
                json_file.write_text(json.dumps(found.as_json(), indent=2), "utf-8")
        except (EngineError, DemoError, ImageError, OSError) as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(2) from error


def _photos(given: Path | None, scratch: Path) -> list[Path]:
    """The photos to use; the demo's where none are given."""
    from samdesk.io.demo_photos import make_demo_folder
    from samdesk.io.images import scan

    folder = make_demo_folder(scratch / "photos") if given is None else given
    if folder.is_file():
        return [folder]
    found = [folder / key for key in scan(folder)]
    if not found:
        typer.echo(f"There are no photos in {folder}.", err=True)
        raise typer.Exit(2)
    return found


def _compared(
    paths: list[Path],
    names: tuple[str, ...],
    detector: str,
    rounds: int,
    device_and_precision: tuple[str, str],
    scratch: Path,
) -> Comparison:
    from samdesk.bench.engines import USUAL, engines
    from samdesk.bench.machine import load_average, this_machine
    from samdesk.bench.measure import measure
    from samdesk.bench.report import Comparison, sizes_of
    from samdesk.io.images import read_image

    before = load_average()
    paths = paths[:_MOST_PHOTOS]
    images = [read_image(path) for path in paths]
    with _bar() as show:
        rows = measure(
            engines(names or USUAL, detector, *device_and_precision, scratch), images, rounds, show
        )
    sizes = sizes_of(paths, [image.shape for image in images])
    return Comparison(this_machine(), sizes, rounds, (before, load_average()), rows)


def _beat(folder: Path, names: tuple[str, ...], detector: str, seconds: float) -> int:
    from samdesk.bench import heartbeat

    options = {"--model": names[0] if names else "", "--detector": detector, "--seconds": str(seconds)}
    return heartbeat.main([str(folder), *(part for pair in options.items() if pair[1] for part in pair)])


@contextmanager
def _bar() -> Iterator[Any]:
    """A progress bar beside the report, gone when it is there."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("rounds", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
