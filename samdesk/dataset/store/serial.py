"""Domain values as what a database column holds: regions as WKB, the rest as JSON."""

from __future__ import annotations

import base64
import json
from typing import Any

import shapely
from shapely.geometry import MultiPolygon, Polygon

from samdesk.domain.annotation import Annotation, AnnotationId, ReviewState, RunId, Source
from samdesk.domain.edits import Edit, Placed
from samdesk.domain.geometry.types import Region
from samdesk.domain.labels import Label, LabelId, LabelSet
from samdesk.domain.prompts import BoxPrompt, PointPrompt, PromptSet


def region_to_bytes(region: Region) -> bytes:
    """A region as well-known binary."""
    data: bytes = shapely.to_wkb(region)
    return data


def region_from_bytes(data: bytes) -> Region:
    """The region of well-known binary; ``ValueError`` if it is none."""
    try:
        geometry = shapely.from_wkb(data)
    except shapely.errors.GEOSException as error:
        raise ValueError(f"not a region: {error}") from error
    if isinstance(geometry, Polygon):
        return MultiPolygon([geometry])
    if not isinstance(geometry, MultiPolygon):
        raise ValueError(f"not a region: {geometry.geom_type}")
    return geometry


def prompts_to_text(prompts: PromptSet | None) -> str | None:
    """Points and box as JSON; mask logits are not kept."""
    if prompts is None:
        return None
    points = [[p.x, p.y, int(p.positive)] for p in prompts.points]
    return _dump({"points": points, "box": list(prompts.box.xyxy) if prompts.box else None})


def prompts_from_text(text: str | None) -> PromptSet | None:
    """What ``prompts_to_text`` wrote."""
    if text is None:
        return None
    value = json.loads(text)
    points = tuple(PointPrompt(x, y, bool(positive)) for x, y, positive in value["points"])
    return PromptSet(points, BoxPrompt(*value["box"]) if value["box"] else None)


def labels_to_text(labels: LabelSet | None) -> str | None:
    """A label set as JSON."""
    return None if labels is None else _dump([[label.id, label.name, label.color] for label in labels])


def labels_from_text(text: str | None) -> LabelSet | None:
    """What ``labels_to_text`` wrote."""
    if text is None:
        return None
    return LabelSet(tuple(Label(LabelId(i), name, color) for i, name, color in json.loads(text)))


def edit_to_text(edit: Edit) -> str:
    """An edit as JSON, regions as base64 of their WKB."""
    put = [[p.index, _annotation_out(p.annotation)] for p in edit.put]
    return _dump({"drop": list(edit.drop), "put": put, "done": edit.done, "touched": edit.touched})


def edit_from_text(text: str) -> Edit:
    """What ``edit_to_text`` wrote."""
    value = json.loads(text)
    return Edit(
        drop=tuple(AnnotationId(i) for i in value["drop"]),
        put=tuple(Placed(_annotation_in(a), index) for index, a in value["put"]),
        done=value["done"],
        touched=value["touched"],
    )


def _annotation_out(annotation: Annotation) -> list[Any]:
    return [
        annotation.id,
        annotation.label_id,
        base64.b64encode(region_to_bytes(annotation.region)).decode("ascii"),
        annotation.source.value,
        annotation.review.value,
        annotation.detector_score,
        annotation.mask_score,
        prompts_to_text(annotation.prompts),
        annotation.run_id,
    ]


def _annotation_in(value: list[Any]) -> Annotation:
    return Annotation(
        id=AnnotationId(value[0]),
        label_id=LabelId(value[1]),
        region=region_from_bytes(base64.b64decode(value[2])),
        source=Source(value[3]),
        review=ReviewState(value[4]),
        detector_score=value[5],
        mask_score=value[6],
        prompts=prompts_from_text(value[7]),
        run_id=None if value[8] is None else RunId(value[8]),
    )


def _dump(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
