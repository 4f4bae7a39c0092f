"""Ultralytics' side: its own predictor, called as its users call it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from samdesk.bench.versus.contest import Clock, Timing
from samdesk.bench.versus.photos import Photo
from samdesk.bench.versus.shapes import Shapes, padded
from samdesk.domain.geometry.types import FloatArray
from samdesk.domain.prompts import PromptSet
from samdesk.engine.sam.checkpoint import load_network
from samdesk.engine.ultralytics import sam_predictor

_SURE = 0.9
"""A score that Ultralytics' ``conf`` lets pass."""


class Reference:
    """Ultralytics' predictor: ``set_image``, then prompts; each answer is masks of the whole photo.

    With random weights its network's masks, noise that its ``conf`` mostly drops, are replaced by those
    of ``shapes`` before its post-processing: for a trained network, too, that has masks to work on.
    """

    def __init__(self, path: Path, device: str, random: bool, shapes: Shapes) -> None:
        self.name, network = load_network(path)
        self.device = device
        self._predictor = sam_predictor(network, self.name, device)
        self._random = random
        self._shapes = shapes
        self._instead: Any = None
        self._infer = self._predictor.inference
        self._predictor.inference = self._inference
        self._photo: Photo | None = None

    @property
    def network(self) -> Any:
        """The stock network, on its device."""
        return self._predictor.model

    def encode(self, photo: Photo) -> Timing:
        """``set_image``."""
        image = photo.bgr
        with Clock(self.device) as clock:
            self._predictor.set_image(image)
        self._photo = photo
        return Timing(clock.ms)

    def first_mask(self, photo: Photo, prompts: PromptSet, turn: int) -> Timing:
        """``set_image`` and a prompt."""
        encode_ms = self.encode(photo).ms
        mask = self.mask(photo, prompts, turn)
        return Timing(encode_ms + mask.ms, encode_ms + (mask.network_ms or 0.0))

    def mask(
        self, photo: Photo, prompts: PromptSet, turn: int, *, multimask: bool = True, polygons: bool = False
    ) -> Timing:
        """From prompts to masks of the photo: three, or one; with ``polygons`` to ``masks.xy``, too."""
        arguments = {**_arguments(prompts), "multimask_output": multimask}
        return self._asked(photo, arguments, 3 if multimask else 1, turn, polygons)

    def boxes(self, photo: Photo, corners: FloatArray, turn: int) -> Timing:
        """From (N, 4) boxes to N masks of the photo."""
        return self._asked(photo, {"bboxes": corners}, len(corners), turn)

    def forget(self) -> None:
        """Lets the photo and what was made of it go."""
        self._photo = self._instead = None
        self._predictor.reset_image()
        self._predictor.results = self._predictor.dataset = self._predictor.batch = None

    def _asked(
        self, photo: Photo, arguments: dict[str, Any], masks: int, turn: int, polygons: bool = False
    ) -> Timing:
        if self._photo is not photo:
            self.encode(photo)
        self._prepare(photo, masks, turn)
        with Clock(self.device) as clock:
            (result,) = self._predictor(**arguments)
            if polygons:
                _ = result.masks.xy
        return Timing(clock.ms, float(result.speed["inference"]))

    def _prepare(self, photo: Photo, masks: int, turn: int) -> None:
        """Masks to take the place of noise, on the device before the clock runs."""
        if not self._random:
            return
        import torch

        logits = self._shapes.some(turn * 3, masks, padded(photo.hw), photo.hw)
        self._instead = torch.from_numpy(np.stack(logits)).to(self.device)

    def _inference(self, image: Any, *arguments: Any, **options: Any) -> Any:
        import torch

        masks, scores = self._infer(image, *arguments, **options)
        if self._instead is None:
            return masks, scores
        return self._instead, torch.full_like(scores, _SURE)


def _arguments(prompts: PromptSet) -> dict[str, Any]:
    """What Ultralytics is given: one object with N points is (1, N, 2)."""
    found: dict[str, Any] = {}
    if prompts.points:
        found["points"] = [[[p.x, p.y] for p in prompts.points]]
        found["labels"] = [[int(p.positive) for p in prompts.points]]
    if prompts.box is not None:
        found["bboxes"] = [list(prompts.box.xyxy)]
    if prompts.mask is not None:
        found["masks"] = prompts.mask.logits[None]
    return found
