"""Converts domain values to database columns and back: regions to WKB, the rest to JSON."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import Any

import shapely
from shapely.geometry import MultiPolygon, Polygon

from samdesk.domain.annotation import Annotation, AnnotationId, RunId, Source
from samdesk.domain.edits import Edit, Placed
from samdesk.domain.geometry.types import Region
from samdesk.domain.labels import Label, LabelId, LabelSet
from samdesk.domain.prompts import BoxPrompt, PointPrompt, PromptSet
from samdesk.domain.review import AnnotationReview, ReviewChange


def region_to_bytes(region: Region) -> bytes:
    """Writes a region as well-known binary (WKB)."""
    data: bytes = shapely.to_wkb(region)
    return data


def regions_to_bytes(regions: Iterable[Region]) -> list[bytes]:
    """Writes regions as ``region_to_bytes`` does, three times as fast for many."""
    data: list[bytes] = shapely.to_wkb(list(regions)).tolist()
    return data


def region_from_bytes(data: bytes) -> Region:
    """Reads a region from well-known binary. Raises ``ValueError`` for anything else."""
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
    """Writes points ([x, y, 1 or 0]) and box ([x0, y0, x1, y1]) as JSON; mask logits are not kept."""
    return None if prompts is None else _dump(_prompts_to_json(prompts))


def prompts_from_text(text: str | None) -> PromptSet | None:
    """Reads what ``prompts_to_text`` wrote."""
    return None if text is None else _prompts_from_json(json.loads(text))


def labels_to_text(labels: LabelSet | None) -> str | None:
    """Writes a label set as JSON: [[id, name, color], ...]."""
    return None if labels is None else _dump([[label.id, label.name, label.color] for label in labels])


def labels_from_text(text: str | None) -> LabelSet | None:
    """Reads what ``labels_to_text`` wrote."""
    if text is None:
        return None
    return LabelSet(tuple(Label(LabelId(i), name, color) for i, name, color in json.loads(text)))


def edit_to_text(edit: Edit) -> str:
    """Writes an edit as a JSON object; regions as base64 of their WKB, nothing for what is None."""
    put = [_known({"index": p.index, "annotation": _annotation_to_json(p.annotation)}) for p in edit.put]
    review = None if edit.review is None else edit.review.value
    return _dump(_known({"drop": list(edit.drop), "put": put, "review": review}))


def edit_from_text(text: str) -> Edit:
    """Reads what ``edit_to_text`` wrote, or the samdesk of version 1 of the store.

    Raises:
        ValueError: It is neither (``KeyError`` and ``TypeError`` likewise).
    """
    value = json.loads(text)
    old = "done" in value
    return Edit(
        drop=tuple(AnnotationId(i) for i in value["drop"]),
        put=tuple((_placed_of_version_1 if old else _placed_from_json)(placed) for placed in value["put"]),
        review=_review_of_version_1(value["done"], value["touched"]) if old else _review(value.get("review")),
    )


def _placed_from_json(value: dict[str, Any]) -> Placed:
    return Placed(_annotation_from_json(value["annotation"]), value.get("index"))


def _review(value: str | None) -> ReviewChange | None:
    return None if value is None else ReviewChange(value)


def _annotation_to_json(annotation: Annotation) -> dict[str, Any]:
    return _known(
        {
            "id": annotation.id,
            "label_id": annotation.label_id,
            "region": base64.b64encode(region_to_bytes(annotation.region)).decode("ascii"),
            "source": annotation.source.value,
            "review": annotation.review.value,
            "detector_score": annotation.detector_score,
            "mask_score": annotation.mask_score,
            "prompts": _prompts_to_json(annotation.prompts),
            "run_id": annotation.run_id,
        }
    )


def _annotation_from_json(value: dict[str, Any]) -> Annotation:
    run_id = value.get("run_id")
    return Annotation(
        id=AnnotationId(value["id"]),
        label_id=LabelId(value["label_id"]),
        region=region_from_bytes(base64.b64decode(value["region"])),
        source=Source(value["source"]),
        review=AnnotationReview(value["review"]),
        detector_score=value.get("detector_score"),
        mask_score=value.get("mask_score"),
        prompts=_prompts_from_json(value.get("prompts")),
        run_id=None if run_id is None else RunId(run_id),
    )


def _placed_of_version_1(value: list[Any]) -> Placed:
    """[index, [id, label_id, region, source, review, detector_score, mask_score, prompts, run_id]]."""
    index, annotation = value
    names = ("id", "label_id", "region", "source", "review", "detector_score", "mask_score", "prompts")
    named = dict(zip((*names, "run_id"), annotation, strict=True))
    if named["prompts"] is not None:
        named["prompts"] = json.loads(named["prompts"])  # a string in the string
    return Placed(_annotation_from_json(named), index)


def _review_of_version_1(done: bool | None, was_edited: bool | None) -> ReviewChange | None:
    """What an edit did to the two flags of an image, as what it does to its one review state.

    Edits by hand set ``touched`` and left ``done`` alone; accepting set both; undoing restored both. No
    samdesk wrote ``done`` without ``touched``: such an edit keeps the meaning of ``done``, and an
    image that was no longer accepted counts as edited, so that auto-annotate leaves it alone.
    """
    if done:
        return ReviewChange.SET_ACCEPTED
    if was_edited is False:
        return ReviewChange.SET_UNREVIEWED
    if done is False:
        return ReviewChange.SET_EDITED
    return ReviewChange.MARK_EDITED if was_edited else None


def _prompts_to_json(prompts: PromptSet | None) -> dict[str, Any] | None:
    if prompts is None:
        return None
    points = [[p.x, p.y, int(p.positive)] for p in prompts.points]
    return {"points": points, "box": list(prompts.box.xyxy) if prompts.box else None}


def _prompts_from_json(value: dict[str, Any] | None) -> PromptSet | None:
    if value is None:
        return None
    points = tuple(PointPrompt(x, y, bool(positive)) for x, y, positive in value["points"])
    return PromptSet(points, BoxPrompt(*value["box"]) if value["box"] else None)


def _known(value: dict[str, Any]) -> dict[str, Any]:
    """The object without its null members, which keeps the log small: most members are null."""
    return {name: v for name, v in value.items() if v is not None}


def _dump(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
