"""The record operations of ``samdesk teach``: undo, redo, list, export and import."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from samdesk.base.text import share
from samdesk.cli.output import echo
from samdesk.cli.teaching.output import KIND_TITLES
from samdesk.training.record import taught_record as record
from samdesk.training.record.taught_record import (
    KINDS,
    Kind,
    TaughtError,
    TaughtRecord,
    TaughtWeights,
    WeightsInUse,
)


def step(folder: Path, *, back: bool) -> None:
    """Undoes or redoes a step and prints the weights in use. Raises ``TaughtError``."""
    before = TaughtRecord.read(folder)
    _warn(before)
    if not (before.can_undo if back else before.can_redo):
        raise TaughtError(f"Nothing to {'undo' if back else 'redo'} in {folder}.")
    echo(in_use_text((before.undo() if back else before.redo()).in_use))


def show(folder: Path) -> None:
    """Lists the taught weights, newest last."""
    taught = TaughtRecord.read(folder)
    _warn(taught)
    for entry in taught.entries:
        used = taught.in_use.of(entry.kind) == entry
        echo(f"{'*' if used else ' '} {entry.id}  {entry_text(entry)}")
    echo(in_use_text(taught.in_use))


def export(folder: Path, kinds: Sequence[Kind], to: Path) -> None:
    """Copies the taught weights in use to a file. Raises ``TaughtError``."""
    taught = TaughtRecord.read(folder)
    _warn(taught)
    available = [t for kind in kinds if (t := taught.in_use.of(kind)) is not None]
    if not available:
        raise TaughtError(f"No taught weights are in use in {folder}.")
    if len(available) > 1:
        raise TaughtError("Masks and detector are exported separately: add --no-detector or --no-masks.")
    record.export(available[0], to)
    echo(f"{KIND_TITLES[available[0].kind]}: exported the taught weights to {to}.")


def import_weights(folder: Path, file: Path) -> None:
    """Adds weights from a file and puts them in use. Raises ``TaughtError``."""
    taught = TaughtRecord.read(folder)
    _warn(taught)
    echo(in_use_text(taught.use(taught.import_weights(file)).in_use))


def in_use_text(in_use: WeightsInUse) -> str:
    """The weights in use, in one line."""
    parts = [f"{kind}: {_name(in_use.of(kind))}" for kind in KINDS]
    return f"In use: {'; '.join(parts)}."


def entry_text(entry: TaughtWeights) -> str:
    """One entry of the record, in one line."""
    if entry.problem:
        return entry.problem
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.when))
    if entry.origin:
        return f"{when}  from {entry.origin}"
    scores = ", ".join(
        f"{score.what} {share(score.before, 3)} to {share(score.after, 3)}"
        for score in entry.scores
        if not score.what.startswith("class ")
    )
    return f"{when}  {KIND_TITLES[entry.kind].lower()}, {entry.n_train} images: {scores}"


def _name(entry: TaughtWeights | None) -> str:
    return "Flint's own" if entry is None else entry.id


def _warn(taught: TaughtRecord) -> None:
    if taught.problem:
        echo(taught.problem, err=True)
