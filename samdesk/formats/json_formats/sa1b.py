"""SA-1B's JSON: a file an image, with masks as COCO's run lengths and without classes.

Source: the description of the data set (Segment Anything, "Dataset"): ``image`` has ``image_id``, ``width``,
``height``, ``file_name``; an annotation ``id``, ``segmentation``, ``bbox`` (x, y, width, height), ``area``,
``predicted_iou``, ``stability_score``, ``crop_box`` and ``point_coords``.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from samdesk.base import json_file
from samdesk.formats.base import (
    EncodedImage,
    Format,
    ImageRecord,
    InstanceRecord,
    Loss,
    ReadableFiles,
    ReadItem,
    ReadProblem,
    WriteContext,
    Writer,
)
from samdesk.formats.json_formats import document, extras, forms, shape_files
from samdesk.formats.json_formats.document import Object, RecordError
from samdesk.formats.json_formats.forms import Kept
from samdesk.formats.shapes import convert, masks, rle
from samdesk.formats.shapes.convert import ShapeError

LABEL = "object"
"""The class of everything: the format has none."""

_CARRIED = ("id", "stability_score", "json:point_coords", "json:crop_box")
_KNOWN = frozenset({"segmentation", "bbox", "area", "predicted_iou"})


def read(files: ReadableFiles) -> Iterator[ReadItem]:
    """Reads the files."""
    return document.each_file(files, _read_file)


def _read_file(files: ReadableFiles, name: str, value: Any) -> Iterator[ReadItem]:
    content = document.as_object(value, "It")
    image = document.as_object(content.get("image"), "its image")
    image_name = document.image_name(image.get("file_name"))
    width, height = document.size(files, image_name, image.get("width"), image.get("height"))
    instances = []
    for index, each in enumerate(document.as_list(content.get("annotations"), "its list of annotations")):
        try:
            instances.append(_instance(index, document.as_object(each), width, height))
        except (RecordError, ShapeError) as error:
            yield ReadProblem(name, f"annotations[{index}]", document.sentence(error))
    yield ImageRecord(
        name=image_name,
        width=width,
        height=height,
        instances=tuple(instances),
        file=name,
        attributes=extras.attributes(image, {"file_name", "width", "height"})[0],
    )


def _instance(index: int, content: Object, width: int, height: int) -> InstanceRecord:
    segmentation = content.get("segmentation")
    if isinstance(segmentation, list):  # some tools write polygons in the same frame
        region = convert.polygons([convert.flat_list(each) for each in segmentation])
    else:
        region = rle.from_rle(segmentation, width, height)
    return InstanceRecord(
        label=LABEL,
        region=convert.on_image(region, width, height),
        record=f"annotations[{index}]",
        shape="polygon" if isinstance(segmentation, list) else "mask",
        score=document.share(content.get("predicted_iou")),
        attributes=extras.attributes(content, _KNOWN)[0],
    )


def encode(record: ImageRecord, context: WriteContext) -> EncodedImage:
    """The file of one image. Its id is that it had, else one made of its name."""
    annotations: list[dict[str, Any]] = []
    rows = []
    for instance in record.instances:
        content, kept = _annotation(instance, record, len(annotations) + 1)
        if content is not None:
            annotations.append(content)
        rows.append(forms.written(instance, kept))
    path = record.path or record.name
    known = dict(record.attributes).get("image_id")
    image = {
        "image_id": known
        if type(known) is int
        else zlib.crc32(record.name.encode("utf-8", "surrogateescape")),
        "width": record.width,
        "height": record.height,
        "file_name": PurePosixPath(path).name if shape_files.is_inside(path) else path,
    }
    content = {"image": image, "annotations": annotations}
    payload = (shape_files.json_path(record), json_file.to_bytes(content))
    return EncodedImage(replace(record, instances=()), payload, tuple(rows))


def _annotation(
    instance: InstanceRecord, record: ImageRecord, number: int
) -> tuple[dict[str, Any] | None, Kept]:
    mask, x, y = masks.to_mask(instance.region, record.width, record.height)
    if not mask.size:
        return None, Kept(written=False, losses=(Loss("empty", "It covers the centre of no pixel."),))
    height, width = mask.shape
    own = dict(instance.attributes)
    content: dict[str, Any] = {
        "id": own.get("id", number),
        "segmentation": {
            "size": [record.height, record.width],
            "counts": rle.to_text(instance.region, record.width, record.height),
        },
        "bbox": [x, y, width, height],
        "area": int(np.count_nonzero(mask)),
    }
    if instance.score is not None:
        content["predicted_iou"] = instance.score
    fields = extras.fields(tuple(pair for pair in instance.attributes if pair[0] in _CARRIED), {"id"})
    content |= {
        name: fields[name] for name in ("point_coords", "crop_box", "stability_score") if name in fields
    }
    # pycocotools decodes the very pixels whose centre is inside: by its rule nothing is lost.
    return content, Kept(1.0, _losses(instance))


def _losses(instance: InstanceRecord) -> tuple[Loss, ...]:
    lost = [f'its label "{instance.label}"'] if instance.label != LABEL else []
    if instance.note:
        lost.append("its note")
    lost += [name for name, _ in instance.attributes if name not in (*_CARRIED, forms.SHAPE)]
    return (Loss("attributes", ", ".join(lost)),) if lost else ()


def recognise(name: str, head: bytes) -> bool:
    """Whether a file is of SA-1B."""
    return (
        name.lower().endswith(".json")
        and b'"image"' in head
        and b'"file_name"' in head
        and (b'"predicted_iou"' in head or b'"stability_score"' in head or b'"image_id"' in head)
        and b'"images"' not in head
    )


FORMAT = Format(
    id="sa1b",
    title="SA-1B",
    scope="image",
    suffixes=(".json",),
    recognise=recognise,
    read=read,
    write=Writer(encode, shape_files.assemble, shape_files.image_path),
    carries=frozenset({"holes", "parts", "scores"}),
    rank=1,
)
