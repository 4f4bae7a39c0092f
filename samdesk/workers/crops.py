"""CropLoader: reads the crops of annotations in the background, those in view first, and compares them.

One thread reads crops from disk or cuts them from images; between two images it looks at what is in view now.
When nothing is in view that it does not have, it computes the features by which crops are compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from threading import Condition
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from samdesk.domain.annotation import AnnotationId
from samdesk.domain.geometry.types import RgbImage
from samdesk.domain.likeness import by_likeness
from samdesk.images.crops.store import CropStore, crop_key
from samdesk.images.crops.view import ReadScaled, View, read_crops
from samdesk.workers.failure import Failure, describe
from samdesk.workers.thread import STOP_TIMEOUT_MS, LoopThread, Post

CROP_SIDE = 160
"""Longer side of a crop, pixels."""
_AT_ONCE = 16

Feature: TypeAlias = NDArray[np.float32]


class Describer(Protocol):
    """Computes the features of crops."""

    @property
    def length(self) -> int:
        """The length of a feature."""

    def describe(self, crops: Sequence[RgbImage]) -> list[Feature]:
        """Returns a vector of length 1 for each crop, (length,) float32."""


@dataclass(frozen=True)
class CropRequest:
    """A crop to read.

    Attributes:
        id: Of the annotation it shows.
        path: The image file.
        size: Width and height of the image, pixels.
        view: The part of it.
    """

    id: AnnotationId
    path: Path
    size: tuple[int, int]
    view: View


@dataclass(frozen=True, eq=False)
class Crop:
    """A crop that was read.

    Attributes:
        request: What was asked for.
        pixels: (h, w, 3) uint8 RGB; None: it cannot be read.
        failure: Why it cannot.
    """

    request: CropRequest
    pixels: RgbImage | None = None
    failure: Failure | None = None


@dataclass(frozen=True, eq=False)
class LikenessProgress:
    """How far a comparison of crops is.

    Attributes:
        done: Number of annotations compared.
        total: Number of annotations.
        order: All of them, like beside like, those whose crop cannot be read last; None: not ready yet.
        failure: Why it ended without an order.
    """

    done: int
    total: int
    order: tuple[AnnotationId, ...] | None = None
    failure: Failure | None = None


@dataclass(eq=False)
class _Task:
    """A comparison that is being made; only the thread of the loader changes it."""

    requests: tuple[CropRequest, ...]
    reference: frozenset[AnnotationId]
    features: dict[AnnotationId, Feature] = field(default_factory=dict)
    done: int = 0


@dataclass(frozen=True, eq=False)
class _Work:
    round: int
    crops: tuple[CropRequest, ...] = ()
    task: _Task | None = None


class _Wanted:
    """What is to be read and compared."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._closed = False
        self._round = 0
        self._crops: dict[AnnotationId, CropRequest] = {}
        self._task: _Task | None = None

    def show(self, requests: Iterable[CropRequest]) -> None:
        with self._changed:
            self._crops = {request.id: request for request in requests}
            self._changed.notify()

    def compare(self, task: _Task | None) -> None:
        with self._changed:
            self._task = task
            self._changed.notify()

    def end(self, task: _Task) -> None:
        with self._changed:
            if self._task is task:
                self._task = None

    def clear(self) -> int:
        with self._changed:
            self._round += 1
            self._crops.clear()
            self._task = None
            return self._round

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()

    def take(self) -> _Work | None:
        """Waits for work and takes a part of it; None: the thread has to end."""
        with self._changed:
            while not self._closed and not self._crops and self._task is None:
                self._changed.wait()
            if self._closed:
                return None
            if not self._crops:
                return _Work(self._round, task=self._task)
            first = next(iter(self._crops.values()))
            same = [r for r in self._crops.values() if r.path == first.path]
            others = [r for r in self._crops.values() if r.path != first.path]
            taken = [*same, *others[: _AT_ONCE - 1]]
            for request in taken:
                del self._crops[request.id]
            return _Work(self._round, crops=tuple(taken))


