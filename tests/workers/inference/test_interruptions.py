"""Between two layers of an encode: prompts are answered, and an unwanted encode is cancelled."""

from __future__ import annotations

import time
from threading import Event

import pytest
from shapely.geometry import Point

from samdesk.domain.document import ImageKey
from samdesk.engine.protocols import OutOfMemory
from samdesk.workers.inference import mailbox
from tests.helpers.gated import spin_until
from tests.workers.inference.client_helpers import A, B, C, D, Desk, at


def begin_ahead(desk: Desk, *keys: ImageKey) -> None:
    """Encodes images ahead; returns when the first is before its first layer."""
    desk.predictor.layer.close()
    desk.prefetch(*keys)
    desk.predictor.layer.wait_for_arrival()


def go_a_layer_on(desk: Desk) -> None:
    """Returns when the encode is before its next layer."""
    desk.predictor.layer.let_one_through()
    desk.predictor.layer.wait_for_arrival()


def test_clicks_and_hovers_are_answered_between_two_layers_of_an_image_ahead(ready: Desk) -> None:
    begin_ahead(ready, B)
    click = ready.client.predict(at(30, 40))
    hover = ready.client.predict(at(200, 40), hover=True)
    ready.predictor.layer.let_one_through()
    assert ready.answer(click).masks[0].region.contains(Point(30, 40))
    assert ready.answer(hover).key == A
    assert ready.finished() == "a"  # B is still under way
    ready.predictor.layer.open()
    ready.show(B)
    assert ready.encoded() == "ab"


