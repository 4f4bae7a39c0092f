"""CarryClient: finds where the objects of one image are on another, in a thread of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition
from typing import TypeAlias

from PySide6.QtCore import QObject

from samdesk.base.jobs import Cancelled, CancelToken
from samdesk.carry import CarriedObject, LeftBehind, carry_objects
from samdesk.domain.annotation import AnnotationId
from samdesk.domain.geometry.types import Region, RgbImage
from samdesk.workers.failure import Failure, describe
from samdesk.workers.thread import STOP_TIMEOUT_MS, LoopThread, Post

Carried: TypeAlias = CarriedObject | LeftBehind


@dataclass(frozen=True, eq=False)
class CarryRequest:
    """Where the objects of an image are on another one is wanted.

    Attributes:
        source: The image file whose objects are known.
        target: The other one.
        objects: Id and outline of each object, source pixels.
        then: Called with what became of each, in their order.
        refused: Called instead if an image cannot be read.
        cancel: Set when the answer is no longer wanted.
    """

    source: Path
    target: Path
    objects: tuple[tuple[AnnotationId, Region], ...]
    then: Callable[[tuple[Carried, ...]], None]
    refused: Callable[[Failure], None]
    cancel: CancelToken = field(default_factory=CancelToken)


@dataclass(frozen=True, eq=False)
class _CarryAnswer:
    request: CarryRequest
    result: tuple[Carried, ...] | Failure


class CarryClient(QObject):
    """Estimates one carry at a time. A newer request takes the place of the one before, and cancels it."""

    def __init__(self, read_image: Callable[[Path], RgbImage], parent: QObject | None = None) -> None:
        """``read_image``: reads an image, (H, W, 3) uint8 RGB, in the thread; a cache of images, say."""
        super().__init__(parent)
        self._read = read_image
        self._changed = Condition()
        self._next: CarryRequest | None = None
        self._closed = False
        self._awaited: CarryRequest | None = None
        self._post = Post(self._receive, self)
        self._thread: LoopThread | None = None

    @property
    def busy(self) -> bool:
        """Whether an answer is awaited."""
        return self._awaited is not None

    def carry(self, request: CarryRequest) -> None:
        """Estimates where the objects are; the answer comes on the main thread, unless it is dropped."""
        self.drop()
        if self._thread is None:
            self._thread = LoopThread("carry", self._loop)
            self._thread.start()
        self._awaited = request
        with self._changed:
            self._next = request
            self._changed.notify_all()

    def drop(self) -> None:
        """Cancels the request whose answer is awaited; none comes."""
        with self._changed:
            self._next = None
        if self._awaited is not None:
            self._awaited.cancel.cancel()
            self._awaited = None

    def stop(self, timeout_ms: int = STOP_TIMEOUT_MS) -> bool:
        """Ends the thread after its current step. Returns False if it still runs after the timeout."""
        self.drop()
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        return self._thread is None or self._thread.join(timeout_ms)

    def _loop(self) -> None:
        while (request := self._take()) is not None:
            try:
                result: tuple[Carried, ...] | Failure = self._estimate(request)
            except Cancelled:
                continue
            except Exception as error:  # noqa: BLE001 - shown to the user as a Failure
                result = describe(error, "carrying objects", str(request.target))
            self._post(_CarryAnswer(request, result))

    def _estimate(self, request: CarryRequest) -> tuple[Carried, ...]:
        source = self._read(request.source)
        request.cancel.check()
        target = self._read(request.target)
        request.cancel.check()
        return carry_objects(source, target, request.objects, request.cancel.check)

    def _take(self) -> CarryRequest | None:
        with self._changed:
            while not self._closed:
                if self._next is not None:
                    request, self._next = self._next, None
                    return request
                self._changed.wait()
            return None

    def _receive(self, answer: object) -> None:
        assert isinstance(answer, _CarryAnswer)
        request = answer.request
        if request is not self._awaited:
            return
        self._awaited = None
        if isinstance(answer.result, Failure):
            request.refused(answer.result)
        else:
            request.then(answer.result)
