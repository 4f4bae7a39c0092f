"""A YOLOE network that has been prompted: a detector of the labels it was asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from samdesk.domain.geometry.types import RgbImage
from samdesk.engine.protocols import DetectedMask, Detection, ModelInfo, check_image
from samdesk.engine.runtime.device import translate_torch_errors
from samdesk.engine.yolo.detector import by_size
from samdesk.engine.yolo.letterbox import Letterbox
from samdesk.engine.yolo.segmenter import draw_masks
from samdesk.engine.yoloe.network import Answer, YoloeNetwork
from samdesk.engine.yoloe.suppression import suppress


class PromptedDetector:
    """A ``MaskDetector``: a ``YoloeNetwork`` with its prompts. One thread at a time uses both."""

    def __init__(
        self,
        network: YoloeNetwork,
        info: ModelInfo,
        labels: Sequence[str],
        vectors: NDArray[np.float32],
        label_of: Sequence[int],
    ) -> None:
        """Folds the prompts into the network's head.

        Args:
            network: On its device.
            info: Of the model.
            labels: The names of the classes.
            vectors: (P, width) unit vectors, one for each prompt.
            label_of: For each prompt, the index of its label; in ascending order, every label at least once.
        """
        self._network = network
        self._info = info
        self._names = tuple(labels)
        self._starts = np.searchsorted(label_of, range(len(self._names) + 1))
        with translate_torch_errors("Preparing the labels to find", info.device), torch.inference_mode():
            self._prompts = network.fold(torch.from_numpy(vectors))

    @property
    def info(self) -> ModelInfo:
        """Properties of the model."""
        return self._info

    @property
    def network(self) -> Any:
        """The torch module."""
        return self._network.module

    @property
    def names(self) -> tuple[str, ...]:
        """The labels it finds, by class id."""
        return self._names

    def detect(
        self,
        images: Sequence[RgbImage],
        *,
        conf: float = 0.25,
        iou: float = 0.45,
        imgsz: int = 640,
        max_det: int = 300,
        classes: Sequence[int] | None = None,
    ) -> list[list[Detection]]:
        """Detects the objects of each image, highest score first; see ``Detector.detect``.

        Boxes are suppressed within a label only, so the objects of a label do not depend on the other labels,
        unless there are more than ``max_det``.
        """
        limits = _DetectLimits(conf, iou, max_det, self._wanted(classes))
        found: list[list[Detection]] = [[] for _ in images]
        for same, batch in self._batches(images, imgsz):
            for i, one in zip(same, batch.choose(limits), strict=True):
                found[i] = one.detections
        return found

    def segment(
        self,
        images: Sequence[RgbImage],
        *,
        conf: float = 0.25,
        iou: float = 0.45,
        imgsz: int = 640,
        max_det: int = 300,
        classes: Sequence[int] | None = None,
    ) -> list[list[DetectedMask]]:
        """``detect`` with the masks: the same objects in the same order."""
        limits = _DetectLimits(conf, iou, max_det, self._wanted(classes))
        found: list[list[DetectedMask]] = [[] for _ in images]
        for same, batch in self._batches(images, imgsz):
            for i, masks in zip(same, batch.draw(batch.choose(limits)), strict=True):
                found[i] = masks
        return found

    def _wanted(self, classes: Sequence[int] | None) -> tuple[int, ...]:
        ids = range(len(self._names))
        return tuple(ids) if classes is None else tuple(sorted(set(classes) & set(ids)))

    def _batches(self, images: Sequence[RgbImage], imgsz: int) -> Iterator[tuple[list[int], _AnsweredImages]]:
        """Runs the network on the images, those of a size together."""
        for image in images:
            check_image(image)
        for same in by_size(images):
            batch = [images[i] for i in same]
            letterbox = Letterbox.fit(image_hw(batch[0]), imgsz, max(self._network.strides))
            with translate_torch_errors("Detecting objects", self._info.device), torch.inference_mode():
                features = self._network.features(input_of(self._network, batch, letterbox))
                answer = self._network.answer(features, self._prompts)
                scores = self._by_label(answer.logits.float()).sigmoid()
                yield same, _AnsweredImages(self._network, letterbox, features, answer, scores)

    def _by_label(self, logits: Tensor) -> Tensor:
        """(N, P, A) of prompts to (N, L, A) of labels: that of the best prompt."""
        if len(self._starts) - 1 == logits.shape[1]:
            return logits
        ranges = pairwise(self._starts)
        return torch.stack([logits[:, a:b].amax(dim=1) for a, b in ranges], dim=1)


@dataclass(frozen=True)
class _DetectLimits:
    """The parameters of ``detect``, with the ids of the labels wanted."""

    conf: float
    iou: float
    most: int
    labels: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class _ImageObjects:
    """The objects of one image, highest score first.

    Attributes:
        detections: In image pixels.
        places: (N,) indices into the places of an ``Answer``.
        boxes: (N, 4) float32, pixels of the input.
    """

    detections: list[Detection]
    places: NDArray[np.intp]
    boxes: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class _AnsweredImages:
    """What the network made of images of one size."""

    network: YoloeNetwork
    letterbox: Letterbox
    features: list[Tensor]
    answer: Answer
    scores: Tensor  # (N, L, A)

    def choose(self, limits: _DetectLimits) -> list[_ImageObjects]:
        return [self._choose(i, limits) for i in range(len(self.scores))]

    def draw(self, found: Sequence[_ImageObjects]) -> list[list[DetectedMask]]:
        if not any(one.detections for one in found):
            return [[] for _ in found]
        prototypes = self.network.prototypes(self.features)
        masks = []
        for i, one in enumerate(found):
            coefficients = self.answer.coefficients[i][:, torch.from_numpy(one.places)].T
            boxes = torch.from_numpy(one.boxes)
            masks.append(draw_masks(one.detections, coefficients, prototypes[i], boxes, self.letterbox))
        return masks

    def _choose(self, image: int, limits: _DetectLimits) -> _ImageObjects:
        scores = self.scores[image]
        places = (scores.amax(dim=0) > limits.conf).nonzero()[:, 0]
        if not len(places):  # the head decodes no empty tensors
            return _ImageObjects([], np.empty(0, np.intp), np.empty((0, 4), np.float32))
        boxes = self.network.decode(self.answer, image, places).cpu().numpy()
        values = scores[:, places].cpu().numpy()
        rows = [(label, i) for label in limits.labels for i in self._kept(boxes, values[label], limits)]
        labels, kept = np.array(rows, np.intp).reshape(-1, 2).T
        best = np.argsort(-values[labels, kept], kind="stable")[: limits.most]
        labels, kept = labels[best], kept[best]
        shown = self.letterbox.to_image(boxes[kept].astype(np.float64))
        detections = [
            Detection(x0, y0, x1, y1, float(score), int(label))
            for (x0, y0, x1, y1), score, label in zip(
                shown.tolist(), values[labels, kept], labels, strict=True
            )
        ]
        return _ImageObjects(detections, places.cpu().numpy()[kept], boxes[kept])

    @staticmethod
    def _kept(
        boxes: NDArray[np.float32], scores: NDArray[np.float32], limits: _DetectLimits
    ) -> NDArray[np.intp]:
        candidates = np.flatnonzero(scores > limits.conf)
        kept = suppress(boxes[candidates], scores[candidates], limits.iou, limits.most)
        return candidates[kept]


def image_hw(image: RgbImage) -> tuple[int, int]:
    """Height and width of an image."""
    return image.shape[0], image.shape[1]


def input_of(network: YoloeNetwork, images: Sequence[RgbImage], letterbox: Letterbox) -> Tensor:
    """(N, 3, h, w): images of one size as the network takes them."""
    first = next(iter(network.module.parameters()))
    pixels = torch.from_numpy(np.stack([letterbox.apply(image) for image in images]))
    return pixels.to(first.device).permute(0, 3, 1, 2).to(first.dtype).contiguous() / 255
