from __future__ import annotations

import pytest
import shapely
from shapely.geometry import MultiPolygon, Polygon

from samdesk.domain.geometry import regions, vertices
from samdesk.domain.geometry.vertices import VertexRef

OUTER = [(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0)]
HOLE = [(4.0, 4.0), (6.0, 4.0), (5.0, 6.0)]
FAR = [(20.0, 0.0), (24.0, 0.0), (22.0, 4.0)]
REGION = MultiPolygon([Polygon(OUTER, [HOLE]), Polygon(FAR)])


def vertex(region: MultiPolygon, ref: VertexRef) -> tuple[float, float]:
    polygon = region.geoms[ref.part]
    ring = (polygon.exterior, *polygon.interiors)[ref.ring]
    return ring.coords[ref.index]


def test_the_nearest_edge_says_where_a_vertex_would_go() -> None:
    found = vertices.nearest_edge(REGION, -0.5, 7, 1)
    assert found == (VertexRef(0, 0, 3), (0.0, 7.0))  # the closing edge, after the last vertex
    assert vertices.nearest_edge(REGION, 15, 5, 1) is None


def test_moving_shows_even_what_is_not_valid() -> None:
    moved = vertices.move_vertex(REGION, VertexRef(0, 0, 0), 20, 5)
    assert vertex(moved, VertexRef(0, 0, 0)) == (20.0, 5.0)
    assert not moved.is_valid
    assert regions.clean(moved).is_valid
    assert REGION.geoms[0].exterior.coords[0] == (0.0, 0.0)


@pytest.mark.parametrize(
    "ref", [VertexRef(0, 0, 3), VertexRef(0, 0, 0), VertexRef(0, 1, 1), VertexRef(1, 0, 2)]
)
def test_inserting_and_deleting_undo_each_other(ref: VertexRef) -> None:
    grown, new = vertices.insert_vertex(REGION, ref, 1.5, 2.5)
    assert new == VertexRef(ref.part, ref.ring, ref.index + 1)
    assert vertex(grown, new) == (1.5, 2.5)
    assert vertices.delete_vertex(grown, new) == REGION


def test_a_ring_of_three_goes_as_a_whole() -> None:
    filled = vertices.delete_vertex(REGION, VertexRef(0, 1, 0))
    assert filled is not None
    assert filled.equals(MultiPolygon([Polygon(OUTER), Polygon(FAR)]))
    alone = vertices.delete_vertex(REGION, VertexRef(1, 0, 0))
    assert alone is not None
    assert alone.equals(Polygon(OUTER, [HOLE]))
    assert vertices.delete_vertex(MultiPolygon([Polygon(FAR)]), VertexRef(0, 0, 0)) is None


def test_what_a_deletion_leaves_is_valid() -> None:
    left = vertices.delete_vertex(REGION, VertexRef(0, 0, 1))
    assert left is not None
    assert left.is_valid
    assert shapely.area(left) < REGION.area


def test_vertices_of_several_rings_are_moved_within_the_image_and_deleted_together() -> None:
    inside = vertices.vertices_in(REGION, 3.5, -1, 25, 5)
    assert inside == {
        VertexRef(0, 0, 1), VertexRef(0, 1, 0), VertexRef(0, 1, 1),
        VertexRef(1, 0, 0), VertexRef(1, 0, 1), VertexRef(1, 0, 2),
    }  # fmt: skip
    moved = vertices.move_vertices(REGION, inside, (1, -1), (24, 10))
    assert [tuple(p) for p in moved.geoms[0].interiors[0].coords[:3]] == [(5, 3), (7, 3), (5, 6)]
    assert [tuple(p) for p in moved.geoms[1].exterior.coords[:3]] == [(21, 0), (24, 0), (23, 3)], (
        "none outside"
    )
    left = vertices.delete_vertices(REGION, inside)
    assert left is not None
    assert left.equals(Polygon([OUTER[0], OUTER[2], OUTER[3]])), "the hole and the other part are gone"
    assert (
        vertices.delete_vertices(REGION, [VertexRef(0, 0, i) for i in range(4)] + [VertexRef(1, 0, 0)])
        is None
    )


def test_positions_of_vertices_and_of_those_beside_them() -> None:
    assert vertices.positions(REGION, [VertexRef(1, 0, 2)]).tolist() == [[22, 4]]
    beside = vertices.positions(REGION, [VertexRef(0, 0, 0)], beside=1)
    assert beside.tolist() == [[0, 10], [0, 0], [10, 0]]
