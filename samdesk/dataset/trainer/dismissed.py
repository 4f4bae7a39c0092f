"""Remembers which findings of a dataset the user has dismissed, in samdesk's own folder for state."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

from samdesk.base import json_file, places
from samdesk.base.disk import temporaries
from samdesk.base.json_file import JsonError
from samdesk.dataset.lock import dataset_id
from samdesk.dataset.trainer.checks import TrainingFinding

_MOST = 100
"""Marks kept of a dataset; the oldest go."""


def mark_of(finding: TrainingFinding) -> str:
    """What a finding is remembered by: with other numbers it is another one, unless it is information."""
    return finding.code if finding.only_information else f"{finding.code}: {finding.message}"


def read(folder: Path) -> list[str]:
    """Returns the marks of the findings dismissed in a dataset, oldest first."""
    try:
        marks = json_file.read(_file(folder))
    except (OSError, JsonError):
        return []
    return [mark for mark in marks if isinstance(mark, str)] if isinstance(marks, list) else []


def add(folder: Path, findings: Iterable[TrainingFinding]) -> None:
    """Remembers findings; if that fails they are reported again."""
    known = read(folder)
    marks = [*known, *(mark for mark in map(mark_of, findings) if mark not in known)]
    if marks != known:
        write(folder, marks)


def write(folder: Path, marks: Iterable[str]) -> None:
    """Replaces the marks of a dataset; if that fails its findings are reported again."""
    with contextlib.suppress(OSError):
        json_file.write(_file(folder), list(marks)[-_MOST:], indent=0)
        temporaries.clear(_file(folder).parent)


def undismissed(folder: Path, findings: Iterable[TrainingFinding]) -> tuple[TrainingFinding, ...]:
    """Returns the findings that were not dismissed."""
    known = set(read(folder))
    return tuple(finding for finding in findings if mark_of(finding) not in known)


def _file(folder: Path) -> Path:
    return places.state() / "training" / f"{dataset_id(folder)}.json"
