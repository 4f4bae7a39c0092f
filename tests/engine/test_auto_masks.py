"""Segment everything with a predictor that uses another frame for every point, as Flint does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from samdesk.base.jobs import CancelToken, Pause, no_pause
from samdesk.domain.geometry.types import FloatArray, Frame, RgbImage
from samdesk.domain.prompts import MaskCandidate, PromptSet
from samdesk.engine.auto_masks import segment_everything
from samdesk.engine.embedding import Embedding
from samdesk.engine.protocols import ModelInfo, predict_each_point

SIZE = (240, 320)
GRID = (np.arange(256) + 0.5) / 256


class Looker:
    """Answers a click with a disc of 20 pixels, on a frame around the click.

    Args:
        discs: The one that is nearest to the click is the answer, image pixels.
        tall: The frames' height as a share of their width, None for padded squares.
    """

    info = ModelInfo("looker", "Looker", "cpu", "CPU", "fp32")

    def __init__(self, discs: list[tuple[float, float]], tall: float | None = 1.0) -> None:
        self.discs, self.tall = discs, tall

    def encode(self, image: RgbImage, *, view: Frame | None = None, pause: Pause = no_pause) -> Embedding:
        return Embedding("looker", SIZE, Frame(0, 0, 320), None, 0)

    def predict(
        self, embedding: Embedding, prompts: PromptSet, *, multimask: bool = True
    ) -> list[MaskCandidate]:
        (point,) = prompts.points
        x, y = min(self.discs, key=lambda d: np.hypot(d[0] - point.x, d[1] - point.y))
        side = 300.0 + point.x
        frame = Frame(
            x - side / 2 + point.y / 4, y - side / 2, side, None if self.tall is None else side * self.tall
        )
        columns, rows = frame.x0 + GRID * frame.width, frame.y0 + GRID * frame.height
        logits = (20 - np.hypot(columns[None] - x, rows[:, None] - y)).astype(np.float32)
        return [MaskCandidate(logits, frame, image_hw=SIZE, score=0.9, stability=1.0)]

    def predict_boxes(self, embedding: Embedding, boxes: FloatArray) -> list[MaskCandidate]:
        raise NotImplementedError

    def predict_points(self, embedding: Embedding, points: FloatArray) -> Iterator[list[MaskCandidate]]:
        return predict_each_point(self, embedding, points)


def everything(predictor: Looker) -> list[MaskCandidate]:
    embedding = predictor.encode(np.zeros((*SIZE, 3), np.uint8))
    return segment_everything(
        predictor, embedding, points_per_side=4, cancel=CancelToken(), progress=lambda *_: None
    )


@pytest.mark.parametrize("tall", [1.0, 0.8])
def test_one_object_on_many_frames_is_one_object(tall: float) -> None:
    assert len(everything(Looker([(150.0, 110.0)], tall))) == 1


def test_objects_in_the_same_cells_of_their_frames_are_several() -> None:
    discs = [(60.0, 60.0), (200.0, 60.0), (60.0, 180.0), (200.0, 180.0)]
    assert len(everything(Looker(discs))) == 4


def test_what_lies_beyond_the_image_is_nothing() -> None:
    assert everything(Looker([(-100.0, 100.0), (150.0, 400.0)])) == []


def test_a_mask_that_its_look_cuts_off_is_no_object() -> None:
    class Near(Looker):
        """Its looks end 10 pixels right of the middle of what they are about."""

        def predict(
            self, embedding: Embedding, prompts: PromptSet, *, multimask: bool = True
        ) -> list[MaskCandidate]:
            (found,) = super().predict(embedding, prompts)
            x, y = min(
                self.discs, key=lambda d: np.hypot(d[0] - prompts.points[0].x, d[1] - prompts.points[0].y)
            )
            frame = Frame(x - 90, y - 50, 100)
            columns, rows = frame.x0 + GRID * 100, frame.y0 + GRID * 100
            logits = (20 - np.hypot(columns[None] - x, rows[:, None] - y)).astype(np.float32)
            return [replace(found, logits=logits, frame=frame)]

    assert not everything(Near([(150.0, 110.0)]))
    assert len(everything(Near([(310.0, 110.0)]))) == 1, "the image ends there too"
