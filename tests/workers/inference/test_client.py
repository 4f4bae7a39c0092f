"""Masks on the inference thread: the newest image and prompt win, no click is lost."""

from __future__ import annotations

import pytest
from shapely.geometry import Point

from samdesk.domain.document import ImageKey
from samdesk.domain.prompts import BoxPrompt, PointPrompt, PromptSet
from samdesk.engine.protocols import OutOfMemory
from tests.helpers.gated import GatedPredictor, settle, spin_until
from tests.workers.inference.client_helpers import A, B, C, D, Desk, at


def test_two_hundred_hovers_during_a_decode_cost_two_decodes_and_the_last_is_emitted(ready: Desk) -> None:
    ready.predictor.decoding.close()
    ready.client.predict(at(10, 10), hover=True)
    ready.predictor.decoding.wait_for_arrival()
    for i in range(200):
        last = ready.client.predict(at(20 + i, 200), hover=True)
    ready.predictor.decoding.open()
    spin_until(lambda: bool(ready.received.predictions))
    settle()
    assert len(ready.predictor.decoded) <= 3
    assert [p.token for p in ready.received.predictions] == [last]  # the first place's mask never shows
    assert ready.received.predictions[0].masks[0].region.contains(Point(219, 200))


def test_a_hover_mask_that_still_contains_the_mouse_is_emitted(ready: Desk) -> None:
    ready.predictor.decoding.close()
    first = ready.client.predict(at(100, 100), hover=True)
    ready.predictor.decoding.wait_for_arrival()
    second = ready.client.predict(at(103, 100), hover=True)
    ready.predictor.decoding.let_one_through()
    spin_until(lambda: bool(ready.received.predictions))
    assert ready.received.predictions[0].token == first
    ready.predictor.decoding.open()
    spin_until(lambda: len(ready.received.predictions) == 2)
    assert ready.received.predictions[1].token == second


def test_a_hover_mask_the_mouse_has_left_is_never_emitted(ready: Desk) -> None:
    ready.predictor.decoding.close()
    ready.client.predict(at(100, 100), hover=True)
    ready.predictor.decoding.wait_for_arrival()
    ready.client.cancel_hover()
    ready.predictor.decoding.open()
    click = ready.client.predict(at(50, 50))
    spin_until(lambda: bool(ready.received.predictions))
    assert [p.token for p in ready.received.predictions] == [click]


def test_a_click_during_a_hover_decode_is_answered_and_hovers_do_not_displace_it(ready: Desk) -> None:
    ready.predictor.decoding.close()
    ready.client.predict(at(10, 10), hover=True)
    ready.predictor.decoding.wait_for_arrival()
    click = ready.client.predict(at(60, 60))
    for i in range(50):
        hover = ready.client.predict(at(150 + i, 150), hover=True)
    ready.predictor.decoding.open()
    spin_until(lambda: len(ready.received.predictions) == 2)
    assert [(p.token, p.hover) for p in ready.received.predictions] == [(click, False), (hover, True)]
    assert len(ready.received.predictions[0].masks) == 3


def test_the_older_of_two_clicks_is_not_shown_after_the_newer_was_made(ready: Desk) -> None:
    ready.predictor.decoding.close()
    ready.client.predict(at(60, 60))
    ready.predictor.decoding.wait_for_arrival()
    both = ready.client.predict(PromptSet((PointPrompt(60, 60), PointPrompt(64, 60))))
    ready.predictor.decoding.open()
    spin_until(lambda: bool(ready.received.predictions))
    settle()
    assert [p.token for p in ready.received.predictions] == [both]


def test_a_box_being_dragged_shows_masks_on_the_way_but_not_those_of_far_smaller_boxes(ready: Desk) -> None:
    ready.predictor.decoding.close()
    small = ready.client.predict(PromptSet(box=BoxPrompt(10, 10, 20, 20)))
    ready.predictor.decoding.wait_for_arrival()
    near = ready.client.predict(PromptSet(box=BoxPrompt(10, 10, 100, 100)))
    ready.predictor.decoding.let_one_through()
    ready.predictor.decoding.wait_for_arrival()
    final = ready.client.predict(PromptSet(box=BoxPrompt(10, 10, 105, 102)))
    ready.predictor.decoding.open()
    spin_until(lambda: len(ready.received.predictions) == 2)
    tokens = [p.token for p in ready.received.predictions]
    assert tokens == [near, final]
    assert small not in tokens


