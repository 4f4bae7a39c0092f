"""A contact sheet: what a predictor draws on photos that it has not learned, for the eye."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from samdesk.base.cv import cv2
from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import BoolArray, RgbImage
from samdesk.domain.prompts import BoxPrompt, PointPrompt, PromptSet
from samdesk.engine.protocols import Predictor
from samdesk.images.reader import read_image
from samdesk.training.evaluate.masks import raster_iou
from samdesk.training.evaluate.simulate import deepest, tight_box
from samdesk.training.samples import TrainingImage

_CELL = 240
_TEXT, _TRUTH, _DRAWN = (255, 255, 255), (255, 255, 255), (0, 200, 120)


def contact_sheet(
    predictor: Predictor, images: Sequence[TrainingImage], count: int = 40, columns: int = 8, seed: int = 0
) -> RgbImage:
    """A sheet of instances, each drawn from its box (left) and from a click (right).

    Green is what was drawn, the white line is the truth, the number their IoU.

    Args:
        predictor: Draws.
        images: Photos with known instances.
        count: Instances shown, drawn at random from those over 400 pixels.
        columns: Cells a row, two an instance.
        seed: Of the draw.
    """
    rng = np.random.default_rng(seed)
    pairs = [
        (n, i)
        for n, image in enumerate(images)
        for i, one in enumerate(image.instances)
        if one.region.area > 400
    ]
    chosen = sorted(pairs[k] for k in rng.permutation(len(pairs))[:count])
    cells = [
        cell
        for n in sorted({n for n, _ in chosen})
        for cell in _cells(predictor, images[n], [i for m, i in chosen if m == n])
    ]
    blank = np.zeros((_CELL, _CELL, 3), np.uint8)
    cells += [blank] * (-len(cells) % columns)
    rows = [np.hstack(cells[k : k + columns]) for k in range(0, len(cells), columns)]
    return np.asarray(np.vstack(rows), np.uint8)


def _cells(predictor: Predictor, image: TrainingImage, which: Sequence[int]) -> list[RgbImage]:
    photo = read_image(image.path)
    embedding = predictor.encode(photo)
    found = []
    for index in which:
        truth = regions.rasterize(image.instances[index].region, *image.image_hw)
        box, at = tight_box(truth), deepest(truth)
        assert at is not None
        for prompts in (PromptSet(box=BoxPrompt(*map(float, box))), PromptSet((PointPrompt(*at),))):
            drawn = predictor.predict(embedding, prompts)[0].raster()
            found.append(_cell(photo, drawn, truth, box, at if prompts.points else None))
    return found


def _cell(
    photo: RgbImage,
    drawn: BoolArray,
    truth: BoolArray,
    box: NDArray[np.float64],
    at: tuple[float, float] | None,
) -> RgbImage:
    side = max(16.0, 1.6 * max(box[2] - box[0], box[3] - box[1]))
    scale = _CELL / side
    shift = np.array([(box[0] + box[2] - side) / 2, (box[1] + box[3] - side) / 2])
    to_cell = np.array([[scale, 0, -shift[0] * scale], [0, scale, -shift[1] * scale]])
    cell = cv2.warpAffine(photo, to_cell, (_CELL, _CELL), flags=cv2.INTER_LINEAR)
    mask, wanted = (
        cv2.warpAffine(m.astype(np.uint8), to_cell, (_CELL, _CELL), flags=cv2.INTER_NEAREST) > 0
        for m in (drawn, truth)
    )
    cell[mask] = (0.5 * cell[mask] + 0.5 * np.array(_DRAWN)).astype(np.uint8)
    outlines, _ = cv2.findContours(wanted.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(cell, outlines, -1, _TRUTH, 1)
    if at is not None:
        x, y = (np.array(at) - shift) * scale
        cv2.circle(cell, (round(x), round(y)), 4, (255, 60, 60), -1)
    text = f"{'click' if at is not None else 'box'} {raster_iou(drawn, truth):.2f}"
    cv2.putText(cell, text, (6, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 3, cv2.LINE_AA)
    cv2.putText(cell, text, (6, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.45, _TEXT, 1, cv2.LINE_AA)
    return np.asarray(cell, np.uint8)
