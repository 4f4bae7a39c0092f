"""What ``samdesk teach`` does with what was taught before: undo, list, copy out, bring in."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import typer

from samdesk.base.text import share
from samdesk.cli.teach_output import WHAT
from samdesk.training.record import taught as record
from samdesk.training.record.taught import KINDS, InUse, Kind, Taught, TaughtError, Teaching


def move(folder: Path, *, back: bool) -> None:
    """Undoes or redoes, and says what is in use. Raises ``TaughtError``."""
    before = Taught.read(folder)
    _warn(before)
    if not (before.can_undo if back else before.can_redo):
        raise TaughtError(f"There is nothing to {'undo' if back else 'redo'} in {folder}.")
    typer.echo(in_use_words((before.undo() if back else before.redo()).in_use))


def show(folder: Path) -> None:
    """Lists what was taught, the newest last."""
    taught = Taught.read(folder)
    _warn(taught)
    for teaching in taught.teachings:
        used = taught.in_use.of(teaching.kind) == teaching
        typer.echo(f"{'*' if used else ' '} {teaching.id}  {line_of(teaching)}")
    typer.echo(in_use_words(taught.in_use))


def export(folder: Path, kinds: Sequence[Kind], to: Path) -> None:
    """Copies the taught weights in use to a file. Raises ``TaughtError``."""
    taught = Taught.read(folder)
    _warn(taught)
    there = [t for kind in kinds if (t := taught.in_use.of(kind)) is not None]
    if not there:
        raise TaughtError(f"No taught weights are in use in {folder}.")
    if len(there) > 1:
        raise TaughtError("Masks and detector are two files: add --no-detector or --no-masks.")
    record.export(there[0], to)
    typer.echo(f"{WHAT[there[0].kind]}: the taught weights are in {to}.")


def bring(folder: Path, file: Path) -> None:
    """Uses weights from a file. Raises ``TaughtError``."""
    taught = Taught.read(folder)
    _warn(taught)
    typer.echo(in_use_words(taught.use(taught.bring(file)).in_use))


def in_use_words(in_use: InUse) -> str:
    """What is in use, in one line."""
    parts = [f"{kind}: {_name(in_use.of(kind))}" for kind in KINDS]
    return f"In use: {'; '.join(parts)}."


def line_of(teaching: Teaching) -> str:
    """One teaching in a line."""
    if teaching.problem:
        return teaching.problem
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(teaching.when))
    if teaching.origin:
        return f"{when}  from {teaching.origin}"
    scores = ", ".join(
        f"{score.what} {share(score.before, 3)} to {share(score.after, 3)}"
        for score in teaching.scores
        if not score.what.startswith("class ")
    )
    return f"{when}  {WHAT[teaching.kind].lower()}, {teaching.n_train} images: {scores}"


def _name(teaching: Teaching | None) -> str:
    return "Flint as shipped" if teaching is None else teaching.id


def _warn(taught: Taught) -> None:
    if taught.problem:
        typer.echo(taught.problem, err=True)
