"""Draws a contact sheet of a predictor's masks on held-out images, for visual inspection."""

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
from samdesk.training.evaluate.simulate import deepest_point, tight_box
from samdesk.training.samples import TrainingImage

_CELL = 240
_TEXT, _TRUTH, _DRAWN = (255, 255, 255), (255, 255, 255), (0, 200, 120)


def contact_sheet(
    predictor: Predictor, images: Sequence[TrainingImage], count: int = 40, columns: int = 8, seed: int = 0
) -> RgbImage:
    """Draws instances as masked from a box prompt (left) and from a point prompt (right).

    The mask is green, the outline of the true instance white; the number is their IoU.

    Args:
        predictor: The predictor to show.
        images: Images with known instances.
        count: Instances shown, chosen at random from those over 400 pixels.
        columns: Cells per row, two per instance.
        seed: Seed of the choice.
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
    pixels = read_image(image.path)
    embedding = predictor.encode(pixels)
    cells = []
    for index in which:
        truth = regions.rasterize(image.instances[index].region, *image.image_hw)
        box, at = tight_box(truth), deepest_point(truth)
        assert at is not None
        for prompts in (PromptSet(box=BoxPrompt(*map(float, box))), PromptSet((PointPrompt(*at),))):
            drawn = predictor.predict(embedding, prompts)[0].raster()
            cells.append(_cell(pixels, drawn, truth, box, at if prompts.points else None))
    return cells


def _cell(
    pixels: RgbImage,
    drawn: BoolArray,
    truth: BoolArray,
    box: NDArray[np.float64],
    at: tuple[float, float] | None,
) -> RgbImage:
    side = max(16.0, 1.6 * max(box[2] - box[0], box[3] - box[1]))
    scale = _CELL / side
    shift = np.array([(box[0] + box[2] - side) / 2, (box[1] + box[3] - side) / 2])
    to_cell = np.array([[scale, 0, -shift[0] * scale], [0, scale, -shift[1] * scale]])
    cell = cv2.warpAffine(pixels, to_cell, (_CELL, _CELL), flags=cv2.INTER_LINEAR)
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
