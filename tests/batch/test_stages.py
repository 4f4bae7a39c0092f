"""The stages of a run: batches, failures that cost one image, memory, a stop in the middle of an image."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from samdesk.base.jobs import CancelToken, Pause, no_pause
from samdesk.batch import overlap
from samdesk.batch.models import Annotator, Models
from samdesk.batch.stages import each_of
from samdesk.domain.geometry.types import Frame, RgbImage
from samdesk.engine.embedding import Embedding
from samdesk.engine.protocols import Detection, EngineError, OutOfMemory
from tests.batch.test_pipeline import PLAN, Memory, run_with
from tests.helpers.finding import ColourDetector, ColourModels, InnerPredictor

PATIENCE_S = 10.0


class PickyDetector(ColourDetector):
    """On a GPU; records its batches, and refuses those with an image of a certain brightness or too many."""

    def __init__(self, refuses: int = -1, fits: int = 99, error: type[Exception] = EngineError) -> None:
        super().__init__("cuda:0")
        self.refuses, self.fits, self.error = refuses, fits, error
        self.batches: list[int] = []

    def detect(self, images: Sequence[RgbImage], **options: Any) -> list[list[Detection]]:
        self.batches.append(len(images))
        if len(images) > self.fits:
            raise OutOfMemory("the device is full")
        if any(int(image[0, 0].sum()) == self.refuses for image in images):
            raise self.error("the network tripped")
        return super().detect(images, **options)


class ReplicatedPredictor(InnerPredictor):
    """Can be used by several threads, each with a replica."""

    def __init__(self, device: str = "cpu") -> None:
        super().__init__(device)
        self.replicas: list[ReplicatedPredictor] = []
        self.threads: set[int] = set()

    def replica(self, threads: int) -> ReplicatedPredictor:
        self.replicas.append(ReplicatedPredictor(self.device))
        return self.replicas[-1]

    def encode(self, image: RgbImage, *, view: Frame | None = None, pause: Pause = no_pause) -> Embedding:
        self.threads.add(threading.get_ident())
        return super().encode(image, view=view, pause=pause)


def annotator(detector: ColourDetector, predictor: InnerPredictor) -> Annotator:
    return Annotator(
        Models(detector, predictor), PLAN, lambda: Models(ColourDetector(), InnerPredictor()), print
    )


def test_a_failing_batch_costs_only_the_image_that_fails(tmp_path: Path) -> None:
    memory = Memory(tmp_path, 9)
    bad = memory.keys[4]
    detector = PickyDetector(refuses=int(memory.read(memory.folder / bad)[0, 0].sum()))
    if sum(int(memory.read(memory.folder / k)[0, 0].sum()) == detector.refuses for k in memory.keys) > 1:
        pytest.fail("the images must differ in their first pixel")
    summary = run_with(annotator(detector, InnerPredictor("cuda:0")), memory.target())
    assert [(f.key, f.message) for f in summary.failed] == [(bad, "the network tripped")]
    assert summary.annotated == 8
    assert max(detector.batches) > 1


def test_a_batch_that_does_not_fit_is_halved_before_the_cpu_is_used() -> None:
    sizes: list[int] = []

    def work(items: Sequence[int]) -> list[int]:
        sizes.append(len(items))
        if len(items) > 2 or 7 in items:
            raise OutOfMemory("full")
        return [item * 2 for item in items]

    *results, last = each_of(work, range(8))
    assert results == [0, 2, 4, 6, 8, 10, 12]
    assert isinstance(last, OutOfMemory)
    assert sizes == [8, 4, 2, 2, 4, 2, 2, 1, 1]


def test_masks_are_drawn_by_a_replica_a_thread(tmp_path: Path) -> None:
    predictor = ReplicatedPredictor("cuda:0")
    one, two = Memory(tmp_path / "one", 6), Memory(tmp_path / "two", 6)
    run_with(annotator(ColourDetector(), predictor), one.target())
    assert len(predictor.replicas) > 1
    assert all(len(replica.threads) <= 1 for replica in predictor.replicas)
    assert sum(replica.encoded for replica in predictor.replicas) == 6
    run_with(annotator(ColourDetector(), InnerPredictor()), two.target())
    assert one.content() == two.content()


def test_stop_ends_a_long_encode_between_two_layers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cancel = CancelToken()
    monkeypatch.setattr(overlap, "GRACE_S", 0.05)

    class SlowPredictor(InnerPredictor):
        def encode(self, image: RgbImage, *, view: Frame | None = None, pause: Pause = no_pause) -> Embedding:
            if self.encoded == 1:
                cancel.cancel()
                deadline = time.monotonic() + PATIENCE_S
                while time.monotonic() < deadline:
                    pause()
                pytest.fail("the encode went on")
            return super().encode(image, view=view, pause=pause)

    memory = Memory(tmp_path, 4)
    shelf = ColourModels()
    shelf.predictor = lambda *_: SlowPredictor()  # type: ignore[method-assign]
    summary = memory.annotate(shelf=shelf, cancel=cancel)
    assert summary.cancelled
    assert summary.annotated <= 1
    assert not summary.failed


def test_an_image_is_not_kept_once_its_masks_are_drawn(tmp_path: Path) -> None:
    """Memory does not grow with the folder: at most the bound of the pipeline is read ahead."""
    memory = Memory(tmp_path, 40)
    read: list[str] = []
    stored: list[int] = []

    def reading(key: Any) -> RgbImage:
        read.append(key)
        return np.zeros((20, 20, 3), np.uint8)

    memory.read = reading  # type: ignore[method-assign]
    memory.annotate(progress=lambda p: stored.append(len(read) - p.done))
    assert len(read) == 40
    assert max(stored) <= 2 + 2 + 2 + 1
