"""One matrix for many pairs of points, of which some are wrong.

RANSAC: Fischler, Bolles: "Random Sample Consensus", Communications of the ACM 24, 1981.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from samdesk.base.cv import cv2
from samdesk.carry.moves.move import MatrixMove, Points

_LEAST_PAIRS = 4
_LEAST_INLIERS = 6
_LARGEST_ZOOM = 2.0
_LARGEST_TURN = np.radians(40.0)
_TOLERANCE = 1.5
"""Distance of an inlier from where the matrix puts it, pixels."""
_ITERATIONS = 1000
_CONFIDENCE = 0.995


def similarity(source: Points, target: Points) -> MatrixMove | None:
    """Shift, turn and zoom; None: the pairs do not agree on a plausible one."""
    if len(source) < _LEAST_PAIRS:
        return None
    matrix, inliers = cv2.estimateAffinePartial2D(
        source, target, method=cv2.RANSAC, ransacReprojThreshold=_TOLERANCE,
        maxIters=_ITERATIONS, confidence=_CONFIDENCE,
    )  # fmt: skip
    return None if matrix is None else _plausible(np.vstack([matrix, [0.0, 0.0, 1.0]]), inliers)


def homography(source: Points, target: Points) -> MatrixMove | None:
    """What a turning or zooming camera does to the whole image; None as in ``similarity``."""
    if len(source) < _LEAST_PAIRS:
        return None
    matrix, inliers = cv2.findHomography(
        source, target, cv2.RANSAC, 2 * _TOLERANCE, maxIters=_ITERATIONS, confidence=_CONFIDENCE
    )
    return None if matrix is None else _plausible(np.asarray(matrix, np.float64), inliers)


def _plausible(matrix: NDArray[np.float64], inliers: Any) -> MatrixMove | None:
    if np.count_nonzero(inliers) < _LEAST_INLIERS or not np.isfinite(matrix).all():
        return None
    a, b, c, d = matrix[:2, :2].ravel() / matrix[2, 2]
    zoom = float(np.sqrt(max(a * d - b * c, 0.0)))
    turn = float(np.arctan2(c - b, a + d))
    if not 1 / _LARGEST_ZOOM <= zoom <= _LARGEST_ZOOM or abs(turn) > _LARGEST_TURN:
        return None
    return MatrixMove(matrix)
