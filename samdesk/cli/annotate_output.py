"""What ``samdesk annotate`` prints and writes at the end of a run."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from samdesk.base.errors import reason
from samdesk.base.text import counted, duration
from samdesk.cli.exit_codes import DONE, FAILED, STOPPED
from samdesk.cli.output import echo
from samdesk.cli.progress import RESUME, LineOutput, speed

if TYPE_CHECKING:
    from samdesk.batch.report import BatchProgress, BatchSummary, ImageFailure

_RESUME_RUN = "Finished images are kept. Give --resume to go on with this run, and nothing else but DATA."
_REMARKS = 3
"""Remarks about one image that are shown at the end."""
_SHOWN = 20
"""Failures listed at the end; the rest are counted."""


def exit_code(summary: BatchSummary) -> int:
    """The exit code of the command."""
    if summary.cancelled:
        return STOPPED
    return DONE if summary.ok else FAILED


def print_progress(output: LineOutput, p: BatchProgress) -> None:
    """Prints the progress of a run."""
    line = "" if p.key is None else f"{p.done}/{p.total} {p.key}: {p.added} ({speed(p.rate, p.seconds_left)})"
    failed = f"{p.failed:,} failed" if p.failed else ""
    state = [counted(p.annotations, "annotation"), failed, speed(p.rate, p.seconds_left)]
    output.step(p.done, p.total, line, ", ".join(part for part in state if part))


def print_summary(summary: BatchSummary, report: Path | None = None) -> None:
    """Prints what a run did, and why images failed or were skipped.

    Args:
        summary: The result.
        report: The file with all failures; None: there is none.
    """
    for failure in summary.failed[:_SHOWN]:
        echo(f"failed: {failure.key}: {_reason(failure)}", err=True)
    if len(summary.failed) > _SHOWN:
        where = f"in {report}" if report else "give --report FILE.json to list them"
        echo(f"... and {len(summary.failed) - _SHOWN} more failed: {where}", err=True)
    if len(summary.failed) > 1:
        for text, count in Counter(map(_reason, summary.failed)).most_common():
            echo(f"failed {count}: {text}", err=True)
    if summary.notes:
        first = summary.notes[0]
        have = counted(len(summary.notes), "image has a remark", "images have remarks")
        echo(f"{have}, such as {first.key}: {_shortened(first.message)}")
    for text, count in Counter(skipped.reason for skipped in summary.skipped).items():
        echo(f"skipped {count}: {text}")
    echo(f"{summary.text} in {duration(summary.seconds, exact=True)}; labels in {summary.output}")
    if summary.stopped:
        echo(f"Stopped: {summary.stopped}", err=True)
    if summary.cancelled:
        echo(_RESUME_RUN if summary.run_id else RESUME, err=True)


def write_report(summary: BatchSummary, path: Path) -> None:
    """Writes the result of a run as JSON; if that fails, it is printed why."""
    from samdesk.base import json_file

    models = [m for m in (summary.detector, summary.predictor) if m is not None]
    value = {
        "annotated": summary.annotated,
        "annotations": summary.annotations,
        "nothing_found": summary.empty,
        "seconds": round(summary.seconds, 3),
        "cancelled": summary.cancelled,
        "stopped": summary.stopped,
        "labels": summary.output,
        "models": [{"name": m.name, "device": m.device, "precision": m.precision} for m in models],
        "failed": [{"image": f.key, "reason": f.message} for f in summary.failed],
        "skipped": [{"image": s.key, "reason": s.reason} for s in summary.skipped],
        "notes": [{"image": n.key, "note": n.message} for n in summary.notes],
        "notices": list(summary.notices),
    }
    try:
        json_file.write(path, value, indent=1)
    except OSError as error:
        echo(f"The report {path} cannot be written: {reason(error)}.", err=True)


def _shortened(remarks: str) -> str:
    """The first of many remarks about one image."""
    parts = remarks.split("; ")
    more = f"; and {len(parts) - _REMARKS:,} more (--report FILE.json lists them)"
    return "; ".join(parts[:_REMARKS]) + (more if len(parts) > _REMARKS else "")


def _reason(failure: ImageFailure) -> str:
    """Why an image failed, without its name."""
    name = failure.key.rpartition("/")[2]
    return failure.message.removeprefix(f"{failure.key}: ").removeprefix(f"{name}: ")
