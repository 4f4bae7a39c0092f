"""Which embedding answers a prompt set: properties for any view and any prompts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samdesk.domain.document import ImageKey
from samdesk.domain.geometry.types import Frame
from samdesk.domain.geometry.views import EDGE
from samdesk.domain.prompts import BoxPrompt, MaskPrompt, PointPrompt, PromptSet
from samdesk.engine.embedding import Embedding
from samdesk.workers.inference.requests.encode import EncodeRequest
from samdesk.workers.inference.views import ImageViews

HEIGHT, WIDTH = 600, 1000
WHOLE = Frame(0, 0, float(WIDTH))


def embedding(frame: Frame) -> Embedding:
    return Embedding("sam", (HEIGHT, WIDTH), frame, None, 0)


def views(*closer: Frame) -> ImageViews:
    found = ImageViews()
    found.show(EncodeRequest(1, ImageKey("a.jpg"), Path("a.jpg")))
    found.whole = embedding(WHOLE)
    for frame in closer:
        found.add_closer(embedding(frame))
    return found


def mask(frame: Frame, x0: float, y0: float, x1: float, y1: float) -> MaskPrompt:
    """A rectangular mask over a view, corners in image pixels."""
    at = (np.arange(256) + 0.5) * frame.side / 256
    inside = (frame.x0 + at >= x0) & (frame.x0 + at < x1)
    rows = (frame.y0 + at >= y0) & (frame.y0 + at < y1)
    return MaskPrompt(np.where(rows[:, None] & inside[None], 5.0, -5.0).astype(np.float32), frame)


@st.composite
def frames(draw: st.DrawFn) -> Frame:
    """A square of whole image pixels; it may reach past the image on the right and below."""
    side = draw(st.integers(32, 600))
    return Frame(draw(st.integers(0, WIDTH - 32)), draw(st.integers(0, HEIGHT - 32)), float(side))


xs, ys = st.floats(0, WIDTH), st.floats(0, HEIGHT)
points = st.builds(PointPrompt, xs, ys, st.booleans())


@st.composite
def boxes(draw: st.DrawFn) -> BoxPrompt:
    (x0, x1), (y0, y1) = sorted([draw(xs), draw(xs)]), sorted([draw(ys), draw(ys)])
    return BoxPrompt(x0, y0, x1, y1)


prompt_sets = st.builds(
    lambda p, b: PromptSet(tuple(p), b), st.lists(points, max_size=4), st.none() | boxes()
).filter(bool)


def outside(frame: Frame, x: float, y: float, room: float = 0.0) -> bool:
    """Whether a point is outside a view or in its margin."""
    right, bottom = frame.x0 + frame.side, frame.y0 + frame.side
    return (
        (frame.x0 > 0 and x < frame.x0 + room)
        or (frame.y0 > 0 and y < frame.y0 + room)
        or (right < WIDTH and x > right - room)
        or (bottom < HEIGHT and y > bottom - room)
    )


@given(frames(), prompt_sets)
def test_a_view_answers_exactly_the_prompts_inside_it(frame: Frame, prompts: PromptSet) -> None:
    found = views(frame).choose(prompts)
    assert found is not None
    answering, said = found
    on = [p for p in prompts.points if p.positive]
    about = [(p.x, p.y) for p in on or (() if prompts.box else prompts.points)]
    if prompts.box:
        about += [(prompts.box.x0, prompts.box.y0), (prompts.box.x1, prompts.box.y1)]
    inside = not any(outside(frame, x, y, EDGE * frame.side) for x, y in about)
    assert answering.frame == (frame if inside else WHOLE)
    assert said.box == prompts.box
    assert [p for p in said.points if p.positive] == on
    left_out = [p for p in prompts.points if p not in said.points]
    assert all(inside and outside(frame, p.x, p.y) for p in left_out)
    if inside:
        assert not any(outside(frame, p.x, p.y) for p in said.points)


@given(frames(), prompt_sets)
def test_without_a_view_the_whole_image_gets_all_prompts(frame: Frame, prompts: PromptSet) -> None:
    back = views(frame)
    back.end_closer()
    for held in (views(), back):
        found = held.choose(prompts)
        assert found is not None
        assert (found[0].frame, found[1]) == (WHOLE, prompts)


def test_nothing_is_chosen_after_clear() -> None:
    held = views(Frame(100, 100, 100))
    held.clear()
    assert held.choose(PromptSet((PointPrompt(150, 150),))) is None


@pytest.mark.parametrize(
    ("x", "answered_there"), [(101.5, False), (101.6, True), (198.4, True), (198.5, False)]
)
def test_points_in_the_margin_are_answered_from_the_whole_image(x: float, answered_there: bool) -> None:
    view = Frame(100, 100, 100)  # its margin is 1.6 pixels
    found = views(view).choose(PromptSet((PointPrompt(x, 150),)))
    assert found is not None
    assert found[0].frame == (view if answered_there else WHOLE)


def test_there_is_no_margin_where_the_image_ends() -> None:
    corner = Frame(900, 500, 100)
    found = views(corner).choose(PromptSet((PointPrompt(999.5, 599.5),)))
    assert found is not None
    assert found[0].frame == corner


@pytest.mark.parametrize("x1", [180, 260])
def test_a_mask_of_the_whole_image_moves_only_to_a_view_that_contains_it(x1: float) -> None:
    view = Frame(100, 100, 100)
    prompts = PromptSet((PointPrompt(150, 150),), mask=mask(WHOLE, 120, 120, x1, 180))
    found = views(view).choose(prompts)
    assert found is not None
    assert found[0].frame == (view if x1 < 200 else WHOLE)


def test_a_correction_stays_on_its_view_up_to_the_edge_and_when_the_mask_is_cut_off() -> None:
    view = Frame(100, 100, 100)
    drawn = mask(view, 100, 100, 200, 200)
    held = views(view, Frame(120, 120, 60))
    for points_ in (
        (PointPrompt(199.9, 150),),
        (PointPrompt(150, 150, positive=False),),
        (PointPrompt(150, 150), PointPrompt(700, 500, positive=False)),
    ):
        found = held.choose(PromptSet(points_, mask=drawn))
        assert found is not None
        assert found[0].frame == view


def test_two_views_are_kept_the_newest_and_that_of_a_correction() -> None:
    first, second, third = Frame(100, 100, 100), Frame(110, 110, 90), Frame(120, 120, 80)
    prompts = PromptSet((PointPrompt(150, 150),), mask=mask(first, 140, 140, 170, 170))
    for closer, expected in (((first, second), first), ((first, second, third), third)):
        found = views(*closer).choose(prompts)
        assert found is not None
        assert found[0].frame == expected


def test_an_empty_mask_prompt_does_not_locate_the_object() -> None:
    view = Frame(100, 100, 100)
    empty = replace(PromptSet((PointPrompt(150, 150),)), mask=mask(WHOLE, 0, 0, 0, 0))
    found = views(view).choose(empty)
    assert found is not None
    assert found[0].frame == view
