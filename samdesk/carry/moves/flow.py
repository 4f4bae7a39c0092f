"""Dense optical flow, by dense inverse search.

OpenCV's ``DISOpticalFlow`` (Kroeger, Timofte, Dai, Van Gool: "Fast Optical Flow using Dense Inverse Search",
ECCV 2016).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from samdesk.base.cv import cv2
from samdesk.base.jobs import Pause
from samdesk.carry.moves.move import Candidates, DenseMove
from samdesk.carry.pair import ImagePair
from samdesk.domain.geometry.types import Region


def estimate(pair: ImagePair, objects: Sequence[Region], pause: Pause) -> Sequence[Candidates]:
    """See ``Estimate``: one flow for all objects."""
    pause()
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow = search.calc(pair.source.grey, pair.target.grey, np.zeros((*pair.source.grey.shape, 2), np.float32))
    return [(DenseMove(np.asarray(flow, np.float32)),)] * len(objects)
