"""An image that was annotated and has another size now: what is known of it in the new pixels."""

from __future__ import annotations

from dataclasses import replace

from samdesk.domain.annotation import Annotation
from samdesk.domain.document import ImageDocument
from samdesk.domain.edits import Edit, Placed
from samdesk.domain.geometry.regions import scale
from samdesk.domain.prompts import BoxPrompt, PointPrompt, PromptSet


def resized(document: ImageDocument, width: int, height: int) -> ImageDocument:
    """The document for an image of another size (pixels); what is drawn keeps its share of it."""
    sx, sy = width / document.width, height / document.height
    annotations = tuple(_scaled(a, sx, sy) for a in document.annotations)
    return replace(document, width=width, height=height, annotations=annotations)


def scaled_edit(edit: Edit, sx: float, sy: float) -> Edit:
    """The edit for an image that is ``sx`` times as wide and ``sy`` times as high."""
    return replace(edit, put=tuple(Placed(_scaled(p.annotation, sx, sy), p.index) for p in edit.put))


def _scaled(annotation: Annotation, sx: float, sy: float) -> Annotation:
    prompts = None if annotation.prompts is None else _scaled_prompts(annotation.prompts, sx, sy)
    return replace(annotation, region=scale(annotation.region, sx, sy), prompts=prompts)


def _scaled_prompts(prompts: PromptSet, sx: float, sy: float) -> PromptSet:
    points = tuple(PointPrompt(p.x * sx, p.y * sy, p.positive) for p in prompts.points)
    box = prompts.box
    return PromptSet(points, box and BoxPrompt(box.x0 * sx, box.y0 * sy, box.x1 * sx, box.y1 * sy))
