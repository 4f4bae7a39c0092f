"""Tracks corners from one image to the other.

Corners: Shi, Tomasi: "Good Features to Track", CVPR 1994. Tracking: Lucas, Kanade: "An Iterative Image
Registration Technique", IJCAI 1981, in the pyramids of Bouguet (2001). Corners whose track does not lead back
to them are dropped: Kalal, Mikolajczyk, Matas: "Forward-Backward Error", ICPR 2010.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from samdesk.base.cv import cv2
from samdesk.carry.moves.move import Move, Points
from samdesk.carry.pair import ImagePair, WorkingImage
from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import Region

_CORNERS, _QUALITY, _APART = 600, 0.01, 7.0
_OF_OBJECT, _QUALITY_OF_OBJECT, _APART_OF_OBJECT = 200, 0.005, 3.0
_WINDOW, _LEVELS = (21, 21), 4
_NEAR_WINDOW, _NEAR_LEVELS = (15, 15), 1
_BACK = 1.0
"""How far from where it was a corner may be when tracked back, pixels."""


def corners(image: WorkingImage) -> Points:
    """The corners of the whole image."""
    return _centres(cv2.goodFeaturesToTrack(image.grey, _CORNERS, _QUALITY, _APART))


def corners_of(image: WorkingImage, region: Region) -> Points:
    """The corners under a mask, closer to each other than those of the image."""
    mask = regions.rasterize(region, image.height, image.width).astype(np.uint8)
    found = cv2.goodFeaturesToTrack(
        image.grey, _OF_OBJECT, _QUALITY_OF_OBJECT, _APART_OF_OBJECT, mask=mask, blockSize=5
    )
    return _centres(found)


def tracked(pair: ImagePair, points: Points, guess: Move | None = None) -> tuple[Points, Points]:
    """The points whose track leads there and back, on the source and on the target.

    With a guess only their nearest surroundings are searched.
    """
    if len(points) == 0:
        return points, points
    window, levels = (_WINDOW, _LEVELS) if guess is None else (_NEAR_WINDOW, _NEAR_LEVELS)
    start = _index(points)
    guessed = start if guess is None else _index(guess.at(points))
    source, target = pair.source.grey, pair.target.grey
    options: dict[str, Any] = {"winSize": window, "maxLevel": levels, "flags": cv2.OPTFLOW_USE_INITIAL_FLOW}
    there, found, _ = cv2.calcOpticalFlowPyrLK(source, target, start, guessed.copy(), **options)
    back, returned, _ = cv2.calcOpticalFlowPyrLK(target, source, there, there - guessed + start, **options)
    kept = (found.ravel() == 1) & (returned.ravel() == 1) & (np.abs(back - start).max(axis=1) < _BACK)
    return points[kept], there[kept].astype(np.float64) + 0.5


def _index(points: Points) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    return (points - 0.5).astype(np.float32)


def _centres(found: object) -> Points:
    if found is None:
        return np.zeros((0, 2))
    return np.asarray(found, np.float64).reshape(-1, 2) + 0.5
