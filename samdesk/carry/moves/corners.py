"""Tracked corners.

Corners: Shi, Tomasi: "Good Features to Track", CVPR 1994. Tracking: Lucas, Kanade: "An Iterative Image
Registration Technique", IJCAI 1981, in the pyramids of Bouguet (2001). Corners whose track does not lead back
to them are dropped: Kalal, Mikolajczyk, Matas: "Forward-Backward Error", ICPR 2010.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from samdesk.base.cv import cv2
from samdesk.base.jobs import Pause
from samdesk.carry.moves import fit
from samdesk.carry.moves.move import Candidates, Points
from samdesk.carry.pair import ImagePair
from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import Region

_CORNERS, _QUALITY, _APART = 600, 0.01, 7.0
_OF_OBJECT, _QUALITY_OF_OBJECT, _APART_OF_OBJECT = 200, 0.005, 3.0
_WINDOW, _LEVELS = (21, 21), 4
_BACK = 1.0
"""How far from where it was a corner may be when tracked back, pixels."""


def estimate(pair: ImagePair, objects: Sequence[Region], pause: Pause) -> Sequence[Candidates]:
    """See ``Estimate``: the camera's move by all corners, and each object's own by those under its mask."""
    pause()
    camera = fit.homography(*_tracked(pair, _corners(pair)))
    found: list[Candidates] = []
    for region in objects:
        pause()
        own = fit.similarity(*_tracked(pair, _corners(pair, region)))
        found.append(tuple(move for move in (camera, own) if move is not None))
    return found


def _corners(pair: ImagePair, region: Region | None = None) -> Points:
    grey = pair.source.grey
    if region is None:
        found = cv2.goodFeaturesToTrack(grey, _CORNERS, _QUALITY, _APART)
    else:
        mask = regions.rasterize(region, *grey.shape).astype(np.uint8)
        found = cv2.goodFeaturesToTrack(
            grey, _OF_OBJECT, _QUALITY_OF_OBJECT, _APART_OF_OBJECT, mask=mask, blockSize=5
        )
    return np.zeros((0, 2)) if found is None else found.reshape(-1, 2).astype(np.float64) + 0.5


def _tracked(pair: ImagePair, points: Points) -> tuple[Points, Points]:
    """The points whose track leads there and back, on the source and on the target."""
    if len(points) == 0:
        return points, points
    start = (points - 0.5).astype(np.float32)
    there, found, _ = cv2.calcOpticalFlowPyrLK(
        pair.source.grey, pair.target.grey, start, start.copy(), winSize=_WINDOW, maxLevel=_LEVELS
    )
    back, returned, _ = cv2.calcOpticalFlowPyrLK(
        pair.target.grey, pair.source.grey, there, there.copy(), winSize=_WINDOW, maxLevel=_LEVELS
    )
    kept = (found.ravel() == 1) & (returned.ravel() == 1) & (np.abs(back - start).max(axis=1) < _BACK)
    return points[kept], there[kept].astype(np.float64) + 0.5
