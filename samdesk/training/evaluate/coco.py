"""Reads images with COCO annotations as training images."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry import Polygon

from samdesk.base import json_file
from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import Region
from samdesk.training.samples import Instance, TrainingImage


def read_coco(folder: Path) -> tuple[list[TrainingImage], tuple[str, ...]]:
    """Reads a folder with ``instances.json`` and ``images/``; returns the images and the class names.

    Crowd annotations (run-length encoded groups of objects) and images without instances are left out.

    Raises:
        OSError: A file cannot be read.
        ValueError: ``instances.json`` is not a COCO annotation file.
    """
    text = (folder / "instances.json").read_text("utf-8")
    try:
        data = json_file.parse_object(text)
        categories = sorted(data["categories"], key=lambda c: int(c["id"]))
        index = {int(c["id"]): i for i, c in enumerate(categories)}
        by_image: dict[int, list[Instance]] = defaultdict(list)
        for annotation in data["annotations"]:
            instance = _instance(annotation, index)
            if instance is not None:
                by_image[annotation["image_id"]].append(instance)
        images = [_image(folder, row, by_image) for row in data["images"]]
        names = tuple(str(c["name"]) for c in categories)
    except (json_file.JsonError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{folder / 'instances.json'} is not a COCO annotation file: {error!r}") from error
    return sorted((i for i in images if i.instances), key=lambda i: i.key), names


def _image(folder: Path, row: Any, by_image: dict[int, list[Instance]]) -> TrainingImage:
    name = str(row["file_name"])
    size = (int(row["height"]), int(row["width"]))
    return TrainingImage(name, folder / "images" / name, size, tuple(by_image.get(row["id"], ())))


def _instance(annotation: Any, index: dict[int, int]) -> Instance | None:
    if annotation.get("iscrowd") or not isinstance(annotation["segmentation"], list):
        return None
    region = _united(annotation["segmentation"])
    return Instance(region, index[int(annotation["category_id"])]) if region.area >= 1 else None


def _united(polygons: list[list[float]]) -> Region:
    rings = [np.asarray(p, np.float64).reshape(-1, 2) for p in polygons]
    parts = [regions.clean(Polygon(ring)) for ring in rings if len(ring) >= 3]
    return regions.clean(shapely.union_all(parts)) if parts else regions.EMPTY
