"""The inference thread's mailbox: what to do next, so that the newest wish wins.

In order: a model to load; the image on screen to encode; the newest click; the newest hover; what the
model is; "segment everything"; images to encode ahead. A click takes the place of an older click and
of any hover; a hover takes the place of an older hover only, so that no click goes unanswered. Prompts
wait until their image is encoded and are forgotten when another image is shown.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Condition
from typing import TypeAlias

from samdesk.domain.document import ImageKey
from samdesk.domain.prompts import PromptSet
from samdesk.engine.protocols import CancelToken


@dataclass(frozen=True)
class LoadRequest:
    """Load a model."""

    token: int
    name: str
    device: str = ""
    precision: str = "auto"


@dataclass(frozen=True)
class EncodeRequest:
    """Encode an image: the one on screen, or one ahead of time."""

    epoch: int
    key: ImageKey
    path: Path
    ahead: bool = False


@dataclass(frozen=True)
class PromptRequest:
    """Decode a mask on the image that was on screen in this epoch."""

    epoch: int
    token: int
    key: ImageKey
    prompts: PromptSet
    hover: bool = False


@dataclass(frozen=True)
class EverythingRequest:
    """Propose masks for the whole image on screen."""

    epoch: int
    key: ImageKey
    cancel: CancelToken


@dataclass(frozen=True)
class DescribeRequest:
    """Find out all about the model in use."""


Request: TypeAlias = LoadRequest | EncodeRequest | PromptRequest | EverythingRequest | DescribeRequest


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
        self._click: PromptRequest | None = None
        self._hover: PromptRequest | None = None
        self._everything: EverythingRequest | None = None
        self._describe = False
        self._ahead: list[EncodeRequest] = []
        self._quiet_s = 0.0
        self._busy_at = -1e9

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
        """Another image (or none) is on screen: all that was asked of the one before is forgotten."""
        with self._changed:
            self._epoch = epoch
            self._shown = self._screen = request
            self._ready = False
            self._click = self._hover = self._everything = None
            self._changed.notify()

    def ahead(self, requests: Sequence[EncodeRequest]) -> None:
        """The images to encode when nothing else is to do, the likeliest first."""
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
            self._busy_at = self._clock()
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
        """The next thing to do; waits for one. None: the mailbox is closed."""
        with self._changed:
            while not self._closed:
                request = self._next()
                if request is not None:
                    return request
                self._changed.wait(self._patience())
            return None

    def take_prompt(self) -> PromptRequest | None:
        """A click or hover if one can be answered now; does not wait."""
        with self._changed:
            return None if self._closed or self._load is not None else self._next_prompt()

    def model_is_there(self) -> None:
        """Requests are answered from now on; the image on screen is encoded (again) before its prompts."""
        with self._changed:
            self._has_model = True
            self._screen = self._shown
            self._ready = False

    def image_is_ready(self, epoch: int) -> None:
        """The image of this epoch is encoded: its prompts can be answered."""
        with self._changed:
            if epoch == self._epoch and self._screen is None:
                self._ready = True
                self._busy_at = self._clock()

    def keep_quiet(self, seconds: float) -> None:
        """Encodes ahead only when no prompt came for so long: an encode would hold up the next one."""
        with self._changed:
            self._quiet_s = seconds

    def _next(self) -> Request | None:
        if self._load is not None:
            load, self._load = self._load, None
            return load
        if not self._has_model:
            return None
        if self._screen is not None:
            screen, self._screen = self._screen, None
            return screen
        return self._next_prompt() or self._next_idle()

    def _next_prompt(self) -> PromptRequest | None:
        if not self._ready:
            return None
        prompt = self._click or self._hover
        if prompt is self._click:
            self._click = None
        else:
            self._hover = None
        return prompt

    def _next_idle(self) -> Request | None:
        if self._describe:
            self._describe = False
            return DescribeRequest()
        if self._everything is not None and self._ready:
            everything, self._everything = self._everything, None
            return everything
        if self._ahead and self._quiet_left() <= 0:
            return self._ahead.pop(0)
        return None

    def _patience(self) -> float | None:
        """How long to wait for news, seconds; None for ever."""
        if not self._has_model or not self._ahead:
            return None
        return max(0.001, self._quiet_left())

    def _quiet_left(self) -> float:
        return self._busy_at + self._quiet_s - self._clock()
