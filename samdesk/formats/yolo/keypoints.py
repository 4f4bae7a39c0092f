"""Lines with keypoints: ``class cx cy w h`` and as many values as ``kpt_shape`` in data.yaml says."""

from __future__ import annotations

from pathlib import Path

import yaml

from samdesk.base.regular import read_text

_MAX_BYTES = 4_000_000


def keypoint_values(path: Path) -> int:
    """Returns the number of values after the box in a keypoint line; 0: the dataset has no keypoints.

    Args:
        path: The dataset's data.yaml, which may be missing or unreadable.
    """
    try:
        content = yaml.safe_load(read_text(path, _MAX_BYTES))
        count, dimensions = content["kpt_shape"]
    except (OSError, yaml.YAMLError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return 0
    if not isinstance(count, int) or not isinstance(dimensions, int) or count <= 0 or dimensions <= 0:
        return 0
    return count * dimensions
