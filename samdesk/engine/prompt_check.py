"""Rejects prompts that are no place in an image, in words, before a network turns them into indices."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from samdesk.domain.prompts import PromptSet
from samdesk.engine.protocols import EngineError

FARTHEST = 1e7
"""The largest coordinate of a prompt, pixels; prompts may lie outside the image, but not anywhere."""


def check_prompts(prompts: PromptSet) -> None:
    """Checks the prompts for one object. Raises ``EngineError``."""
    if prompts.points:
        check_coordinates([(p.x, p.y) for p in prompts.points], "point")
    if prompts.box is not None:
        check_coordinates(prompts.box.xyxy, "box")
    if prompts.mask is not None:
        frame = prompts.mask.frame
        check_coordinates((frame.x0, frame.y0, frame.width, frame.height), "mask")
        if min(frame.width, frame.height) <= 0:
            raise EngineError("A mask prompt covers no part of the image.")
        if np.isnan(prompts.mask.logits).any():
            raise EngineError("A mask prompt has values that are not numbers (NaN).")


def check_coordinates(values: ArrayLike, kind: str) -> None:
    """Checks coordinates of prompts of a kind ("point"), image pixels. Raises ``EngineError``."""
    found = np.asarray(values, np.float64)
    wrong = found[~(np.abs(found) <= FARTHEST)]
    if wrong.size:
        raise EngineError(f"A {kind} prompt has a coordinate that is no place in an image: {wrong[0]:g}.")
