"""Writes COCO instances: ``annotations/instances_train.json`` and so on, and the images beside them.

A file holds the annotations as they come, then the images and the categories, so that only the lines of the
images (100 bytes each) and the ids that annotations had before are kept in memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any, BinaryIO

import numpy as np

from samdesk.domain.annotation import CROWD, AttributeValue
from samdesk.domain.geometry import regions
from samdesk.domain.split import Split
from samdesk.formats.base import (
    TRACK,
    EncodedImage,
    ImageRecord,
    InstanceRecord,
    Loss,
    WritableFolder,
    WriteContext,
    WrittenInstance,
)
from samdesk.formats.coco.reader import ID, NOTE, SUPERCATEGORY, TRACK_NAME
from samdesk.formats.shapes import rle, written

MASKS = "masks"
AUTO, POLYGONS, RLE = "auto", "polygons", "rle"

_KEYPOINTS = ("keypoints", "num_keypoints")


@dataclass(frozen=True)
class CocoImage:
    """An image as it is written.

    Attributes:
        annotations: Each as JSON that lacks its ids and category and the first brace.
        labels: The class name of each.
        ids: The id that each had when it was read; 0: none.
        supercategories: Of each; "" if unknown.
    """

    annotations: tuple[bytes, ...]
    labels: tuple[str, ...]
    ids: tuple[int, ...]
    supercategories: tuple[str, ...]


def image_path(record: ImageRecord) -> str:
    """``train/a.jpg``, or ``images/a.jpg`` of an image that is in no split."""
    return f"{record.split or 'images'}/{record.name}"


def encode(record: ImageRecord, context: WriteContext) -> EncodedImage:
    """Makes the annotations of an image; see ``samdesk.formats.base.Writer``."""
    masks = context.options.get(MASKS, AUTO)
    outcomes, annotations, labels, ids, above = [], [], [], [], []
    pixels = rle.to_texts([i.region for i in record.instances], record.width, record.height)
    for instance, wanted in zip(record.instances, pixels, strict=True):
        segmentation, losses = _segmentation(instance, wanted, record.width, record.height, masks)
        box = instance.region.bounds
        outcome = WrittenInstance(
            instance.annotation_id,
            instance.label,
            bool(segmentation),
            None,
            losses,
            box,
            instance.region.area,
        )
        if segmentation:
            mask = written.CocoMask(segmentation, record.width, record.height)
            outcome = replace(outcome, iou=mask.iou(wanted))
            attributes = dict(instance.attributes)
            annotations.append(_annotation(instance, attributes, segmentation, mask, context))
            labels.append(instance.label)
            kept = attributes.get(ID)
            ids.append(kept if isinstance(kept, int) and kept > 0 else 0)
            above.append(str(attributes.get(SUPERCATEGORY, "")))
        outcomes.append(outcome)
    image = CocoImage(tuple(annotations), tuple(labels), tuple(ids), tuple(above))
    return EncodedImage(replace(record, instances=()), image, tuple(outcomes))


def _segmentation(
    instance: InstanceRecord, wanted: str, width: int, height: int, masks: str
) -> tuple[dict[str, Any] | list[written.Ring], tuple[Loss, ...]]:
    """Polygons or RLE, and what they lose; empty if nothing is left. ``wanted``: the pixels of its region."""
    region = regions.clip(instance.region, width, height)
    has_holes = written.has_holes(region)
    if masks == RLE or (masks == AUTO and (has_holes or instance.is_crowd)):
        mask = {"size": [height, width], "counts": wanted}
        if written.CocoMask(mask, width, height).area:
            return mask, ()
    if not regions.is_drawable(region):
        return [], (Loss("empty"),)
    return written.outlines(written.rounded(region)), (Loss("bridged"),) if has_holes else ()


def _annotation(
    instance: InstanceRecord,
    attributes: Mapping[str, AttributeValue],
    segmentation: dict[str, Any] | list[written.Ring],
    mask: written.CocoMask,
    context: WriteContext,
) -> bytes:
    x0, y0, x1, y1 = instance.region.bounds
    is_rle = isinstance(segmentation, dict)
    shape: Any = segmentation if is_rle else [np.asarray(ring).reshape(-1).tolist() for ring in segmentation]
    # The box of a polygon is exact, as in COCO's own files; pycocotools' is that of its pixels.
    box = [round(v, written.DIGITS) for v in (x0, y0, x1 - x0, y1 - y0)]
    value: dict[str, Any] = {
        "segmentation": shape,
        "bbox": mask.box if is_rle else box,
        "area": mask.area,
        "iscrowd": int(instance.is_crowd),
    }
    if instance.score is not None:
        value["score"] = instance.score
    if instance.note:
        value[NOTE] = instance.note
    if instance.track:
        value[TRACK] = context.track_number(instance.track)
        if str(value[TRACK]) != instance.track:
            value[TRACK_NAME] = instance.track
    rest = {k: v for k, v in attributes.items() if k not in (ID, SUPERCATEGORY, CROWD)}
    for key in _KEYPOINTS:
        if key in rest:
            value[key] = _keypoints(rest.pop(key))
    if rest:
        value["attributes"] = rest
    return _json(value)[1:]


def _keypoints(value: AttributeValue) -> Any:
    """The list that was read as text."""
    if isinstance(value, str):
        try:
            return [float(v) if "." in v or "e" in v else int(v) for v in value.strip("[]").split(",")]
        except ValueError:
            return value
    return value


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")


@dataclass
class _File:
    """A file that is being written."""

    out: BinaryIO
    category_ids: Mapping[str, int]
    images: list[bytes] = field(default_factory=list)
    used: set[int] = field(default_factory=set)
    """Ids of annotations that were kept."""
    used_images: set[int] = field(default_factory=set)
    next_id: int = 1
    next_image: int = 1
    supercategories: dict[str, str] = field(default_factory=dict)
    is_first: bool = True

    def add(self, encoded: EncodedImage) -> None:
        """Writes the annotations of an image."""
        payload = encoded.payload
        assert isinstance(payload, CocoImage)
        attributes = dict(encoded.record.attributes)
        image_id = self._image_id(attributes.pop(ID, 0))
        self.images.append(_json(_image(encoded.record, image_id, attributes)))
        for body, label, kept, above in zip(
            payload.annotations, payload.labels, payload.ids, payload.supercategories, strict=True
        ):
            if above:
                self.supercategories.setdefault(label, above)
            head = f'{{"id":{self._id(kept)},"image_id":{image_id},"category_id":{self.category_ids[label]},'
            self.out.write((b"" if self.is_first else b",\n") + head.encode() + body)
            self.is_first = False

    def _id(self, kept: int) -> int:
        if kept >= self.next_id and kept not in self.used:
            self.used.add(kept)
            return kept
        while self.next_id in self.used:
            self.used.discard(self.next_id)
            self.next_id += 1
        self.next_id += 1
        return self.next_id - 1

    def _image_id(self, kept: AttributeValue) -> int:
        if isinstance(kept, int) and kept >= self.next_image and kept not in self.used_images:
            self.used_images.add(kept)
            return int(kept)
        while self.next_image in self.used_images:
            self.used_images.discard(self.next_image)
            self.next_image += 1
        self.next_image += 1
        return self.next_image - 1

    def end(self, names: Sequence[str]) -> None:
        """Writes what follows the annotations."""
        self.out.write(b'\n],"images":[\n' + b",\n".join(self.images) + b'\n],"categories":[\n')
        rows = [
            {"id": self.category_ids[name], "name": name, "supercategory": self.supercategories.get(name, "")}
            for name in names
        ]
        self.out.write(b",\n".join(_json(row) for row in rows) + b"\n]}\n")


def _image(record: ImageRecord, image_id: int, attributes: Mapping[str, AttributeValue]) -> dict[str, Any]:
    path = PurePosixPath(record.path)
    name = record.path if path.is_absolute() or record.path[1:3] == ":/" else record.name
    own = {"id": image_id, "file_name": name, "width": record.width, "height": record.height}
    return own | {k: v for k, v in attributes.items() if k not in own}


def assemble(images: Iterable[EncodedImage], context: WriteContext, folder: WritableFolder) -> None:
    """Writes a file for each split and one for images that are in none."""
    category_ids = {name: number for number, name in enumerate(context.names, start=1)}
    with ExitStack() as stack:
        files: dict[Split | None, _File] = {}

        def opened(split: Split | None) -> _File:
            if split not in files:
                name = f"annotations/instances_{split}.json" if split else "annotations/instances.json"
                files[split] = _File(stack.enter_context(folder.open(name)), category_ids)
                files[split].out.write(
                    b'{"info":{"description":"Exported by samdesk"},"licenses":[],"annotations":[\n'
                )
            return files[split]

        for split in context.splits or (None,):
            opened(split)
        for encoded in images:
            opened(encoded.record.split).add(encoded)
        for file in files.values():
            file.end(context.names)