def test_clicks_placed_while_the_image_is_encoded_are_answered_when_it_is_ready(desk: Desk) -> None:
    desk.predictor.encoding.close()
    desk.client.load("gated.pt")
    desk.client.show_image(A, desk.path(A))
    desk.predictor.encoding.wait_for_arrival()
    desk.client.predict(at(30, 30))
    both = desk.client.predict(PromptSet((PointPrompt(30, 30), PointPrompt(40, 30))))
    spin_until(lambda: desk.received.encoding == [A])
    assert desk.received.predictions == []
    desk.predictor.encoding.open()
    spin_until(lambda: bool(desk.received.predictions))
    assert desk.received.encoded == [(A, False)]
    assert desk.received.predictions[0].token == both
    assert desk.received.predictions[0].prompts.points == (PointPrompt(30, 30), PointPrompt(40, 30))


def test_a_click_before_a_model_is_loaded_is_answered(desk: Desk) -> None:
    desk.client.show_image(A, desk.path(A))
    click = desk.client.predict(at(30, 30))
    desk.client.load("gated.pt")
    spin_until(lambda: bool(desk.received.predictions))
    assert desk.received.predictions[0].token == click


def test_no_result_of_an_earlier_image_is_emitted(ready: Desk) -> None:
    ready.predictor.decoding.close()
    ready.client.predict(at(10, 10))
    ready.predictor.decoding.wait_for_arrival()
    ready.client.show_image(B, ready.path(B))
    on_b = ready.client.predict(at(20, 20))
    ready.predictor.decoding.open()
    spin_until(lambda: bool(ready.received.predictions))
    settle()
    assert [(p.key, p.token) for p in ready.received.predictions] == [(B, on_b)]


def test_an_encode_overtaken_by_another_image_is_not_emitted(desk: Desk) -> None:
    desk.client.load("gated.pt")
    desk.predictor.encoding.close()
    desk.client.show_image(A, desk.path(A))
    desk.predictor.encoding.wait_for_arrival()
    desk.client.show_image(B, desk.path(B))
    desk.predictor.encoding.open()
    spin_until(lambda: bool(desk.received.encoded))
    assert desk.received.encoded == [(B, False)]


def test_going_back_is_a_cache_hit_and_an_image_ahead_too(ready: Desk) -> None:
    ready.show(B)
    ready.show(A)
    assert ready.received.encoded[-1] == (A, True)
    ready.predictor.encoding.close()
    ready.prefetch(C, D)
    ready.predictor.encoding.wait_for_arrival()
    ready.predictor.encoding.let_one_through()
    ready.predictor.encoding.wait_for_arrival()  # D: C is done
    ready.predictor.encoding.open()
    ready.show(C)
    assert ready.received.encoded[-1] == (C, True)
    assert ready.encoded() == "abcd"


def test_a_changed_file_is_encoded_again(ready: Desk) -> None:
    ready.show(B)
    ready.path(A).write_bytes(b"something else")
    ready.show(A)
    assert ready.received.encoded[-1] == (A, False)


def test_a_model_that_fails_to_load_leaves_the_old_one_working(ready: Desk) -> None:
    ready.client.load("missing.pt")
    spin_until(lambda: bool(ready.received.model_failures))
    assert str(ready.received.model_failures[0]) == "missing.pt is not a model"
    click = ready.client.predict(at(30, 30))
    spin_until(lambda: bool(ready.received.predictions))
    assert ready.received.predictions[0].token == click
    assert ready.received.models[-1].name == "gated.pt"


def test_a_models_note_is_emitted_as_a_notice(desk: Desk) -> None:
    desk.predictor.note = "In fp16 it gives wrong masks: a slower precision is used."
    desk.client.load("gated.pt")
    spin_until(lambda: desk.received.notices == [desk.predictor.note])
    desk.client.load("other.pt")
    spin_until(lambda: len(desk.received.models) == 2)
    assert desk.received.notices == [desk.predictor.note]


def test_without_a_model_a_click_fails_with_a_message(desk: Desk) -> None:
    desk.client.load("missing.pt")
    desk.client.show_image(A, desk.path(A))
    click = desk.client.predict(at(1, 1))
    spin_until(lambda: bool(desk.received.failures))
    assert desk.received.failures[0].token == click
    assert "missing.pt is not a model" in str(desk.received.failures[0])


def test_a_new_model_encodes_the_image_again_and_the_old_ones_embedding_is_kept(ready: Desk) -> None:
    ready.client.load("other.pt")
    spin_until(lambda: ready.received.encoded[-1:] == [(A, False)] and len(ready.received.encoded) == 2)
    click = ready.client.predict(at(30, 30))
    spin_until(lambda: bool(ready.received.predictions))
    assert ready.received.predictions[0].token == click
    ready.client.load("gated.pt")
    spin_until(lambda: len(ready.received.encoded) == 3)
    assert ready.received.encoded[-1] == (A, True)


