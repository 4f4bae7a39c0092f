"""``samdesk runs DATASET``: the auto-annotate runs of a dataset; undoes the last.

Exit codes: 0 done, 2 wrong usage, or the dataset cannot be read or the run not be undone.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from samdesk.base.text import counted, duration
from samdesk.cli.exit_codes import ends_in_words
from samdesk.cli.output import echo

if TYPE_CHECKING:
    from samdesk.dataset.dataset import Dataset
    from samdesk.dataset.runs.record import RunInfo

_SHOWN_ID = 8
"""Characters of a run's id that are shown, and are enough to name it."""


def runs(
    dataset: Annotated[Path, typer.Argument(help="Folder of a samdesk dataset.")],
    undo: Annotated[
        str,
        typer.Option(
            metavar="RUN",
            help="Undo this run ('last' or its id); nothing may have been changed since.",
        ),
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """List the auto-annotate runs, imports and carries of a dataset: when, what they did, how."""
    from samdesk.dataset import queries
    from samdesk.dataset.dataset import Dataset

    with ends_in_words("runs"):
        folder = _dataset_of(dataset)
        opened = Dataset.open(folder)
        try:
            found = queries.runs(opened)
            if undo:
                run = _named(undo, found)
                _undo(opened, run)
                echo(f"Undone: {_line(run)}")
                return
        finally:
            opened.close()
    if as_json:
        echo(json.dumps([_as_json(run) for run in found], indent=1))
        return
    if not found:
        echo("There are no runs yet.")
    for run in found:
        echo(_line(run))
        for text in _details(run):
            echo(f"  {text}")


def _dataset_of(folder: Path) -> Path:
    from samdesk.batch.targets.dataset import find_dataset
    from samdesk.images.sources import ImageSet

    place = find_dataset(ImageSet(folder.expanduser().absolute(), ()))
    if place is None:
        raise ValueError(
            f"{folder} is not a samdesk dataset: runs are kept in its store, which it gets when you open it "
            f"with 'samdesk {folder}'"
        )
    return place.root


def _named(name: str, found: tuple[RunInfo, ...]) -> RunInfo:
    """The run with this id, or the beginning of it; "last" is the newest. Raises ``ValueError``."""
    runs = found[:1] if name == "last" else [run for run in found if run.id.startswith(name)]
    if len(runs) != 1:
        raise ValueError(f"there is no run {name!r}" if not runs else f"several runs begin with {name!r}")
    return runs[0]


def _undo(dataset: Dataset, run: RunInfo) -> None:
    if run.state == "undone":
        raise ValueError("the run is undone already")
    if dataset.read_only:
        raise ValueError(f"{dataset.folder} is open in another samdesk: close it, or undo the run there")
    done, _ = dataset.history()
    if not any(entry.do.run_id == run.id for entry in done):
        raise ValueError("the run has changed nothing")
    parts = [i for i, entry in enumerate(done) if entry.do.run_id == run.id]
    newer = len(done) - parts[0] - len(parts)
    if newer:
        steps = counted(newer, "newer change has", "newer changes have")
        raise ValueError(f"{steps} to be undone first: open the dataset in the window")
    for _ in parts:  # a carry through several images has a step for each
        dataset.undo()


def _line(run: RunInfo) -> str:
    """One line: its id, when it began, what it did and how long that took."""
    when = "" if run.started is None else time.strftime("%Y-%m-%d %H:%M  ", time.localtime(run.started))
    counts = run.counts
    parts = [
        f"{counted(counts.annotations, 'annotation')} on {counted(counts.done, 'image')}",
        f"{counts.todo:,} left" if counts.todo else "",
        f"{counts.skipped:,} skipped" if counts.skipped else "",
        f"{counts.failed:,} failed" if counts.failed else "",
        duration(run.seconds, exact=True) if run.seconds else "",
    ]
    if run.title:
        return f"{run.id[:_SHOWN_ID]}  {when}carry {run.state}: {run.title}"
    what = "import " if run.record.is_import else ""
    return f"{run.id[:_SHOWN_ID]}  {when}{what}{run.state}: " + ", ".join(part for part in parts if part)


def _details(run: RunInfo) -> list[str]:
    """The models, and the parameters that are not the default; of an import, its files."""
    if run.record.is_import:
        return list(run.record.import_lines)
    if run.record.is_carry:
        return []
    models = " + ".join(f"{m.name} on {m.device} ({m.precision})" for m in run.record.models)
    parameters = ", ".join(f"{name} {value}" for name, value in _changed(run).items())
    return [text for text in (models, parameters, *_concepts(run)) if text]


def _concepts(run: RunInfo) -> list[str]:
    """What a run looked for, a line for each label; nothing of a record that cannot be read."""
    from samdesk.batch.concepts import PlannedConcept

    try:
        found = [PlannedConcept.from_json(value) for value in run.record.parameters.get("concepts", ())]
    except (TypeError, ValueError):
        return []
    return [f"find {concept.title}" for concept in found]


def _changed(run: RunInfo) -> dict[str, object]:
    from samdesk.batch.plan import AutoAnnotatePlan

    usual = AutoAnnotatePlan().parameters()
    names = ("det_model", "sam_model", "concepts")
    return {k: v for k, v in run.record.parameters.items() if usual.get(k) != v and k not in names}


def _as_json(run: RunInfo) -> dict[str, object]:
    return {
        "id": run.id,
        "state": run.state,
        "started": run.started,
        "ended": run.ended,
        "seconds": run.seconds,
        "can_resume": run.can_resume,
        "counts": asdict(run.counts),
        "parameters": dict(run.record.parameters),
        "models": [asdict(model) for model in run.record.models],
    }
