"""Copies images that the files of an import name, and that the dataset lacks, into the dataset."""

from __future__ import annotations

import os

from samdesk.base.atomic import make_folder, write_bytes
from samdesk.base.boundary import Boundary, name_problem
from samdesk.base.errors import reason
from samdesk.base.jobs import CancelToken, Progress
from samdesk.base.regular import read_bytes
from samdesk.dataset import rescan
from samdesk.dataset.dataset import Dataset
from samdesk.exchange.access import DatasetAccess
from samdesk.exchange.importing.report import ProblemList
from samdesk.exchange.importing.survey import ImportSurvey
from samdesk.images.sources import survey

_MOST_BYTES = 2 << 30


def copy_images(
    access: DatasetAccess,
    found: ImportSurvey,
    progress: Progress = lambda _done, _total: None,
    cancel: CancelToken | None = None,
) -> tuple[int, ProblemList]:
    """Copies the images of ``found.copyable``; the dataset has them from then on.

    Each keeps its path below the chosen folder. None replaces a file.

    Returns:
        The number of images copied, and why others were not.
    """
    cancel, problems, copied = cancel or CancelToken(), ProblemList(), 0
    names = sorted(set(found.copyable.values()))
    for done, name in enumerate(names):
        cancel.check()
        progress(done, len(names))
        try:
            _copy(found, name)
            copied += 1
        except OSError as error:
            problems.add("failed", name, "", f"it cannot be copied into the dataset: {reason(error)}")
    if copied:
        access.ask_now(_look_again)
    return copied, problems


def _copy(found: ImportSurvey, name: str) -> None:
    problem = name_problem(name)
    if problem:
        raise OSError(f"its name is not taken over, because {problem}")
    folder = found.frame.folder
    target = folder / name
    make_folder(Boundary((str(folder),)).real_path(target.parent))
    if os.path.lexists(target):
        raise OSError("there is a file of this name already")
    allowed = Boundary(tuple(os.path.realpath(place) for place in found.source.folders))
    source = allowed.real_path(found.source.root / name)
    write_bytes(target, read_bytes(source, _MOST_BYTES, follow=False))


def _look_again(dataset: Dataset) -> None:
    rescan.update_images(dataset, survey(dataset.folder), None)
