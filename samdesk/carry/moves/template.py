"""Each object as a template: where the target looks most like it. Turn and zoom by its corners, from there.

OpenCV's ``matchTemplate``, under the mask: normalised cross-correlation (Lewis: "Fast Template Matching",
Vision Interface 1995).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from samdesk.base.cv import cv2
from samdesk.base.jobs import Pause
from samdesk.carry.moves import fit
from samdesk.carry.moves.move import Candidates, MatrixMove
from samdesk.carry.moves.tracking import corners_of, tracked
from samdesk.carry.pair import ImagePair
from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import Region

_REACH = 0.25
"""How far around its place an object is looked for, as a part of the longer side of the image."""
_SIDE = 320
"""The longer side of the image that is searched, pixels."""
_LEAST_SIDE = 4


def estimate(pair: ImagePair, objects: Sequence[Region], pause: Pause) -> Sequence[Candidates]:
    """See ``Estimate``."""
    scale = min(1.0, _SIDE / max(pair.source.width, pair.source.height))
    size = round(pair.source.width * scale), round(pair.source.height * scale)
    source, target = (
        cv2.resize(image.rgb, size, interpolation=cv2.INTER_AREA) for image in (pair.source, pair.target)
    )
    found: list[Candidates] = []
    for region in objects:
        pause()
        shift = _search(source, target, region, scale)
        found.append(() if shift is None else _refined(pair, region, shift))
    return found


def _refined(pair: ImagePair, region: Region, shift: MatrixMove) -> Candidates:
    """The shift, and what the object's corners make of it when they are tracked from there."""
    nearer = fit.similarity(*tracked(pair, corners_of(pair.source, region), shift))
    return (shift,) if nearer is None else (shift, nearer)


def _search(source: Any, target: Any, region: Region, scale: float) -> MatrixMove | None:
    height, width = source.shape[:2]
    small = regions.clip(regions.scale(region, scale, scale), width, height)
    if not regions.is_drawable(small):
        return None
    x0, y0, x1, y1 = (int(v) for v in (*np.floor(small.bounds[:2]), *np.ceil(small.bounds[2:])))
    if x1 - x0 < _LEAST_SIDE or y1 - y0 < _LEAST_SIDE:
        return None
    mask = regions.rasterize(small, height, width)[y0:y1, x0:x1].astype(np.uint8)
    if not mask.any():
        return None
    reach = round(_REACH * max(width, height))
    left, top = max(0, x0 - reach), max(0, y0 - reach)
    window = target[top : min(height, y1 + reach), left : min(width, x1 + reach)]
    alike = cv2.matchTemplate(window, source[y0:y1, x0:x1], cv2.TM_CCOEFF_NORMED, mask=mask)
    alike[~np.isfinite(alike)] = -1
    y, x = np.unravel_index(int(np.argmax(alike)), alike.shape)
    shift = (left + float(x) - x0) / scale, (top + float(y) - y0) / scale
    return MatrixMove(np.array([[1.0, 0.0, shift[0]], [0.0, 1.0, shift[1]], [0.0, 0.0, 1.0]]))
