"""The inference thread's mailbox: what to do next, so that the newest wish wins.

In order: a model to load; the image on screen to encode; the newest click; a closer look to encode; the
newest hover; what the model is; "segment everything"; images to encode ahead. A click takes the place of
an older click and of any hover; a hover takes the place of an older hover only, so that no click goes
unanswered. Prompts wait until their image is encoded and are forgotten when another image is shown. Hovers
never end while the mouse moves: a closer look goes before them, and they are answered between its layers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from threading import Condition

from samdesk.workers.inference.requests import (
    DescribeRequest,
    EncodeRequest,
    EverythingRequest,
    LoadRequest,
    PromptRequest,
    Request,
    ViewRequest,
)

REST_S = 0.15
"""How long no prompt came when the hand rests: then images ahead are encoded, else they wait."""


class Mailbox:
    """Filled by the main thread, emptied by the inference thread.

    Args:
        clock: Seconds, monotonic; tests give their own.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._changed = Condition()
        self._clock = clock
        self._closed = False
        self._has_model = False
        self._epoch = 0
        self._ready = False
        self._load: LoadRequest | None = None
        self._shown: EncodeRequest | None = None
        self._screen: EncodeRequest | None = None
        self._looked_at: ViewRequest | None = None
        self._view: ViewRequest | None = None
        self._click: PromptRequest | None = None
        self._hover: PromptRequest | None = None
        self._everything: EverythingRequest | None = None
        self._describe = False
        self._ahead: list[EncodeRequest] | None = None
        self._busy_until = -1e9

    @property
    def epoch(self) -> int:
        """The epoch of the image on screen."""
        with self._changed:
            return self._epoch

    @property
    def closed(self) -> bool:
        """Whether nothing more is to be done."""
        with self._changed:
            return self._closed

    # -- filled by the main thread

    def load(self, request: LoadRequest) -> None:
        """Wishes for a model; an older wish not begun is forgotten."""
        with self._changed:
            self._load = request
            self._changed.notify()

    def show(self, epoch: int, request: EncodeRequest | None) -> None:
        """Another image (or none) is on screen: all that was asked about the one before is forgotten."""
        with self._changed:
            self._epoch = epoch
            self._shown = self._screen = request
            self._ready = False
            self._click = self._hover = self._everything = None
            self._view = self._looked_at = None
            self._ahead = None
            self._changed.notify()

    def look(self, request: ViewRequest) -> None:
        """Wishes for a closer look, or for the whole image again; an older wish is forgotten."""
        with self._changed:
            if request.epoch == self._epoch:
                self._view = self._looked_at = request
                self._changed.notify()

    def ahead(self, requests: Sequence[EncodeRequest]) -> None:
        """The images to encode when nothing else is to do, the likeliest first; told anew for each image."""
        with self._changed:
            self._ahead = list(requests)
            self._changed.notify()

    def prompt(self, request: PromptRequest) -> None:
        """Wishes for a mask. A hover takes no click's place; a click takes that of click and hover."""
        with self._changed:
            if request.epoch != self._epoch:
                return
            if request.hover:
                self._hover = request
            else:
                self._click = request
                self._hover = None
            self._busy_until = self._clock() + REST_S
            self._changed.notify()

    def everything(self, request: EverythingRequest) -> None:
        """Wishes for proposals of the whole image."""
        with self._changed:
            if request.epoch == self._epoch:
                self._everything = request
                self._changed.notify()

    def describe(self) -> None:
        """Wishes for all about the model in use."""
        with self._changed:
            self._describe = True
            self._changed.notify()

    def forget_hover(self) -> None:
        """The mouse has left: its mask is not wanted any more."""
        with self._changed:
            self._hover = None

    def forget_prompts(self) -> None:
        """The prompts were cleared: neither a click's nor a hover's mask is wanted any more."""
        with self._changed:
            self._click = self._hover = None

    def close(self) -> None:
        """Ends the thread after what it is doing now."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    # -- emptied by the inference thread

    def take(self) -> Request | None:
        """The next thing to do; waits for one. None: the mailbox is closed.

        An image ahead is given again and again until ``ahead_is_done``: it stays wanted if another thing
        comes first.
        """
        with self._changed:
            while not self._closed:
                request = self._next()
                if request is not None:
                    return request
                self._changed.wait(self._patience())
            return None

    def model_is_there(self) -> None:
        """Requests are answered from now on; the image on screen is encoded (again) before its prompts."""
        with self._changed:
            self._has_model = True
            self._screen, self._view = self._shown, self._looked_at
            self._ready = False

    def image_is_ready(self, epoch: int) -> None:
        """The image of this epoch is encoded: its prompts can be answered."""
        with self._changed:
            if epoch == self._epoch and self._screen is None:
                self._ready = True

    def ahead_is_done(self, request: EncodeRequest) -> None:
        """This image was encoded, or cannot be: it is not wanted ahead any more."""
        with self._changed:
            if self._ahead is not None:
                self._ahead = [r for r in self._ahead if not r.same_image(request)]

    # -- asked by the inference thread between two layers of an encode

    @property
    def stopping(self) -> bool:
        """Whether there is to be no work any more, or none with this model."""
        with self._changed:
            return self._closed or self._load is not None

    @property
    def screen(self) -> EncodeRequest | None:
        """The image on screen, if it waits to be encoded; it stays there."""
        with self._changed:
            return self._screen

    def take_screen(self, request: EncodeRequest) -> bool:
        """Takes the image on screen; False if it is another one by now."""
        with self._changed:
            if self._screen is not request:
                return False
            self._screen = None
            return True

    def wants(self, work: EncodeRequest | ViewRequest) -> bool:
        """Whether what is under way is still what to do, as long as no other image waits to be encoded."""
        with self._changed:
            if isinstance(work, ViewRequest):
                return work is self._looked_at
            if not work.ahead:
                return work.epoch == self._epoch
            if self._ready and (self._view or self._everything):
                return False
            return self._ahead is None or any(r.same_image(work) for r in self._ahead)

    def take_prompt(self, hovers: bool = True) -> PromptRequest | None:
        """A click, or also a hover, if one can be answered now; does not wait."""
        with self._changed:
            if self._closed or self._load is not None or not self._ready:
                return None
            return self._next_click() or (self._next_hover() if hovers else None)

    def put_back(self, request: PromptRequest) -> None:
        """A prompt could not be answered now; it waits again, if nothing newer does."""
        with self._changed:
            if request.epoch != self._epoch or self._click is not None:
                return
            if request.hover:
                self._hover = self._hover or request
            else:
                self._click = request

    def take_view(self) -> ViewRequest | None:
        """A closer look, if one is wished for and the image is there; does not wait."""
        with self._changed:
            return None if self._closed or self._load is not None or not self._ready else self._next_view()

    def wait_while_hand_moves(self) -> bool:
        """Waits for news as long as the hand does not rest; False: it rests."""
        with self._changed:
            left = self._busy_until - self._clock()
            if left > 0:
                self._changed.wait_for(self._has_news, left)
            return left > 0

    def _has_news(self) -> bool:
        waiting = (self._click, self._hover, self._view, self._everything)
        return self._closed or bool(self._load or self._screen) or (self._ready and any(waiting))

    # -- what is next; the lock is held

    def _next(self) -> Request | None:
        if self._load is not None:
            load, self._load = self._load, None
            return load
        if not self._has_model:
            return None
        if self._screen is not None:
            screen, self._screen = self._screen, None
            return screen
        if self._ready and (request := self._next_click() or self._next_view() or self._next_hover()):
            return request
        return self._next_idle()

    def _next_click(self) -> PromptRequest | None:
        click, self._click = self._click, None
        return click

    def _next_hover(self) -> PromptRequest | None:
        hover, self._hover = self._hover, None
        return hover

    def _next_view(self) -> ViewRequest | None:
        view, self._view = self._view, None
        return view

    def _next_idle(self) -> Request | None:
        if self._describe:
            self._describe = False
            return DescribeRequest()
        if self._everything is not None and self._ready:
            everything, self._everything = self._everything, None
            return everything
        if self._ahead and self._busy_until <= self._clock():
            return self._ahead[0]
        return None

    def _patience(self) -> float | None:
        """How long to wait for news, seconds; None for ever."""
        if not self._has_model or not self._ahead:
            return None
        return max(0.001, self._busy_until - self._clock())
