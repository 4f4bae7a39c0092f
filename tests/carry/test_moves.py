"""Each method by itself."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from samdesk.base.jobs import no_pause
from samdesk.carry.moves.move import DenseMove
from samdesk.carry.moves.registry import MOVES, MoveMethod
from samdesk.carry.outlines import moved
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


def test_an_edge_that_a_flow_bends_gets_vertices_and_a_straight_one_none() -> None:
    flow = np.zeros((100, 100, 2), np.float32)
    flow[:50, :, 1] = 6 * np.sin(np.linspace(0, np.pi, 100, dtype=np.float32))
    region = moved(regions.from_box(10, 20, 90, 80), DenseMove(flow))
    xy = shapely.get_coordinates(region)
    assert (xy[:, 1] == 80).sum() == 2, "the lower edge lies where nothing moves"
    assert (xy[:, 1] < 30).sum() > 8
    assert xy[:, 1].min() == pytest.approx(20 + 6 * np.sin(np.pi * 9.5 / 99), abs=0.1)
    assert region.contains(shapely.Point(50, 30))
    assert not region.contains(shapely.Point(50, 25))
