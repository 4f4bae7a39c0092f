"""Removal of specks beside a mask and pinholes in it, which are tedious to correct by hand."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from samdesk.base.cv import cv2
from samdesk.domain.geometry.types import BoolArray, FloatArray, Frame
from samdesk.domain.prompts import PointPrompt

MAX_SPECK_SHARE = 0.005
"""Components smaller than this share of the mask's area are specks or pinholes."""


def remove_specks(logits: FloatArray, frame: Frame, points: Iterable[PointPrompt] = ()) -> FloatArray:
    """Removes a mask's specks and fills its pinholes, except under point prompts.

    Args:
        logits: (h, w) float32 over ``frame``; positive inside the object.
        frame: Part of the image that the logits cover.
        points: Point prompts; a speck or pinhole under one is kept.

    Returns:
        (h, w) float32 with the sign of the changed cells inverted; ``logits`` itself if nothing changes.
    """
    mask = logits > 0
    min_area = MAX_SPECK_SHARE * np.count_nonzero(mask)
    prompted = np.zeros(logits.shape, np.bool_)
    for point in points:
        column = int((point.x - frame.x0) / frame.width * logits.shape[1])
        row = int((point.y - frame.y0) / frame.height * logits.shape[0])
        if 0 <= row < logits.shape[0] and 0 <= column < logits.shape[1]:
            prompted[row, column] = True
    specks = _small_components(mask, min_area, prompted) | _small_components(~mask, min_area, prompted)
    if not specks.any():
        return logits
    # A logit of 0 is background and has no sign to invert.
    inverted = np.where(mask, -logits, np.maximum(-logits, np.float32(1e-3)))
    return np.where(specks, inverted, logits)


def _small_components(mask: BoolArray, min_area: float, prompted: BoolArray) -> BoolArray:
    """Returns the connected components with fewer cells than ``min_area`` and no point prompt."""
    count, parts, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    small = np.zeros(count, np.bool_)
    small[1:] = stats[1:, cv2.CC_STAT_AREA] < min_area
    small[np.unique(parts[prompted])] = False
    return np.asarray(small[parts])
