"""Which strokes of brush and lasso a person would draw to correct a mask, from what is seen to be wrong.

A person sees where a mask leaves the object and where it misses some of it. For each such place these
strokes are considered: a lasso around it that follows the object's edge there, and brushes of several sizes
drawn along that edge. Each is tried on a copy at screen size without the inaccuracy of the mouse, and the
one that helps most for each gesture is chosen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from samdesk.base.cv import cv2
from samdesk.bench.effort.mouse import BRUSH_RADII, gestures_of
from samdesk.bench.effort.patch import Points, ScreenPatch, raster_iou
from samdesk.domain.geometry.types import BoolArray

_MOST_STROKES = 6
_MOST_PLACES = 3
_LEAST_PLACE = 0.002
"""Places smaller than this share of the object are not corrected one by one."""
_LEAST_GAIN = 0.003


@dataclass(frozen=True, eq=False)
class PlannedStroke:
    """A stroke and the mask after it.

    Attributes:
        adds: False: it takes away.
        points: (N, 2) image pixels.
        radius: Of the brush, image pixels; 0 for a lasso.
        gestures: What it counts as.
        mask: The mask after it, patch pixels.
    """

    adds: bool
    points: Points
    radius: float
    gestures: int
    mask: BoolArray


def plan_strokes(
    mask: BoolArray, target: BoolArray, patch: ScreenPatch, zoom: float, goal: float
) -> list[PlannedStroke] | None:
    """Returns strokes after which a mask is right; None if a few do not do it.

    Args:
        mask: (H, W) bool of the patch; may be empty.
        target: The object.
        patch: Where they are.
        zoom: Screen pixels per image pixel.
        goal: IoU to reach.
    """
    strokes: list[PlannedStroke] = []
    iou = raster_iou(mask, target)
    while iou < goal:
        if len(strokes) == _MOST_STROKES:
            return None
        best, gain = None, _LEAST_GAIN
        for stroke in _candidates(mask, target, patch, zoom):
            reached = raster_iou(stroke.mask, target)
            # What goes beyond the goal is worth nothing.
            value = (min(reached, goal) - iou) / stroke.gestures
            if value > gain:
                best, gain = stroke, value
        if best is None:
            return None
        strokes.append(best)
        mask, iou = best.mask, raster_iou(best.mask, target)
    return strokes


def _candidates(
    mask: BoolArray, target: BoolArray, patch: ScreenPatch, zoom: float
) -> Iterator[PlannedStroke]:
    for adds, wrong, allowed in ((True, target & ~mask, target), (False, mask & ~target, ~target)):
        for place in _places(wrong, int(np.count_nonzero(target))):
            yield from _lassos(mask, place, allowed, adds, patch, zoom)
            yield from _brushes(mask, place, allowed, adds, patch, zoom)


def _places(wrong: BoolArray, size: int) -> Iterator[BoolArray]:
    """All that is wrong, and the largest connected places of it that are wider than a line."""
    if not wrong.any():
        return
    yield wrong
    width = max(3, round(0.03 * size**0.5) * 2 + 1)
    opened = cv2.morphologyEx(wrong.astype(np.uint8), cv2.MORPH_OPEN, _disc(width // 2))
    for raster in (opened, wrong.astype(np.uint8)):
        count, parts, stats, _ = cv2.connectedComponentsWithStats(raster, connectivity=8)
        areas = stats[1:, cv2.CC_STAT_AREA]
        for i in np.argsort(-areas, kind="stable")[:_MOST_PLACES]:
            if count > 1 and areas[i] >= _LEAST_PLACE * size:
                yield np.asarray(parts == i + 1)


def _lassos(
    mask: BoolArray, place: BoolArray, allowed: BoolArray, adds: bool, patch: ScreenPatch, zoom: float
) -> Iterator[PlannedStroke]:
    """A lasso around a place: along the object's edge, and generously elsewhere."""
    size = max(2, round(0.04 * max(place.shape)))
    reach = cv2.dilate(place.astype(np.uint8), _disc(size)) & allowed.astype(np.uint8)
    contours, _ = cv2.findContours(reach, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return
    contour = max(contours, key=cv2.contourArea)
    if len(contour) < 3:
        return
    inside = np.zeros(mask.shape, np.uint8)
    cv2.drawContours(inside, [contour], -1, 1, -1)
    yield _stroke(mask, inside, contour, 0.0, adds, patch, zoom)


def _brushes(
    mask: BoolArray, place: BoolArray, allowed: BoolArray, adds: bool, patch: ScreenPatch, zoom: float
) -> Iterator[PlannedStroke]:
    """Brushes along the object's edge where a place is, on the side where they may paint."""
    for screen_radius in BRUSH_RADII:
        radius = screen_radius / zoom * patch.scale
        if radius < 1.0:
            continue
        # Beyond the patch nothing has to be kept, so a brush may lie half outside.
        border = round(radius) + 2
        room = cv2.copyMakeBorder(
            allowed.astype(np.uint8), border, border, border, border, cv2.BORDER_REPLICATE
        )
        inner = cv2.distanceTransform(room, cv2.DIST_L2, 3)[border:-border, border:-border] >= radius
        near = cv2.dilate(place.astype(np.uint8), _disc(round(radius * 1.1) + 1)).astype(bool)
        line = _longest_run(np.asarray(inner), near)
        if line is None:
            continue
        painted = np.zeros(mask.shape, np.uint8)
        cv2.polylines(painted, [line.astype(np.int32)], False, 1, max(1, round(2 * radius)))
        yield _stroke(mask, painted, line, radius, adds, patch, zoom)


def _longest_run(room: BoolArray, near: BoolArray) -> NDArray[np.int32] | None:
    """The longest stretch of the edges of ``room`` that lies in ``near``, (N, 1, 2)."""
    contours, _ = cv2.findContours(room.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    best: NDArray[np.int32] | None = None
    for contour in contours:
        inside = near[contour[:, 0, 1], contour[:, 0, 0]]
        if not inside.any():
            continue
        if not inside.all():
            start = int(np.flatnonzero(~inside)[0])
            contour, inside = np.roll(contour, -start, axis=0), np.roll(inside, -start)
        edges = np.flatnonzero(np.diff(np.concatenate([[0], inside.astype(np.int8), [0]])))
        runs = edges.reshape(-1, 2)
        first, end = runs[int(np.argmax(runs[:, 1] - runs[:, 0]))]
        if best is None or end - first > len(best):
            best = np.asarray(contour[first:end], np.int32)
    return best


def _stroke(
    mask: BoolArray,
    painted: NDArray[np.uint8],
    line: NDArray[np.int32],
    radius: float,
    adds: bool,
    patch: ScreenPatch,
    zoom: float,
) -> PlannedStroke:
    covered = painted.astype(bool)
    after = mask | covered if adds else mask & ~covered
    points = patch.to_image(line[:, 0].astype(np.float64) + 0.5)
    return PlannedStroke(adds, points, radius / patch.scale, gestures_of(points, zoom), after)


def _disc(radius: int) -> NDArray[np.uint8]:
    side = 2 * radius + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)
