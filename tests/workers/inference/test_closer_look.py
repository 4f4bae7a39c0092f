"""A closer look: encoded beside the work, it answers what lies inside it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from shapely.geometry import Point

from samdesk.domain.geometry.types import Frame
from samdesk.domain.prompts import BoxPrompt, PointPrompt, PromptSet
from samdesk.engine.protocols import EngineError, OutOfMemory
from tests.helpers.gated import spin_until
from tests.workers.inference.asking import WHOLE, A, B, Desk, at

LEFT, RIGHT = Frame(0, 64, 100), Frame(150, 64, 80)


def begin_look(desk: Desk, view: Frame) -> None:
    """Looks closer; returns when the encode stands before its first layer."""
    desk.predictor.layer.close()
    desk.client.set_view(view)
    desk.predictor.layer.wait_for_arrival()


def test_what_lies_inside_is_answered_from_it_and_the_rest_from_the_whole(ready: Desk) -> None:
    ready.look(LEFT)
    assert ready.heard.views == [("encoding", LEFT), ("ready", LEFT)]
    inside = ready.answer(ready.client.predict(at(40, 100)))
    assert inside.masks[0].candidate.frame == LEFT
    assert inside.masks[0].region.contains(Point(40, 100))  # in image pixels
    outside = ready.answer(ready.client.predict(at(200, 100)))
    assert outside.masks[0].candidate.frame == WHOLE
    assert outside.masks[0].region.contains(Point(200, 100))
    assert ready.predictor.views == [LEFT]


def test_boxes_count_as_inside_when_all_of_them_is(ready: Desk) -> None:
    ready.look(LEFT)
    for box in (BoxPrompt(10, 80, 60, 120), BoxPrompt(10, 80, 110, 120)):
        ready.answer(ready.client.predict(PromptSet(box=box)))
    assert ready.predictor.decoded_on == [LEFT, WHOLE]


def test_not_this_outside_of_it_is_not_said_to_it_but_told_back(ready: Desk) -> None:
    ready.look(LEFT)
    prompts = PromptSet((PointPrompt(40, 100), PointPrompt(230, 30, positive=False)))
    answer = ready.answer(ready.client.predict(prompts))
    assert ready.predictor.decoded[-1] == at(40, 100)
    assert answer.prompts == prompts


def test_prompts_are_answered_from_the_whole_while_it_is_encoded(ready: Desk) -> None:
    ready.predictor.layers = 1_000_000
    begin_look(ready, LEFT)
    click = ready.client.predict(at(40, 100))
    hover = ready.client.predict(at(41, 100), hover=True)
    ready.predictor.layer.open()
    for token in (click, hover):
        assert ready.answer(token).masks[0].candidate.frame == WHOLE
    assert ready.heard.views == [("encoding", LEFT)]


def test_hovers_leave_the_encode_half_of_the_time_and_clicks_do_not_wait(ready: Desk) -> None:
    begin_look(ready, LEFT)
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


def test_an_earlier_look_answers_until_the_next_is_there(ready: Desk) -> None:
    ready.look(LEFT)
    begin_look(ready, Frame(20, 70, 60))
    click = ready.client.predict(at(40, 100))
    ready.predictor.layer.let_one_through()
    assert ready.answer(click).masks[0].candidate.frame == LEFT


def test_the_newest_look_wins_and_the_one_before_is_given_up(ready: Desk) -> None:
    begin_look(ready, LEFT)
    ready.client.set_view(RIGHT)
    ready.predictor.layer.open()
    spin_until(lambda: ready.heard.views[-1:] == [("ready", RIGHT)])
    assert ready.heard.views == [("encoding", LEFT), ("encoding", RIGHT), ("ready", RIGHT)]
    assert ready.finished() == "aa"


def test_looking_at_the_whole_again_gives_a_look_up_and_says_so(ready: Desk) -> None:
    begin_look(ready, LEFT)
    ready.client.set_view(None)
    ready.predictor.layer.open()
    spin_until(lambda: ready.heard.views[-1:] == [("ready", None)])
    assert ready.answer(ready.client.predict(at(40, 100))).masks[0].candidate.frame == WHOLE
    ready.look(LEFT)
    ready.client.set_view(None)
    spin_until(lambda: ready.heard.views[-1:] == [("ready", None)])
    assert ready.answer(ready.client.predict(at(40, 100))).masks[0].candidate.frame == WHOLE


def test_a_look_once_made_is_not_encoded_again(ready: Desk) -> None:
    ready.look(LEFT)
    ready.look(RIGHT)
    ready.look(LEFT)
    ready.client.set_view(LEFT)
    assert ready.answer(ready.client.predict(at(40, 100))).masks[0].candidate.frame == LEFT
    assert ready.predictor.views == [LEFT, RIGHT]
    assert len(ready.heard.views) == 2 * 3  # the same again is no news


def test_it_is_forgotten_with_its_image(ready: Desk) -> None:
    begin_look(ready, LEFT)
    ready.client.show_image(B, ready.path(B))
    click = ready.client.predict(at(40, 100))
    ready.predictor.layer.open()
    assert ready.answer(click).masks[0].candidate.frame == WHOLE
    ready.look(LEFT)
    ready.show(A)
    assert ready.answer(ready.client.predict(at(40, 100))).masks[0].candidate.frame == WHOLE


def test_it_goes_before_images_ahead(ready: Desk) -> None:
    ready.predictor.layer.close()
    ready.prefetch(B)
    ready.predictor.layer.wait_for_arrival()
    ready.client.set_view(LEFT)
    ready.predictor.layer.open()
    spin_until(lambda: ready.heard.views[-1:] == [("ready", LEFT)])
    ready.predictor.wait_until_finished(3)
    assert ready.finished() == "aab"
    assert ready.encoded() == "abab"


def test_it_does_not_wait_for_everything_to_be_segmented(ready: Desk) -> None:
    ready.predictor.decoding.close()
    ready.client.segment_everything()
    ready.predictor.decoding.wait_for_arrival()
    ready.client.set_view(LEFT)
    ready.predictor.decoding.let_one_through()
    spin_until(lambda: ready.heard.views[-1:] == [("ready", LEFT)])
    assert ready.heard.everything == []
    ready.predictor.decoding.open()
    spin_until(lambda: bool(ready.heard.everything))
    assert {m.candidate.frame for m in ready.heard.everything[0][1]} == {WHOLE}


def test_a_new_model_looks_closer_too(ready: Desk) -> None:
    ready.look(LEFT)
    ready.client.load("other.pt")
    spin_until(lambda: ready.heard.views.count(("ready", LEFT)) == 2)
    assert ready.models.shelf["other.pt", "cpu"].views == [LEFT]
    assert ready.answer(ready.client.predict(at(40, 100))).masks[0].candidate.frame == LEFT


def test_a_model_that_looks_closer_by_itself_is_not_asked_to(ready: Desk) -> None:
    other = ready.models.shelf["other.pt", "cpu"]
    other.looks_closer = False
    ready.look(LEFT)
    ready.client.load("other.pt")
    spin_until(lambda: ready.heard.views[-1:] == [("ready", None)])
    ready.client.set_view(RIGHT)
    ready.answer(ready.client.predict(at(200, 100)))
    assert other.views == []
    assert ready.heard.views == [("encoding", LEFT), ("ready", LEFT), ("ready", None)]
    assert ready.heard.notices == []


@pytest.mark.parametrize("error", [OutOfMemory("full"), EngineError("This part is odd."), MemoryError()])
def test_a_look_that_fails_is_told_and_the_whole_goes_on(ready: Desk, error: Exception) -> None:
    ready.predictor.errors = [error]
    ready.client.set_view(LEFT)
    spin_until(lambda: ready.heard.views[-1:] == [("ready", None)])
    assert len(ready.heard.notices) == 1
    assert "Masks are drawn from the whole image." in ready.heard.notices[0]
    assert ready.answer(ready.client.predict(at(40, 100))).masks[0].candidate.frame == WHOLE
    ready.look(RIGHT)


def test_a_correction_stays_on_the_look_that_drew_the_mask(ready: Desk) -> None:
    ready.look(LEFT)
    drawn = ready.answer(ready.client.predict(at(40, 100)))
    again = replace(at(40, 100), mask=drawn.masks[0].candidate.as_prompt())
    for view in (None, Frame(20, 70, 60)):
        ready.client.set_view(view)
        spin_until(lambda view=view: ready.heard.views[-1:] == [("ready", view)])
        corrected = ready.answer(ready.client.predict(again))
        assert corrected.masks[0].candidate.frame == LEFT
    beyond = replace(again, points=(*again.points, PointPrompt(240, 100)))
    assert ready.answer(ready.client.predict(beyond)).masks[0].candidate.frame == WHOLE


def test_a_mask_of_the_whole_image_goes_on_on_a_look_that_shows_all_of_it(ready: Desk) -> None:
    drawn = ready.answer(ready.client.predict(at(60, 100))).masks[0].candidate  # a disc of 10 pixels
    again = PromptSet((PointPrompt(60, 100), PointPrompt(62, 100)), mask=drawn.as_prompt())
    ready.look(LEFT)
    assert ready.answer(ready.client.predict(again)).masks[0].candidate.frame == LEFT
    ready.look(Frame(55, 90, 40))  # its left part is cut off here
    assert ready.answer(ready.client.predict(again)).masks[0].candidate.frame == WHOLE


def test_out_of_memory_in_a_decode_lets_the_look_go_and_says_so(ready: Desk) -> None:
    ready.look(LEFT)
    ready.predictor.errors = [OutOfMemory("full")]
    answer = ready.answer(ready.client.predict(at(40, 100)))
    assert answer.masks[0].candidate.frame == WHOLE
    assert ready.heard.views[-1:] == [("ready", None)]


def test_a_prompt_without_room_beside_a_look_takes_its_room(ready: Desk) -> None:
    begin_look(ready, LEFT)
    ready.predictor.errors = [OutOfMemory("full")]
    click = ready.client.predict(at(40, 100))
    ready.predictor.layer.open()
    assert ready.answer(click).masks[0].candidate.frame == WHOLE
    assert ready.heard.views == [("encoding", LEFT), ("ready", None)]
    assert ready.heard.failures == []


def test_without_an_image_there_is_nothing_to_look_at(desk: Desk) -> None:
    desk.client.load("gated.pt")
    desk.client.set_view(LEFT)
    desk.client.show_image(A, desk.folder / "gone.jpg")
    desk.client.set_view(LEFT)
    spin_until(lambda: bool(desk.heard.failures))
    desk.show(B)
    assert desk.heard.views == []
