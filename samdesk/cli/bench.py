"""``samdesk bench``: compares samdesk with Ultralytics' own predictor.

With ``--engines`` it compares engines; with ``--heartbeat`` it measures pauses of the window's main thread;
with ``--effort`` it counts the gestures that make images right; with ``--carry`` it carries objects along.
Exit codes: 0 measured, 1 failures in the window, 2 no such model or no images.
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

from samdesk.base.errors import UserError
from samdesk.cli.exit_codes import wrong_usage
from samdesk.cli.output import echo
from samdesk.cli.qt import needs_qt

_MAX_IMAGES = 20
_MAX_IMAGES_ENGINES = 8


@dataclass(frozen=True)
class _Options:
    """The options of the command line."""

    images: Path | None
    models: Sequence[str]
    detector: str
    rounds: int | None
    device: str
    precision: str
    quick: bool
    only: Sequence[str]
    pages: int
    files: int
    seconds: float | None


@dataclass(frozen=True)
class _BenchResult:
    """The result as text, as JSON values and as Markdown."""

    text: str
    values: dict[str, Any]
    markdown: str


def bench(  # noqa: PLR0913 - one argument an option
    images: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Argument(
            metavar="PHOTOS",
            help="Folder of images, or one image; by default the demo's. If COCO's instances.json is in or "
            "above the folder, its masks are used in place of a trained network's.",
        ),
    ] = None,
    model: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            help="SAM model by name or path (default: mobile_sam.pt); may be repeated. Missing weights are "
            "replaced by random ones. With --engines also flint and grabcut; ratios are relative to the "
            "first model."
        ),
    ] = None,
    detector: Annotated[str, typer.Option(help="With --engines: a further detector, by name or path.")] = "",
    rounds: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(min=1, help="Rounds (default: 5); fast operations are repeated more often in each."),
    ] = None,
    device: Annotated[str, typer.Option(help="cuda, mps or cpu (default: the fastest available).")] = "",
    precision: Annotated[
        str, typer.Option(help="samdesk's precision: auto, fp32, fp16 or bf16 (default: fp32 and auto).")
    ] = "",
    quick: Annotated[
        bool, typer.Option("--quick", help="Measure only little, to check that it works.")
    ] = False,
    only: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            metavar="PATTERN", help="Only rows with this name (next_mask, '*_auto'); may be repeated."
        ),
    ] = None,
    pages: Annotated[int, typer.Option(min=2, help="Number of images for memory_paging.")] = 24,
    files: Annotated[
        int,
        typer.Option(min=20, help="Number of label files for bulk_renumber; five times as many are opened."),
    ] = 2000,
    json_file: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--json", help="Also write the results to this file as JSON."),
    ] = None,
    markdown: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Also write the results to this file as a Markdown table."),
    ] = None,
    engines: Annotated[
        bool, typer.Option("--engines", help="Compare Flint, MobileSAM, GrabCut or other engines instead.")
    ] = False,
    heartbeat: Annotated[
        bool, typer.Option("--heartbeat", help="Measure pauses of the window's main thread instead.")
    ] = False,
    effort: Annotated[
        bool,
        typer.Option(
            "--effort",
            help="Count the gestures a simulated annotator needs instead; PHOTOS has COCO's instances.json. "
            "--model and --detector propose (default: flint).",
        ),
    ] = False,
    carry: Annotated[
        bool,
        typer.Option(
            "--carry",
            help="Measure instead how well objects are carried to the next image, on images moved by "
            "synthetic cameras and objects. --rounds limits the images.",
        ),
    ] = False,
    seconds: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(help="Seconds per phase of the heartbeat (default: 30); implies --heartbeat."),
    ] = None,
) -> None:
    """Compare samdesk with Ultralytics' own predictor: same weights and images, interleaved in one process.

    With --engines: compare engines on everything interactive annotation needs. With --heartbeat: measure a
    5 ms timer of the real window while the program is busy (PHOTOS are copied). With --effort: the gestures
    from an auto-annotate run, and from nothing, to images that are right.
    """
    models, patterns = tuple(model or ()), tuple(only or ())
    options = _Options(
        images, models, detector, rounds, device, precision, quick, patterns, pages, files, seconds
    )  # fmt: skip
    with TemporaryDirectory(prefix="samdesk-bench-") as name:
        try:
            if effort:
                result = _effort(images, options)
                _write(result, json_file, markdown)
                return
            paths = _image_paths(images, Path(name))
            if heartbeat or seconds is not None:
                raise typer.Exit(_heartbeat(images or paths[0].parent, options))
            measured = _carry if carry else _engines if engines else _versus
            result = measured(paths, options, Path(name))
            _write(result, json_file, markdown)
        except (UserError, OSError) as error:
            raise wrong_usage("bench", error) from error


def _write(result: _BenchResult, json_file: Path | None, markdown: Path | None) -> None:
    echo(result.text)
    if json_file is not None:
        json_file.write_text(json.dumps(result.values, indent=2), "utf-8")
    if markdown is not None:
        markdown.write_text(result.markdown, "utf-8")


def _image_paths(path: Path | None, scratch: Path) -> list[Path]:
    """Returns the images of a folder, or the one image; the demo's images for None."""
    from samdesk.images.samples import make_demo_folder
    from samdesk.images.sources import scan

    folder = make_demo_folder(scratch / "photos") if path is None else path
    if folder.is_file():
        return [folder]
    found = [folder / key for key in scan(folder)]
    if not found:
        raise wrong_usage("bench", f"There are no images in {folder}.")
    return found


