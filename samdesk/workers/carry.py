"""CarryClient: finds where the objects of one image are on another, in a thread of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeAlias

from PySide6.QtCore import QObject

from samdesk.base.jobs import CancelToken
from samdesk.carry import CarriedObject, LeftBehind, carry_objects
from samdesk.domain.annotation import AnnotationId
from samdesk.domain.geometry.types import Region, RgbImage
from samdesk.workers.computing import ComputingThread
from samdesk.workers.failure import Failure
from samdesk.workers.thread import STOP_TIMEOUT_MS

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


class CarryClient:
    """Estimates one carry at a time. A newer request takes the place of the one before, and cancels it."""

    def __init__(self, read_image: Callable[[Path], RgbImage], parent: QObject | None = None) -> None:
        """``read_image``: reads an image, (H, W, 3) uint8 RGB, in the thread; a cache of images, say."""
        self._read = read_image
        self._thread = ComputingThread("carry", "carrying objects", parent)
        self._cancel = CancelToken()

    @property
    def busy(self) -> bool:
        """Whether an answer is awaited."""
        return self._thread.busy

    def carry(self, request: CarryRequest) -> None:
        """Estimates where the objects are; the answer comes on the main thread, unless it is dropped."""
        self.drop()
        self._cancel = request.cancel
        self._thread.run(partial(self._estimate, request), request.then, request.refused, str(request.target))

    def drop(self) -> None:
        """Cancels the request whose answer is awaited; none comes."""
        self._cancel.cancel()
        self._thread.drop()

    def stop(self, timeout_ms: int = STOP_TIMEOUT_MS) -> bool:
        """Ends the thread after its current step. Returns False if it still runs after the timeout."""
        self._cancel.cancel()
        return self._thread.stop(timeout_ms)

    def _estimate(self, request: CarryRequest) -> tuple[Carried, ...]:
        source = self._read(request.source)
        request.cancel.check()
        target = self._read(request.target)
        request.cancel.check()
        return carry_objects(source, target, request.objects, request.cancel.check)
