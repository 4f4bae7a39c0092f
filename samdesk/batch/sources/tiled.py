"""Detection in tiles, for objects that are too small in the whole image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely

from samdesk.batch.find import DetectedBox
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.batch.sources.base import ObjectSource, SourceImage
from samdesk.batch.sources.settle import SAME_OBJECT, most_confident
from samdesk.batch.sources.tiles import Tile, tiles
from samdesk.batch.sources.views import with_views
from samdesk.domain.geometry.regions import translate
from samdesk.domain.geometry.types import Region
from samdesk.engine.protocols import Detection, ModelInfo

_AT_ONCE = 8
"""Tiles in one call of the detector."""


@dataclass(frozen=True)
class TiledSource:
    """Finds objects in the tiles of each image and in the whole image, each object once.

    Attributes:
        source: Finds the objects of a tile.
        plan: Its ``tile`` is the size of the tiles.
    """

    source: ObjectSource
    plan: AutoAnnotatePlan

    @property
    def info(self) -> ModelInfo | None:
        """The model's."""
        return self.source.info

    @property
    def names(self) -> tuple[str, ...]:
        """Class names by class id."""
        return self.source.names

    def find(self, images: Sequence[SourceImage]) -> list[list[DetectedBox]]:
        """Finds the objects of each image; small ones have a view in which their masks are drawn."""
        return [self._find(image) for image in images]

    def _find(self, image: SourceImage) -> list[DetectedBox]:
        height, width = image.pixels.shape[:2]
        seen = tiles((height, width), self.plan.tile)
        found: list[DetectedBox] = []
        for start in range(0, len(seen), _AT_ONCE):
            batch = seen[start : start + _AT_ONCE]
            parts = [replace(image, pixels=image.pixels[t.y0 : t.y1, t.x0 : t.x1]) for t in batch]
            for tile, boxes in zip(batch, self.source.find(parts), strict=True):
                placed = [_placed(box, tile) for box in boxes]
                found += [box for box in placed if not tile.cuts(box.region.bounds, (height, width))]
        merged = merged_boxes(found, min(self.plan.iou, SAME_OBJECT))[: self.plan.max_det]
        return with_views(merged, (height, width), self.plan.tile)


def merged_boxes(boxes: Sequence[DetectedBox], limit: float) -> list[DetectedBox]:
    """The boxes without those of a class that overlap a more confident one, the most confident first.

    Args:
        boxes: Of all tiles, image pixels.
        limit: The IoU of two boxes above which they are of the same object.
    """
    kept = most_confident(
        [box.region for box in boxes],
        [box.detection.score for box in boxes],
        lambda i, j, iou, _: boxes[i].detection.class_id == boxes[j].detection.class_id and iou > limit,
    )
    return [boxes[i] for i in kept]


def _placed(box: DetectedBox, tile: Tile) -> DetectedBox:
    """A box of a tile, in pixels of the image."""
    d, dx, dy = box.detection, tile.x0, tile.y0
    if not (dx or dy):
        return box
    return replace(
        box,
        detection=Detection(d.x0 + dx, d.y0 + dy, d.x1 + dx, d.y1 + dy, d.score, d.class_id),
        region=_moved(box.region, dx, dy),
        mask=None if box.mask is None else translate(box.mask, dx, dy),
    )


def _moved(region: Region, dx: int, dy: int) -> Region:
    moved: Region = shapely.transform(region, lambda xy: xy + np.array([dx, dy]))
    return moved
