"""The command line: ``samdesk [FOLDER]`` and its commands."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Optional

import typer

from samdesk import __version__
from samdesk.cli.annotate import annotate
from samdesk.cli.bench import bench
from samdesk.cli.cache import cache
from samdesk.cli.teach import teach
from samdesk.cli.train import evaluate, train

cli = typer.Typer(
    add_completion=False,
    help="Turn a folder of photos into a clean instance-segmentation dataset.",
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@cli.command("open")
def open_window(
    folder: Annotated[Optional[Path], typer.Argument(help="A folder of photos, or one photo.")] = None,  # noqa: UP045
) -> None:
    """Open the window (also without the word: samdesk FOLDER)."""
    from samdesk.app import run

    raise typer.Exit(run(folder))


@cli.command()
def demo(
    folder: Annotated[
        Optional[Path], typer.Argument(help="Where the demo photos go; a fresh folder by default.")  # noqa: UP045
    ] = None,
    headless: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            metavar="OUT",
            help="Drive the real window offscreen through the whole job; leave everything in OUT.",
        ),
    ] = None,
) -> None:
    """Open two photos that come with Ultralytics, to try the whole job."""
    from samdesk.demo.run import run_demo

    raise typer.Exit(run_demo(folder, headless))


cli.command("annotate")(annotate)
cli.command("teach")(teach)
cli.command("train")(train)
cli.command("evaluate")(evaluate)
cli.command("bench")(bench)
cli.add_typer(cache, name="cache")


@cli.command()
def doctor(
    model: Annotated[str, typer.Option(help="Model to test; the best one at hand by default.")] = "",
    device: Annotated[str, typer.Option(help="cuda, mps or cpu; the fastest by default.")] = "",
) -> None:
    """Say what this machine has: versions, device, a real encode and decode, paths, weights."""
    from samdesk.base.places import places
    from samdesk.engine.models.doctor import diagnose

    report = diagnose(model, device, places())
    typer.echo(report.text)
    raise typer.Exit(0 if report.sound else 1)


@cli.command()
def version() -> None:
    """Print the version."""
    typer.echo(f"samdesk {__version__}")


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point of ``samdesk`` and ``python -m samdesk``."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["--version"]:
        given = ["version"]
    words = {
        command.name or command.callback.__name__ for command in cli.registered_commands if command.callback
    } | {group.name for group in cli.registered_groups}
    if not given or (given[0] not in words and given[0] not in ("-h", "--help")):
        given = ["open", *given]
    cli(given, prog_name="samdesk")
