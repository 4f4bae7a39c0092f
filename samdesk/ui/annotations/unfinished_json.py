"""Unfinished work as JSON, so that it outlasts the window: prompts with their mask, half-drawn outlines."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import shapely

from samdesk.dataset.store.wkb import to_region
from samdesk.domain.annotation import AnnotationId
from samdesk.domain.document import ImageDocument
from samdesk.domain.prompts import BoxPrompt, PointPrompt, PromptSet
from samdesk.ui.canvas.tools.polygon import OutlineWork
from samdesk.ui.canvas.tools.rectangle import BoxWork
from samdesk.ui.canvas.tools.registry import POLYGON, RECTANGLE, SEGMENT
from samdesk.ui.canvas.tools.sam import PromptState
from samdesk.ui.prompting.unfinished_mask import UnfinishedMask, shown_again


@dataclass(frozen=True)
class WorkFormat:
    """How the unfinished work of one tool is written.

    Attributes:
        write: Returns it as JSON values.
        read: Reads them, for the document they belong to. Raises ``ValueError``, ``KeyError`` or
            ``TypeError``.
    """

    write: Callable[[Any], Any]
    read: Callable[[Any, ImageDocument], Any]


def _write_masks(works: tuple[UnfinishedMask, ...]) -> list[dict[str, Any]]:
    return [_write_mask(work) for work in works]


def _read_masks(value: Any, document: ImageDocument) -> tuple[UnfinishedMask, ...]:
    return tuple(_read_mask(one, document) for one in value)


def _write_mask(work: UnfinishedMask) -> dict[str, Any]:
    prompts, shown = work.prompts.prompts, work.shown
    written: dict[str, Any] = {
        "points": [[p.x, p.y, int(p.positive)] for p in prompts.points],
        "box": list(prompts.box.xyxy) if prompts.box else None,
        "reopened": work.reopened,
    }
    if shown is not None and work.answered:
        data: bytes = shapely.to_wkb(shown.region)
        written["region"] = base64.b64encode(data).decode("ascii")
        written["score"] = shown.score
        written["stability"] = shown.stability
    return written


def _read_mask(value: dict[str, Any], document: ImageDocument) -> UnfinishedMask:
    points = tuple(PointPrompt(float(x), float(y), bool(on)) for x, y, on in value["points"])
    box = BoxPrompt(*map(float, value["box"])) if value["box"] else None
    state = PromptState(PromptSet(points, box))
    reopened = None if value["reopened"] is None else AnnotationId(value["reopened"])
    if "region" not in value:
        return UnfinishedMask(state, reopened)
    region = to_region(base64.b64decode(value["region"]), (document.width, document.height))
    size = (document.height, document.width)
    mask = region, float(value["score"]), float(value.get("stability", 1.0))
    prediction = shown_again(document.key, state.prompts, mask, size)
    return UnfinishedMask(state, reopened, prediction, answered=True)


def _write_outline(work: OutlineWork) -> list[list[float]]:
    return [list(vertex) for vertex in work.vertices]


def _read_outline(value: Any, _document: ImageDocument) -> OutlineWork:
    return OutlineWork(tuple((float(x), float(y)) for x, y in value))


def _write_box(work: BoxWork) -> list[float]:
    return [*work.start, *work.end]


def _read_box(value: Any, _document: ImageDocument) -> BoxWork:
    x0, y0, x1, y1 = map(float, value)
    return BoxWork((x0, y0), (x1, y1))


FORMATS: dict[str, WorkFormat] = {
    SEGMENT.id: WorkFormat(_write_masks, _read_masks),
    POLYGON.id: WorkFormat(_write_outline, _read_outline),
    RECTANGLE.id: WorkFormat(_write_box, _read_box),
}
"""By tool. Of other work (masks proposed for the whole image) nothing is kept when the window closes."""


def read_works(value: Any, document: ImageDocument) -> tuple[str, dict[str, Any]] | None:
    """Reads the work on one image: the tool that was in use, and the work by tool.

    Returns None for what samdesk has not written.
    """
    try:
        works = {name: FORMATS[name].read(work, document) for name, work in value["works"].items()}
        return (str(value["tool"]), works) if works else None
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
