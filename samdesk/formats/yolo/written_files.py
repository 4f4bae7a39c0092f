"""Writes the three YOLO formats: ``images``, ``labels`` and ``data.yaml``, as Ultralytics trains on them.

| format | line |
|---|---|
| yolo-seg | class and outline, as in the label files of a dataset (``segmentation``) |
| yolo-det | class, centre, width and height of the box |
| yolo-obb | class and the four corners of the smallest rotated box |

All values are fractions of the image's width and height. Crowds are left out, as Ultralytics' own converter
does: the trainer would take one for an object.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import PurePosixPath
from typing import BinaryIO, TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray

from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import Region
from samdesk.domain.split import SPLITS, Split
from samdesk.formats.base import (
    EncodedImage,
    ImageRecord,
    InstanceRecord,
    Loss,
    WritableFolder,
    WriteContext,
    Writer,
    WrittenInstance,
)
from samdesk.formats.yolo import segmentation
from samdesk.formats.yolo.yaml_edit import dump

DETECTION = "yolo-det"
ORIENTED = "yolo-obb"
SEGMENTATION = "yolo-seg"

_MOST_COARSE = 10_000
"""Coordinates of a region; more are coarsened."""
_QUADRILATERAL = 5
"""Coordinates of a closed ring of four vertices."""
_CLIPPED_PX = 0.5
_NO_SPLIT = """\
# There is no split: val names the images that are trained on, so the trainer's figures say nothing about
# images that it has not seen. Make a split in samdesk and export again, or name other images here.
"""
_NO_VAL = """\
# No image is in the split "val": val names the images that are trained on, so the trainer's figures say
# nothing about images that it has not seen.
"""
_NO_TRAIN = """\
# No image is in the split "train": train names images of another split.
"""
_IN_PLACE = """\
# The images were left in place. The Ultralytics trainer looks for labels beside them (or in "labels" in
# place of "images"), not here: put the folder "labels" there, or export with copies or links of the images.
"""

_Line: TypeAlias = tuple[str, float | None, tuple[Loss, ...]]
"""The values after the class id ("" for none), the IoU of the mask it trains, and what was lost."""
_Size: TypeAlias = tuple[int, int]


def image_path(record: ImageRecord) -> str:
    """``images/train/a.jpg``, or ``images/a.jpg`` of an image that is in no split."""
    return f"images/{record.split}/{record.name}" if record.split else f"images/{record.name}"


def label_path(record: ImageRecord) -> str:
    """``labels/train/a.txt``, or ``labels/a.txt``."""
    image = PurePosixPath(image_path(record))
    return str(PurePosixPath("labels", *image.parts[1:-1], f"{image.stem}.txt"))


def encode_segmentation(record: ImageRecord, context: WriteContext) -> EncodedImage:
    """One line an instance: its outline, inset by half a pixel of the training grid."""
    return _encode(record, context, _outlines(record, context))


def encode_detection(record: ImageRecord, context: WriteContext) -> EncodedImage:
    """One line an instance: its box."""
    return _encode(record, context, [_box(i, (record.width, record.height)) for i in record.instances])


def encode_oriented(record: ImageRecord, context: WriteContext) -> EncodedImage:
    """One line an instance: its smallest rotated box."""
    size = record.width, record.height
    return _encode(record, context, [_rotated_box(instance, size) for instance in record.instances])


def _encode(record: ImageRecord, context: WriteContext, found: Sequence[_Line]) -> EncodedImage:
    ids = {name: number for number, name in enumerate(context.names)}
    lines: list[str] = []
    written: list[WrittenInstance] = []
    there = _Boxes()
    for instance, (line, iou, losses) in zip(record.instances, found, strict=True):
        if instance.is_crowd:
            line, iou, losses = "", None, (Loss("crowd"),)
        if line:
            class_id = ids[instance.label]
            if there.has(class_id, line):
                line, iou = "", None
                losses = (Loss("overlap", "another one has the same class and box: the trainer drops it"),)
            else:
                lines.append(f"{class_id} {line}\n")
        elif not losses:
            losses = (Loss("empty"),)
        written.append(_written(instance, iou, losses, bool(line)))
    return EncodedImage(replace(record, instances=()), "".join(lines).encode(), tuple(written))


class _Boxes:
    """The classes and boxes of the lines of an image."""

    def __init__(self) -> None:
        self._alone: dict[int, str] = {}
        """The line of each class that has one only: there is nothing to compare yet."""
        self._boxes: dict[int, set[bytes]] = {}

    def has(self, class_id: int, line: str) -> bool:
        """Returns whether a line with the same class and box was there before; now it is."""
        if class_id not in self._boxes:
            if class_id not in self._alone:
                self._alone[class_id] = line
                return False
            self._boxes[class_id] = {_trained_box(self._alone[class_id])}
        box, there = _trained_box(line), self._boxes[class_id]
        was_there = box in there
        there.add(box)
        return was_there


def _written(
    instance: InstanceRecord, iou: float | None, losses: tuple[Loss, ...], written: bool
) -> WrittenInstance:
    region = instance.region
    x0, y0, x1, y1 = (0.0,) * 4 if region.is_empty else region.bounds
    return WrittenInstance(
        instance.annotation_id, instance.label, written, iou, losses, (x0, y0, x1, y1), float(region.area)
    )


def _trained_box(line: str) -> bytes:
    """What the trainer compares to find a line that is there twice."""
    values = np.array(line.split(), dtype=np.float32)
    if len(values) == 4:
        return values.tobytes()
    points = values.reshape(-1, 2)
    return np.concatenate([points.min(axis=0), points.max(axis=0)]).tobytes()


def _outlines(record: ImageRecord, context: WriteContext) -> list[_Line]:
    some = [instance for instance in record.instances if not instance.is_crowd]
    size = record.width, record.height
    found = segmentation.outlines([i.region for i in some], size, train_size=context.train_size)
    lines = {id(i): _outline(i, line, iou) for i, (line, iou, _) in zip(some, found, strict=True)}
    return [lines.get(id(instance), ("", None, ())) for instance in record.instances]


def _outline(instance: InstanceRecord, line: str, iou: float) -> _Line:
    if not line:
        return "", None, (Loss("empty"),)
    parts = instance.region.geoms
    holes = sum(len(part.interiors) for part in parts)
    losses = []
    if len(parts) > 1 or holes:
        what = [f"{len(parts)} parts"] * (len(parts) > 1) + [f"{holes} holes" if holes > 1 else "a hole"] * (
            holes > 0
        )
        losses.append(Loss("bridged", " and ".join(what)))
    if shapely.get_num_coordinates(instance.region) > _MOST_COARSE:
        losses.append(Loss("simplified"))
    return line, iou, tuple(losses)


def _box(instance: InstanceRecord, size: _Size) -> _Line:
    if not regions.is_drawable(clipped := regions.clip(instance.region, *size)):
        return "", None, (Loss("empty"),)
    x0, y0, x1, y1 = clipped.bounds
    values = np.array([(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0]) / [*size, *size]
    return _text(values), None, (Loss("box"),)


def _rotated_box(instance: InstanceRecord, size: _Size) -> _Line:
    if not regions.is_drawable(clipped := regions.clip(instance.region, *size)):
        return "", None, (Loss("empty"),)
    corners = _corners(clipped)
    inside = np.clip(corners, 0, size)
    losses = [Loss("box", "rotated box")]
    if np.abs(inside - corners).max() > _CLIPPED_PX:
        losses.append(Loss("clipped", "a corner of its rotated box lies outside the image"))
    return _text((inside / size).reshape(-1)), None, tuple(losses)


def _corners(region: Region) -> NDArray[np.float64]:
    """(4, 2): those of a region of four vertices, else of its smallest rotated box; the leftmost first."""
    corners = shapely.get_coordinates(region)
    if len(corners) != _QUADRILATERAL:
        with np.errstate(all="ignore"):  # shapely divides by a width that may be 0
            corners = shapely.get_coordinates(shapely.oriented_envelope(region))
    if len(corners) != _QUADRILATERAL or not np.isfinite(corners).all():
        corners = shapely.get_coordinates(shapely.box(*region.bounds))
    corners = corners[:4]
    if not shapely.is_ccw(shapely.linearrings(corners)):
        corners = corners[::-1]
    first = int(np.lexsort((corners[:, 1], corners[:, 0]))[0])
    return np.roll(corners, -first, axis=0)


def _text(values: NDArray[np.float64]) -> str:
    return " ".join(f"{value:.6g}" for value in values.tolist())


def assemble(encoded: Iterable[EncodedImage], context: WriteContext, folder: WritableFolder) -> None:
    """Writes label files, ``data.yaml`` and, for images that stay in place, lists of them."""
    with ExitStack() as stack:
        lists: dict[str, BinaryIO] = {}
        splits: set[Split | None] = set()
        for image in encoded:
            record = image.record
            folder.write(label_path(record), image.payload)
            splits.add(record.split)
            if PurePosixPath(record.path).is_absolute() or ":" in record.path[:3]:
                name = f"{record.split or 'images'}.txt"
                if name not in lists:
                    lists[name] = stack.enter_context(folder.open(name))
                lists[name].write(f"{record.path}\n".encode())
        in_place = bool(lists)
    folder.write("data.yaml", _data_yaml(context, splits, in_place=in_place).encode())


def _data_yaml(context: WriteContext, there: set[Split | None], *, in_place: bool) -> str:
    where = {split: f"{split}.txt" if in_place else f"images/{split}" for split in SPLITS if split in there}
    every = "images.txt" if in_place else "images"
    comment = _IN_PLACE if in_place else ""
    if not where:
        comment += _NO_SPLIT
        values: dict[str, object] = {"train": every, "val": every}
    else:
        train = where.get("train") or next(iter(where.values()))
        comment += ("" if "train" in where else _NO_TRAIN) + ("" if "val" in where else _NO_VAL)
        values = {"train": train, "val": where.get("val", train)}
        values |= {"test": where["test"]} if "test" in where else {}
    names = dict(enumerate(context.names))
    # No "path": the trainer then takes the file's folder, wherever the dataset is moved.
    return comment + dump({**values, "names": names})


SEGMENTATION_WRITER = Writer(encode_segmentation, assemble, image_path)
DETECTION_WRITER = Writer(encode_detection, assemble, image_path)
ORIENTED_WRITER = Writer(encode_oriented, assemble, image_path)
