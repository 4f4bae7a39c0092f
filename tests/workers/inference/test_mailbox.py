"""The order in which the mailbox returns requests."""

from __future__ import annotations

from pathlib import Path
from threading import Event, Thread

import pytest

from samdesk.base.jobs import CancelToken
from samdesk.domain.document import ImageKey
from samdesk.domain.geometry.types import Frame
from samdesk.domain.prompts import PointPrompt, PromptSet
from samdesk.workers.inference.mailbox import IDLE_S, Mailbox
from samdesk.workers.inference.requests.describe import DescribeRequest
from samdesk.workers.inference.requests.encode import EncodeRequest
from samdesk.workers.inference.requests.everything import EverythingRequest
from samdesk.workers.inference.requests.load import LoadRequest
from samdesk.workers.inference.requests.prompt import CLICK, HOVER, PromptRequest
from samdesk.workers.inference.requests.view import ViewRequest

KEY = ImageKey("a.jpg")
VIEW = Frame(10, 20, 100)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now

    def rest(self) -> None:
        self.now += IDLE_S


def encode(epoch: int, name: str = "a.jpg", ahead: bool = False) -> EncodeRequest:
    return EncodeRequest(epoch, ImageKey(name), Path(name), ahead)


def prompt(token: int, epoch: int = 1, hover: bool = False) -> PromptRequest:
    return PromptRequest(epoch, token, KEY, PromptSet((PointPrompt(token, token),)), hover)


def view(view: Frame | None, epoch: int = 1) -> ViewRequest:
    return ViewRequest(epoch, view)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def box(clock: Clock) -> Mailbox:
    """A model is loaded and the image on screen is encoded."""
    mailbox = Mailbox(clock)
    mailbox.model_is_ready()
    mailbox.show(1, encode(1))
    assert mailbox.take() == encode(1)
    mailbox.image_is_ready(1)
    return mailbox


def test_only_the_newest_of_two_hundred_hovers_is_kept(box: Mailbox) -> None:
    for token in range(200):
        box.put(prompt(token, hover=True))
    assert box.take() == prompt(199, hover=True)
    assert box.take_interactive() is None


def test_a_hover_never_displaces_a_click(box: Mailbox) -> None:
    box.put(prompt(1))
    box.put(prompt(2, hover=True))
    assert [box.take_interactive(), box.take_interactive()] == [prompt(1), prompt(2, hover=True)]


def test_a_click_displaces_hovers_and_older_clicks(box: Mailbox) -> None:
    box.put(prompt(1))
    box.put(prompt(2, hover=True))
    box.put(prompt(3))
    assert box.take() == prompt(3)
    assert box.take_interactive() is None


def test_prompts_wait_for_their_image(clock: Clock) -> None:
    box = Mailbox(clock)
    box.show(1, encode(1))
    box.put(prompt(1))
    box.put(LoadRequest(9, "m"))
    assert box.take() == LoadRequest(9, "m")
    box.model_is_ready()
    assert box.take() == encode(1)
    assert box.take_interactive() is None
    box.image_is_ready(1)
    assert box.take() == prompt(1)


def test_another_image_drops_the_prompts_of_the_one_before(box: Mailbox) -> None:
    box.put(prompt(1))
    box.put(EverythingRequest(1, KEY, CancelToken()))
    box.show(2, encode(2, "b.jpg"))
    box.put(prompt(2, epoch=1))
    box.image_is_ready(1)
    assert box.take() == encode(2, "b.jpg")
    box.image_is_ready(2)
    assert box.take_interactive() is None


def test_the_image_on_screen_goes_before_images_ahead_and_prompts_before_both(
    box: Mailbox, clock: Clock
) -> None:
    ahead = encode(1, "c.jpg", ahead=True)
    box.ahead([ahead])
    box.put(prompt(1, hover=True))
    assert box.take() == prompt(1, hover=True)
    clock.rest()
    assert box.take() == ahead
    box.show(2, encode(2, "b.jpg"))
    box.ahead([ahead])
    assert [box.take(), box.take()] == [encode(2, "b.jpg"), ahead]


def test_an_image_ahead_is_wanted_until_it_is_done(box: Mailbox) -> None:
    first, second = encode(1, "b.jpg", ahead=True), encode(1, "c.jpg", ahead=True)
    box.ahead([first, second])
    assert [box.take(), box.take()] == [first, first]  # it was interrupted
    box.ahead_is_done(first)
    assert box.take() == second


def test_a_new_list_ahead_takes_the_place_of_the_old(box: Mailbox) -> None:
    old, new = encode(1, "old.jpg", ahead=True), encode(1, "new.jpg", ahead=True)
    box.ahead([old])
    assert box.wants(old)
    box.ahead([new])
    assert not box.wants(old)
    assert box.take() == new


def test_another_image_clears_the_list_ahead_but_an_encode_under_way_goes_on(box: Mailbox) -> None:
    under_way = encode(1, "c.jpg", ahead=True)
    box.ahead([under_way])
    box.show(2, None)
    assert box.wants(under_way)
    box.ahead([])
    assert not box.wants(under_way)


