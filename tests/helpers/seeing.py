"""A predictor with SAM's resolution: 1024 input pixels and 256 mask cells, whatever the image's size."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image

from samdesk.base.jobs import Pause, no_pause
from samdesk.domain.geometry.cells import LOGITS_SIDE, MODEL_STEP, cell_size, resized, shown
from samdesk.domain.geometry.types import FloatArray, Frame, RgbImage
from samdesk.domain.prompts import MaskCandidate, PromptSet
from samdesk.engine.embedding import Embedding
from samdesk.engine.protocols import ModelInfo, predict_each_point

_NEAR = 125.0
"""Colours that differ by less (sum of absolute differences) belong to the same object."""


class SeeingPredictor:
    """Segments the pixels whose colour is near that of the last point."""

    info = ModelInfo("seeing.pt", "Seeing", "cpu", "CPU", "fp32", sha256="0")

    def encode(self, image: RgbImage, *, view: Frame | None = None, pause: Pause = no_pause) -> Embedding:
        image_hw = (image.shape[0], image.shape[1])
        frame = view or Frame(0, 0, float(max(image_hw)))
        pause()
        height, width = (int(n) for n in shown(frame, image_hw))
        x0, y0 = int(frame.x0), int(frame.y0)
        rows, columns = resized((LOGITS_SIDE, LOGITS_SIDE), frame, image_hw)
        part = Image.fromarray(image[y0 : y0 + height, x0 : x0 + width])
        pixels = np.zeros((LOGITS_SIDE * MODEL_STEP, LOGITS_SIDE * MODEL_STEP, 3), np.float32)
        pixels[:rows, :columns] = np.asarray(part.resize((columns, rows), Image.Resampling.BOX))
        cells = pixels.reshape(LOGITS_SIDE, MODEL_STEP, LOGITS_SIDE, MODEL_STEP, 3).mean((1, 3))
        return Embedding("seeing.pt", image_hw, frame, cells, cells.nbytes)

    def predict(
        self, embedding: Embedding, prompts: PromptSet, *, multimask: bool = True
    ) -> list[MaskCandidate]:
        frame, point = embedding.frame, prompts.points[-1]
        wide, high = cell_size((LOGITS_SIDE, LOGITS_SIDE), frame, embedding.image_hw)
        row, column = int((point.y - frame.y0) / high), int((point.x - frame.x0) / wide)
        colour = embedding.data[row, column]
        unlike = np.abs(embedding.data - colour).sum(2)
        logits = ((_NEAR - unlike) / 10).astype(np.float32)
        return [MaskCandidate(logits, frame, image_hw=embedding.image_hw, score=0.9, stability=1.0)]

    def predict_points(self, embedding: Embedding, points: FloatArray) -> Iterator[list[MaskCandidate]]:
        return predict_each_point(self, embedding, points)

    def predict_boxes(self, embedding: Embedding, boxes: FloatArray) -> list[MaskCandidate]:
        raise NotImplementedError
