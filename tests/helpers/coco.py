"""The masks of ../shared/data/coco64, as COCO's own tools decode them."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from samdesk.domain.geometry.types import BoolArray


@dataclass(frozen=True)
class CocoInstance:
    """One annotated object: its mask, and its polygons where it has any (crowds have none)."""

    mask: BoolArray
    polygons: tuple[NDArray[np.float64], ...]
    file_name: str
    category_id: int

    def mask_at(self, height: int, width: int) -> BoolArray:
        """Returns the mask of its polygons, scaled to another image size."""
        h, w = self.mask.shape
        scaled = [(p * [width / w, height / h]).reshape(-1).tolist() for p in self.polygons]
        return decode(scaled, height, width)


def decode(segmentation: Any, height: int, width: int) -> BoolArray:
    """Decodes COCO's polygons or run lengths to (height, width) bool."""
    if isinstance(segmentation, list):
        rle = coco_mask.merge(coco_mask.frPyObjects(segmentation, height, width))
    else:
        rle = coco_mask.frPyObjects(segmentation, height, width)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # pycocotools with numpy 2
        return np.asarray(coco_mask.decode(rle), dtype=np.bool_)


def instances(folder: Path, more_than_px: int) -> Iterator[CocoInstance]:
    """Yields the instances of coco64 with more than this number of pixels."""
    data = json.loads((folder / "instances.json").read_text("utf-8"))
    images = {image["id"]: image for image in data["images"]}
    for annotation in data["annotations"]:
        image = images[annotation["image_id"]]
        segmentation = annotation["segmentation"]
        mask = decode(segmentation, image["height"], image["width"])
        if np.count_nonzero(mask) > more_than_px:
            rings = segmentation if isinstance(segmentation, list) else []
            yield CocoInstance(
                mask,
                tuple(np.array(ring).reshape(-1, 2) for ring in rings),
                image["file_name"],
                annotation["category_id"],
            )


def raster_iou(a: BoolArray, b: BoolArray) -> float:
    """Intersection over union of two masks of the same shape."""
    return float(np.count_nonzero(a & b) / np.count_nonzero(a | b))
