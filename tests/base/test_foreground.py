"""Work in the background waits while the user is served, and still makes progress if that never ends."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from samdesk.base.jobs import Cancelled, CancelToken, Foreground

PATIENCE_S = 10.0


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Waiting:
    """``Foreground.wait`` in a thread."""

    def __init__(self, wait: Callable[[], None]) -> None:
        self.passed = threading.Event()

        def run() -> None:
            wait()
            self.passed.set()

        self._thread = threading.Thread(target=run)
        self._thread.start()

    def join(self) -> bool:
        self._thread.join(PATIENCE_S)
        return self.passed.is_set()


def test_nobody_waits_while_the_user_does_nothing() -> None:
    Foreground(Clock()).wait()


def test_it_waits_while_the_user_is_served_and_goes_on_at_once_after() -> None:
    foreground = Foreground(Clock())
    with foreground.serving():
        waiting = Waiting(foreground.wait)
        assert not waiting.passed.wait(0.05), "it went on while the user waited"
    assert waiting.join()


def test_it_waits_for_a_moment_after_the_mouse_has_moved() -> None:
    clock = Clock()
    foreground = Foreground(clock)
    foreground.touch()
    waiting = Waiting(foreground.wait)
    assert not waiting.passed.wait(0.05)
    clock.now += Foreground.TAIL_S
    assert waiting.join()


def test_a_cancel_ends_the_wait() -> None:
    cancel = CancelToken()
    foreground = Foreground(Clock())
    ended: list[str] = []

    def wait() -> None:
        with pytest.raises(Cancelled):
            foreground.wait(cancel)
        ended.append("cancelled")

    foreground.touch()
    waiting = Waiting(wait)
    cancel.cancel()
    assert waiting.join()
    assert ended == ["cancelled"]


def test_a_mouse_that_moves_for_an_hour_leaves_a_tenth_of_the_time_to_the_run() -> None:
    class Moving(Clock):
        """Every look at the clock is 10 ms later, and the mouse has moved by then."""

        def __call__(self) -> float:
            self.now += 0.01
            return self.now

    clock = Moving()
    foreground = Foreground(clock)
    foreground._busy_until = 1e9
    foreground._changed.wait = lambda timeout=None: True  # type: ignore[method-assign]
    layers, end = 0, clock.now + 60
    while clock.now < end:
        foreground.wait()
        clock.now += 0.02  # a layer
        layers += 1
    assert 0.04 < layers * 0.02 / 60 < 0.15


def test_a_click_is_waited_for_even_in_the_runs_own_share_of_the_time() -> None:
    clock = Clock()
    foreground = Foreground(clock)
    foreground.touch()
    first = Waiting(foreground.wait)
    while not first.passed.is_set():  # longer than it has to wait at most
        clock.now += 0.1
        foreground.touch()
        first.passed.wait(0.005)
    assert first.join()
    foreground.wait()  # its share
    with foreground.serving():
        waiting = Waiting(foreground.wait)
        assert not waiting.passed.wait(0.05)
    assert waiting.join()
