"""Which embedding answers a prompt: properties for any look and any prompts."""

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


def looks(*closer: Frame) -> ImageViews:
    found = ImageViews()
    found.show(EncodeRequest(1, ImageKey("a.jpg"), Path("a.jpg")))
    found.whole = embedding(WHOLE)
    for frame in closer:
        found.add_closer(embedding(frame))
    return found


def mask(frame: Frame, x0: float, y0: float, x1: float, y1: float) -> MaskPrompt:
    """A rectangle drawn on a look, corners in image pixels."""
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
    """Whether a point is outside a look, or so near an edge inside the image that it counts as that."""
    right, bottom = frame.x0 + frame.side, frame.y0 + frame.side
    return (
        (frame.x0 > 0 and x < frame.x0 + room)
        or (frame.y0 > 0 and y < frame.y0 + room)
        or (right < WIDTH and x > right - room)
        or (bottom < HEIGHT and y > bottom - room)
    )


@given(frames(), prompt_sets)
def test_a_look_answers_what_is_all_inside_it_and_nothing_else(frame: Frame, prompts: PromptSet) -> None:
    found = looks(frame).choose(prompts)
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
def test_without_a_look_or_back_at_the_whole_all_is_said_to_the_whole(
    frame: Frame, prompts: PromptSet
) -> None:
    back = looks(frame)
    back.end_closer()
    for held in (looks(), back):
        found = held.choose(prompts)
        assert found is not None
        assert (found[0].frame, found[1]) == (WHOLE, prompts)


def test_nothing_is_answered_from_what_was_let_go() -> None:
    held = looks(Frame(100, 100, 100))
    held.clear()
    assert held.choose(PromptSet((PointPrompt(150, 150),))) is None


@pytest.mark.parametrize(
    ("x", "answered_there"), [(101.5, False), (101.6, True), (198.4, True), (198.5, False)]
)
def test_what_lies_near_an_edge_is_likely_to_go_on_outside(x: float, answered_there: bool) -> None:
    look = Frame(100, 100, 100)  # its margin is 1.6 pixels
    found = looks(look).choose(PromptSet((PointPrompt(x, 150),)))
    assert found is not None
    assert found[0].frame == (look if answered_there else WHOLE)


def test_no_margin_is_left_where_the_image_ends() -> None:
    corner = Frame(900, 500, 100)
    found = looks(corner).choose(PromptSet((PointPrompt(999.5, 599.5),)))
    assert found is not None
    assert found[0].frame == corner


@pytest.mark.parametrize("x1", [180, 260])
def test_a_mask_of_the_whole_goes_on_only_where_it_is_not_cut_off(x1: float) -> None:
    look = Frame(100, 100, 100)
    prompts = PromptSet((PointPrompt(150, 150),), mask=mask(WHOLE, 120, 120, x1, 180))
    found = looks(look).choose(prompts)
    assert found is not None
    assert found[0].frame == (look if x1 < 200 else WHOLE)


def test_a_correction_stays_on_its_look_up_to_the_edge_and_when_the_mask_is_cut_off() -> None:
    look = Frame(100, 100, 100)
    drawn = mask(look, 100, 100, 200, 200)
    held = looks(look, Frame(120, 120, 60))
    for points_ in (
        (PointPrompt(199.9, 150),),
        (PointPrompt(150, 150, positive=False),),
        (PointPrompt(150, 150), PointPrompt(700, 500, positive=False)),
    ):
        found = held.choose(PromptSet(points_, mask=drawn))
        assert found is not None
        assert found[0].frame == look


def test_the_look_of_a_correction_is_kept_beside_the_newest_only() -> None:
    first, second, third = Frame(100, 100, 100), Frame(110, 110, 90), Frame(120, 120, 80)
    prompts = PromptSet((PointPrompt(150, 150),), mask=mask(first, 140, 140, 170, 170))
    for closer, expected in (((first, second), first), ((first, second, third), third)):
        found = looks(*closer).choose(prompts)
        assert found is not None
        assert found[0].frame == expected


def test_an_empty_mask_says_nothing_of_where_the_object_is() -> None:
    look = Frame(100, 100, 100)
    empty = replace(PromptSet((PointPrompt(150, 150),)), mask=mask(WHOLE, 0, 0, 0, 0))
    found = looks(look).choose(empty)
    assert found is not None
    assert found[0].frame == look