class CropLoader(QObject):
    """Reads and compares crops in a thread of its own.

    Signals:
        ready(object list[Crop]): Crops that were read, or cannot be read.
        compared(object LikenessProgress): How far the comparison is.
    """

    ready = Signal(object)
    compared = Signal(object)

    def __init__(
        self,
        store: Path,
        read: ReadScaled,
        describer: Callable[[], Describer],
        parent: QObject | None = None,
    ) -> None:
        """Starts the thread.

        Args:
            store: The file that keeps crops, see ``CropStore``.
            read: Reads an image at a smaller size.
            describer: Loads what computes features, called in the thread when it is first needed.
            parent: The Qt parent.
        """
        super().__init__(parent)
        self._read, self._load_describer = read, describer
        self._describer: Describer | None = None
        self._store = CropStore(store)
        self._round = 0
        self._wanted = _Wanted()
        self._post = Post(self._receive, self)
        self._thread = LoopThread("crops", self._run)
        self._thread.start()

    def show(self, requests: Sequence[CropRequest]) -> None:
        """Requests the crops in view; those requested before and not read yet are dropped."""
        self._wanted.show(requests)

    def compare(self, requests: Sequence[CropRequest], reference: Iterable[AnnotationId] = ()) -> None:
        """Orders annotations by how alike their crops are, see ``by_likeness``.

        Args:
            requests: Their crops; none ends a comparison.
            reference: Those to begin with; the most alike follow.
        """
        self._wanted.compare(_Task(tuple(requests), frozenset(reference)) if requests else None)

    def clear(self) -> None:
        """Drops all requests and their results."""
        self._round = self._wanted.clear()

    def stop(self, timeout_ms: int = STOP_TIMEOUT_MS) -> bool:
        """Ends the thread after the current image. Returns False if it still runs after the timeout."""
        self.clear()
        self._wanted.close()
        return self._thread.join(timeout_ms)

    def _run(self) -> None:
        while (work := self._wanted.take()) is not None:
            if work.task is None:
                self._post((work.round, self._crops(work.crops)))
                continue
            found = self._compare(work.task)
            if found.order is not None or found.failure is not None:
                self._wanted.end(work.task)
            self._post((work.round, found))
        self._store.close()

    def _receive(self, value: object) -> None:
        assert isinstance(value, tuple)
        began, result = value
        if began != self._round:
            return
        if isinstance(result, LikenessProgress):
            self.compared.emit(result)
        else:
            self.ready.emit(result)

    def _crops(self, requests: Sequence[CropRequest]) -> list[Crop]:
        keys = {request.id: crop_key(request.path, request.view, CROP_SIDE) for request in requests}
        known = self._store.crops([key for key in keys.values() if key is not None])
        found = [Crop(r, known[key]) for r in requests if (key := keys[r.id]) is not None and key in known]
        have = {crop.request.id for crop in found}
        missing = sorted((r for r in requests if r.id not in have), key=lambda r: r.path)
        fresh: dict[bytes, RgbImage] = {}
        for path, group in groupby(missing, key=lambda r: r.path):
            for crop in self._cut(path, list(group)):
                found.append(crop)
                key = keys[crop.request.id]
                if key is not None and crop.pixels is not None:
                    fresh[key] = crop.pixels
        self._store.keep(fresh)
        return found

    def _cut(self, path: Path, requests: Sequence[CropRequest]) -> list[Crop]:
        views = [request.view for request in requests]
        try:
            pixels = read_crops(path, requests[0].size, views, CROP_SIDE, self._read)
        except Exception as error:  # noqa: BLE001 - shown to the user as a Failure
            failure = describe(error, "reading the image", str(path))
            return [Crop(request, failure=failure) for request in requests]
        return [Crop(request, part) for request, part in zip(requests, pixels, strict=True)]

    def _compare(self, task: _Task) -> LikenessProgress:
        """Compares some more."""
        some = task.requests[task.done : task.done + _AT_ONCE]
        try:
            if self._describer is None:
                self._describer = self._load_describer()
            task.features.update(self._features(self._describer, some))
        except Exception as error:  # noqa: BLE001 - shown to the user as a Failure
            return LikenessProgress(
                task.done, len(task.requests), failure=describe(error, "comparing annotations", "")
            )
        task.done += len(some)
        ended = task.done == len(task.requests)
        return LikenessProgress(task.done, len(task.requests), _ordered(task) if ended else None)

    def _features(self, describer: Describer, requests: Sequence[CropRequest]) -> dict[AnnotationId, Feature]:
        keys = {r.id: key for r in requests if (key := crop_key(r.path, r.view, CROP_SIDE)) is not None}
        known = self._store.features(list(keys.values()), describer.length)
        result = {i: known[key] for i, key in keys.items() if key in known}
        missing = [r for r in requests if r.id in keys and r.id not in result]
        crops = {c.request.id: c.pixels for c in self._crops(missing) if c.pixels is not None}
        made = dict(zip(crops, describer.describe(list(crops.values())), strict=True))
        self._store.keep_features({keys[i]: feature for i, feature in made.items()})
        return result | made


def _ordered(task: _Task) -> tuple[AnnotationId, ...]:
    ids = list(task.features)
    rest = [request.id for request in task.requests if request.id not in task.features]
    if not ids:
        return tuple(rest)
    features = np.stack([task.features[i] for i in ids])
    chosen = [task.features[i] for i in ids if i in task.reference]
    order = by_likeness(features, np.stack(chosen) if chosen else None)
    return (*(ids[n] for n in order), *rest)
