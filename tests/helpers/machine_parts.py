"""A synthetic dataset of one domain: painted machine parts on a bench, with their exact regions.

Parts have holes, lie on each other, differ in size, metal and turn; the ground may be of the same
metal. A region is what can be seen of its part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import shapely

from samdesk.domain.annotation import Annotation, AnnotationId
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import Region, RgbImage
from samdesk.domain.labels import LabelSet
from samdesk.formats.yolo import data_yaml, segmentation
from samdesk.training.samples import Instance, TrainingImage
from tests.helpers import machine_paint, machine_shapes
from tests.helpers.machine_shapes import NAMES

_SEEN = 0.55
"""Minimum visible fraction of a part."""
_TRIES = 40


@dataclass(frozen=True, eq=False)
class PartsImage:
    """One image: (H, W, 3) uint8 RGB, and its visible instances, bottom to top."""

    pixels: RgbImage
    instances: tuple[Instance, ...]


def parts_image(
    seed: int, *, height: int = 480, width: int = 640, labelled: Sequence[str] = NAMES, most: int = 8
) -> PartsImage:
    """Paints an image.

    Args:
        seed: The same seed and size give the same image.
        height: Pixels.
        width: Pixels.
        labelled: Class names by class id; parts of other kinds are painted but are not instances.
        most: Maximum number of parts.
    """
    rng = np.random.default_rng([seed, height, width])
    image = machine_paint.ground(rng, height, width)
    machine_paint.clutter(image, rng)
    lying = _lay_out(rng, height, width, most)
    tilt, way = rng.uniform(0.4, 0.9), rng.uniform(0, 2 * np.pi)
    light = np.array([np.sin(tilt) * np.cos(way), np.sin(tilt) * np.sin(way), np.cos(tilt)])
    for _, region, turn in lying:
        machine_paint.part(image, region, turn, light, int(rng.integers(2**31)))
    pixels = machine_paint.finish(image, rng)
    seen = _seen([region for _, region, _ in lying], height, width)
    return PartsImage(
        pixels,
        tuple(
            Instance(region, labelled.index(name))
            for (name, _, _), region in zip(lying, seen, strict=True)
            if name in labelled and regions.is_drawable(region)
        ),
    )


def _lay_out(rng: np.random.Generator, height: int, width: int, most: int) -> list[tuple[str, Region, float]]:
    """Kind, whole region and rotation of every part, bottom to top."""
    lying: list[tuple[str, Region, float]] = []
    wanted = int(rng.integers(max(2, most // 2), most + 1))
    scale = min(height, width)
    usual = scale * rng.uniform(0.17, 0.33)
    for _ in range(_TRIES):
        name = str(rng.choice(NAMES))
        size = float(np.clip(usual * rng.uniform(0.6, 1.6), 0.1 * scale, 0.5 * scale))
        centre = (rng.uniform(0.03, 0.97) * width, rng.uniform(0.03, 0.97) * height)
        region, turn = machine_shapes.placed(machine_shapes.outline(name, rng), rng, size, centre)
        together = [*[r for _, r, _ in lying], region]
        shares = [
            now.area / whole.area for now, whole in zip(_seen(together, height, width), together, strict=True)
        ]
        if min(shares) >= _SEEN:
            lying.append((name, region, turn))
        if len(lying) == wanted:
            break
    return lying


def _seen(lying: Sequence[Region], height: int, width: int) -> list[Region]:
    """The visible part of each region: inside the image and not under a later one."""
    seen = []
    above: Region = regions.EMPTY
    for region in reversed(lying):
        seen.append(regions.clip(regions.clean(shapely.difference(region, above)), width, height))
        above = regions.clean(shapely.union(above, region))
    return seen[::-1]


def parts_folder(
    folder: Path,
    count: int,
    *,
    seed: int = 0,
    height: int = 480,
    width: int = 640,
    labelled: Sequence[str] = NAMES,
    most: int = 8,
) -> list[TrainingImage]:
    """Writes images (images/), YOLO-seg labels (labels/) and data.yaml; returns the images.

    Image i has the seed ``seed + i``. Existing image files are kept.
    """
    labels = LabelSet.from_names(labelled)
    (folder / "images").mkdir(parents=True, exist_ok=True)
    (folder / "labels").mkdir(exist_ok=True)
    (folder / "data.yaml").write_text(data_yaml.render(None, labelled, "images"), encoding="utf-8")
    written = []
    for i in range(count):
        made = parts_image(seed + i, height=height, width=width, labelled=labelled, most=most)
        path = folder / "images" / f"part_{seed + i:04}.jpg"
        if not path.exists():
            cv2.imwrite(str(path), made.pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])
        key = ImageKey(f"images/{path.name}")
        annotations = tuple(
            Annotation(AnnotationId(f"{i}-{n}"), labels.labels[one.label].id, one.region)
            for n, one in enumerate(made.instances)
        )
        text, _ = segmentation.write(ImageDocument(key, width, height, annotations), labels)
        (folder / "labels" / f"{path.stem}.txt").write_text(text, encoding="utf-8")
        written.append(TrainingImage(key, path, (height, width), made.instances))
    return written
