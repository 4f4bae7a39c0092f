"""A YOLOE network in its parts: features of an image, vectors of prompts, answers to vectors.

Nothing here changes the network: prompts are folded into convolutions beside it, so that detectors with other
prompts can use it, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from samdesk.base.jobs import Pause, no_pause

VISUAL_STRIDE = 8
"""Pixels of the input for a cell of an exemplar's mask; that is the stride of the finest features."""
_AT_ONCE = 64
"""Exemplars of an image that are encoded together; each takes a few megabytes."""


@dataclass(frozen=True, eq=False)
class FoldedPrompts:
    """P prompts as the last convolution of the head, for each level of features.

    Attributes:
        weights: (P, C, 1, 1) each.
        biases: (P,) each.
    """

    weights: tuple[Tensor, ...]
    biases: tuple[Tensor, ...]


@dataclass(frozen=True, eq=False)
class Answer:
    """What the head says of N images at all A places.

    Attributes:
        logits: (N, P, A), one for each prompt.
        distances: (N, 4 * bins, A), of the edges from the place, undecoded.
        centres: (A, 2) x, y of the places, in cells of their level.
        strides: (A,) pixels of the input for a cell.
        coefficients: (N, C, A), for the masks.
    """

    logits: Tensor
    distances: Tensor
    centres: Tensor
    strides: Tensor
    coefficients: Tensor


class YoloeNetwork:
    """The parts of Ultralytics' ``YOLOESegModel`` in evaluation mode."""

    def __init__(self, network: nn.Module) -> None:
        parts: Any = network
        self.module = network
        self._layers: list[Any] = list(parts.model)[:-1]
        self._head: Any = parts.model[-1]
        self._kept = frozenset(parts.save)
        branch = self._head.one2one if self._head.end2end else self._head.one2many
        self._boxes, self._classes = branch["box_head"], branch["cls_head"]
        self._masks, self._contrast = branch["mask_head"], branch["contrastive_head"]

    @property
    def width(self) -> int:
        """The length of a prompt's vector."""
        return int(self._head.embed)

    @property
    def strides(self) -> tuple[int, ...]:
        """Of the levels of features, pixels of the input."""
        return tuple(int(stride) for stride in self._head.stride)

    def features(self, images: Tensor, pause: Pause = no_pause) -> list[Tensor]:
        """The features that the head sees, the finest level first.

        Args:
            images: (N, 3, h, w) in the network's dtype, 0..1, RGB; whole strides.
            pause: See ``Pause``; called between two layers.
        """
        outputs: list[Any] = []
        x: Any = images
        for layer in self._layers:
            pause()
            x = layer(self._inputs(layer, x, outputs))
            outputs.append(x if layer.i in self._kept else None)
        return [outputs[i] for i in self._head.f]

    @staticmethod
    def _inputs(layer: Any, x: Any, outputs: list[Any]) -> Any:
        if layer.f == -1:
            return x
        if isinstance(layer.f, int):
            return outputs[layer.f]
        return [x if i == -1 else outputs[i] for i in layer.f]

    def exemplar_vectors(self, features: list[Tensor], masks: Tensor) -> Tensor:
        """(Q, width) unit vectors of exemplars on one image.

        Args:
            features: Of the image.
            masks: (Q, h, w), 1 on the exemplar and 0 elsewhere, as large as the finest features.
        """
        chunks = torch.split(masks, _AT_ONCE)
        return torch.cat([self._head.savpe(features, chunk[None])[0] for chunk in chunks])

    def text_vectors(self, encoded: Tensor) -> Tensor:
        """(N, width) unit vectors of what a text encoder made of N texts."""
        return functional.normalize(self._head.reprta(encoded[None]), dim=-1, p=2)[0]

    def fold(self, vectors: Tensor) -> FoldedPrompts:
        """Folds P vectors, (P, width), with the head's last layers into one convolution.

        In double precision, so that the scores are those of the layers one by one.
        """
        weights, biases = [], []
        for classes, contrast in zip(self._classes, self._contrast, strict=True):
            last, norm = classes[-1], contrast.norm
            scale = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
            shift = norm.bias.double() - norm.running_mean.double() * scale
            matrix = last.weight.double().flatten(1) * scale[:, None]
            offset = last.bias.double() * scale + shift
            prompts = vectors.to(matrix) * contrast.logit_scale.double().exp()
            weights.append((prompts @ matrix)[..., None, None].to(last.weight))
            biases.append((prompts @ offset + contrast.bias.double()).to(last.bias))
        return FoldedPrompts(tuple(weights), tuple(biases))

    def answer(self, features: list[Tensor], prompts: FoldedPrompts) -> Answer:
        """What the head says of the images with these features."""
        logits, centres, strides = [], [], []
        count, shape = len(features[0]), features[0]
        for i, level in enumerate(features):
            inner = self._classes[i][1](self._classes[i][0](level))
            logits.append(functional.conv2d(inner, prompts.weights[i], prompts.biases[i]).flatten(2))
            rows, columns = level.shape[2:]
            y, x = torch.meshgrid(torch.arange(rows) + 0.5, torch.arange(columns) + 0.5, indexing="ij")
            centres.append(torch.stack((x, y), dim=-1).view(-1, 2))
            strides.append(torch.full((rows * columns,), float(self._head.stride[i])))
        return Answer(
            torch.cat(logits, dim=2),
            torch.cat([head(x).flatten(2) for head, x in zip(self._boxes, features, strict=True)], dim=2),
            torch.cat(centres).to(shape.device),
            torch.cat(strides).to(shape.device),
            torch.cat(
                [
                    head(x).view(count, -1, x[0, 0].numel())
                    for head, x in zip(self._masks, features, strict=True)
                ],
                dim=2,
            ),
        )

    def decode(self, answer: Answer, image: int, places: Tensor) -> Tensor:
        """The boxes at some places of an image: (n, 4) float32 xyxy, pixels of the input."""
        edges = self._head.dfl(answer.distances[image : image + 1, :, places])[0].float().T
        centres, strides = answer.centres[places], answer.strides[places, None]
        return torch.cat((centres - edges[:, :2], centres + edges[:, 2:]), dim=1) * strides

    def prototypes(self, features: list[Tensor]) -> Tensor:
        """(N, C, h, w): what the masks are mixed of."""
        prototypes: Tensor
        if type(self._head).__name__ == "YOLOESegment26":
            prototypes = self._head.proto(features, return_semantic=False)
        else:
            prototypes = self._head.proto(features[0])
        return prototypes
