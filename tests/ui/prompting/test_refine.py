"""Refining an annotation under review, scribbles, and what accepting writes."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from PySide6.QtCore import Qt

from samdesk.domain.annotation import Source
from samdesk.domain.geometry.regions import from_box
from samdesk.domain.prompts import PointPrompt
from samdesk.domain.review import AnnotationReview
from samdesk.ui.canvas.tools.scribble import spread
from tests.helpers.desk import CONTROL, SHIFT, User
from tests.ui.prompting.proposing import propose

K = Qt.Key
ALT = Qt.KeyboardModifier.AltModifier
LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton


@pytest.fixture
def user(user: User) -> User:
    user.add_labels("cat", "dog")
    return user


def test_a_click_refines_the_annotation_under_review(user: User) -> None:
    made = propose(user)
    annotate = user.desk.flows.annotate
    user.key(K.Key_2)  # another current label
    annotate.refine(made.id)
    assert not annotate.is_refining
    user.mouse.move(100, 100)
    assert annotate.proposal is None, "no preview of another object"
    user.click(120, 100, button=RIGHT)
    assert annotate.is_refining
    asked = user.predictor.decoded[-1]
    assert [(round(p.x), p.positive) for p in asked.points] == [(120, False)]
    assert asked.mask is not None, "its region is the mask prompt"
    assert asked.mask.logits.max() > 0
    user.key(K.Key_Return)
    assert not annotate.is_refining
    (refined,) = user.annotations
    assert (refined.id, refined.label_id, refined.model) == (made.id, made.label_id, made.model)
    assert (refined.review, refined.run_id) == (AnnotationReview.CORRECTED, made.run_id)
    assert refined.region != made.region
    assert (refined.detector_score, refined.mask_score, refined.stability) == (None, pytest.approx(0.9), 1.0)
    assert "Edit mask of cat" in user.desk.session.history.texts
    user.key(K.Key_Z, CONTROL)
    assert user.annotations == (made,)
    annotate.refine(None)
    user.draw(220, 180)
    assert len(user.annotations) == 2, "prompts begin another object again"


def test_undoing_the_prompt_leaves_the_annotation_under_review_as_it_was(user: User) -> None:
    made = propose(user)
    annotate = user.desk.flows.annotate
    annotate.refine(made.id)
    user.click(120, 100)
    user.key(K.Key_Z)
    assert (annotate.is_refining, annotate.reopened, annotate.proposal) == (False, None, None)
    user.key(K.Key_Y, CONTROL)
    user.until(lambda: annotate.is_refining and annotate.answered)
    user.key(K.Key_Escape)
    user.click(100, 120)
    assert annotate.reopened == made.id, "the next prompt refines it again"
    user.key(K.Key_Escape)
    assert user.annotations == (made,)


def test_every_annotation_opens_however_it_came(user: User) -> None:
    ring = from_box(60, 60, 140, 140).difference(from_box(90, 90, 110, 110))
    parts = ring.union(from_box(200, 60, 230, 90))
    for source in Source:
        made = propose(user, parts, source=source, prompts=None, mask_score=None, stability=None)
        user.desk.flows.tools.select(frozenset((made.id,)))
        user.key(K.Key_S, SHIFT)
        shown = user.desk.flows.annotate.proposal
        assert shown is not None
        assert shown.region == made.region, "with its hole and its parts, exactly"
        user.key(K.Key_Return)
        kept = user.document.find(made.id)
        assert kept == replace(made, review=AnnotationReview.ACCEPTED), "Enter accepts a proposal as it is"
    assert len(user.annotations) == len(Source)


# -- scribbles


def stroke(
    user: User,
    *places: tuple[float, float],
    button: Qt.MouseButton = LEFT,
    keys: Qt.KeyboardModifier = ALT,
) -> None:
    """Drags along places, image pixels."""
    user.mouse.press(*places[0], button, keys)
    for place in places[1:]:
        user.mouse.move(*place, keys)
    user.mouse.release(*places[-1], button, keys)
    user.until(lambda: not user.desk.flows.annotate.has_prompts or user.desk.flows.annotate.answered)


def test_a_stroke_becomes_points_along_it(user: User) -> None:
    for button, keys in (
        (LEFT, ALT),
        (LEFT, CONTROL),
        (RIGHT, ALT),
        (RIGHT, CONTROL),
        (LEFT, CONTROL | SHIFT),
    ):
        stroke(user, (60, 100), (100, 100), (180, 100), button=button, keys=keys)
        points = user.predictor.decoded[-1].points
        assert 2 <= len(points) <= 6
        assert {p.positive for p in points} == {button is LEFT and not keys & SHIFT}
        gaps = [b.x - a.x for a, b in pairwise(points)]
        assert gaps == pytest.approx([120 / len(points)] * len(gaps), abs=1)
        assert user.predictor.decoded[-1].box is None
        user.key(K.Key_Z)
        assert not user.desk.flows.annotate.has_prompts, "one step"
    user.click(100, 100, modifiers=ALT)
    assert [p.positive for p in user.predictor.decoded[-1].points] == [True], "a click is a click"


def test_masks_follow_the_stroke_and_its_mask_does_not_depend_on_them(user: User) -> None:
    user.click(100, 100)
    first = user.predictor.decoded[-1]
    asked_before = len(user.predictor.decoded)
    user.mouse.press(60, 60, RIGHT, ALT)
    for x in (100, 140, 200):
        user.mouse.move(x, 60, ALT)
        user.until(lambda: user.desk.flows.annotate.answered)
    live = user.predictor.decoded[asked_before:]
    assert len({tuple(asked.points) for asked in live}) >= 3, "there are masks while it is drawn"
    user.mouse.release(200, 60, RIGHT, ALT)
    user.until(lambda: user.desk.flows.annotate.answered)
    last = user.predictor.decoded[-1]
    assert all(asked.mask is not None for asked in live)
    assert len({id(asked.mask.logits) for asked in (*live, last) if asked.mask is not None}) == 1
    user.key(K.Key_Z)
    user.until(lambda: user.desk.flows.annotate.answered)
    assert user.desk.flows.tools.toolbox.tool("sam").prompts.points == first.points  # type: ignore[attr-defined]


def test_a_stroke_outside_the_image_is_named_and_changes_nothing(user: User) -> None:
    user.click(100, 100)
    before = user.predictor.decoded[-1].points
    stroke(user, (-40, -20), (-10, -20), (60, -20))
    assert "The stroke is outside the image" in user.message_text
    stroke(user, (-40, 100), (-4, 100), (40, 100))
    placed = user.predictor.decoded[-1].points
    assert placed[: len(before)] == before
    assert all(0 <= p.x <= 40 for p in placed[len(before) :]), "only what lies on the image counts"


def test_points_are_spread_by_arc_length() -> None:
    corner = [(0.0, 0.0), (10.0, 0.0), (10.0, 0.0), (10.0, 30.0)]
    assert spread(corner, 4) == [(5.0, 0.0), (10.0, 5.0), (10.0, 15.0), (10.0, 25.0)]
    assert spread([(3.0, 4.0)] * 3, 5) == [(3.0, 4.0)]
    assert spread([], 2) == []
    assert PointPrompt(*spread(corner, 1)[0]).x == 10.0
