"""How many small objects are found in large images with tiles and without, on mosaics of smaller images."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np
import shapely

from samdesk.batch.find import FoundObject
from samdesk.batch.models import Annotator, Models
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.batch.sources.base import SourceImage
from samdesk.batch.sources.settle import PART, SAME_OBJECT
from samdesk.bench.effort.truth import TruthImage, TruthObject
from samdesk.domain.document import ImageKey
from samdesk.domain.geometry.regions import clip, iou, translate
from samdesk.domain.geometry.types import RgbImage
from samdesk.engine.protocols import Detector, Predictor
from samdesk.images.reader import read_image

SIDE = 4000
"""Of a mosaic, pixels."""
SMALL = 32
"""An object is small if the square root of its area is less than this, in pixels of the detector's input."""
_FOUND = 0.5
_GREY = 114


@dataclass(frozen=True, eq=False)
class Mosaic:
    """Images side by side, at their own size, and the objects on them.

    Attributes:
        pixels: (SIDE, SIDE, 3) uint8 RGB.
        objects: Image pixels; crowds are left out.
    """

    pixels: RgbImage
    objects: tuple[TruthObject, ...]


@dataclass(frozen=True)
class MosaicResult:
    """What one way found on the mosaics.

    Attributes:
        objects: Annotations.
        small: Small objects of the ground truth.
        small_found: Those with an annotation of their class and a mask IoU of 0.5 or more.
        all: Objects of the ground truth.
        all_found: Likewise.
        doubles: Pairs of annotations of a class with a mask IoU of 0.5 or more, or with 80% of the smaller
            one inside the larger.
        twice: Objects of the ground truth with two such annotations.
        seconds: Duration.
    """

    objects: int = 0
    small: int = 0
    small_found: int = 0
    all: int = 0
    all_found: int = 0
    doubles: int = 0
    twice: int = 0
    seconds: float = 0.0

    @property
    def small_recall(self) -> float:
        """Share of the small objects that were found, 0..1."""
        return self.small_found / max(self.small, 1)

    @property
    def recall(self) -> float:
        """Share of all objects that were found, 0..1."""
        return self.all_found / max(self.all, 1)


def mosaics(truth: Sequence[TruthImage], count: int) -> list[Mosaic]:
    """Makes mosaics of images in their order; each begins where the one before ended."""
    made = []
    at = 0
    for _ in range(count):
        pixels = np.full((SIDE, SIDE, 3), _GREY, np.uint8)
        objects: list[TruthObject] = []
        x = y = row = 0
        while True:
            image = truth[at % len(truth)]
            height, width = image.image_hw
            if x + width > SIDE:
                x, y, row = 0, y + row, 0
            if y + height > SIDE:
                break
            pixels[y : y + height, x : x + width] = read_image(image.path)
            objects += [
                TruthObject(translate(clip(o.region, width, height), x, y), o.label)
                for o in (*image.objects, *image.small)
            ]
            x, row, at = x + width, max(row, height), at + 1
        made.append(Mosaic(pixels, tuple(objects)))
    return made


def annotate_mosaics(
    made: Sequence[Mosaic], detector: Detector, predictor: Predictor, plan: AutoAnnotatePlan
) -> MosaicResult:
    """Auto-annotates the mosaics and compares the result with the ground truth."""
    models = Models(detector, predictor)
    annotator = Annotator(models, plan, lambda: models, lambda _: None)
    total = MosaicResult()
    for number, mosaic in enumerate(made):
        started = time.perf_counter()
        [found] = annotator.find([SourceImage(ImageKey(f"{number}.png"), mosaic.pixels)])
        seconds = time.perf_counter() - started
        counts = (*_compared(mosaic, found, detector.names, SMALL * SIDE / plan.imgsz), seconds)
        total = MosaicResult(*(a + b for a, b in zip(astuple(total), counts, strict=True)))
    return total


def _compared(
    mosaic: Mosaic, found: Sequence[FoundObject], names: Sequence[str], limit: float
) -> tuple[int, ...]:
    tree = shapely.STRtree([one.region for one in found])
    small = small_found = all_found = twice = 0
    for wanted in mosaic.objects:
        near = [found[i] for i in tree.query(wanted.region)]
        same = [one for one in near if names[one.detection.class_id] == wanted.label]
        hits = sum(iou(one.region, wanted.region) >= _FOUND for one in same)
        is_small = wanted.region.area**0.5 < limit
        small, small_found = small + is_small, small_found + (is_small and hits > 0)
        all_found, twice = all_found + (hits > 0), twice + (hits > 1)
    return len(found), small, small_found, len(mosaic.objects), all_found, _doubles(found), twice


def _doubles(found: Sequence[FoundObject]) -> int:
    count = 0
    for i, one in enumerate(found):
        for other in found[i + 1 :]:
            if one.detection.class_id == other.detection.class_id and one.region.intersects(other.region):
                shared = one.region.intersection(other.region).area
                smaller = min(one.region.area, other.region.area)
                count += iou(one.region, other.region) >= SAME_OBJECT or shared >= PART * smaller
    return count
