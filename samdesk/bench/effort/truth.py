"""Ground truth of COCO's ``instances.json``, and what is still wrong on an image compared with it."""

from __future__ import annotations

import warnings
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry import Polygon

from samdesk.base import json_file
from samdesk.base.errors import UserError
from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import Region

INSTANCES = "instances.json"
LEAST_AREA = 400.0
"""Objects of at most this area, square pixels, are not asked for."""
IOU = 0.85
"""An annotation is right if it has the label of an object and at least this IoU with it."""
_SAME_OBJECT = 0.5
_IN_CROWD = 0.5


class TruthError(UserError):
    """There is no ground truth, or it is no COCO annotation file."""

    code = "bench.truth"


@dataclass(frozen=True)
class TruthObject:
    """An object of the ground truth.

    Attributes:
        region: Image pixels; never empty.
        label: Its class name.
    """

    region: Region
    label: str


@dataclass(frozen=True)
class TruthImage:
    """An image with its ground truth.

    Attributes:
        key: File name.
        path: The image file.
        image_hw: Height and width, pixels.
        objects: Those asked for.
        small: Objects too small to be asked for; an annotation of one is not false.
        crowds: Groups of objects drawn as one; an annotation inside one of them is not false.
    """

    key: str
    path: Path
    image_hw: tuple[int, int]
    objects: tuple[TruthObject, ...]
    small: tuple[TruthObject, ...] = ()
    crowds: tuple[TruthObject, ...] = ()

    def tolerates(self, region: Region, label: str) -> bool:
        """Whether an annotation that is none of ``objects`` is a small object, or part of a crowd."""
        if any(s.label == label and regions.iou(region, s.region) >= _SAME_OBJECT for s in self.small):
            return True
        area = max(region.area, 1e-9)
        with np.errstate(all="ignore"):  # GEOS divides by what may be 0, and goes on
            inside = [shapely.intersection(region, c.region).area for c in self.crowds if c.label == label]
        return any(shared / area >= _IN_CROWD for shared in inside)


def read_truth(folder: Path) -> list[TruthImage]:
    """Reads ``instances.json`` in a folder of images or above it; returns the images that are there.

    Raises:
        TruthError: There is no such file, it is not COCO's, or none of its images is there.
    """
    place = next((p for p in (folder, folder.parent) if (p / INSTANCES).is_file()), None)
    if place is None:
        raise TruthError(
            f"There is no {INSTANCES} in {folder} or above it.",
            next="Give a folder of images with COCO's masks: the effort is measured against them.",
        )
    try:
        data = json_file.parse_object((place / INSTANCES).read_text("utf-8"))
        names = {int(c["id"]): str(c["name"]) for c in data["categories"]}
        rows = defaultdict(list)
        for row in data["annotations"]:
            rows[row["image_id"]].append(row)
        found = [
            _image(path, image, rows[image["id"]], names)
            for image in data["images"]
            if (path := _path(place, folder, str(image["file_name"]))) is not None
        ]
    except (json_file.JsonError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise TruthError(
            f"{place / INSTANCES} is not a COCO annotation file: {error!r}", next="Give another folder."
        ) from error
    if not found:
        raise TruthError(f"None of the images of {place / INSTANCES} is there.", next="Give their folder.")
    return sorted(found, key=lambda image: image.key)


def _path(place: Path, folder: Path, name: str) -> Path | None:
    return next((p for p in (folder / name, place / "images" / name) if p.is_file()), None)


def _image(path: Path, row: Any, annotations: list[Any], names: dict[int, str]) -> TruthImage:
    height, width = int(row["height"]), int(row["width"])
    crowds: list[TruthObject] = []
    objects: list[TruthObject] = []
    for annotation in annotations:
        region = _region(annotation["segmentation"], height, width)
        if regions.is_drawable(region):
            group = crowds if annotation.get("iscrowd") else objects
            group.append(TruthObject(region, names[int(annotation["category_id"])]))
    return TruthImage(
        path.name,
        path,
        (height, width),
        tuple(o for o in objects if o.region.area > LEAST_AREA),
        tuple(o for o in objects if o.region.area <= LEAST_AREA),
        tuple(crowds),
    )


def _region(segmentation: Any, height: int, width: int) -> Region:
    """Polygons, or a run-length encoded mask."""
    if isinstance(segmentation, list):
        rings = [np.asarray(p, np.float64).reshape(-1, 2) for p in segmentation]
        parts = [regions.clean(Polygon(ring)) for ring in rings if len(ring) >= 3]
        united = regions.clean(shapely.union_all(parts)) if parts else regions.EMPTY
        return regions.clip(united, width, height)
    from pycocotools import mask as coco

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # pycocotools with numpy 2
        decoded = coco.decode(coco.frPyObjects(segmentation, height, width))
    return regions.from_mask(np.asarray(decoded, dtype=np.bool_))