def test_nothing_is_encoded_ahead_until_prompts_have_paused(box: Mailbox, clock: Clock) -> None:
    box.put(prompt(1, hover=True))
    assert box.take() == prompt(1, hover=True)
    box.ahead([encode(1, "b.jpg", ahead=True)])
    clock.now += 0.8 * IDLE_S
    box.put(prompt(2, hover=True))
    assert box.take() == prompt(2, hover=True)
    clock.rest()
    assert box.take() == encode(1, "b.jpg", ahead=True)


def test_a_view_waits_for_its_image_and_goes_between_clicks_and_hovers(box: Mailbox) -> None:
    box.show(2, encode(2, "b.jpg"))
    box.put(view(VIEW, epoch=2))
    assert box.take_view() is None
    assert box.take() == encode(2, "b.jpg")
    box.image_is_ready(2)
    box.put(prompt(1, epoch=2))
    box.put(prompt(2, epoch=2, hover=True))
    assert [box.take(), box.take(), box.take()] == [
        prompt(1, epoch=2), view(VIEW, epoch=2), prompt(2, epoch=2, hover=True)
    ]  # fmt: skip


def test_the_newest_view_wins_and_none_outlasts_its_image(box: Mailbox) -> None:
    first, second = view(VIEW), view(Frame(5, 5, 50))
    box.put(first)
    assert box.take() is first
    assert box.wants(first)
    box.put(second)
    assert not box.wants(first)
    box.put(third := view(None))
    assert box.take_view() is third
    box.show(2, None)
    assert not box.wants(third)
    box.put(view(VIEW, epoch=1))
    assert box.take_view() is None


def test_a_new_model_gets_the_view_again(box: Mailbox) -> None:
    box.put(request := view(VIEW))
    assert box.take() is request
    box.put(LoadRequest(9, "new"))
    assert box.stopping
    assert box.take() == LoadRequest(9, "new")
    box.model_is_ready()
    assert box.take() == encode(1)
    box.image_is_ready(1)
    assert box.take() is request


@pytest.mark.parametrize("waiting", ["view", "everything"])
def test_images_ahead_make_way_for_the_image_on_screen(box: Mailbox, waiting: str) -> None:
    ahead = encode(1, "b.jpg", ahead=True)
    box.ahead([ahead])
    assert box.take() == ahead
    assert box.wants(ahead)
    if waiting == "view":
        box.put(view(VIEW))
    else:
        box.put(EverythingRequest(1, KEY, CancelToken()))
    assert not box.wants(ahead)
    box.take()
    assert box.wants(ahead)


def test_a_prompt_put_back_never_displaces_a_newer_one(box: Mailbox) -> None:
    box.put(prompt(1))
    first = box.take_interactive()
    assert first is not None
    box.put_back(first)
    assert box.take_interactive() == first
    box.put(prompt(2))
    box.put_back(first)
    assert [box.take_interactive(), box.take_interactive()] == [prompt(2), None]
    box.show(2, None)
    box.put_back(first)
    assert box.take_interactive() is None


def test_hovers_can_be_left_waiting(box: Mailbox) -> None:
    box.put(prompt(1, hover=True))
    assert box.take_interactive(hovers=False) is None
    assert box.take_interactive() == prompt(1, hover=True)


def test_a_wait_for_a_pause_in_prompts_is_ended_by_the_next_prompt(box: Mailbox, clock: Clock) -> None:
    assert not box.wait_while_prompting()
    box.put(prompt(1))
    assert box.take_interactive() == prompt(1)
    box.put(prompt(2))
    assert box.wait_while_prompting()
    assert box.take_interactive() == prompt(2)
    clock.rest()
    assert not box.wait_while_prompting()


def test_a_new_model_encodes_the_image_on_screen_again_and_keeps_the_click(box: Mailbox) -> None:
    box.put(prompt(1))
    box.put(LoadRequest(9, "old"))
    box.put(LoadRequest(10, "new"))
    assert box.take() == LoadRequest(10, "new")
    box.model_is_ready()
    assert box.take() == encode(1)
    box.image_is_ready(1)
    assert box.take() == prompt(1)


def test_a_description_waits_for_prompts_but_not_for_images_ahead(box: Mailbox) -> None:
    box.ahead([encode(1, "b.jpg", ahead=True)])
    box.put(DescribeRequest())
    box.put(prompt(1))
    assert [box.take(), box.take()] == [prompt(1), DescribeRequest()]


def test_cleared_prompts_are_not_answered(box: Mailbox) -> None:
    box.put(prompt(1))
    box.put(prompt(2, hover=True))
    box.drop(HOVER)
    assert box.take() == prompt(1)
    assert box.take_interactive() is None
    box.put(prompt(3))
    box.drop(CLICK, HOVER)
    assert box.take_interactive() is None


def test_closing_ends_a_waiting_take(clock: Clock) -> None:
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
