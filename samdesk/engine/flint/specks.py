"""Specks beside a mask and pinholes in it: too small to be meant, and a nuisance to take away by hand."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from samdesk.base.cv import cv2
from samdesk.domain.geometry.types import BoolArray, FloatArray, Frame
from samdesk.domain.prompts import PointPrompt

CRUMB = 0.005
"""What is smaller than this share of the mask is a speck or a pinhole."""


def without_crumbs(logits: FloatArray, frame: Frame, points: Iterable[PointPrompt] = ()) -> FloatArray:
    """The mask without its specks and with its pinholes filled, except where someone clicked.

    Args:
        logits: (h, w) float32 over ``frame``; above 0 is object.
        frame: What they cover.
        points: Clicks; a speck or a pinhole under one is meant.
    """
    drawn = logits > 0
    least = CRUMB * np.count_nonzero(drawn)
    clicked = np.zeros(logits.shape, np.bool_)
    for point in points:
        column = int((point.x - frame.x0) / frame.width * logits.shape[1])
        row = int((point.y - frame.y0) / frame.height * logits.shape[0])
        if 0 <= row < logits.shape[0] and 0 <= column < logits.shape[1]:
            clicked[row, column] = True
    crumbs = _small(drawn, least, clicked) | _small(~drawn, least, clicked)
    if not crumbs.any():
        return logits
    # A logit of 0 is no object, and has no sign to turn.
    turned = np.where(drawn, -logits, np.maximum(-logits, np.float32(1e-3)))
    return np.where(crumbs, turned, logits)


def _small(where: BoolArray, least: float, clicked: BoolArray) -> BoolArray:
    """The parts of a mask that have fewer cells than ``least`` and no click."""
    count, parts, stats, _ = cv2.connectedComponentsWithStats(where.astype(np.uint8), connectivity=4)
    small = np.zeros(count, np.bool_)
    small[1:] = stats[1:, cv2.CC_STAT_AREA] < least
    small[np.unique(parts[clicked])] = False
    return np.asarray(small[parts])
