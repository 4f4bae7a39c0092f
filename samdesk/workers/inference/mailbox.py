"""The inference thread's mailbox: a priority queue in which the newest request of each kind wins.

The order is that of ``requests.table.KINDS``: load a model, encode the image on screen, newest click, view,
newest hover, describe the model, segment everything; then images to encode ahead. Requests about the image
on screen wait until it is encoded and are dropped when another image is shown.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from threading import Condition
from typing import Any

from samdesk.workers.inference.requests.encode import ENCODE, EncodeRequest
from samdesk.workers.inference.requests.kind import ImageRequest, Needs, Request, RequestKind
from samdesk.workers.inference.requests.load import LOAD
from samdesk.workers.inference.requests.prompt import HOVER
from samdesk.workers.inference.requests.table import KINDS
from samdesk.workers.inference.requests.view import VIEW, ViewRequest

IDLE_S = 0.15
"""Images are encoded ahead when no interactive request has come for so long, seconds."""


class Mailbox:
    """Filled by the main thread, emptied by the inference thread.

    Args:
        clock: Seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._changed = Condition()
        self._clock = clock
        self._closed = False
        self._has_model = False
        self._epoch = 0
        self._image_ready = False
        self._waiting: dict[RequestKind[Any], Request] = {}
        self._repeated: dict[RequestKind[Any], Request] = {}  # of the image on screen, served or not
        self._ahead: list[EncodeRequest] | None = None
        self._idle_from = -1e9

    @property
    def epoch(self) -> int:
        """The epoch of the image on screen."""
        with self._changed:
            return self._epoch

    @property
    def closed(self) -> bool:
        """Whether the thread is to end."""
        with self._changed:
            return self._closed

    # -- filled by the main thread

    def put(self, request: Request) -> None:
        """Queues a request in place of an older one of its kind; ignored if about an earlier image."""
        with self._changed:
            if self._is_outdated(request):
                return
            self._add(request)
            for displaced in request.kind.displaces:
                self._waiting.pop(displaced, None)
            if request.kind.interactive:
                self._idle_from = self._clock() + IDLE_S
            self._changed.notify()

    def show(self, epoch: int, request: EncodeRequest | None) -> None:
        """Another image (or none) is on screen: every request about the one before is dropped."""
        with self._changed:
            self._epoch, self._image_ready = epoch, False
            self._waiting = {k: r for k, r in self._waiting.items() if not isinstance(r, ImageRequest)}
            self._repeated = {}
            self._ahead = None
            if request is not None:
                self._add(request)
            self._changed.notify()

    def ahead(self, requests: Sequence[EncodeRequest]) -> None:
        """Sets the images to encode when there is nothing else to do, in this order."""
        with self._changed:
            self._ahead = list(requests)
            self._changed.notify()

    def drop(self, *kinds: RequestKind[Any]) -> None:
        """Drops the waiting requests of these kinds."""
        with self._changed:
            for kind in kinds:
                self._waiting.pop(kind, None)

    def close(self) -> None:
        """Ends the thread after its current step."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    # -- emptied by the inference thread

    def take(self) -> Request | None:
        """Takes the next request; waits for one. None: the mailbox is closed.

        An image ahead is returned again and again until ``ahead_is_done``: it stays wanted if another
        request interrupts it.
        """
        with self._changed:
            while not self._closed:
                request = self._take_first(KINDS) or self._next_ahead()
                if request is not None:
                    return request
                self._changed.wait(self._timeout())
            return None

    def model_is_ready(self) -> None:
        """A model was loaded: it encodes the image on screen and its view again, before prompts."""
        with self._changed:
            self._has_model, self._image_ready = True, False
            self._waiting.update(self._repeated)

    def image_is_ready(self, epoch: int) -> None:
        """The image of this epoch is encoded: requests that need it can be served."""
        with self._changed:
            if epoch == self._epoch and ENCODE not in self._waiting:
                self._image_ready = True

    def ahead_is_done(self, request: EncodeRequest) -> None:
        """Removes an image that is encoded, or cannot be, from the images ahead."""
        with self._changed:
            if self._ahead is not None:
                self._ahead = [r for r in self._ahead if not r.same_image(request)]

    # -- called by the inference thread in the pauses of an encode

    @property
    def stopping(self) -> bool:
        """Whether the thread is to end, or another model is to be loaded."""
        with self._changed:
            return self._stopping()

    @property
    def screen(self) -> EncodeRequest | None:
        """The image on screen if it waits to be encoded; it stays in the mailbox."""
        with self._changed:
            request = self._waiting.get(ENCODE)
            assert request is None or isinstance(request, EncodeRequest)
            return request

    def take_screen(self, request: EncodeRequest) -> bool:
        """Takes the image on screen; False if it is another one by now."""
        with self._changed:
            if self._waiting.get(ENCODE) is not request:
                return False
            del self._waiting[ENCODE]
            return True

    def wants(self, work: EncodeRequest | ViewRequest) -> bool:
        """Whether an encode should continue, provided that no other image waits to be encoded."""
        with self._changed:
            if isinstance(work, ViewRequest):
                return work is self._repeated.get(VIEW)
            if not work.ahead:
                return work.epoch == self._epoch
            if self._image_ready and any(k.needs is Needs.IMAGE and not k.interactive for k in self._waiting):
                return False
            return self._ahead is None or any(r.same_image(work) for r in self._ahead)

    def take_interactive(self, hovers: bool = True) -> Request | None:
        """Takes an interactive request that can be served now, if any; does not wait."""
        with self._changed:
            if self._stopping():
                return None
            return self._take_first(k for k in KINDS if k.interactive and (hovers or k is not HOVER))

    def put_back(self, request: Request) -> None:
        """Queues a request that could not be served now, unless a newer one waits in its place."""
        with self._changed:
            newer = any(kind is request.kind or request.kind in kind.displaces for kind in self._waiting)
            if not newer and not self._is_outdated(request):
                self._waiting[request.kind] = request

    def take_view(self) -> ViewRequest | None:
        """Takes the view request that waits, if the image is encoded; does not wait."""
        with self._changed:
            request = None if self._stopping() else self._take_first((VIEW,))
            assert request is None or isinstance(request, ViewRequest)
            return request

    def wait_while_prompting(self) -> bool:
        """Waits for a request while interactive ones keep coming; False: none has come for a moment."""
        with self._changed:
            left = self._idle_from - self._clock()
            if left > 0:
                self._changed.wait_for(self._interrupted, left)
            return left > 0

    # -- called with the lock held

    def _add(self, request: Request) -> None:
        self._waiting[request.kind] = request
        if request.kind.repeated:
            self._repeated[request.kind] = request

    def _is_outdated(self, request: Request) -> bool:
        return isinstance(request, ImageRequest) and request.epoch != self._epoch

    def _stopping(self) -> bool:
        return self._closed or LOAD in self._waiting

    def _interrupted(self) -> bool:
        """Whether a pause has anything to handle."""
        if self._stopping() or ENCODE in self._waiting:
            return True
        return self._image_ready and any(kind.needs is Needs.IMAGE for kind in self._waiting)

    def _take_first(self, kinds: Iterable[RequestKind[Any]]) -> Request | None:
        found = next((k for k in kinds if k in self._waiting and self._can_serve(k)), None)
        return None if found is None else self._waiting.pop(found)

    def _can_serve(self, kind: RequestKind[Any]) -> bool:
        if kind.needs is Needs.NOTHING:
            return True
        return self._has_model and (kind.needs is Needs.MODEL or self._image_ready)

    def _next_ahead(self) -> EncodeRequest | None:
        if self._has_model and self._ahead and self._idle_from <= self._clock():
            return self._ahead[0]
        return None

    def _timeout(self) -> float | None:
        """How long to wait for a request before encoding images ahead, seconds; None: indefinitely."""
        if not self._has_model or not self._ahead:
            return None
        return max(0.001, self._idle_from - self._clock())
