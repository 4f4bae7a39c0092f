"""The command line: ``samdesk [FOLDER]`` and its commands."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Annotated, Optional

import typer

from samdesk import __version__
from samdesk.base.display import check_display
from samdesk.base.errors import UserError, first_line, reason
from samdesk.cli.annotate import annotate
from samdesk.cli.bench import bench
from samdesk.cli.cache import cache
from samdesk.cli.exchange.check import check
from samdesk.cli.exchange.exchange_worker import exchange_worker
from samdesk.cli.exchange.export import export
from samdesk.cli.exchange.formats import formats
from samdesk.cli.exchange.import_ import import_annotations
from samdesk.cli.exchange.split import split
from samdesk.cli.exit_codes import FAILED, WRONG_USAGE
from samdesk.cli.fit import fit
from samdesk.cli.frames import frames
from samdesk.cli.output import echo, prepare_streams
from samdesk.cli.qt import needs_qt
from samdesk.cli.runs import runs
from samdesk.cli.shards.merge import merge
from samdesk.cli.teaching.command import teach
from samdesk.cli.train import evaluate, train

cli = typer.Typer(
    add_completion=False,
    help="Turn a folder of images into a clean instance-segmentation dataset.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,  # it colours them, which is no text to the standard error
    context_settings={"help_option_names": ["-h", "--help"]},
)


@cli.command("open")
def open_window(
    folder: Annotated[Optional[Path], typer.Argument(help="Folder of images, one image, or a video.")] = None,  # noqa: UP045
) -> None:
    """Open the window (short form: samdesk FOLDER)."""
    with needs_qt():
        check_display()
        from samdesk.app import run

    raise typer.Exit(run(folder))


@cli.command()
def demo(
    folder: Annotated[
        Optional[Path], typer.Argument(help="Folder for the sample images (default: a new folder).")  # noqa: UP045
    ] = None,
    headless: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            metavar="OUT",
            help="Run all steps on the real window offscreen; save images, labels and screenshots in OUT.",
        ),
    ] = None,
) -> None:
    """Open two sample images that come with Ultralytics, to try the whole workflow."""
    from samdesk.demo.run import run_demo

    with needs_qt():
        code = run_demo(folder, headless)
    raise typer.Exit(code)


cli.command("annotate")(annotate)
cli.command("export")(export)
cli.command("exchange-worker", hidden=True)(exchange_worker)
cli.command("check")(check)
cli.command("import")(import_annotations)
cli.command("frames")(frames)
cli.command("formats")(formats)
cli.command("runs")(runs)
cli.command("merge")(merge)
cli.command("split")(split)
cli.command("teach")(teach)
cli.command("fit")(fit)
cli.command("train")(train)
cli.command("evaluate")(evaluate)
cli.command("bench")(bench)
cli.add_typer(cache, name="cache")


@cli.command()
def doctor(
    model: Annotated[str, typer.Option(help="Model to test (default: the best one available).")] = "",
    device: Annotated[str, typer.Option(help="cuda, mps or cpu (default: the fastest available).")] = "",
) -> None:
    """Check the installation: versions, device, a test encode and decode, paths, weights."""
    from samdesk.base.places import places
    from samdesk.engine.models.doctor import diagnose

    report = diagnose(model, device, places())
    echo(report.text)
    raise typer.Exit(0 if report.sound else 1)


@cli.command()
def version() -> None:
    """Print the version."""
    echo(f"samdesk {__version__}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line: the entry point of ``samdesk`` and ``python -m samdesk``."""
    prepare_streams()
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["--version"]:
        given = ["version"]
    commands = {
        command.name or command.callback.__name__ for command in cli.registered_commands if command.callback
    } | {group.name or "" for group in cli.registered_groups}
    if not given or (given[0] not in commands and given[0] not in ("-h", "--help")):
        _check_exists(given[0] if given else "", commands)
        given = ["open", *given]
    try:
        cli(given, prog_name="samdesk")
    except (UserError, OSError, MemoryError, ImportError) as error:
        echo(f"samdesk: {_in_words(error)}", err=True)
        sys.exit(FAILED)


def _in_words(error: Exception) -> str:
    """What ends the program: no bug, but a disk, a folder or memory that is not as it has to be."""
    if isinstance(error, MemoryError):
        return "There is not enough memory. Close other programs, or use a smaller model."
    if isinstance(error, ImportError):
        return (
            f"A library cannot be loaded: {first_line(error)}. There may be too little memory; "
            "'samdesk doctor' checks the installation."
        )
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{reason(error)}."
    return str(error)


def _check_exists(name: str, commands: Collection[str]) -> None:
    """Ends the program, in words, if a name is neither an option nor that of a folder or file."""
    if not name or name.startswith("-") or os.path.lexists(name):
        return
    close = difflib.get_close_matches(name, sorted(commands), 1)
    hint = f" Did you mean 'samdesk {close[0]}'?" if close else " 'samdesk --help' lists the commands."
    echo(f"samdesk: There is no command, folder or image {name!r}.{hint}", err=True)
    sys.exit(WRONG_USAGE)
