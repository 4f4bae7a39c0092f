"""``samdesk cache``: show, fill and clear the cache of encoded images on the disk.

Exit codes: 0 done, 1 some images failed or it could not go on, 2 wrong usage, no model or no room,
130 stopped (Ctrl+C).
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from samdesk.base.jobs import CancelToken
from samdesk.base.text import counted, duration, size
from samdesk.cli.exit_codes import DONE, FAILED, STOPPED, ends_in_words, wrong_usage
from samdesk.cli.interrupt import stop_on_ctrl_c
from samdesk.cli.output import echo
from samdesk.cli.parameters import TRUST_HELP
from samdesk.cli.progress import RESUME, LineOutput, progress_output, speed

if TYPE_CHECKING:
    from samdesk.batch.encode_ahead import FillProgress, FillSummary
    from samdesk.batch.report import ImageFailure
    from samdesk.engine.cache.disk import DiskCache
    from samdesk.engine.cache.folder import CachedFile
    from samdesk.engine.protocols import Predictor
    from samdesk.settings.table import Settings

_DAY_S = 86400.0

cache = typer.Typer(help="Show, fill or clear the cache of encoded images.", rich_markup_mode=None)


@cache.callback(invoke_without_command=True)
def _default(context: typer.Context) -> None:
    """Show, fill or clear the cache of encoded images.

    An image that SAM has encoded once is ready immediately when it is opened again, also after a restart.
    Without a command: show.
    """
    if context.invoked_subcommand is None:
        show()


@cache.command()
def show() -> None:
    """Show where the cache is and what each model uses.

    Also its size limit, and when the oldest entry was last used.
    """
    disk, on = _disk()
    files = list(disk.files.files())
    total = size(sum(f.size for f in files), 1024)
    echo(f"Folder: {disk.files.root}")
    echo(f"Limit:  {size(disk.files.limit_bytes, 1024)}{'' if on else ' (turned off in the settings)'}")
    echo(f"Cached: {counted(len(files), 'image')}, {total}")
    by_model = _by_model(files)
    width = max((len(_model_name(group)) for group in by_model), default=0)
    for group, of_model in sorted(by_model.items(), key=lambda item: -len(item[1])):
        used = size(sum(f.size for f in of_model), 1024)
        echo(f"  {_model_name(group):<{width}}  {counted(len(of_model), 'image')}, {used}, {_ages(of_model)}")


@cache.command()
def fill(
    data: Annotated[
        str, typer.Argument(help="Folder of images with its subfolders, an image, or a quoted pattern.")
    ],
    model: Annotated[
        str, typer.Option(help="SAM model: name or path; by default the one in the settings.")
    ] = "",
    device: Annotated[str, typer.Option(help="cuda:0, mps or cpu; by default the one in the settings.")] = "",
    precision: Annotated[
        str, typer.Option(help="auto, fp32, fp16 or bf16; by default the one in the settings.")
    ] = "",
    trust: Annotated[bool, typer.Option("--trust", help=TRUST_HELP)] = False,
) -> None:
    """Encode the images of a folder ahead of time, so that each is ready immediately.

    Images that are already cached are skipped. Ctrl+C stops; run again, it continues where it stopped.
    """
    from samdesk.batch.encode_ahead import FillCallbacks
    from samdesk.batch.encode_ahead import fill as fill_disk
    from samdesk.images.sources import find_images

    cancel = CancelToken()
    with ends_in_words("cache fill"):
        images = find_images(data)
        disk, on = _disk()
        predictor = _predictor(model, device, precision, trust)
        if not disk.keeps(predictor):
            info = predictor.info
            reason = "is a plug-in, which has" if info.package else "is fast enough to need"
            echo(
                f"{info.title} {reason} no cache on disk; nothing to do. "
                "For SAM, name a model: --model mobile_sam.pt"
            )
            raise typer.Exit(DONE)
        if not on:
            echo(
                "'Keep encoded images on disk' is off in the settings: the window will not use them.",
                err=True,
            )
        with stop_on_ctrl_c(cancel, "Stopping"), progress_output() as output:
            output.message(
                f"{predictor.info.title} on {predictor.info.device_title} ({predictor.info.precision})"
            )
            callbacks = FillCallbacks(
                output.message, partial(_progress, output), lambda failure: output.warning(_failed(failure))
            )
            summary = fill_disk(images, predictor, disk, callbacks, cancel)
    raise typer.Exit(_print_summary(summary))


@cache.command()
def clear(
    model: Annotated[str, typer.Option(help="Only this model's, as 'show' names it.")] = "",
    older_than: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(metavar="DAYS", min=0, help="Only those not used for this many days."),
    ] = None,
) -> None:
    """Delete encoded images, and the crops of the contact sheet; images and labels are kept.

    What is deleted is made again when it is needed. With an option, only encoded images are deleted.
    """
    from samdesk.base import places
    from samdesk.engine.cache.file import plain_name
    from samdesk.engine.cache.folder import delete_file
    from samdesk.images.crops.store import CROPS_FILE, clear_crops

    disk, _ = _disk()
    files = list(disk.files.files())
    if model:
        names = {_model_name(f.group) for f in files}
        wanted = plain_name(Path(model).name)
        if wanted not in names:
            cached = f"cached are those of {', '.join(sorted(names))}" if names else "the cache is empty"
            raise wrong_usage("cache clear", f"no encoded images of {model}; {cached}")
        files = [f for f in files if _model_name(f.group) == wanted]
    if older_than is not None:
        files = [f for f in files if time.time() - f.used_at > older_than * _DAY_S]
    removed = [f for f in files if delete_file(f)]
    echo(f"Deleted {counted(len(removed), 'image')}, {size(sum(f.size for f in removed), 1024)}.")
    if not model and older_than is None:
        crops = clear_crops(places.cache() / CROPS_FILE)
        if crops:
            echo(f"Deleted the crops of the contact sheet, {size(crops, 1024)}.")
    if len(removed) < len(files):
        echo(f"{counted(len(files) - len(removed), 'image')} could not be deleted.", err=True)
        raise typer.Exit(FAILED)


@cache.command()
def limit(
    gigabytes: Annotated[int, typer.Argument(metavar="GB", help="Disk space for encoded images.")],
) -> None:
    """Set the size limit of the cache.

    This is the setting of the window. If the cache is larger, the least recently used entries are deleted.
    """
    from samdesk.settings.table import EMBEDDING_DISK_GB, SettingError, Settings

    settings = Settings()
    try:
        settings.set(EMBEDDING_DISK_GB, gigabytes)
    except SettingError as error:
        raise wrong_usage("cache limit", error) from error
    if not settings.flush():
        echo(f"samdesk cache limit: {settings.problem}", err=True)
        raise typer.Exit(FAILED)
    disk, _ = _disk(settings)
    disk.files.trim()
    echo(f"The limit is {size(disk.files.limit_bytes, 1024)}; {size(disk.files.used(), 1024)} are in use.")


def _disk(settings: Settings | None = None) -> tuple[DiskCache, bool]:
    """The disk cache with the limit in the settings, and whether the window uses it."""
    from samdesk.engine.cache.disk import DiskCache
    from samdesk.settings.table import EMBEDDING_DISK, EMBEDDING_DISK_GB, Settings

    settings = settings or Settings()
    return DiskCache(limit_bytes=settings.get(EMBEDDING_DISK_GB) * 1024**3), settings.get(EMBEDDING_DISK)


def _predictor(model: str, device: str, precision: str, trust: bool) -> Predictor:
    """The named model, downloaded if necessary, or the one in the settings. Raises ``EngineError``."""
    from samdesk.engine.models.load import load_predictor
    from samdesk.settings.table import MODEL_DEVICE, MODEL_NAME, MODEL_PRECISION, Settings

    settings = Settings()
    return load_predictor(
        model or settings.get(MODEL_NAME),
        device or settings.get(MODEL_DEVICE),
        precision or settings.get(MODEL_PRECISION),
        fetch=bool(model),
        trust=trust,
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
    return f"the oldest last used {when}"


def _failed(failure: ImageFailure) -> str:
    named = failure.message if failure.key in failure.message else f"{failure.key}: {failure.message}"
    return f"failed: {named}"


def _progress(output: LineOutput, p: FillProgress) -> None:
    rate = speed(p.rate, p.seconds_left)
    line = f"{p.done}/{p.total} {p.key}: {p.status}{rate and f' ({rate})'}"
    output.step(p.done, p.total, line, rate)


def _print_summary(summary: FillSummary) -> int:
    """Prints the result; returns the exit code."""
    parts = [f"{summary.encoded:,} encoded", f"{summary.cached:,} already cached"]
    if summary.failed:
        parts.append(f"{len(summary.failed):,} failed")
    echo(f"{', '.join(parts)} in {duration(summary.seconds, exact=True)}")
    if summary.stopped:
        echo(f"Stopped: {summary.stopped}", err=True)
    if summary.cancelled:
        echo(f"Stopped. {RESUME}", err=True)
        return STOPPED
    return FAILED if summary.failed or summary.stopped else DONE
