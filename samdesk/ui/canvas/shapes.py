"""Shape: a region prepared for painting and hit testing, and its painter paths."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import InitVar, dataclass, field

import numpy as np
import shapely
from numpy.typing import NDArray
from PySide6.QtCore import QByteArray, QDataStream, QRectF
from PySide6.QtGui import QColor, QPainterPath, QTransform
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from samdesk.domain.geometry.types import Region
from samdesk.ui.canvas.style import Mark
from samdesk.ui.canvas.viewport import Viewport

_DETAIL = 0.5
"""Vertices closer together than this, in device pixels, are merged for painting."""
_WITHIN = 0.2
"""An outline of many vertices is painted with fewer, within this many device pixels of them."""
_MANY = 200
_FAR = 3000.0
"""A path that extends further past the canvas than this, in device pixels, is clipped before painting."""


@dataclass(frozen=True)
class Extent:
    """How large a region is.

    Attributes:
        bounds: Image pixels; empty for an empty region.
        area: Square image pixels.
    """

    bounds: QRectF
    area: float


def extents_of(regions: Sequence[Region]) -> list[Extent]:
    """Returns the extents of regions: of thousands in milliseconds, unlike one after the other."""
    found = np.empty(len(regions), object)
    found[:] = regions
    boxes = np.nan_to_num(shapely.bounds(found)).reshape(-1, 4)  # NaN: the region is empty
    boxes[:, 2:] -= boxes[:, :2]
    areas = shapely.area(found)
    return [Extent(QRectF(*box), area) for box, area in zip(boxes.tolist(), areas.tolist(), strict=True)]


@dataclass(eq=False)
class Shape:
    """One region on the canvas.

    Attributes:
        id: The annotation's id, or the index of a proposal.
        region: Image pixels.
        color: The label's colour.
        mark: The state it is painted in.
        text: Its name tag.
        locked: Whether its tag has a padlock.
        extent: Of the region, if it is known.
    """

    id: str
    region: Region
    color: QColor
    mark: Mark = Mark.RESTING
    text: str = ""
    locked: bool = field(default=False, kw_only=True)
    extent: InitVar[Extent | None] = None
    bounds: QRectF = field(init=False)
    area: float = field(init=False)
    _paths: dict[int, QPainterPath] = field(init=False, default_factory=dict)

    def __post_init__(self, extent: Extent | None) -> None:
        extent = extent or extents_of([self.region])[0]
        self.bounds, self.area = extent.bounds, extent.area

    def path(self, view: Viewport, size: tuple[int, int]) -> QPainterPath:
        """The outline in device pixels of a viewport, for a canvas of that width and height.

        Filled even-odd, so that holes stay holes. Detail invisible at this zoom is omitted.
        """
        transform = QTransform(view.scale, 0, 0, view.scale, view.x, view.y)
        if _reaches_far(transform.mapRect(self.bounds), size):
            x0, y0 = view.to_image(-_FAR / 2, -_FAR / 2)
            x1, y1 = view.to_image(size[0] + _FAR / 2, size[1] + _FAR / 2)
            return transform.map(region_path(cut(self.region, x0, y0, x1, y1)))
        level = math.floor(math.log2(view.scale))
        if level not in self._paths:
            if len(self._paths) > 3:  # enough for zooming back and forth
                self._paths.clear()
            self._paths[level] = region_path(
                self.region, _DETAIL / 2.0 ** (level + 1), _WITHIN / 2.0 ** (level + 1)
            )
        return transform.map(self._paths[level])


def _reaches_far(rect: QRectF, size: tuple[int, int]) -> bool:
    return (
        rect.left() < -_FAR
        or rect.top() < -_FAR
        or rect.right() > size[0] + _FAR
        or rect.bottom() > size[1] + _FAR
    )


def bounds_of(region: Region) -> QRectF:
    """The region's bounds, image pixels; empty for an empty region."""
    if region.is_empty:
        return QRectF()
    x0, y0, x1, y1 = region.bounds
    return QRectF(x0, y0, x1 - x0, y1 - y0)


def cut(region: Region, x0: float, y0: float, x1: float, y1: float) -> Region:
    """Clips a region to a box, image pixels. For painting only: the result may touch itself."""
    found = shapely.clip_by_rect(region, x0, y0, x1, y1)
    return MultiPolygon([p for p in _polygons(found) if not p.is_empty])


def _polygons(geometry: BaseGeometry) -> Iterable[Polygon]:
    if isinstance(geometry, Polygon):
        return [geometry]
    return [p for part in getattr(geometry, "geoms", ()) for p in _polygons(part)]


def rings_of(region: Region) -> list[NDArray[np.float64]]:
    """Every ring as closed (N, 2) image pixels, outer rings and holes."""
    rings = [ring for polygon in region.geoms for ring in (polygon.exterior, *polygon.interiors)]
    return [shapely.get_coordinates(ring) for ring in rings]


def region_path(region: Region, detail: float = 0.0, within: float = 0.0) -> QPainterPath:
    """The region as an even-odd path in image pixels.

    Args:
        region: Any.
        detail: Segments shorter than this are left out.
        within: Long rings are simplified to within this.
    """
    return path_from_rings([_simpler(thinned(ring, detail), within) for ring in rings_of(region)])


def _simpler(ring: NDArray[np.float64], within: float) -> NDArray[np.float64]:
    if within <= 0 or len(ring) < _MANY:
        return ring
    fewer = shapely.simplify(shapely.linestrings(ring), within, preserve_topology=False)
    points: NDArray[np.float64] = shapely.get_coordinates(fewer)
    return points


def thinned(ring: NDArray[np.float64], detail: float) -> NDArray[np.float64]:
    """Removes vertices of a closed ring that share a ``detail``-sized cell with the previous one."""
    if detail <= 0 or len(ring) < 12:
        return ring
    cells = np.floor(ring / detail)
    kept = np.any(np.diff(cells, axis=0) != 0, axis=1)
    kept = np.concatenate(([True], kept))
    kept[-1] = True  # it closes the ring
    return ring[kept]


def path_from_rings(rings: Iterable[NDArray[np.float64]]) -> QPainterPath:
    """Closed (N, 2) rings as one even-odd path.

    Written in QPainterPath's stream format (Qt documentation, "Serializing Qt Data Types"), which
    takes microseconds instead of milliseconds for one Python call per vertex.
    """
    rings = list(rings)
    total = sum(len(ring) for ring in rings)
    elements = np.zeros(total, dtype=[("type", ">i4"), ("x", ">f8"), ("y", ">f8")])
    elements["type"] = 1  # line to
    at = 0
    for ring in rings:
        elements["type"][at] = 0  # move to
        elements["x"][at : at + len(ring)] = ring[:, 0]
        elements["y"][at : at + len(ring)] = ring[:, 1]
        at += len(ring)
    last_start = total - len(rings[-1]) if rings else 0
    head, tail = np.array([total], ">i4"), np.array([last_start, 0], ">i4")  # 0: odd-even fill
    path = QPainterPath()
    if total:
        stream = QDataStream(QByteArray(head.tobytes() + elements.tobytes() + tail.tobytes()))
        stream >> path
    return path