def _versus(paths: list[Path], options: _Options, scratch: Path) -> _BenchResult:
    from samdesk.bench.versus.run import MODEL, ComparisonPlan, compare
    from samdesk.bench.versus.settings import BenchSettings
    from samdesk.engine.runtime.device import resolve

    defaults = BenchSettings()
    settings = BenchSettings(
        device=resolve(options.device),
        precisions=(options.precision,) if options.precision else defaults.precisions,
        rounds=options.rounds or (1 if options.quick else defaults.rounds),
        quick=options.quick,
        only=tuple(options.only),
        pages=options.pages,
        heartbeat_s=2.0 if options.quick else defaults.heartbeat_s,
        bulk_files=20 if options.quick else options.files,
        bulk_annotations=20 if options.quick else defaults.bulk_annotations,
        scale_images=200 if options.quick else defaults.scale_images,
    )
    plan = ComparisonPlan(options.models or (MODEL,), paths[:_MAX_IMAGES], options.images, settings)
    with _progress_bar() as show:
        comparison = compare(plan, scratch, show)
    return _BenchResult(str(comparison), comparison.as_json(), comparison.markdown())


def _engines(paths: list[Path], options: _Options, scratch: Path) -> _BenchResult:
    from samdesk.bench.engines.contestants import DEFAULT_ENGINES, engines
    from samdesk.bench.engines.measure import measure
    from samdesk.bench.engines.report import EngineComparison, sizes_of
    from samdesk.bench.machine import load_average, this_machine
    from samdesk.images.reader import read_image

    before = load_average()
    paths = paths[:_MAX_IMAGES_ENGINES]
    images = [read_image(path) for path in paths]
    rounds = options.rounds or 5
    names, precision = options.models or DEFAULT_ENGINES, options.precision or "auto"
    contestants = engines(names, options.detector, options.device, precision, scratch)
    with _progress_bar() as show:
        rows = measure(contestants, images, rounds, lambda done, total: show("rounds", done, total))
    sizes = sizes_of(paths, [image.shape for image in images])
    comparison = EngineComparison(this_machine(), sizes, rounds, (before, load_average()), rows)
    return _BenchResult(str(comparison), comparison.as_json(), f"```\n{comparison}\n```\n")


def _effort(folder: Path | None, options: _Options) -> _BenchResult:
    from samdesk.base.jobs import CancelToken
    from samdesk.batch.plan import AutoAnnotatePlan
    from samdesk.bench.effort.report import EffortReport
    from samdesk.bench.effort.review_queue import judged, queue_figures
    from samdesk.bench.effort.run import play
    from samdesk.bench.effort.truth import read_truth
    from samdesk.cli.interrupt import stop_on_ctrl_c
    from samdesk.engine.models.load import load_detector, load_predictor
    from samdesk.engine.models.registry import FLINT

    if folder is None:
        raise wrong_usage("bench", "Give a folder of images with COCO's instances.json.")
    truth = read_truth(folder)
    plan = AutoAnnotatePlan(det_model=options.detector or FLINT, sam_model=(*options.models, FLINT)[0])
    precision = options.precision or "auto"
    detector = load_detector(plan.det_model, options.device, precision)
    predictor = load_predictor(plan.sam_model, options.device, precision)
    cancel = CancelToken()
    with stop_on_ctrl_c(cancel, "Stopping after this image"), _progress_bar() as show:
        played = play(
            truth, detector, predictor, plan, lambda done, total: show("images", done, total), cancel
        )
    queue = queue_figures(judged(played.proposals))
    titles = detector.info.title, predictor.info.title
    report = EffortReport(*titles, len(truth), played.efforts, queue)
    return _BenchResult(str(report), report.as_json(), report.markdown())


def _carry(paths: list[Path], options: _Options, _: Path) -> _BenchResult:
    from samdesk.base.jobs import CancelToken
    from samdesk.bench.carry.run import carry_report
    from samdesk.cli.interrupt import stop_on_ctrl_c

    most = options.rounds or (2 if options.quick else len(paths))
    cancel = CancelToken()
    with stop_on_ctrl_c(cancel, "Stopping after this shot"), _progress_bar() as show:
        report = carry_report(
            paths, options.only, most, lambda done, total: show("shots", done, total), cancel
        )
    return _BenchResult(str(report), report.as_json(), report.markdown())


def _heartbeat(folder: Path, options: _Options) -> int:
    with needs_qt():
        from samdesk.bench import heartbeat

    arguments = {
        "--model": options.models[0] if options.models else "",
        "--detector": options.detector,
        "--seconds": str(options.seconds or 30.0),
    }
    return heartbeat.main([str(folder), *(part for pair in arguments.items() if pair[1] for part in pair)])


@contextmanager
def _progress_bar() -> Iterator[Callable[[str, int, int], None]]:
    """Shows a progress bar on standard error within the block."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda what, done, total: bar.update(task, description=what, completed=done, total=total)
