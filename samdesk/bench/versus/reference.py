"""Ultralytics' side of the comparison: its own predictor, called as in its documentation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from samdesk.bench.versus.images import BenchImage
from samdesk.bench.versus.shapes import Shapes, padded
from samdesk.bench.versus.timing import Clock, Timing
from samdesk.domain.geometry.types import FloatArray
from samdesk.domain.prompts import PromptSet
from samdesk.engine.sam.checkpoint import load_network
from samdesk.engine.ultralytics import sam_predictor

_SCORE = 0.9
"""A score above Ultralytics' ``conf`` threshold."""


class UltralyticsSide:
    """Ultralytics' predictor: ``set_image``, then prompts; each result has masks of the image's size.

    With random weights the network's masks are noise, of which ``conf`` drops most. They are replaced by
    those of ``shapes`` before the post-processing, which then has as much to do as with trained weights.
    """

    def __init__(self, path: Path, device: str, random: bool, shapes: Shapes) -> None:
        self.name, network = load_network(path)
        self.device = device
        self._predictor = sam_predictor(network, self.name, device)
        self._random = random
        self._shapes = shapes
        self._replacement: Any = None
        self._infer = self._predictor.inference
        self._predictor.inference = self._inference
        self._image: BenchImage | None = None

    @property
    def network(self) -> Any:
        """The stock network, on its device."""
        return self._predictor.model

    def encode(self, image: BenchImage) -> Timing:
        """Times ``set_image``."""
        bgr = image.bgr
        with Clock(self.device) as clock:
            self._predictor.set_image(bgr)
        self._image = image
        return Timing(clock.ms)

    def first_mask(self, image: BenchImage, prompts: PromptSet, turn: int) -> Timing:
        """Times ``set_image`` and a prompt."""
        encode_ms = self.encode(image).ms
        mask = self.mask(image, prompts, turn)
        return Timing(encode_ms + mask.ms, encode_ms + (mask.network_ms or 0.0))

    def mask(
        self,
        image: BenchImage,
        prompts: PromptSet,
        turn: int,
        *,
        multimask: bool = True,
        polygons: bool = False,
    ) -> Timing:
        """Times three masks of the image's size, or one; with ``polygons`` also ``masks.xy``."""
        arguments = {**_arguments(prompts), "multimask_output": multimask}
        return self._predict(image, arguments, 3 if multimask else 1, turn, polygons)

    def boxes(self, image: BenchImage, corners: FloatArray, turn: int) -> Timing:
        """Times N masks of the image's size from (N, 4) boxes, xyxy in image pixels."""
        return self._predict(image, {"bboxes": corners}, len(corners), turn)

    def clear(self) -> None:
        """Discards the image and its results."""
        self._image = self._replacement = None
        self._predictor.reset_image()
        self._predictor.results = self._predictor.dataset = self._predictor.batch = None

    def _predict(
        self, image: BenchImage, arguments: dict[str, Any], masks: int, turn: int, polygons: bool = False
    ) -> Timing:
        if self._image is not image:
            self.encode(image)
        self._prepare(image, masks, turn)
        with Clock(self.device) as clock:
            (result,) = self._predictor(**arguments)
            if polygons:
                _ = result.masks.xy
        return Timing(clock.ms, float(result.speed["inference"]))

    def _prepare(self, image: BenchImage, masks: int, turn: int) -> None:
        """Puts the masks that replace the noise on the device, outside the timed part."""
        if not self._random:
            return
        import torch

        logits = self._shapes.some(turn * 3, masks, padded(image.hw), image.hw)
        self._replacement = torch.from_numpy(np.stack(logits)).to(self.device)

    def _inference(self, image: Any, *arguments: Any, **options: Any) -> Any:
        import torch

        masks, scores = self._infer(image, *arguments, **options)
        if self._replacement is None:
            return masks, scores
        return self._replacement, torch.full_like(scores, _SCORE)


def _arguments(prompts: PromptSet) -> dict[str, Any]:
    """Returns Ultralytics' arguments for prompts: one object with N points is (1, N, 2)."""
    found: dict[str, Any] = {}
    if prompts.points:
        found["points"] = [[[p.x, p.y] for p in prompts.points]]
        found["labels"] = [[int(p.positive) for p in prompts.points]]
    if prompts.box is not None:
        found["bboxes"] = [list(prompts.box.xyxy)]
    if prompts.mask is not None:
        found["masks"] = prompts.mask.logits[None]
    return found
