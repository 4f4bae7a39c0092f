"""A view is encoded in the background and answers the prompts inside it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from shapely.geometry import Point

from samdesk.domain.geometry.types import Frame
from samdesk.domain.prompts import BoxPrompt, PointPrompt, PromptSet
from samdesk.engine.protocols import EngineError, OutOfMemory
from tests.helpers.gated import spin_until
from tests.workers.inference.client_helpers import WHOLE, A, B, Desk, at

LEFT, RIGHT = Frame(0, 64, 100), Frame(150, 64, 80)


def begin_view(desk: Desk, view: Frame) -> None:
    """Requests a view; returns when the encode is before its first layer."""
    desk.predictor.layer.close()
    desk.client.set_view(view)
    desk.predictor.layer.wait_for_arrival()


def test_prompts_inside_a_view_are_answered_from_it_and_others_from_the_whole_image(ready: Desk) -> None:
    ready.set_view(LEFT)
    assert ready.received.views == [("encoding", LEFT), ("ready", LEFT)]
    inside = ready.answer(ready.client.predict(at(40, 100)))
    assert inside.masks[0].candidate.frame == LEFT
    assert inside.masks[0].region.contains(Point(40, 100))  # in image pixels
    outside = ready.answer(ready.client.predict(at(200, 100)))
    assert outside.masks[0].candidate.frame == WHOLE
    assert outside.masks[0].region.contains(Point(200, 100))
    assert ready.predictor.views == [LEFT]


def test_a_box_is_inside_a_view_only_completely(ready: Desk) -> None:
    ready.set_view(LEFT)
    for box in (BoxPrompt(10, 80, 60, 120), BoxPrompt(10, 80, 110, 120)):
        ready.answer(ready.client.predict(PromptSet(box=box)))
    assert ready.predictor.decoded_on == [LEFT, WHOLE]


def test_negative_points_outside_a_view_are_not_decoded_but_stay_in_the_prediction(ready: Desk) -> None:
    ready.set_view(LEFT)
    prompts = PromptSet((PointPrompt(40, 100), PointPrompt(230, 30, positive=False)))
    answer = ready.answer(ready.client.predict(prompts))
    assert ready.predictor.decoded[-1] == at(40, 100)
    assert answer.prompts == prompts


def test_prompts_are_answered_from_the_whole_image_while_a_view_is_encoded(ready: Desk) -> None:
    ready.predictor.layers = 1_000_000
    begin_view(ready, LEFT)
    click = ready.client.predict(at(40, 100))
    hover = ready.client.predict(at(41, 100), hover=True)
    ready.predictor.layer.open()
    for token in (click, hover):
        assert ready.answer(token).masks[0].candidate.frame == WHOLE
    assert ready.received.views == [("encoding", LEFT)]


def test_hovers_leave_the_encode_half_of_the_time_and_clicks_do_not_wait(ready: Desk) -> None:
    begin_view(ready, LEFT)
    ready.predictor.decoding.close()
    first = ready.client.predict(at(40, 100), hover=True)
    ready.predictor.layer.let_one_through()
    ready.predictor.decoding.wait_for_arrival()
    second = ready.client.predict(at(41, 100), hover=True)
    ready.predictor.decoding.open()
    ready.answer(first)
    ready.predictor.layer.wait_for_arrival()  # the second hover waits, the next layer comes first
    assert len(ready.predictor.decoded) == 1
    ready.predictor.layer.open()
    ready.answer(second)


def test_the_view_before_answers_until_the_next_is_encoded(ready: Desk) -> None:
    ready.set_view(LEFT)
    begin_view(ready, Frame(20, 70, 60))
    click = ready.client.predict(at(40, 100))
    ready.predictor.layer.let_one_through()
    assert ready.answer(click).masks[0].candidate.frame == LEFT


def test_the_newest_view_wins_and_the_encode_before_is_cancelled(ready: Desk) -> None:
    begin_view(ready, LEFT)
    ready.client.set_view(RIGHT)
    ready.predictor.layer.open()
    spin_until(lambda: ready.received.views[-1:] == [("ready", RIGHT)])
    assert ready.received.views == [("encoding", LEFT), ("encoding", RIGHT), ("ready", RIGHT)]
    assert ready.finished() == "aa"


def test_the_whole_image_replaces_a_view_and_view_ready_is_emitted(ready: Desk) -> None:
    begin_view(ready, LEFT)
    ready.client.set_view(None)
    ready.predictor.layer.open()
    spin_until(lambda: ready.received.views[-1:] == [("ready", None)])
    assert ready.answer(ready.client.predict(at(40, 100))).masks[0].candidate.frame == WHOLE
    ready.set_view(LEFT)
    ready.client.set_view(None)
    spin_until(lambda: ready.received.views[-1:] == [("ready", None)])
    assert ready.answer(ready.client.predict(at(40, 100))).masks[0].candidate.frame == WHOLE


def test_a_view_is_encoded_once(ready: Desk) -> None:
    ready.set_view(LEFT)
    ready.set_view(RIGHT)
    ready.set_view(LEFT)
    ready.client.set_view(LEFT)
    assert ready.answer(ready.client.predict(at(40, 100))).masks[0].candidate.frame == LEFT
    assert ready.predictor.views == [LEFT, RIGHT]
    assert len(ready.received.views) == 2 * 3  # the same again is no news


def test_a_view_is_dropped_with_its_image(ready: Desk) -> None:
    begin_view(ready, LEFT)
    ready.client.show_image(B, ready.path(B))
    click = ready.client.predict(at(40, 100))
    ready.predictor.layer.open()
    assert ready.answer(click).masks[0].candidate.frame == WHOLE
    ready.set_view(LEFT)
    ready.show(A)
    assert ready.answer(ready.client.predict(at(40, 100))).masks[0].candidate.frame == WHOLE


def test_a_view_goes_before_images_ahead(ready: Desk) -> None:
    ready.predictor.layer.close()
    ready.prefetch(B)
    ready.predictor.layer.wait_for_arrival()
    ready.client.set_view(LEFT)
    ready.predictor.layer.open()
    spin_until(lambda: ready.received.views[-1:] == [("ready", LEFT)])
    ready.predictor.wait_until_finished(3)
    assert ready.finished() == "aab"
    assert ready.encoded() == "abab"


def test_a_view_does_not_wait_for_segment_everything(ready: Desk) -> None:
    ready.predictor.decoding.close()
    ready.client.segment_everything()
    ready.predictor.decoding.wait_for_arrival()
    ready.client.set_view(LEFT)
    ready.predictor.decoding.let_one_through()
    spin_until(lambda: ready.received.views[-1:] == [("ready", LEFT)])
    assert ready.received.everything == []
    ready.predictor.decoding.open()
    spin_until(lambda: bool(ready.received.everything))
    assert {m.candidate.frame for m in ready.received.everything[0][1]} == {WHOLE}


def test_a_new_model_encodes_the_view_too(ready: Desk) -> None:
    ready.set_view(LEFT)
    ready.client.load("other.pt")
    spin_until(lambda: ready.received.views.count(("ready", LEFT)) == 2)
    assert ready.models.shelf["other.pt", "cpu"].views == [LEFT]
    assert ready.answer(ready.client.predict(at(40, 100))).masks[0].candidate.frame == LEFT


def test_a_model_that_takes_no_views_encodes_none(ready: Desk) -> None:
    other = ready.models.shelf["other.pt", "cpu"]
    other.looks_closer = False
    ready.set_view(LEFT)
    ready.client.load("other.pt")
    spin_until(lambda: ready.received.views[-1:] == [("ready", None)])
    ready.client.set_view(RIGHT)
    ready.answer(ready.client.predict(at(200, 100)))
    assert other.views == []
    assert ready.received.views == [("encoding", LEFT), ("ready", LEFT), ("ready", None)]
    assert ready.received.notices == []


@pytest.mark.parametrize("error", [OutOfMemory("full"), EngineError("This part is odd."), MemoryError()])
def test_a_view_that_fails_gives_a_notice_and_the_whole_image_is_used(ready: Desk, error: Exception) -> None:
    ready.predictor.errors = [error]
    ready.client.set_view(LEFT)
    spin_until(lambda: ready.received.views[-1:] == [("ready", None)])
    assert len(ready.received.notices) == 1
    assert "Masks are drawn from the whole image." in ready.received.notices[0]
    assert ready.answer(ready.client.predict(at(40, 100))).masks[0].candidate.frame == WHOLE
    ready.set_view(RIGHT)


def test_a_correction_stays_on_the_view_of_its_mask(ready: Desk) -> None:
    ready.set_view(LEFT)
    drawn = ready.answer(ready.client.predict(at(40, 100)))
    again = replace(at(40, 100), mask=drawn.masks[0].candidate.as_prompt())
    for view in (None, Frame(20, 70, 60)):
        ready.client.set_view(view)
        spin_until(lambda view=view: ready.received.views[-1:] == [("ready", view)])
        corrected = ready.answer(ready.client.predict(again))
        assert corrected.masks[0].candidate.frame == LEFT
    beyond = replace(again, points=(*again.points, PointPrompt(240, 100)))
    assert ready.answer(ready.client.predict(beyond)).masks[0].candidate.frame == WHOLE


def test_a_mask_of_the_whole_image_moves_to_a_view_that_contains_it(ready: Desk) -> None:
    drawn = ready.answer(ready.client.predict(at(60, 100))).masks[0].candidate  # a disc of 10 pixels
    again = PromptSet((PointPrompt(60, 100), PointPrompt(62, 100)), mask=drawn.as_prompt())
    ready.set_view(LEFT)
    assert ready.answer(ready.client.predict(again)).masks[0].candidate.frame == LEFT
    ready.set_view(Frame(55, 90, 40))  # its left part is cut off here
    assert ready.answer(ready.client.predict(again)).masks[0].candidate.frame == WHOLE


@pytest.mark.logs("out of memory")
def test_out_of_memory_in_a_decode_drops_the_view_and_emits_view_ready(ready: Desk) -> None:
    ready.set_view(LEFT)
    ready.predictor.errors = [OutOfMemory("full")]
    answer = ready.answer(ready.client.predict(at(40, 100)))
    assert answer.masks[0].candidate.frame == WHOLE
    assert ready.received.views[-1:] == [("ready", None)]


def test_out_of_memory_for_a_prompt_cancels_the_encode_of_a_view(ready: Desk) -> None:
    begin_view(ready, LEFT)
    ready.predictor.errors = [OutOfMemory("full")]
    click = ready.client.predict(at(40, 100))
    ready.predictor.layer.open()
    assert ready.answer(click).masks[0].candidate.frame == WHOLE
    assert ready.received.views == [("encoding", LEFT), ("ready", None)]
    assert ready.received.failures == []


def test_without_an_image_no_view_is_encoded(desk: Desk) -> None:
    desk.client.load("gated.pt")
    desk.client.set_view(LEFT)
    desk.client.show_image(A, desk.folder / "gone.jpg")
    desk.client.set_view(LEFT)
    spin_until(lambda: bool(desk.received.failures))
    desk.show(B)
    assert desk.received.views == []
