"""Resolves conflicts about label files and data.yaml that another program has changed."""

from __future__ import annotations

import base64
import itertools
import stat
from dataclasses import dataclass, replace
from pathlib import Path

from samdesk.base import atomic, json_file
from samdesk.base.errors import reason
from samdesk.base.regular import read_bytes
from samdesk.base.text import counted
from samdesk.dataset import resizing
from samdesk.dataset.core import DatasetCore
from samdesk.dataset.labels.files import BAD_LINES
from samdesk.dataset.labels.lines import content_hash
from samdesk.dataset.labels.unchanged import keep_unchanged
from samdesk.dataset.links import beside_store
from samdesk.dataset.store.documents import COLUMNS, Examined
from samdesk.dataset.store.rows import FileState
from samdesk.dataset.types import NAMES, StoreError
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import Edit, Placed, Transaction
from samdesk.domain.review import AnnotationReview


@dataclass(frozen=True)
class Resolution:
    """What resolving a conflict saves.

    Attributes:
        transaction: The change of the dataset; None: there is none.
        file: The new state of the label file; None for data.yaml.
    """

    transaction: Transaction | None = None
    file: FileState | None = None


def keep_mine(core: DatasetCore, key: ImageKey) -> Resolution:
    """Overwrites the file with samdesk's annotations, after copying it. Raises ``StoreError``."""
    path = core.names.path if key == NAMES else core.files.path(key)
    content = copy_before_replacing(core, path)
    if key == NAMES:
        core.names.accept()
        return Resolution()
    state = core.rows.file(key) or core.documents.from_label_file(key).file
    # The lines that could be read keep their text; the bad ones must not come back with an undo.
    digest = None if state.conflict == BAD_LINES else state.digest
    state = replace(state, hash=content_hash(content), conflict=None, digest=digest, written_lines=None)
    return Resolution(file=state)


def take_file(core: DatasetCore, key: ImageKey) -> Resolution:
    """Replaces samdesk's annotations with those of the file; those it still says stay as they are.

    Raises ``StoreError``, ``ImageError``.
    """
    if key == NAMES:
        labels = core.names.merged(core.documents.labels)
        core.names.accept()
        if labels == core.documents.labels:
            return Resolution()
        text = f"Use the labels of {core.names.path.name}"
        return Resolution(Transaction(text, labels=labels, labels_before=core.documents.labels))
    found = core.documents.reread_label_file(key)
    if found.problems:
        core.projection.report_import(found)  # its bad lines are reported again
    document = core.documents.get(key)
    now = core.projection.held(document)
    found = keep_unchanged(core.files, found, now)
    if now.annotations == found.document.annotations:
        return Resolution(file=found.file)
    edit = _taken(document, now, found.document)
    text = f"Use the annotations of {core.files.path(key).name}"
    return Resolution(Transaction(text, ((key, edit),)), found.file)


def _taken(document: ImageDocument, held: ImageDocument, found: ImageDocument) -> Edit:
    """The edit that replaces what a label file holds; what it leaves out stays where it is.

    Args:
        document: The image.
        held: The annotations that its label file holds.
        found: Those that are in it.
    """
    new, old = {a.id for a in found.annotations}, {a.id for a in held.annotations}
    shown = [a for a in found.annotations if a.review is not AnnotationReview.REJECTED]
    for place, annotation in enumerate(document.annotations):
        if annotation.id not in old:
            shown.insert(place, annotation)
    return Edit(
        drop=tuple(a.id for a in held.annotations if a.id not in new),
        put=tuple(Placed(a, i) for i, a in enumerate(shown)),
    )


def copy_before_replacing(core: DatasetCore, path: Path) -> bytes | None:
    """Copies a file to the folder "replaced" beside the store.

    Returns:
        Its content; None if there is no such file.

    Raises:
        StoreError: It cannot be copied.
    """
    try:
        path = core.files.boundary.real_path(path)
        content = read_bytes(path, follow=False) if path.exists() else None
        if content is not None and not core.in_memory:
            kept = _unused_path(beside_store(core.path, "replaced") / path.name)
            atomic.write_bytes(kept, content, mode=stat.S_IMODE(path.stat().st_mode))
    except OSError as error:
        raise StoreError(f"{path} cannot be copied before it is replaced: {error.strerror}.") from error
    return content


def ask_about_damage(core: DatasetCore, key: ImageKey, size: tuple[int, int]) -> ImageDocument:
    """Returns what can be read of an image with damaged annotations, and asks the user what to keep.

    Args:
        core: The parts of the dataset.
        key: The image.
        size: Its width and height, pixels.

    Raises:
        StoreError: The store cannot be read.
    """
    found = core.rows.examine(key, size)
    if found is None or not found.problems:
        return core.documents.get(key)
    text, alone = _damage(core, key, found)
    core.projection.report_damage(key, text, alone=alone)
    return resizing.resized(found.document, *size)


def _damage(core: DatasetCore, key: ImageKey, found: Examined) -> tuple[str, bool]:
    """What is damaged and what there is to keep; whether there is no label file."""
    try:
        data = core.files.read(key)
    except OSError:
        data = None
    kept = len(found.document.annotations)
    parts = [f"{counted(kept, 'annotation')} can be read"]
    if found.lost:
        parts.append(f"{found.lost} cannot")
    if found.doubtful:
        parts.append(f"{found.doubtful} of them may have changed: shown as pending")
    text = f"The annotations of {key} in {core.path} are damaged ({found.problems[0]}): {', '.join(parts)}."
    if data is None:
        return f"{text} There is no label file. Nothing is written until you choose.", True
    lines = core.files.count_classes(data).total()
    return (
        f"{text} The label file {core.files.path(key).name} has {counted(lines, 'line')}. "
        "Nothing is written until you choose."
    ), False


def repair(core: DatasetCore, key: ImageKey) -> None:
    """Keeps what can be read of damaged annotations; the damaged rows go to the folder "replaced".

    Raises:
        StoreError: They cannot be kept, or nothing was saved.
        ImageError: The image cannot be read.
    """
    found = core.rows.examine(key, core.documents.size(key))
    if found is None:
        return
    if found.rows and not core.in_memory:
        path = core.path
        try:
            path = _unused_path(beside_store(core.path, "replaced") / f"{Path(key).name}.rows.json")
            rows = [dict(zip(COLUMNS, map(_printable, row), strict=False)) for row in found.rows]
            json_file.write(path, rows)
        except OSError as error:
            raise StoreError(f"{path} cannot be written: {reason(error)}.") from error
    core.replace_rows(found.document)


def _printable(value: object) -> object:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def write(core: DatasetCore, key: ImageKey, resolution: Resolution) -> None:
    """Writes the state of the label file to the store; the caller has a transaction open."""
    if resolution.file is not None:
        core.documents.ensure_row(key)
        core.rows.set_file(key, resolution.file, dirty=True)


def finish(core: DatasetCore, key: ImageKey, resolution: Resolution) -> None:
    """Ends the conflict once its resolution is saved, unless the file still has bad lines."""
    if resolution.file is not None and resolution.file.conflict == BAD_LINES:
        core.projection.conflicts[key] = BAD_LINES
    else:
        core.projection.resolve_conflict(key)


def _unused_path(path: Path) -> Path:
    """Returns the path, or one like it, where no file is."""
    names = (path.with_name(f"{path.stem}-{n}{path.suffix}") for n in itertools.count(1))
    return next(p for p in (path, *itertools.islice(names, 9999)) if not p.exists())
