"""``samdesk frames VIDEO [OUT]``: extracts frames of a video to a folder of images.

Exit codes: 0 done, 1 the video is damaged or writing failed on the way, 2 wrong usage, or nothing could be
read or written, 130 stopped.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from samdesk.base.text import size
from samdesk.cli.exit_codes import DONE, FAILED, STOPPED, ends_in_words
from samdesk.cli.interrupt import stop_on_ctrl_c
from samdesk.cli.output import echo
from samdesk.cli.progress import BarOutput, progress_output, speed

if TYPE_CHECKING:
    from samdesk.exchange.frames.extract import FramesReport
    from samdesk.exchange.frames.values import FramesPlan


def frames(  # noqa: PLR0913 - the options of the command
    video: Annotated[Path, typer.Argument(help="The video.")],
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Argument(help="Folder for the images (default: VIDEO_frames, beside the video)."),
    ] = None,
    rate: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(
            metavar="R", help="Images per second of video, by the times of its frames (default: 5)."
        ),
    ] = None,
    every: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(metavar="N", help="Every n-th frame instead; 1 takes all."),
    ] = None,
    scenes: Annotated[
        bool, typer.Option("--scenes", help="The first frame of each scene instead: one after each cut.")
    ] = False,
    threshold: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(
            metavar="T",
            help="For --scenes: how much the colours of two frames differ at a cut, 0 to 1 (default: 0.45).",
        ),
    ] = None,
    begin: Annotated[
        str, typer.Option("--from", metavar="TIME", help="Where to begin: 75, 1:15 or 1:02:15.5.")
    ] = "",
    end: Annotated[str, typer.Option("--to", metavar="TIME", help="Where to end.")] = "",
    kind: Annotated[str, typer.Option("--format", metavar="F", help="jpg, or png (lossless).")] = "jpg",
    quality: Annotated[int, typer.Option(help="Of JPEG, 1 to 100.")] = 95,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only print what the video is and how many images it makes.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Extract frames of a video to a folder of images; run it again to resume."""
    from samdesk.exchange.frames.errors import UnfinishedError
    from samdesk.exchange.frames.extract import check_plan
    from samdesk.exchange.frames.folder import default_folder

    with ends_in_words("frames"):
        plan = _plan(rate, every, threshold, begin, end, kind, quality, scenes=scenes)
        check_plan(plan)
        video = video.expanduser()
        folder = default_folder(video) if out is None else out.expanduser()
        if dry_run:
            _describe(video, folder, plan, as_json=as_json)
            raise typer.Exit(DONE)
        try:
            report = _run(video, folder, plan, quiet=as_json)
        except UnfinishedError as error:
            echo(f"samdesk frames: {error}", err=True)
            raise typer.Exit(FAILED) from error
    _print(report, as_json=as_json)
    raise typer.Exit(STOPPED if report.stopped else FAILED if report.notes else DONE)


def _print(report: FramesReport, *, as_json: bool) -> None:
    if as_json:
        echo(json.dumps(asdict(report) | {"folder": str(report.folder)}, indent=1))
    elif not report.stopped:
        for text in (report.text, *report.notes):
            echo(text)
        echo(f"Open it with: samdesk {report.folder}")
    if report.stopped:
        echo(f"{report.text} Run the same command again to continue.", err=True)


def _plan(
    rate: float | None, every: int | None, threshold: float | None, begin: str, end: str, kind: str,
    quality: int, *, scenes: bool,
) -> FramesPlan:  # fmt: skip
    from samdesk.exchange.frames.rules.registry import rule
    from samdesk.exchange.frames.times import moment
    from samdesk.exchange.frames.values import FramesPlan

    if (rate is not None) + (every is not None) + scenes > 1:
        raise ValueError("Choose one of --rate, --every and --scenes.")
    if threshold is not None and not scenes:
        raise ValueError("--threshold is for --scenes.")
    chosen, value = (
        ("every", every) if every is not None else ("scenes", threshold) if scenes else ("rate", rate)
    )
    number = rule(chosen).default if value is None else float(value)
    stop = moment(end) if end else None
    return FramesPlan(chosen, number, moment(begin) if begin else 0.0, stop, kind, quality)  # type: ignore[arg-type]


def _run(video: Path, folder: Path, plan: FramesPlan, *, quiet: bool) -> FramesReport:
    from samdesk.base.jobs import CancelToken
    from samdesk.base.rate import Rate
    from samdesk.exchange.frames.extract import extract

    cancel, speed_so_far = CancelToken(), Rate(min_interval=0.5)
    with progress_output() as output, stop_on_ctrl_c(cancel, "Stopping"):

        def progress(done: int, total: int) -> None:
            speed_so_far.step(done)
            if not quiet and isinstance(output, BarOutput):
                left = speed_so_far.seconds(total - done) if total else None
                output.step(done, total, "", speed(speed_so_far.per_second, left, "frame"))

        return extract(video, folder, plan, progress, cancel)


def _describe(video: Path, folder: Path, plan: FramesPlan, *, as_json: bool) -> None:
    from samdesk.exchange.frames.folder import FramesFolder
    from samdesk.exchange.frames.preview import read_preview

    found = read_preview(video)
    facts, contents = found.facts, FramesFolder(folder, found.facts).contents()
    state = contents.state(plan)
    images, room = found.expected(plan)
    if as_json:
        value = {
            "video": str(video), "width": facts.width, "height": facts.height, "frames": facts.frames,
            "rate": facts.rate, "seconds": facts.seconds, "rotation": facts.rotation, "folder": str(folder),
            "images": images, "bytes": room, "there": state.images,
        }  # fmt: skip
        echo(json.dumps(value, indent=1))
        return
    echo(f"{video.name}: {', '.join(facts.parts)}.")
    echo(f"{found.expected_in_words(plan)} In {folder}. {state.text}".strip())
    if room is not None and room > contents.free:
        echo(f"Only {size(contents.free)} are free there.", err=True)
