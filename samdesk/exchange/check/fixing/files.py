"""Fixes of files: each keeps the files as they were, so that it can be undone."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias

from samdesk.base.bulk import in_parts
from samdesk.base.errors import reason
from samdesk.base.jobs import Progress
from samdesk.dataset.dataset import Dataset
from samdesk.dataset.labels.files import BAD_LINES
from samdesk.dataset.labels.lines import says
from samdesk.dataset.trainer.facts import read_content
from samdesk.dataset.trainer.fix import report
from samdesk.dataset.trainer.paths import LISTING, training_paths
from samdesk.dataset.trainer.training import fix_data_yaml, training_facts
from samdesk.dataset.types import RefusedError, StoreError
from samdesk.domain.document import ImageKey
from samdesk.exchange.access import DatasetAccess
from samdesk.exchange.check.fixing.steps import (
    AT_ONCE,
    FixedFile,
    FixStep,
    begin_step,
    keep_files,
    note_files,
)
from samdesk.images.errors import ImageError

KeptFile: TypeAlias = tuple[Path, ImageKey | None]
"""A file, and the image whose label file it is, if any."""


def remove_orphans(access: DatasetAccess, paths: Iterable[str], progress: Progress) -> FixStep:
    """Moves label files without an image to the folder "replaced" beside the store."""
    folder = access.ask_now(lambda dataset: dataset.folder)
    files = [(folder / path, None) for path in paths]
    return _change(access, "Remove label files without an image", files, _delete, progress)


def rewrite_bad_lines(access: DatasetAccess, keys: Iterable[ImageKey], progress: Progress) -> FixStep:
    """Writes label files anew without the lines that cannot be read."""
    known = list(keys)
    files: list[KeptFile] = []
    for part in in_parts(known, AT_ONCE):
        files += access.ask_now(partial(_with_bad_lines, keys=part))
    return _change(access, "Remove bad lines", files, _keep_the_rest, progress)


def fix_yaml(access: DatasetAccess, progress: Progress) -> FixStep:
    """Changes data.yaml so that the trainer finds the images."""

    def files_of(dataset: Dataset) -> list[KeptFile]:
        file = dataset.core.names.path
        listing = training_paths(dataset.folder, dataset.keys, dataset.survey.run_outputs).root / LISTING
        return [(file, None), (listing, None)]

    def change(dataset: Dataset, _files: Sequence[FixedFile]) -> None:
        facts = training_facts(dataset)
        fix = report(facts.with_content(read_content(facts.file, facts.folder))).fix
        if fix is None:
            raise RefusedError("There is nothing in data.yaml that is certain to be right.")
        fix_data_yaml(dataset, fix)

    return _change(access, "Change data.yaml", access.ask_now(files_of), change, progress)


def _change(
    access: DatasetAccess,
    text: str,
    files: Sequence[KeptFile],
    change: Callable[[Dataset, Sequence[FixedFile]], None],
    progress: Progress,
) -> FixStep:
    """Copies files, notes what is about to be done, and does it, some files at a time."""
    if not files:
        raise RefusedError("There is nothing left to fix.", next="Run the check again.")
    folder = access.ask_now(begin_step)
    kept: list[FixedFile] = []
    for part in in_parts(files, AT_ONCE):
        progress(len(kept), 2 * len(files))
        start = len(kept)
        kept += access.ask_now(partial(keep_files, folder=folder, files=part, start=start))
    step = note_files(folder, text, kept)
    done = len(files)
    for copied in in_parts(kept, AT_ONCE):
        progress(done, 2 * len(files))
        access.ask_now(partial(_call, change=change, files=copied))
        done += len(copied)
    return step


def _call(
    dataset: Dataset, change: Callable[[Dataset, Sequence[FixedFile]], None], files: Sequence[FixedFile]
) -> None:
    change(dataset, files)


def _delete(_dataset: Dataset, files: Sequence[FixedFile]) -> None:
    for file in files:
        try:
            if file.kept:
                os.unlink(file.path)  # noqa: PTH108
        except FileNotFoundError:
            continue
        except OSError as error:
            raise StoreError(f"{file.path} cannot be removed: {reason(error)}.") from error


def _with_bad_lines(dataset: Dataset, keys: Sequence[ImageKey]) -> list[KeptFile]:
    """The label files of those images that wait for a decision about their bad lines."""
    core = dataset.core
    found: list[KeptFile] = []
    for key in keys:
        try:
            core.documents.get_once(key)
        except ImageError:
            continue
        state = core.rows.file(key)
        same = state is None or says(core.files.read(key), core.projection.known(key) or None)
        if core.projection.conflicts.get(key) == BAD_LINES and same:
            found.append((core.files.path(key), key))
    return found


def _keep_the_rest(dataset: Dataset, files: Sequence[FixedFile]) -> None:
    for file in files:
        if file.key is not None:
            dataset.resolve(file.key, "mine")