def test_only_the_newest_of_two_load_requests_is_emitted(desk: Desk) -> None:
    desk.models.gate.close()
    desk.client.load("gated.pt")
    desk.models.gate.wait_for_arrival()
    desk.client.load("other.pt")
    desk.models.gate.open()
    spin_until(lambda: bool(desk.received.models))
    assert [m.name for m in desk.received.models] == ["other.pt"]


def test_an_unreadable_image_fails_and_the_next_works(ready: Desk) -> None:
    ready.client.show_image(ImageKey("gone.jpg"), ready.folder / "gone.jpg")
    spin_until(lambda: bool(ready.received.failures))
    assert ready.received.failures[0].key == "gone.jpg"
    assert "No such file" in str(ready.received.failures[0])
    ready.show(B)


@pytest.mark.logs("workers.failure: ")
def test_an_unexpected_error_is_emitted_and_the_thread_continues(
    ready: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    ready.predictor.errors = [ZeroDivisionError("oops")]
    click = ready.client.predict(at(1, 1))
    spin_until(lambda: bool(ready.received.failures))
    assert ready.received.failures[0].token == click
    assert "decoding the mask" in ready.received.failures[0].what
    assert "ZeroDivisionError" in caplog.text
    ready.client.predict(at(5, 5))
    spin_until(lambda: bool(ready.received.predictions))


@pytest.mark.logs("out of memory")
def test_out_of_memory_shrinks_the_cache_and_then_falls_back_to_the_cpu(desk: Desk) -> None:
    on_gpu, on_cpu = GatedPredictor("big.pt", device="cuda:0"), GatedPredictor("big.pt", device="cpu")
    desk.models.shelf |= {("big.pt", "cuda:0"): on_gpu, ("big.pt", "cpu"): on_cpu}
    desk.client.load("big.pt", "cuda:0")
    desk.show(A)
    on_gpu.errors = [OutOfMemory("full")]
    desk.client.predict(at(9, 9))
    spin_until(lambda: len(desk.received.predictions) == 1)
    assert desk.received.models[-1].device == "cuda:0"
    on_gpu.errors = [OutOfMemory("full"), OutOfMemory("full")]
    click = desk.client.predict(at(30, 30))
    spin_until(lambda: len(desk.received.predictions) == 2)
    assert desk.received.predictions[-1].token == click
    assert desk.received.models[-1].device == "cpu"
    assert any("now runs on the CPU" in text for text in desk.received.notices)
    assert on_cpu.decoded == [at(30, 30)]


def test_everything_is_proposed_and_a_click_is_answered_meanwhile(ready: Desk) -> None:
    ready.predictor.decoding.close()
    ready.client.segment_everything()
    ready.predictor.decoding.wait_for_arrival()
    click = ready.client.predict(at(200, 10))
    ready.predictor.decoding.let_one_through()  # a point of the grid
    ready.predictor.decoding.wait_for_arrival()
    ready.predictor.decoding.let_one_through()  # the click
    spin_until(lambda: bool(ready.received.predictions))
    assert ready.received.predictions[0].token == click
    assert ready.received.everything == []
    ready.predictor.decoding.open()
    spin_until(lambda: bool(ready.received.everything))
    key, masks = ready.received.everything[0]
    assert (key, len(masks)) == (A, 5)
    assert all(m.region.area > 0 for m in masks)


def test_everything_is_cancelled_by_the_user_or_by_another_image(ready: Desk) -> None:
    ready.predictor.decoding.close()
    ready.client.segment_everything()
    ready.predictor.decoding.wait_for_arrival()
    ready.client.cancel_everything()
    ready.predictor.decoding.open()
    spin_until(lambda: bool(ready.received.everything))
    assert ready.received.everything == [(A, [])]
    ready.predictor.decoding.close()
    ready.client.segment_everything()
    ready.predictor.decoding.wait_for_arrival()
    ready.client.show_image(B, ready.path(B))
    ready.predictor.decoding.open()
    spin_until(lambda: ready.received.encoded[-1][0] == B)
    assert len(ready.received.everything) == 1


@pytest.mark.logs("workers.thread: .*inference")
def test_stopping_waits_for_a_layer_and_nothing_comes_after_it(ready: Desk) -> None:
    ready.predictor.layer.close()
    ready.client.show_image(B, ready.path(B))
    ready.predictor.layer.wait_for_arrival()
    assert not ready.client.stop(timeout_ms=1)  # busy: it says so and is not killed
    ready.predictor.layer.let_one_through()
    assert ready.client.stop()
    settle()
    assert ready.received.encoded == [(A, False)]
    assert ready.finished() == "a"


def test_without_an_image_prompts_are_ignored(ready: Desk) -> None:
    ready.client.show_image(None)
    assert ready.client.predict(at(1, 1)) > 0
    ready.show(A)
    assert ready.received.encoded[-1] == (A, True)
    assert ready.received.predictions == []
