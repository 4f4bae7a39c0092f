"""The engine in the box: usable with a box or a click, and never at a loss."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco

from samdesk.domain.geometry import BoolArray, Frame
from samdesk.domain.prompts import BoxPrompt, MaskPrompt, PointPrompt, PromptSet
from samdesk.engine.everything import segment_everything
from samdesk.engine.grabcut import GrabCutPredictor
from samdesk.engine.protocols import CancelToken, EngineError


def iou(a: BoolArray, b: BoolArray) -> float:
    return float((a & b).sum() / max(1, (a | b).sum()))


def ball(height: int = 300, width: int = 420) -> tuple[np.ndarray, BoolArray]:
    """A red ball on a green meadow."""
    rng = np.random.default_rng(0)
    yy, xx = np.mgrid[:height, :width]
    inside = (xx - 0.6 * width) ** 2 + (yy - 0.5 * height) ** 2 < (0.2 * height) ** 2
    photo = np.where(inside[..., None], (200, 40, 40), (60, 140, 50)) + rng.integers(
        -20, 20, (height, width, 3)
    )
    return np.clip(photo, 0, 255).astype(np.uint8), inside


PHOTO, BALL = ball()
SQUARE = np.full((256, 256), -9.0)
SQUARE[60:120, 124:184] = 9.0


@pytest.mark.parametrize(
    "prompts",
    [
        PromptSet((PointPrompt(252, 150),)),
        PromptSet(box=BoxPrompt(190, 88, 314, 212)),
        PromptSet(box=BoxPrompt(314, 212, 190, 88)),
        PromptSet((PointPrompt(252, 150), PointPrompt(20, 20, False)), BoxPrompt(180, 80, 330, 220)),
        PromptSet(
            mask=MaskPrompt(
                np.pad(np.full((60, 60), 9.0), ((60, 136), (124, 72)), constant_values=-9), Frame(0, 0, 420)
            )
        ),
    ],
    ids=["point", "box", "box drawn backwards", "box and points", "mask"],
)
def test_a_distinct_object_is_found(prompts: PromptSet) -> None:
    predictor = GrabCutPredictor()
    found = predictor.predict(predictor.encode(PHOTO), prompts)
    assert 1 <= len(found) <= 3
    assert found[0].score == max(c.score for c in found)
    assert iou(found[0].raster(), BALL) > 0.9
    assert 0.5 < found[0].score <= 1


def test_large_photos_are_worked_on_small() -> None:
    photo, inside = ball(1500, 2100)
    predictor = GrabCutPredictor()
    embedding = predictor.encode(photo)
    assert embedding.nbytes < 1_000_000
    assert (
        iou(predictor.predict_boxes(embedding, np.array([[950, 440, 1570, 1060.0]]))[0].raster(), inside)
        > 0.9
    )


def test_the_same_click_gets_the_same_mask() -> None:
    predictor = GrabCutPredictor()
    embedding = predictor.encode(PHOTO)
    first, again = (predictor.predict(embedding, PromptSet((PointPrompt(252, 150),))) for _ in range(2))
    assert np.array_equal(first[0].logits, again[0].logits)


def test_a_negative_click_takes_away() -> None:
    predictor = GrabCutPredictor()
    embedding = predictor.encode(PHOTO)
    point = (PointPrompt(252, 150), PointPrompt(252, 110, False))
    assert not predictor.predict(embedding, PromptSet(point))[0].raster()[110, 252]


ODD = [
    PromptSet((PointPrompt(252, 150, False),)),
    PromptSet((PointPrompt(-500, 9000),)),
    PromptSet((PointPrompt(419.9, 299.9),)),
    PromptSet(box=BoxPrompt(50, 50, 50, 50)),
    PromptSet(box=BoxPrompt(-100, -100, -50, -50)),
    PromptSet(box=BoxPrompt(-1e9, -1e9, 1e9, 1e9)),
    PromptSet(box=BoxPrompt(419, 0, 420, 300)),
    PromptSet(mask=MaskPrompt(np.full((256, 256), -9.0), Frame(0, 0, 420))),
    PromptSet(mask=MaskPrompt(np.full((256, 256), 9.0), Frame(0, 0, 420))),
    PromptSet((PointPrompt(1, 1), PointPrompt(1, 1, False)), BoxPrompt(0, 0, 5, 5)),
]


@pytest.mark.parametrize("size", [(300, 420), (1, 1), (2, 900), (64, 64)])
def test_odd_prompts_get_an_answer(size: tuple[int, int]) -> None:
    predictor = GrabCutPredictor()
    embedding = predictor.encode(np.ascontiguousarray(np.resize(PHOTO, (*size, 3))))
    for prompts in ODD:
        for candidate in predictor.predict(embedding, prompts):
            assert candidate.raster().shape == size
            assert 0 <= candidate.score <= 1
    assert predictor.predict(embedding, PromptSet()) == []


def test_what_it_calls_itself() -> None:
    info = GrabCutPredictor().info
    assert (info.name, info.title, info.device) == ("grabcut", "Classic (GrabCut)", "cpu")
    with pytest.raises(EngineError):
        GrabCutPredictor().encode(np.zeros((5, 5), np.uint8))


def test_segment_everything_works_on_it() -> None:
    predictor = GrabCutPredictor()
    embedding = predictor.encode(PHOTO)
    found = segment_everything(
        predictor, embedding, points_per_side=3, cancel=CancelToken(), progress=lambda *_: None
    )
    assert max(iou(c.raster(), BALL) for c in found) > 0.9


def test_real_objects(coco64: Path) -> None:
    table = json.loads((coco64 / "instances.json").read_text())
    images = {i["id"]: i for i in table["images"]}
    chosen = [a for a in table["annotations"] if not a["iscrowd"] and a["area"] > 4000][::20][:10]
    predictor = GrabCutPredictor()
    with_box, with_click = [], []
    for annotation in chosen:
        image = images[annotation["image_id"]]
        photo = np.array(Image.open(coco64 / "images" / image["file_name"]).convert("RGB"))
        height, width = photo.shape[:2]
        true = coco.decode(coco.merge(coco.frPyObjects(annotation["segmentation"], height, width))).astype(
            bool
        )
        x, y, w, h = annotation["bbox"]
        embedding = predictor.encode(photo)
        found = predictor.predict_boxes(embedding, np.array([[x, y, x + w, y + h]]))
        with_box.append(iou(found[0].raster(), true))
        rows, columns = np.nonzero(true)
        middle = int(np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2))
        click = PromptSet((PointPrompt(columns[middle] + 0.5, rows[middle] + 0.5),))
        with_click.append(max(iou(c.raster(), true) for c in predictor.predict(embedding, click)))
    assert np.mean(with_box) > 0.5
    assert np.mean(with_click) > 0.35