def test_while_hovers_keep_coming_an_encode_ahead_waits_in_its_pause(
    ready: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_ahead(ready, B)
    monkeypatch.setattr(mailbox, "IDLE_S", 1000.0)
    hovers = [ready.client.predict(at(30, 40), hover=True)]
    ready.predictor.layer.let_one_through()
    for x in range(50, 150, 10):
        ready.answer(hovers[-1])
        hovers.append(ready.client.predict(at(x, 40), hover=True))
    ready.answer(hovers[-1])
    assert not ready.predictor.layer.has_arrival()
    monkeypatch.setattr(mailbox, "IDLE_S", 0.0)
    ready.client.predict(at(x, 40), hover=True)
    ready.predictor.layer.wait_for_arrival()  # no prompt came: it goes on with the second layer
    assert len(ready.predictor.decoded) == 12


def test_an_image_ahead_makes_way_for_another_on_screen_and_comes_after_it(ready: Desk) -> None:
    begin_ahead(ready, B, C)
    ready.client.show_image(D, ready.path(D))
    ready.prefetch(A, B)
    ready.predictor.layer.open()
    spin_until(lambda: ready.received.encoded[-1] == (D, False))
    ready.predictor.wait_until_finished(3)
    assert ready.finished() == "adb"
    assert ready.encoded() == "abdb"  # B was given up after one layer


def test_an_image_ahead_that_comes_on_screen_goes_on_as_the_one_on_screen(ready: Desk) -> None:
    begin_ahead(ready, B, C)
    ready.client.show_image(B, ready.path(B))
    click = ready.client.predict(at(30, 40))
    go_a_layer_on(ready)
    spin_until(lambda: ready.received.encoding[-1] == B)
    assert ready.received.encoded == [(A, False)]  # not yet, and the click waits for it
    assert ready.received.predictions == []
    ready.predictor.layer.open()
    assert ready.answer(click).key == B
    assert ready.received.encoded[-1] == (B, False)
    assert ready.encoded() == "ab"


def test_an_encode_ahead_is_used_on_screen_even_without_a_cache(ready: Desk) -> None:
    ready.client.set_cache_budget(0)
    begin_ahead(ready, B)
    ready.client.show_image(B, ready.path(B))
    ready.predictor.layer.open()
    assert ready.answer(ready.client.predict(at(30, 40))).key == B
    assert ready.encoded() == "ab"


def test_turning_to_a_cached_image_cancels_nothing(ready: Desk) -> None:
    ready.show(B)
    begin_ahead(ready, C)
    ready.client.show_image(A, ready.path(A))
    ready.prefetch(B, C)
    click = ready.client.predict(at(30, 40))
    ready.predictor.layer.let_one_through()
    assert ready.answer(click).key == A
    assert ready.received.encoded[-1] == (A, True)
    ready.predictor.layer.open()
    ready.show(C)
    assert ready.encoded() == "abc"


def test_turning_to_a_cached_image_continues_the_encode_if_it_is_wanted_ahead(ready: Desk) -> None:
    ready.predictor.layer.close()
    ready.client.show_image(B, ready.path(B))
    ready.predictor.layer.wait_for_arrival()
    spin_until(lambda: ready.received.encoding[-1] == B)
    ready.client.show_image(A, ready.path(A))
    ready.prefetch(B)
    go_a_layer_on(ready)
    spin_until(lambda: ready.received.encoded[-1] == (A, True))
    go_a_layer_on(ready)
    ready.client.show_image(B, ready.path(B))  # and back
    ready.predictor.layer.open()
    spin_until(lambda: ready.received.encoded[-1] == (B, False))
    assert ready.encoded() == "ab"
    assert ready.received.encoding == [A, B, A, B]


def test_turning_to_a_cached_image_cancels_the_encode_if_it_is_not_wanted_ahead(ready: Desk) -> None:
    ready.predictor.layer.close()
    ready.client.show_image(B, ready.path(B))
    ready.predictor.layer.wait_for_arrival()
    ready.client.show_image(A, ready.path(A))
    ready.prefetch(C)
    ready.predictor.layer.open()
    ready.predictor.wait_until_finished(2)
    assert ready.finished() == "ac"


def test_paging_on_cancels_every_encode_on_the_way(ready: Desk) -> None:
    ready.predictor.layer.close()
    for key in (B, C, D):
        ready.client.show_image(key, ready.path(key))
        if key != D:
            ready.predictor.layer.wait_for_arrival()
            ready.predictor.layer.let_one_through()
    click = ready.client.predict(at(30, 40))
    ready.predictor.layer.open()
    assert ready.answer(click).key == D
    assert ready.received.encoded == [(A, False), (D, False)]
    assert ready.finished() == "ad"


def test_an_encode_ahead_is_cancelled_only_if_its_image_left_the_list(ready: Desk) -> None:
    begin_ahead(ready, B)
    ready.prefetch(C, B)
    ready.predictor.layer.open()
    ready.predictor.wait_until_finished(3)
    assert ready.finished() == "abc"
    begin_ahead(ready, D)
    ready.prefetch(C)
    ready.predictor.layer.let_one_through()
    ready.show(C)
    assert ready.encoded() == "abcd"
    assert ready.finished() == "abc"


def test_another_model_does_not_wait_for_an_encode(ready: Desk) -> None:
    begin_ahead(ready, B)
    click = ready.client.predict(at(30, 40))
    ready.client.load("other.pt")
    ready.predictor.layer.let_one_through()
    spin_until(lambda: ready.received.models[-1].name == "other.pt")
    assert ready.answer(click).key == A  # by the new model
    assert ready.finished() == "a"
    assert ready.predictor.decoded == []


def test_a_model_that_fails_to_load_meanwhile_loses_no_click(desk: Desk) -> None:
    desk.client.load("gated.pt")
    desk.predictor.layer.close()
    desk.client.show_image(A, desk.path(A))
    desk.predictor.layer.wait_for_arrival()
    click = desk.client.predict(at(30, 40))
    desk.client.load("missing.pt")
    desk.predictor.layer.open()
    assert desk.answer(click).key == A
    assert desk.encoded() == "aa"


def test_everything_goes_before_images_ahead(ready: Desk) -> None:
    begin_ahead(ready, B)
    ready.client.segment_everything()
    ready.predictor.layer.let_one_through()
    spin_until(lambda: bool(ready.received.everything))
    assert len(ready.received.everything[0][1]) == 5
    assert ready.finished() == "a"
    ready.predictor.layer.open()
    ready.predictor.wait_until_finished(2)
    assert ready.finished() == "ab"


def test_cached_images_are_not_encoded_ahead(ready: Desk) -> None:
    ready.show(B)
    ready.prefetch(A, B, C)
    ready.predictor.wait_until_finished(3)
    assert ready.finished() == "abc"
    ready.prefetch(C, A, B)
    ready.show(D)
    assert ready.encoded() == "abcd"


def test_out_of_memory_for_a_prompt_cancels_an_encode_ahead(ready: Desk) -> None:
    begin_ahead(ready, B, C)
    ready.predictor.errors = [OutOfMemory("full")]
    click = ready.client.predict(at(30, 40))
    ready.predictor.layer.let_one_through()
    ready.answer(click)
    assert ready.received.failures == []
    assert ready.predictor.decoded == [at(30, 40), at(30, 40)]
    ready.predictor.layer.open()
    ready.predictor.wait_until_finished(2)
    assert ready.finished() == "ac"  # B was given up


def test_an_encode_ahead_that_fails_on_screen_is_started_again(ready: Desk) -> None:
    begin_ahead(ready, B)
    ready.client.show_image(B, ready.path(B))
    go_a_layer_on(ready)
    ready.predictor.errors = [OutOfMemory("full")]
    ready.predictor.layer.open()
    spin_until(lambda: ready.received.encoded[-1] == (B, False))
    assert ready.received.failures == []
    assert ready.encoded() == "abb"


def test_the_time_of_an_encode_excludes_its_pauses(ready: Desk) -> None:
    took: list[float] = []
    ready.client.encoded.connect(lambda _key, ms, _cached: took.append(ms))
    start = time.perf_counter()
    begin_ahead(ready, B)
    ready.client.predict(at(30, 40))
    ready.predictor.decoding.close()
    ready.predictor.layer.open()
    ready.predictor.decoding.wait_for_arrival()
    Event().wait(0.3)  # so long does the click take
    ready.client.show_image(B, ready.path(B))
    ready.predictor.decoding.open()
    spin_until(lambda: bool(took))
    assert 0 <= took[0] <= (time.perf_counter() - start) * 1e3 - 300
