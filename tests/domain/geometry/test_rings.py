from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from samdesk.base.cv import cv2
from samdesk.domain.geometry.rings import Rings, around_positive, bent, clear_of_zero, largest, simplified

Samples = NDArray[np.float64]


def surface(seed: int, detail: int, side: int = 24) -> Samples:
    coarse = np.random.default_rng(seed).normal(size=(detail, detail))
    return clear_of_zero(cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC) * 5)


def drawn(z: Samples) -> Rings:
    rings = around_positive(z)
    assert rings is not None
    return rings


def height(z: Samples, x: Samples, y: Samples) -> Samples:
    """The bilinear surface between the samples."""
    column, row = (np.clip(np.floor(v).astype(int), 0, len(z) - 2) for v in (x, y))
    u, v = x - column, y - row
    upper = z[row, column] * (1 - u) + z[row, column + 1] * u
    lower = z[row + 1, column] * (1 - u) + z[row + 1, column + 1] * u
    return upper * (1 - v) + lower * v


def curve(z: Samples, finer: int = 40) -> shapely.Geometry:
    """Where the surface is 0, so finely sampled that chords do."""
    at = np.arange((len(z) - 1) * finer + 1) / finer
    fine = drawn(clear_of_zero(height(z, *np.meshgrid(at, at))))
    return shapely.MultiLineString(
        [fine.points[i:j] / finer for i, j in zip(fine.starts[:-1], fine.starts[1:], strict=True)]
    )


def away_from_saddles(z: Samples, points: Samples) -> NDArray[np.bool_]:
    """Points inside the grid, in cells that the curve passes once, and whose neighbours it passes once."""
    sign = z > 0
    saddle = (sign[:-1, :-1] == sign[1:, 1:]) & (sign[1:, :-1] == sign[:-1, 1:])
    saddle &= sign[:-1, :-1] != sign[1:, :-1]
    near = cv2.dilate(saddle.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    column, row = (np.clip(np.floor(v).astype(int), 0, len(z) - 2) for v in points.T)
    inside = ((points > 1e-6) & (points < len(z) - 1 - 1e-6)).all(axis=1)
    return inside & ~near[row, column]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), detail=st.sampled_from([4, 6, 10]))
def test_the_outline_keeps_within_its_bound_of_the_curve(seed: int, detail: int) -> None:
    z = surface(seed, detail)
    region = simplified(bent(drawn(z), z), 0.03)
    wanted = curve(z)
    for outline, other in ((region.boundary, wanted), (wanted, region.boundary)):
        points = shapely.get_coordinates(shapely.segmentize(outline, 0.05))
        points = points[away_from_saddles(z, points)]
        distance = shapely.distance(other, shapely.points(points))
        assert distance.max(initial=0.0) <= 0.042  # of it 0.002 for the chords of the curve itself


def test_a_hyperbola_is_bent_where_its_chord_cuts_the_corner() -> None:
    z = np.array([[0.3, -1.0], [-1.0, -1.0]])
    rings = drawn(z)
    curve = bent(rings, z)
    assert len(curve.points) > len(rings.points)
    inner = curve.points[(curve.points > 1e-9).all(axis=1)]
    np.testing.assert_allclose(height(z, *inner.T), 0, atol=1e-12)
    assert curve.region().is_valid


def test_a_flat_surface_keeps_its_chords() -> None:
    row, column = np.mgrid[:6, :6]
    z = clear_of_zero(column + 0.3 * row - 2.6)
    rings = drawn(z)
    assert bent(rings, z) is rings


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), detail=st.sampled_from([4, 12, 24]), most=st.integers(1, 12))
def test_the_largest_rings_stay_and_make_a_valid_region(seed: int, detail: int, most: int) -> None:
    rings = drawn(surface(seed, detail))
    fewer = largest(rings, most)
    assert len(fewer) == min(most, len(rings))
    region = fewer.region()
    assert region.is_valid
    shells = [shapely.Polygon(part.exterior) for part in region.geoms]
    holes = [shapely.Polygon(hole) for part in region.geoms for hole in part.interiors]
    assert len(shells) + len(holes) == len(fewer)
    whole = rings.region()
    areas = [shapely.Polygon(part.exterior).area for part in whole.geoms]
    areas += [shapely.Polygon(hole).area for part in whole.geoms for hole in part.interiors]
    kept = sorted((ring.area for ring in [*shells, *holes]), reverse=True)
    np.testing.assert_allclose(kept, sorted(areas, reverse=True)[: len(fewer)])


def test_a_part_in_a_hole_goes_with_the_hole() -> None:
    z = np.full((15, 15), -1.0)
    z[1:14, 1:14] = 1
    z[4:11, 4:11] = -1
    z[7, 7] = 1
    rings = drawn(z)
    assert len(rings) == 3
    region = largest(rings, 1).region()
    assert region.is_valid
    assert len(region.geoms) == 1
    assert not region.geoms[0].interiors


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    detail=st.sampled_from([4, 12, 24]),
    tolerance=st.floats(0.001, 3),
)
def test_simplified_rings_are_valid(seed: int, detail: int, tolerance: float) -> None:
    z = surface(seed, detail)
    rings = bent(drawn(z), z)
    region = simplified(rings, tolerance)
    assert region.is_valid
    assert not region.is_empty
    assert len(shapely.get_coordinates(region)) <= len(rings.points)


def test_samples_of_zero_are_no_object_and_touch_nothing() -> None:
    z = clear_of_zero(np.array([[0.0, 0.0, 0.0], [0.0, 5.0, 0.0], [0.0, 0.0, 5.0]]))
    assert (z != 0).all()
    region = drawn(z).region()
    assert region.is_valid
    assert region.area == pytest.approx(2.5, abs=0.6)
    assert around_positive(clear_of_zero(np.zeros((3, 3)))) is None
