"""``samdesk cache``: the encoded images on the disk, to look at, fill ahead of time, and clear.

Exit codes: 0 done, 1 some photos failed or it had to stop, 2 wrong usage, no model or no room,
130 stopped (Ctrl+C).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from samdesk.base.jobs import CancelToken
from samdesk.base.text import counted, duration, rate, size
from samdesk.cli.interrupt import stop_on_ctrl_c
from samdesk.cli.progress import progress_bar
from samdesk.engine.protocols import EngineError

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from samdesk.batch.encode_ahead import Filled, FillProgress
    from samdesk.batch.report import ImageFailure
    from samdesk.engine.cache.disk import DiskCache
    from samdesk.engine.cache.folder import CachedFile
    from samdesk.engine.protocols import Predictor
    from samdesk.settings.table import Settings

DONE, FAILED, WRONG_USAGE, STOPPED = 0, 1, 2, 130
_DAY_S = 86400.0

cache = typer.Typer(
    help="Encoded images on the disk: look, fill ahead of time, clear.", rich_markup_mode=None
)


@cache.callback(invoke_without_command=True)
def _default(context: typer.Context) -> None:
    """Encoded images on the disk: look, fill ahead of time, clear.

    A photo that a SAM has encoded once answers at once when it is looked at again, also after the next
    start. Without a command: show.
    """
    if context.invoked_subcommand is None:
        show()


@cache.command()
def show() -> None:
    """Say where they are, how many of which model, how large.

    Also how much they may take, and how long ago the oldest was used.
    """
    disk, on = _disk()
    files = list(disk.files.files())
    total = size(sum(f.size for f in files), 1024)
    typer.echo(f"Folder: {disk.files.root}")
    typer.echo(
        f"Limit:  {size(disk.files.limit_bytes, 1024)}{'' if on else ' (switched off in the settings)'}"
    )
    typer.echo(f"Kept:   {counted(len(files), 'image')}, {total}")
    by_model = _by_model(files)
    width = max((len(_model_name(group)) for group in by_model), default=0)
    for group, of_model in sorted(by_model.items(), key=lambda item: -len(item[1])):
        used = size(sum(f.size for f in of_model), 1024)
        typer.echo(
            f"  {_model_name(group):<{width}}  {counted(len(of_model), 'image')}, {used}, {_ages(of_model)}"
        )


@cache.command()
def fill(
    data: Annotated[str, typer.Argument(help="Folder of photos with its subfolders, a photo, or a pattern.")],
    model: Annotated[
        str, typer.Option(help="SAM model: name or path; by default the one the window uses.")
    ] = "",
    device: Annotated[str, typer.Option(help="cuda:0, mps or cpu; by default as in the settings.")] = "",
    precision: Annotated[
        str, typer.Option(help="auto, fp32, fp16 or bf16; by default as in the settings.")
    ] = "",
) -> None:
    """Encode the photos of a folder ahead of time.

    Each answers at once then. Those that are there already are skipped. Ctrl+C stops; started again it
    goes on where it was.
    """
    from samdesk.batch.encode_ahead import Listener, NoRoom
    from samdesk.batch.encode_ahead import fill as fill_disk
    from samdesk.batch.targets.dataset import find_images

    cancel = CancelToken()
    try:
        images = find_images(data)
        disk, on = _disk()
        predictor = _predictor(model, device, precision)
        if not disk.keeps(predictor):
            typer.echo(
                f"{predictor.info.title} encodes a photo in a moment: nothing of it is kept on the disk, and "
                "there is nothing to fill. For SAM, name a model: --model mobile_sam.pt"
            )
            raise typer.Exit(DONE)
        if not on:
            typer.echo("'Keep encoded images on disk' is off: the window will not look at them.", err=True)
        with stop_on_ctrl_c(cancel, "Stopping"), _show_progress() as shown:
            shown.say(f"{predictor.info.title} on {predictor.info.device_title} ({predictor.info.precision})")
            listener = Listener(shown.say, shown.progress, shown.failed)
            filled = fill_disk(images, predictor, disk, listener, cancel)
    except (ValueError, EngineError, NoRoom) as error:
        typer.echo(f"samdesk cache fill: {error}", err=True)
        raise typer.Exit(WRONG_USAGE) from error
    except KeyboardInterrupt:
        typer.echo("Stopped. What is done is kept; the same command goes on from there.", err=True)
        raise typer.Exit(STOPPED) from None
    raise typer.Exit(_tell(filled))


@cache.command()
def clear(
    model: Annotated[str, typer.Option(help="Only those of this model, as 'show' names it.")] = "",
    older_than: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(metavar="DAYS", min=0, help="Only those not used for so many days."),
    ] = None,
) -> None:
    """Delete encoded images, not photos or labels.

    What is deleted is encoded again when it is looked at.
    """
    from samdesk.engine.cache.file import plain_name
    from samdesk.engine.cache.folder import deleted

    disk, _ = _disk()
    files = list(disk.files.files())
    if model:
        names = {_model_name(f.group) for f in files}
        wanted = plain_name(Path(model).name)
        if wanted not in names:
            there = f"there are some of {', '.join(sorted(names))}" if names else "there are none at all"
            typer.echo(f"samdesk cache clear: no encoded images of {model}; {there}", err=True)
            raise typer.Exit(WRONG_USAGE)
        files = [f for f in files if _model_name(f.group) == wanted]
    if older_than is not None:
        files = [f for f in files if time.time() - f.used_at > older_than * _DAY_S]
    gone = [f for f in files if deleted(f)]
    typer.echo(f"Deleted {counted(len(gone), 'image')}, {size(sum(f.size for f in gone), 1024)}.")
    if len(gone) < len(files):
        typer.echo(f"{counted(len(files) - len(gone), 'image')} could not be deleted.", err=True)
        raise typer.Exit(FAILED)


@cache.command()
def limit(
    gigabytes: Annotated[int, typer.Argument(metavar="GB", help="How much disk encoded images may take.")],
) -> None:
    """Change how much disk they may take.

    It is one of the window's settings. What is over it is deleted, the least recently used first.
    """
    from samdesk.settings.table import EMBEDDING_DISK_GB, SettingError, Settings

    settings = Settings()
    try:
        settings.set(EMBEDDING_DISK_GB, gigabytes)
    except SettingError as error:
        typer.echo(f"samdesk cache limit: {error}", err=True)
        raise typer.Exit(WRONG_USAGE) from error
    if not settings.flush():
        typer.echo(f"samdesk cache limit: {settings.problem}", err=True)
        raise typer.Exit(FAILED)
    disk, _ = _disk(settings)
    disk.files.trim()
    typer.echo(
        f"The limit is {size(disk.files.limit_bytes, 1024)}; {size(disk.files.used(), 1024)} are used."
    )


def _disk(settings: Settings | None = None) -> tuple[DiskCache, bool]:
    """The disk cache with the limit of the settings, and whether the window uses it."""
    from samdesk.engine.cache.disk import DiskCache
    from samdesk.settings.table import EMBEDDING_DISK, EMBEDDING_DISK_GB, Settings

    settings = settings or Settings()
    return DiskCache(limit_bytes=settings.get(EMBEDDING_DISK_GB) * 1024**3), settings.get(EMBEDDING_DISK)


def _predictor(model: str, device: str, precision: str) -> Predictor:
    """The named model, downloaded if need be, or that of the settings; raises ``EngineError``."""
    from samdesk.engine.models.load import load_predictor
    from samdesk.settings.table import MODEL_DEVICE, MODEL_NAME, MODEL_PRECISION, Settings

    settings = Settings()
    return load_predictor(
        model or settings.get(MODEL_NAME),
        device or settings.get(MODEL_DEVICE),
        precision or settings.get(MODEL_PRECISION),
        fetch=bool(model),
    )


def _by_model(files: list[CachedFile]) -> dict[str, list[CachedFile]]:
    found: dict[str, list[CachedFile]] = {}
    for file in files:
        found.setdefault(file.group, []).append(file)
    return found


def _model_name(group: str) -> str:
    return group.partition("-")[2] or group


def _ages(files: list[CachedFile]) -> str:
    days = int((time.time() - min(f.used_at for f in files)) / _DAY_S)
    when = "today" if days < 1 else f"{counted(days, 'day')} ago"
    return f"the oldest used {when}"


class _Lines:
    """Progress as plain lines, for logs and pipes."""

    def say(self, text: str) -> None:
        typer.echo(text)

    def failed(self, failure: ImageFailure) -> None:
        typer.echo(_failed(failure), err=True)

    def progress(self, p: FillProgress) -> None:
        typer.echo(f"{p.done}/{p.total} {p.key}: {p.what}{_pace(p, ' (', ')')}")


class _Bar(_Lines):
    """Progress as a bar, for a terminal."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task: TaskID | None = None

    def say(self, text: str) -> None:
        self._bar.console.print(text, markup=False, highlight=False)

    def failed(self, failure: ImageFailure) -> None:
        self._bar.console.print(_failed(failure), style="yellow", markup=False, highlight=False)

    def progress(self, p: FillProgress) -> None:
        if self._task is None:
            self._task = self._bar.add_task("", total=p.total, state="")
        self._bar.update(self._task, completed=p.done, state=_pace(p))


def _failed(failure: ImageFailure) -> str:
    named = failure.message if failure.key in failure.message else f"{failure.key}: {failure.message}"
    return f"failed: {named}"


def _pace(p: FillProgress, before: str = "", after: str = "") -> str:
    if not p.rate:
        return ""
    left = "" if p.seconds_left is None else f", {duration(p.seconds_left)} left"
    return f"{before}{rate(p.rate, 'image')}{left}{after}"


@contextmanager
def _show_progress() -> Iterator[_Lines]:
    with progress_bar() as bar:
        yield _Lines() if bar is None else _Bar(bar)


def _tell(filled: Filled) -> int:
    """Says what was done; the exit code."""
    parts = [f"{filled.encoded:,} encoded", f"{filled.cached:,} there already"]
    if filled.failed:
        parts.append(f"{len(filled.failed):,} failed")
    typer.echo(f"{', '.join(parts)} in {duration(filled.seconds, exact=True)}")
    if filled.stopped:
        typer.echo(f"Stopped: {filled.stopped}", err=True)
    if filled.cancelled:
        typer.echo("Stopped. What is done is kept; the same command goes on from there.", err=True)
        return STOPPED
    return FAILED if filled.failed or filled.stopped else DONE
