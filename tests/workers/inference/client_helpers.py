"""An ``InferenceClient`` with gated predictors, and everything it emits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from samdesk.base.jobs import CancelToken, Progress
from samdesk.domain.document import ImageKey
from samdesk.domain.geometry.types import Frame, RgbImage
from samdesk.domain.prompts import MaskCandidate, PointPrompt, PromptSet
from samdesk.engine.embedding import Embedding
from samdesk.engine.protocols import ModelInfo, Predictor
from samdesk.workers.failure import Failure
from samdesk.workers.inference.client import InferenceClient, PredictedMask, Prediction
from tests.helpers.gated import GatedPredictor, Models, spin_until

A, B, C, D = ImageKey("a.jpg"), ImageKey("b.jpg"), ImageKey("c.jpg"), ImageKey("d.jpg")
WHOLE = Frame(0.0, 0.0, 256.0)
"""The frame of a whole image."""


def read_shade(path: Path) -> RgbImage:
    """An image of 256 x 256 pixels whose grey value is the first letter of its name."""
    return np.full((256, 256, 3), ord(path.name[0]), np.uint8)


def name(image: RgbImage) -> ImageKey:
    """The key of an image of ``read_shade``."""
    return ImageKey(f"{chr(image[0, 0, 0])}.jpg")


def at(x: float, y: float) -> PromptSet:
    return PromptSet((PointPrompt(x, y),))


@dataclass
class Received:
    """Everything the client has emitted, in order."""

    predictions: list[Prediction] = field(default_factory=list)
    encoded: list[tuple[str, bool]] = field(default_factory=list)
    encoding: list[str] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    models: list[ModelInfo] = field(default_factory=list)
    model_failures: list[Failure] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    everything: list[tuple[str, list[PredictedMask]]] = field(default_factory=list)
    views: list[tuple[str, Frame | None]] = field(default_factory=list)
    """("encoding" or "ready", the view)."""


@dataclass
class Desk:
    client: InferenceClient
    received: Received
    models: Models
    predictor: GatedPredictor
    folder: Path

    def path(self, key: ImageKey) -> Path:
        return self.folder / key

    def show(self, key: ImageKey) -> None:
        """Shows an image and waits until it is encoded."""
        seen = len(self.received.encoded)
        self.client.show_image(key, self.path(key))
        spin_until(lambda: len(self.received.encoded) > seen)

    def prefetch(self, *keys: ImageKey) -> None:
        self.client.prefetch([(key, self.path(key)) for key in keys])

    def encoded(self) -> str:
        """The letters of the images whose encodes began, in order."""
        return "".join(name(image)[0] for image in self.predictor.encoded)

    def finished(self) -> str:
        """The letters of the images whose encodes came to their end, in order."""
        return "".join(name(image)[0] for image in self.predictor.finished)

    def answer(self, token: int) -> Prediction:
        """Waits for the answer to a prompt."""
        spin_until(lambda: any(p.token == token for p in self.received.predictions))
        return next(p for p in self.received.predictions if p.token == token)

    def set_view(self, view: Frame) -> None:
        """Requests a view and waits until it is encoded."""
        self.client.set_view(view)
        spin_until(lambda: self.received.views[-1:] == [("ready", view)])


def five_points(
    predictor: Predictor, embedding: Embedding, *, cancel: CancelToken, progress: Progress
) -> list[MaskCandidate]:
    found = []
    for i in range(5):
        cancel.check()
        progress(i, 5)
        found += predictor.predict(embedding, at(20 + 40 * i, 128), multimask=False)
    return found


def make_images(folder: Path) -> Path:
    """Writes the files of the four images and returns the folder."""
    for key in (A, B, C, D):
        (folder / key).write_bytes(key.encode())
    return folder


@contextmanager
def running_client(folder: Path) -> Iterator[Desk]:
    """A client with two gated models that records what it emits."""
    predictor = GatedPredictor()
    models = Models(predictor, GatedPredictor("other.pt"))
    client = InferenceClient(models, read_shade, everything=five_points)
    received = Received()
    client.predicted.connect(received.predictions.append)
    client.encoded.connect(lambda key, _ms, cached: received.encoded.append((key, cached)))
    client.encoding.connect(received.encoding.append)
    client.failed.connect(received.failures.append)
    client.model_loaded.connect(received.models.append)
    client.model_failed.connect(received.model_failures.append)
    client.notice.connect(received.notices.append)
    client.everything_done.connect(lambda key, masks: received.everything.append((key, masks)))
    client.view_encoding.connect(lambda view: received.views.append(("encoding", view)))
    client.view_ready.connect(lambda view: received.views.append(("ready", view)))
    try:
        yield Desk(client, received, models, predictor, folder)
    finally:
        for each in models.shelf.values():
            each.open()
        models.gate.open()
        assert client.stop()
