"""Views: inside the image, around the visible part, and stable while panning."""

from __future__ import annotations

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from samdesk.domain.geometry.types import Frame
from samdesk.domain.geometry.views import SMALLEST, Rect, contains_rect, magnification, view_for, view_of

HW = tuple[int, int]
sizes = st.tuples(st.integers(1, 20_000), st.integers(1, 20_000))
part = st.floats(0, 1)


@st.composite
def looks(draw: st.DrawFn) -> tuple[HW, Rect]:
    """An image and a visible part of it, on a screen of some shape."""
    height, width = draw(sizes)
    zoom = draw(st.floats(1, 200))
    wide, tall = width / zoom, height / draw(st.floats(1, 200))
    x, y = draw(part) * (width - wide), draw(part) * (height - tall)
    return (height, width), (x, y, x + wide, y + tall)


def moved(rect: Rect, dx: float, dy: float) -> Rect:
    return rect[0] + dx, rect[1] + dy, rect[2] + dx, rect[3] + dy


@given(looks())
@example(((50, 20_000), (9_000.0, 10.0, 9_300.0, 30.0)))
@example(((1, 1), (0.0, 0.0, 1.0, 1.0)))
def test_a_view_holds_what_is_seen_and_lies_inside_the_image(look: tuple[HW, Rect]) -> None:
    (height, width), seen = look
    view = view_of(seen, (height, width))
    assume(view is not None)
    assert view is not None
    assert contains_rect(view, (max(seen[0], 0), max(seen[1], 0), min(seen[2], width), min(seen[3], height)))
    assert (view.x0, view.y0, view.side) == tuple(map(int, (view.x0, view.y0, view.side)))
    assert view.tall is None
    assert 0 <= view.x0 <= max(0, width - view.side)
    assert 0 <= view.y0 <= max(0, height - view.side)
    assert SMALLEST <= view.side < max(height, width)


@given(looks())
def test_it_is_as_close_as_the_surroundings_allow(look: tuple[HW, Rect]) -> None:
    hw, seen = look
    view = view_of(seen, hw)
    extent = max(seen[2] - seen[0], seen[3] - seen[1])
    side = max(hw) if view is None else view.side
    assert side <= 1.4143 * max(1.25 * extent, SMALLEST) + 1, "one step of the ladder more than it needs"


@given(looks(), st.floats(-1, 1), st.floats(-1, 1))
def test_small_pans_keep_the_view(look: tuple[HW, Rect], right: float, down: float) -> None:
    hw, seen = look
    view = view_for(seen, hw)
    assume(view is not None)
    extent = max(seen[2] - seen[0], seen[3] - seen[1])
    panned = moved(seen, 0.02 * extent * right, 0.02 * extent * down)
    assert view_for(panned, hw, view) == view


@given(looks(), st.floats(0.75, 1.03))
def test_small_zooms_keep_the_view(look: tuple[HW, Rect], zoom: float) -> None:
    hw, (x0, y0, x1, y1) = look
    view = view_for((x0, y0, x1, y1), hw)
    assume(view is not None)
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    wide, tall = (x1 - x0) * zoom / 2, (y1 - y0) * zoom / 2
    assert view_for((x - wide, y - tall, x + wide, y + tall), hw, view) == view


@given(looks(), looks())
def test_where_it_comes_from_matters_only_while_the_old_view_serves(
    look: tuple[HW, Rect], other: tuple[HW, Rect]
) -> None:
    hw, seen = look
    current = view_of(other[1], hw)
    fresh, kept = view_for(seen, hw), view_for(seen, hw, current)
    if kept != fresh:
        assert kept == current
        assert current is not None
        assert fresh is None or current.side <= 1.5 * fresh.side


@given(sizes)
def test_the_whole_image_needs_no_view(hw: HW) -> None:
    height, width = hw
    assert view_of((-50, -50, width + 50.0, height + 50.0), hw) is None


def test_it_begins_at_twice_as_fine_and_ends_where_it_holds_no_more() -> None:
    hw = (3000, 4000)

    def screen(wide: float) -> Rect:
        return 2000 - wide / 2, 1500 - wide / 3, 2000 + wide / 2, 1500 + wide / 3

    assert view_for(screen(1700), hw) is None
    view = view_for(screen(1600), hw)
    assert view is not None
    assert magnification(view, hw) == pytest.approx(2, rel=0.01)
    assert view_for(screen(1700), hw, view) == view, "it does not flap at the threshold"
    assert view_for(screen(2100), hw, view) is None
    assert view_for(screen(1600), hw, closer=4.0) is None
    first = view_for(screen(1700), hw, closer=1.4)
    assert first is not None
    assert magnification(first, hw) == pytest.approx(1.41, rel=0.01)


def test_zoomed_in_further_it_becomes_closer() -> None:
    hw = (3000, 4000)
    view = view_for((1000, 1000, 1600, 1400), hw)
    assert view is not None
    closer = view_for((1200, 1100, 1400, 1200), hw, view)
    assert closer is not None
    assert closer.side < view.side / 2


def test_it_holds_what_is_seen_at_every_place() -> None:
    hw, extent = (4000, 4000), 800
    for start in range(0, 3200, 7):
        seen = (float(start), 1000.0, float(start + extent), 1000.0 + extent)
        view = view_for(seen, hw)
        assert view is not None
        assert view.side == 1000, "the tightest there is"
        assert contains_rect(view, seen), start


def test_what_comes_to_the_edge_of_the_view_brings_another() -> None:
    hw = (4000, 4000)
    view = view_for((1600, 1600, 2300, 2300), hw)
    assert view is not None
    edge = view.side / 64

    def kept(left: float) -> bool:
        return view_for((left, 1600, left + 700, 2300), hw, view) == view

    assert kept(view.x0 + edge + 1)
    assert not kept(view.x0 + edge - 1)
    corner = view_for((0, 0, 700, 700), hw)
    assert corner is not None
    assert view_for((0, 0, 690, 690), hw, corner) == corner, "where the photo ends there is no edge"


def test_coming_back_by_another_way_meets_few_views() -> None:
    hw, seen = (8000, 12_000), (6000, 4000, 6300, 4200)
    views = {view_for(moved(seen, dx, dy), hw) for dx in range(0, 40, 2) for dy in range(0, 40, 2)}
    assert len(views) <= 4, "of 400 places a few pixels apart"


@pytest.mark.parametrize("hw", [(480, 640), (8660, 11547), (20_000, 50)])
def test_the_closest_zoom_still_has_surroundings(hw: HW) -> None:
    view = view_for((20, 20, 24, 24), hw)
    assert view is not None
    assert SMALLEST <= view.side < SMALLEST * 1.5


def test_in_a_tiny_image_there_is_nothing_to_gain() -> None:
    assert view_for((20, 20, 24, 24), (200, 200)) is None


def test_with_nothing_of_the_image_visible_nothing_changes() -> None:
    view = Frame(0, 0, 500)
    assert view_for((-200, -200, -100, -100), (1000, 1000), view) == view
    assert view_for((-200, -200, -100, -100), (1000, 1000)) is None
