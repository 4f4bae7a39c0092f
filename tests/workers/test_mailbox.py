"""The order in which the inference thread gets its work."""

from __future__ import annotations

from pathlib import Path
from threading import Event, Thread

import pytest

from samdesk.domain.document import ImageKey
from samdesk.domain.prompts import PointPrompt, PromptSet
from samdesk.engine.protocols import CancelToken
from samdesk.workers.mailbox import (
    DescribeRequest,
    EncodeRequest,
    EverythingRequest,
    LoadRequest,
    Mailbox,
    PromptRequest,
)

KEY = ImageKey("a.jpg")


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def encode(epoch: int, name: str = "a.jpg", ahead: bool = False) -> EncodeRequest:
    return EncodeRequest(epoch, ImageKey(name), Path(name), ahead)


def prompt(token: int, epoch: int = 1, hover: bool = False) -> PromptRequest:
    return PromptRequest(epoch, token, KEY, PromptSet((PointPrompt(token, token),)), hover)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def box(clock: Clock) -> Mailbox:
    """With a model, and an image that is encoded."""
    mailbox = Mailbox(clock)
    mailbox.model_is_there()
    mailbox.show(1, encode(1))
    assert mailbox.take() == encode(1)
    mailbox.image_is_ready(1)
    return mailbox


def test_the_newest_hover_is_all_that_is_left_of_two_hundred(box: Mailbox) -> None:
    for token in range(200):
        box.prompt(prompt(token, hover=True))
    assert box.take() == prompt(199, hover=True)
    assert box.take_prompt() is None


def test_a_hover_never_displaces_a_click(box: Mailbox) -> None:
    box.prompt(prompt(1))
    box.prompt(prompt(2, hover=True))
    assert [box.take_prompt(), box.take_prompt()] == [prompt(1), prompt(2, hover=True)]


def test_a_click_displaces_hovers_and_older_clicks(box: Mailbox) -> None:
    box.prompt(prompt(1))
    box.prompt(prompt(2, hover=True))
    box.prompt(prompt(3))
    assert box.take() == prompt(3)
    assert box.take_prompt() is None


def test_prompts_wait_for_their_image(clock: Clock) -> None:
    box = Mailbox(clock)
    box.show(1, encode(1))
    box.prompt(prompt(1))
    box.load(LoadRequest(9, "m"))
    assert box.take() == LoadRequest(9, "m")
    box.model_is_there()
    assert box.take() == encode(1)
    assert box.take_prompt() is None
    box.image_is_ready(1)
    assert box.take() == prompt(1)


def test_another_image_forgets_the_prompts_of_the_one_before(box: Mailbox) -> None:
    box.prompt(prompt(1))
    box.everything(EverythingRequest(1, KEY, CancelToken()))
    box.show(2, encode(2, "b.jpg"))
    box.prompt(prompt(2, epoch=1))
    box.image_is_ready(1)
    assert box.take() == encode(2, "b.jpg")
    box.image_is_ready(2)
    assert box.take_prompt() is None


def test_the_image_on_screen_goes_before_images_ahead_and_prompts_before_both(box: Mailbox) -> None:
    ahead = [encode(1, f"{i}.jpg", ahead=True) for i in range(3)]
    box.ahead(ahead)
    box.prompt(prompt(1, hover=True))
    assert [box.take(), box.take()] == [prompt(1, hover=True), ahead[0]]
    box.show(2, encode(2, "b.jpg"))
    assert [box.take(), box.take()] == [encode(2, "b.jpg"), ahead[1]]


def test_a_new_list_ahead_takes_the_place_of_the_old(box: Mailbox) -> None:
    box.ahead([encode(1, "old.jpg", ahead=True)])
    box.ahead([encode(1, "new.jpg", ahead=True)])
    box.prompt(prompt(1))
    assert [box.take(), box.take()] == [prompt(1), encode(1, "new.jpg", ahead=True)]


def test_nothing_is_encoded_ahead_until_the_hand_has_rested(box: Mailbox, clock: Clock) -> None:
    box.keep_quiet(0.5)
    box.prompt(prompt(1, hover=True))
    assert box.take() == prompt(1, hover=True)
    box.ahead([encode(1, "b.jpg", ahead=True)])
    clock.now += 0.3
    box.prompt(prompt(2, hover=True))
    assert box.take() == prompt(2, hover=True)
    clock.now += 0.51
    assert box.take() == encode(1, "b.jpg", ahead=True)


def test_a_new_model_encodes_the_image_on_screen_again_and_keeps_the_click(box: Mailbox) -> None:
    box.prompt(prompt(1))
    box.load(LoadRequest(9, "old"))
    box.load(LoadRequest(10, "new"))
    assert box.take() == LoadRequest(10, "new")
    box.model_is_there()
    assert box.take() == encode(1)
    box.image_is_ready(1)
    assert box.take() == prompt(1)


def test_what_the_model_is_waits_for_prompts_but_not_for_images_ahead(box: Mailbox) -> None:
    box.ahead([encode(1, "b.jpg", ahead=True)])
    box.describe()
    box.prompt(prompt(1))
    assert [box.take(), box.take()] == [prompt(1), DescribeRequest()]


def test_cleared_prompts_are_not_answered(box: Mailbox) -> None:
    box.prompt(prompt(1))
    box.prompt(prompt(2, hover=True))
    box.forget_hover()
    assert box.take() == prompt(1)
    assert box.take_prompt() is None
    box.prompt(prompt(3))
    box.forget_prompts()
    assert box.take_prompt() is None


def test_closing_wakes_who_waits(clock: Clock) -> None:
    box = Mailbox(clock)
    ended = Event()

    def wait() -> None:
        assert box.take() is None
        ended.set()

    thread = Thread(target=wait)
    thread.start()
    box.close()
    assert ended.wait(20)
    thread.join(20)
    assert box.closed
