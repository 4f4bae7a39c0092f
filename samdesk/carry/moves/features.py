"""Matched features: Rublee, Rabaud, Konolige, Bradski: "ORB", ICCV 2011."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from samdesk.base.cv import cv2
from samdesk.base.jobs import Pause
from samdesk.carry.moves import fit
from samdesk.carry.moves.move import Candidates, Points
from samdesk.carry.pair import ImagePair
from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import Region

_FEATURES = 1500


def estimate(pair: ImagePair, objects: Sequence[Region], pause: Pause) -> Sequence[Candidates]:
    """See ``Estimate``: the camera's move by all matches, and each object's own by those under its mask."""
    pause()
    source, target = _matched(pair)
    pause()
    camera = fit.homography(source, target)
    found: list[Candidates] = []
    for region in objects:
        mask = regions.rasterize(region, pair.source.height, pair.source.width)
        under = mask[tuple(source.astype(np.intp).T[::-1])] if len(source) else np.zeros(0, np.bool_)
        own = fit.similarity(source[under], target[under])
        found.append(tuple(move for move in (camera, own) if move is not None))
    return found


def _matched(pair: ImagePair) -> tuple[Points, Points]:
    """The places of features that are each other's most similar."""
    search = cv2.ORB.create(nfeatures=_FEATURES, fastThreshold=7)
    places, descriptors = search.detectAndCompute(pair.source.grey, None)
    places_there, descriptors_there = search.detectAndCompute(pair.target.grey, None)
    if descriptors is None or descriptors_there is None:
        return np.zeros((0, 2)), np.zeros((0, 2))
    matches = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(descriptors, descriptors_there)
    return (
        _points(places, [m.queryIdx for m in matches]),
        _points(places_there, [m.trainIdx for m in matches]),
    )


def _points(places: Sequence[Any], chosen: Sequence[int]) -> Points:
    return np.array([places[i].pt for i in chosen], np.float64).reshape(-1, 2) + 0.5
