"""YOLOE: a model with an open vocabulary. Prompted with concepts, it is a detector of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from samdesk.base.jobs import Pause, no_pause
from samdesk.domain.geometry.types import RgbImage
from samdesk.engine.concepts.cache import VectorCache
from samdesk.engine.concepts.concept import Concept
from samdesk.engine.concepts.vectors import Box, encode_concepts
from samdesk.engine.models.info import network_info
from samdesk.engine.prompt_check import check_coordinates
from samdesk.engine.protocols import Detection, EngineError, ModelInfo, check_image
from samdesk.engine.runtime.device import precision_for, translate_torch_errors
from samdesk.engine.yolo.letterbox import Letterbox
from samdesk.engine.yoloe.detector import PromptedDetector, image_hw, input_of
from samdesk.engine.yoloe.family import ANSWERS, ID
from samdesk.engine.yoloe.network import VISUAL_STRIDE, YoloeNetwork
from samdesk.engine.yoloe.text_encoder import TextEncoder

EXEMPLAR_SIDE = 640
"""Height and width of the network's input for exemplars, pixels: that of its training."""


class YoloePredictor:
    """A ``ConceptPredictor`` around a YOLOE network. Used by one thread at a time, with all its detectors."""

    def __init__(
        self,
        path: Path,
        device: str,
        precision: str,
        network: torch.nn.Module,
        *,
        cache: Callable[[str], VectorCache] = VectorCache,
    ) -> None:
        """Moves a network to a resolved device.

        Args:
            path: The file with its weights.
            device: As ``runtime.device.resolve`` returns it.
            precision: "auto", "fp32", "fp16" or "bf16" (which runs in fp32).
            network: From ``load_network``.
            cache: Makes the cache of vectors for the hash of the weights.

        Raises:
            OutOfMemory: It does not fit on the device.
        """
        half = precision_for(device, precision) == "fp16"
        with translate_torch_errors(f"Loading {path.name}", device):
            network.to(device, torch.float16 if half else torch.float32)
        self._info = network_info(
            network,
            path,
            device,
            "fp16" if half else "fp32",
            title=path.stem,
            family=ID,
            answers=ANSWERS,
        )
        self._network = YoloeNetwork(network)
        self._texts = TextEncoder(network, self._network.width)
        self._cache = cache(self._info.sha256)

    @property
    def info(self) -> ModelInfo:
        """Properties of the model; GFLOPs are only counted by ``families.describe``."""
        return self._info

    @property
    def network(self) -> Any:
        """The torch module."""
        return self._network.module

    @property
    def names(self) -> tuple[str, ...]:
        """None: it has no classes of its own."""
        return ()

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
        """Raises ``EngineError``: it was not asked for anything."""
        raise EngineError(
            f"{self._info.name} finds what it is asked for, and was not asked for anything.",
            next="Choose labels to find, by words or by examples.",
        )

    def find(self, concepts: Sequence[Concept], *, pause: Pause = no_pause) -> PromptedDetector:
        """Returns a detector of the concepts; see ``ConceptPredictor.find``.

        Detectors of earlier calls stay usable.
        """
        prompts = encode_concepts(concepts, self, self._cache, pause=pause)
        labels = [concept.label for concept in concepts]
        return PromptedDetector(self._network, self._info, labels, prompts.vectors, prompts.label_of)

    @property
    def width(self) -> int:
        """The length of a prompt's vector."""
        return self._network.width

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(N, width) unit vectors of N texts.

        Raises:
            TextsUnavailable: The text encoder's file is not on this machine.
            UntrustedFileError: The user has not permitted it: it is a program.
            EngineError: It is damaged.
        """
        encoded = self._texts.encode(texts)
        first = next(iter(self.network.parameters()))
        with translate_torch_errors("Encoding words", self._info.device), torch.inference_mode():
            return _unit_vectors(self._network.text_vectors(encoded.to(first)))

    def encode_exemplars(
        self, image: RgbImage, boxes: Sequence[Box], *, pause: Pause = no_pause
    ) -> NDArray[np.float32]:
        """(N, width) unit vectors of N boxes, in pixels of an image, in one pass of the network.

        Raises:
            EngineError: A box lies outside the image, or the model failed; ``OutOfMemory`` is one.
            Cancelled: Raised by ``pause``.
        """
        check_image(image)
        letterbox = Letterbox(image_hw(image), (EXEMPLAR_SIDE, EXEMPLAR_SIDE))
        masks = torch.from_numpy(exemplar_masks(boxes, letterbox))
        with translate_torch_errors("Encoding examples", self._info.device), torch.inference_mode():
            features = self._network.features(input_of(self._network, [image], letterbox), pause)
            return _unit_vectors(self._network.exemplar_vectors(features, masks.to(features[0])))


def exemplar_masks(boxes: Sequence[Box], letterbox: Letterbox) -> NDArray[np.float32]:
    """(N, h, w): for each box, 1 on the cells of its exemplar.

    A cell is taken if its upper left corner is inside, as in training; a box between the corners takes the
    cell of its centre.

    Args:
        boxes: In pixels of the image.
        letterbox: How the image lies in the network's input.

    Raises:
        EngineError: A box has no area inside the image.
    """
    check_coordinates(boxes, "box")
    height, width = letterbox.image_hw
    for x0, y0, x1, y1 in boxes:
        if not (min(x1, width) > max(x0, 0) and min(y1, height) > max(y0, 0)):
            raise EngineError("An example lies outside its image.", next="Choose another example.")
    left, top = letterbox.corner
    # In float32 and in this order, as in training: a cell more or less is another vector.
    corners = np.array(boxes, np.float32) * np.float32(letterbox.gain)
    corners[:, 0::2] += left
    corners[:, 1::2] += top
    corners *= np.float32(1 / VISUAL_STRIDE)
    rows, columns = (n // VISUAL_STRIDE for n in letterbox.input_hw)
    x0, y0, x1, y1 = corners.T[..., None]
    across, down = np.arange(columns), np.arange(rows)
    inside_x, inside_y = (across >= x0) & (across < x1), (down >= y0) & (down < y1)
    for i, (a, b, c, d) in enumerate(corners):
        if not inside_x[i].any():
            inside_x[i, min(max(int((a + c) / 2), 0), columns - 1)] = True
        if not inside_y[i].any():
            inside_y[i, min(max(int((b + d) / 2), 0), rows - 1)] = True
    masks: NDArray[np.bool_] = inside_y[:, :, None] & inside_x[:, None, :]
    return masks.astype(np.float32)


def _unit_vectors(vectors: torch.Tensor) -> NDArray[np.float32]:
    found = vectors.float()
    if not bool(torch.isfinite(found).all()):
        raise EngineError("The model makes no sense of a prompt: its answer is not a number.")
    return np.asarray(found.cpu().numpy(), np.float32)
