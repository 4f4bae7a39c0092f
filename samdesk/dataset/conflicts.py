"""Ending a conflict about a label file or data.yaml, as the user chose."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

from samdesk.base import atomic
from samdesk.dataset.core import Core
from samdesk.dataset.labels.files import BAD_LINES, file_hash
from samdesk.dataset.store.rows import FileState
from samdesk.dataset.types import NAMES, StoreError
from samdesk.domain.document import ImageKey
from samdesk.domain.edits import Edit, Placed, Transaction


@dataclass(frozen=True)
class Resolution:
    """What has to be saved.

    Attributes:
        transaction: What changes in samdesk, if anything does.
        file: What is known of the label file from now on; None for data.yaml.
    """

    transaction: Transaction | None = None
    file: FileState | None = None


def keep_mine(core: Core, key: ImageKey) -> Resolution:
    """Writes samdesk's annotations over the file, of which a copy is kept. Raises ``StoreError``."""
    path = core.names.path if key == NAMES else core.files.path(key)
    try:
        there = path.read_bytes() if path.exists() else None
        if there is not None and not core.in_memory:
            atomic.write_bytes(_free(core.place.with_name("replaced") / path.name), there)
    except OSError as error:
        raise StoreError(f"{path} cannot be copied before it is replaced: {error.strerror}") from error
    if key == NAMES:
        core.accept_names()
        return Resolution()
    return Resolution(file=FileState(file_hash(there)))


def take_file(core: Core, key: ImageKey) -> Resolution:
    """The file's annotations become samdesk's. Raises ``StoreError``, ``ImageError``."""
    if key == NAMES:
        labels = core.names.merged(core.documents.labels)
        core.accept_names()
        if labels == core.documents.labels:
            return Resolution()
        text = f"Take the labels of {core.names.path.name}"
        return Resolution(Transaction(text, labels=labels, labels_before=core.documents.labels))
    found = core.documents.from_file(key)
    if found.problems:
        core.projection.note_import(found)  # it is still bad: the user is told of it again
    now = core.documents.get(key)
    new = {a.id for a in found.document.annotations}
    edit = Edit(
        drop=tuple(a.id for a in now.annotations if a.id not in new),
        put=tuple(Placed(a, i) for i, a in enumerate(found.document.annotations)),
    )
    if now.annotations == found.document.annotations:
        return Resolution(file=found.file)
    text = f"Take the annotations of {core.files.path(key).name}"
    return Resolution(Transaction(text, ((key, edit),)), found.file)


def write(core: Core, key: ImageKey, resolution: Resolution) -> None:
    """Puts what is known of the label file into the store, inside the transaction."""
    if resolution.file is not None:
        core.documents.ensure_row(key)
        core.rows.set_file(key, resolution.file, dirty=True)


def settle(core: Core, key: ImageKey, resolution: Resolution) -> None:
    """The resolution is saved: the conflict is over, unless the file still has bad lines."""
    if resolution.file is not None and resolution.file.conflict == BAD_LINES:
        core.projection.conflicts[key] = BAD_LINES
    else:
        core.projection.settle_conflict(key)


def _free(path: Path) -> Path:
    """A path where nothing is yet."""
    names = (path.with_name(f"{path.stem}-{n}{path.suffix}") for n in itertools.count(1))
    return next(p for p in (path, *itertools.islice(names, 9999)) if not p.exists())
