"""Scales annotations and edits of an image whose file has another size than when it was annotated."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from samdesk.domain.annotation import Annotation
from samdesk.domain.document import ImageDocument
from samdesk.domain.edits import Edit, Placed
from samdesk.domain.geometry.regions import scale
from samdesk.domain.prompts import BoxPrompt, PointPrompt, PromptSet

if TYPE_CHECKING:
    from samdesk.dataset.core import DatasetCore


def resize(core: DatasetCore, document: ImageDocument, width: int, height: int) -> ImageDocument:
    """Scales a document and its undo log to the new size of its image file, pixels.

    Label files hold relative coordinates, so they stay as they are.

    Raises:
        StoreError: Nothing was saved.
    """
    key = document.key
    after = resized(document, width, height)
    if core.read_only:
        return after
    sx, sy = width / document.width, height / document.height

    def write() -> None:
        core.rows.update(document, after)
        state = core.rows.file(key)
        if state is not None:
            state = core.projection.resized(state, document, after, core.documents.labels)
            core.rows.set_file(key, state, dirty=True)
        core.history.rewrite(key, partial(scaled_edit, sx=sx, sy=sy))

    core.ensure_file()
    core.transact(write)
    core.documents.cache(after)
    core.write_label_files([key])
    return after


def resized(document: ImageDocument, width: int, height: int) -> ImageDocument:
    """Returns the document scaled to an image of ``width`` x ``height`` pixels."""
    sx, sy = width / document.width, height / document.height
    annotations = tuple(_scaled(a, sx, sy) for a in document.annotations)
    rejected = tuple(_scaled(a, sx, sy) for a in document.rejected)
    return replace(document, width=width, height=height, annotations=annotations, rejected=rejected)


def scaled_edit(edit: Edit, sx: float, sy: float) -> Edit:
    """Returns the edit with all coordinates scaled by ``sx`` and ``sy``."""
    return replace(edit, put=tuple(Placed(_scaled(p.annotation, sx, sy), p.index) for p in edit.put))


def _scaled(annotation: Annotation, sx: float, sy: float) -> Annotation:
    prompts = None if annotation.prompts is None else _scaled_prompts(annotation.prompts, sx, sy)
    return replace(annotation, region=scale(annotation.region, sx, sy), prompts=prompts)


def _scaled_prompts(prompts: PromptSet, sx: float, sy: float) -> PromptSet:
    points = tuple(PointPrompt(p.x * sx, p.y * sy, p.positive) for p in prompts.points)
    box = prompts.box
    return PromptSet(points, box and BoxPrompt(box.x0 * sx, box.y0 * sy, box.x1 * sx, box.y1 * sy))
