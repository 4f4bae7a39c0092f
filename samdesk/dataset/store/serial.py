"""Converts domain values to database columns and back: regions to WKB, the rest to JSON."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import shapely

from samdesk.base import json_file
from samdesk.dataset.store import values, wkb
from samdesk.domain.annotation import Annotation, AnnotationId, Attributes, RunId, Source, TrackId
from samdesk.domain.edits import Edit, Placed
from samdesk.domain.geometry.types import Region
from samdesk.domain.labels import Label, LabelId, LabelSet
from samdesk.domain.prompts import BoxPrompt, PointPrompt, PromptSet
from samdesk.domain.review import AnnotationReview, ReviewChange

MOST_NAME = 10_000
"""Characters of a class name."""
MOST_NOTE = 100_000
"""Characters of a note."""
MOST_ATTRIBUTES = 1 << 20
"""Characters of the attributes of an annotation."""
_COLOR = re.compile("#[0-9a-fA-F]{6}")


def region_to_bytes(region: Region) -> bytes:
    """Writes a region as well-known binary (WKB)."""
    data: bytes = shapely.to_wkb(region)
    return data


def regions_to_bytes(regions: Iterable[Region]) -> list[bytes]:
    """Writes regions as ``region_to_bytes`` does, three times as fast for many."""
    data: list[bytes] = shapely.to_wkb(list(regions)).tolist()
    return data


def prompts_to_text(prompts: PromptSet | None) -> str | None:
    """Writes points ([x, y, 1 or 0]) and box ([x0, y0, x1, y1]) as JSON; mask logits are not kept."""
    return None if prompts is None else _dump(_prompts_to_json(prompts))


def prompts_from_text(text: str | None) -> PromptSet | None:
    """Reads what ``prompts_to_text`` wrote. Raises ``ValueError`` for anything else."""
    return None if text is None else _prompts_from_json(json_file.parse(values.text(text, "prompts")))


def attributes_to_text(attributes: Attributes) -> str | None:
    """Writes attributes as a JSON object; None if there are none."""
    found = _attributes_to_json(attributes)
    return None if found is None else _dump(found)


def attributes_from_text(text: Any) -> dict[str, Any] | None:
    """Reads what ``attributes_to_text`` wrote, for ``annotation_from``. Raises ``ValueError``."""
    if text is None:
        return None
    return _object(json_file.parse(values.text(text, "attributes", MOST_ATTRIBUTES)), "attributes")


def _attributes_to_json(attributes: Attributes) -> dict[str, Any] | None:
    return dict(sorted(attributes)) or None


def _attributes_from_json(value: Any) -> Attributes:
    if value is None:
        return ()
    found = sorted(_object(value, "attributes").items())
    if not all(isinstance(v, str | int | float) for _, v in found):  # bool is an int
        raise ValueError("its attributes have a value that is neither text nor a number")
    return tuple(found)


def labels_to_text(labels: LabelSet | None) -> str | None:
    """Writes a label set as JSON: [[id, name, color], ...]."""
    return None if labels is None else _dump([[label.id, label.name, label.color] for label in labels])


def labels_from_text(text: str | None) -> LabelSet | None:
    """Reads what ``labels_to_text`` wrote. Raises ``ValueError`` for anything else."""
    if text is None:
        return None
    found = json_file.parse(values.text(text, "label set"))
    labels = tuple(label_from(*_items(item, 3)) for item in _list(found, "label set"))
    if len({label.id for label in labels}) < len(labels) or len({x.name for x in labels}) < len(labels):
        raise ValueError("its label set has a label twice")
    return LabelSet(labels)


def label_from(label_id: Any, name: Any, color: Any) -> Label:
    """Returns a label of values of the store. Raises ``ValueError``."""
    found = Label(
        LabelId(values.identifier(label_id, "label")), values.text(name, "name", MOST_NAME), _color(color)
    )
    if not found.name.strip():
        raise ValueError("its name is blank")
    return found


def _color(value: Any) -> str:
    found = values.text(value, "colour", 7)
    if not _COLOR.fullmatch(found):
        raise ValueError("its colour is not one")
    return found


def edit_to_text(edit: Edit) -> str:
    """Writes an edit as a JSON object; regions as base64 of their WKB, nothing for what is None."""
    put = [_known({"index": p.index, "annotation": _annotation_to_json(p.annotation)}) for p in edit.put]
    review = None if edit.review is None else edit.review.value
    return _dump(_known({"drop": list(edit.drop), "put": put, "review": review}))


def edit_from_text(text: str) -> Edit:
    """Reads what ``edit_to_text`` wrote, or the samdesk of version 1 of the store.

    Raises:
        ValueError: It is neither.
    """
    value = _object(json_file.parse(values.text(text, "edit")), "edit")
    old = "done" in value
    drop = [AnnotationId(values.identifier(i, "annotation")) for i in _list(value.get("drop"), "edit")]
    put = [(_placed_of_version_1 if old else _placed_from_json)(p) for p in _list(value.get("put"), "edit")]
    review = (
        _review_of_version_1(value["done"], value.get("touched")) if old else _review(value.get("review"))
    )
    return Edit(tuple(drop), tuple(put), review)


def _placed_from_json(value: Any) -> Placed:
    placed = _object(value, "edit")
    return Placed(_annotation_from_json(_object(placed.get("annotation"), "annotation")), _index(placed))


def _index(placed: dict[str, Any]) -> int | None:
    index = placed.get("index")
    return None if index is None else values.integer(index, "place")


def _review(value: Any) -> ReviewChange | None:
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
            "stability": annotation.stability,
            "model": annotation.model or None,
            "note": annotation.note or None,
            "attributes": _attributes_to_json(annotation.attributes),
            "track": annotation.track or None,
        }
    )


def annotation_from(region: Region, columns: Mapping[str, Any]) -> Annotation:
    """Returns an annotation of values of the store, by the names of the columns. Raises ``ValueError``."""
    run_id = values.optional_identifier(columns.get("run_id"), "run")
    return Annotation(
        id=AnnotationId(values.identifier(columns.get("id"), "id")),
        label_id=LabelId(values.identifier(columns.get("label_id"), "label")),
        region=region,
        source=Source(columns.get("source")),
        review=AnnotationReview(columns.get("review")),
        detector_score=values.optional_number(columns.get("detector_score"), "detector score"),
        mask_score=values.optional_number(columns.get("mask_score"), "mask score"),
        prompts=columns.get("prompts"),
        run_id=None if run_id is None else RunId(run_id),
        stability=values.optional_number(columns.get("stability"), "stability score"),
        model=values.text(columns.get("model") or "", "model", MOST_NAME),
        note=values.text(columns.get("note") or "", "note", MOST_NOTE),
        attributes=_attributes_from_json(columns.get("attributes")),
        track=TrackId(values.optional_identifier(columns.get("track"), "track") or ""),
    )


def _annotation_from_json(value: dict[str, Any]) -> Annotation:
    try:
        data = base64.b64decode(values.text(value.get("region"), "region"), validate=True)
    except binascii.Error as error:
        raise ValueError("its region is not base64") from error
    prompts = _prompts_from_json(value.get("prompts"))
    return annotation_from(wkb.to_region(data), {**value, "prompts": prompts})


def _placed_of_version_1(value: Any) -> Placed:
    """[index, [id, label_id, region, source, review, detector_score, mask_score, prompts, run_id]]."""
    index, annotation = _items(value, 2)
    names = ("id", "label_id", "region", "source", "review", "detector_score", "mask_score", "prompts")
    named = dict(zip((*names, "run_id"), _items(annotation, 9), strict=True))
    if named["prompts"] is not None:
        # A string in the string.
        named["prompts"] = json_file.parse(values.text(named["prompts"], "prompts"))
    return Placed(_annotation_from_json(named), _index({"index": index}))


def _review_of_version_1(done: Any, was_edited: Any) -> ReviewChange | None:
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


def _prompts_from_json(value: Any) -> PromptSet | None:
    if value is None:
        return None
    found = _object(value, "prompts")
    points = [_items(point, 3) for point in _list(found.get("points"), "prompts")]
    box = found.get("box")
    return PromptSet(
        tuple(PointPrompt(_number(x), _number(y), bool(_number(positive))) for x, y, positive in points),
        BoxPrompt(*map(_number, _items(box, 4))) if box else None,
    )


def _number(value: Any) -> float:
    values.number(value, "prompt")
    found: float = value
    return found


def _object(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"its {name} is not an object")
    return value


def _list(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"its {name} is not a list")
    return value


def _items(value: Any, count: int) -> list[Any]:
    if not isinstance(value, list) or len(value) != count:
        raise ValueError(f"it has a list that has not {count} items")
    return value


def _known(value: dict[str, Any]) -> dict[str, Any]:
    """The object without its null members, which keeps the log small: most members are null."""
    return {name: v for name, v in value.items() if v is not None}


def _dump(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
