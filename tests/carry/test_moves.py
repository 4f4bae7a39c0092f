"""Each method by itself."""

from __future__ import annotations

import numpy as np
import pytest

from samdesk.base.jobs import no_pause
from samdesk.carry.moves.registry import MOVES, MoveMethod
from samdesk.carry.pair import ImagePair
from samdesk.domain.geometry import regions
from tests.carry.scenes import camera, seen_by, texture

INSIDE = np.array([[150.0, 110.0], [170.0, 120.0], [185.5, 95.25]])


@pytest.mark.parametrize("method", MOVES, ids=lambda method: method.id)
def test_a_shift_is_recovered_by_each_method(method: MoveMethod) -> None:
    image = texture(2)
    pair = ImagePair.of(image, seen_by(camera(16, -9), image))
    (moves,) = method.estimate(pair, [regions.from_box(140, 90, 190, 130)], no_pause)
    errors = [np.abs(move.at(INSIDE) - INSIDE - (16, -9)).max() for move in moves]
    assert min(errors) < 0.5


@pytest.mark.parametrize("method", MOVES, ids=lambda method: method.id)
def test_no_method_fails_without_texture(method: MoveMethod) -> None:
    flat = np.full((60, 80, 3), 100, np.uint8)
    objects = [regions.from_box(10, 10, 50, 40), regions.EMPTY]
    assert len(method.estimate(ImagePair.of(flat, flat), objects, no_pause)) == 2
