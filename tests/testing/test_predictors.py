"""``check_predictor``: the example and Flint pass, and every fault it is for is found."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from samdesk.base.jobs import Cancelled, Pause, no_pause
from samdesk.domain.geometry.types import Frame, RgbImage
from samdesk.domain.prompts import MaskCandidate, PromptSet
from samdesk.engine.embedding import Embedding
from samdesk.engine.models.load import load_predictor
from samdesk.testing import check_predictor
from tests.helpers.packages import EXAMPLES

sys.path.insert(0, str(EXAMPLES / "samdesk-blobs"))
from samdesk_blobs import FloodFillPredictor, predictor

NAN = float("nan")


def test_the_example_conforms() -> None:
    assert check_predictor(predictor) == ()


def test_flint_conforms() -> None:
    assert check_predictor(lambda device, precision: load_predictor("flint", device, precision)) == ()


class Masks(FloodFillPredictor):
    """The example with the masks of an object changed."""

    def __init__(self, change: Callable[[list[MaskCandidate]], Any]) -> None:
        self.change = change

    def predict(self, embedding: Embedding, prompts: PromptSet, *, multimask: bool = True) -> Any:
        return self.change(super().predict(embedding, prompts, multimask=multimask))


def each(change: Callable[[MaskCandidate], Any]) -> Callable[[list[MaskCandidate]], Any]:
    return lambda masks: [change(mask) for mask in masks]


MASK_FAULTS: tuple[tuple[str, Callable[[list[MaskCandidate]], Any]], ...] = (
    ("it drew 0 masks of one object", lambda _: []),
    ("it drew 4 masks of one object", lambda masks: (masks * 4)[:4]),
    ("its masks are None, not a list", lambda _: None),
    ("a mask is ndarray, not MaskCandidate", each(lambda m: m.logits)),
    ("the logits of a mask are float32 (64, 64)", each(lambda m: replace(m, logits=m.logits[:64, :64]))),
    ("the logits of a mask are bool", each(lambda m: replace(m, logits=m.logits > 0))),
    ("logits that are not finite", each(lambda m: replace(m, logits=m.logits * NAN))),
    ("a mask is of an image of (7, 7)", each(lambda m: replace(m, image_hw=(7, 7)))),
    ("the score of a mask is nan", each(lambda m: replace(m, score=NAN))),
    ("the score of a mask is 97", each(lambda m: replace(m, score=97.0))),
    ("the stability of a mask is -1", each(lambda m: replace(m, stability=-1.0))),
    ("a frame is None, not Frame", each(lambda m: replace(m, frame=None))),
    ("a frame is 0, 0, 0, 0", each(lambda m: replace(m, frame=Frame(0.0, 0.0, 0.0)))),
    ("the frame of a mask lies outside the image", each(lambda m: replace(m, frame=Frame(2e4, 0.0, 9.0)))),
    ("the masks are not in the order of their scores", lambda masks: masks[::-1]),
)


@pytest.mark.parametrize(("finding", "change"), MASK_FAULTS, ids=[finding for finding, _ in MASK_FAULTS])
def test_a_fault_of_a_mask_is_found(finding: str, change: Callable[[list[MaskCandidate]], Any]) -> None:
    found = check_predictor(lambda *_: Masks(change))
    assert any(finding in one for one in found), found


class Paints(FloodFillPredictor):
    def encode(self, image: RgbImage, **options: Any) -> Embedding:
        found = super().encode(image, **options)
        image[:] = 0
        return found


class OfAnotherImage(FloodFillPredictor):
    def encode(self, image: RgbImage, **options: Any) -> Embedding:
        return replace(super().encode(image, **options), image_hw=(1, 2))


class NoEmbedding(FloodFillPredictor):
    def encode(self, image: RgbImage, **options: Any) -> Any:
        return image


class OtherName(FloodFillPredictor):
    def encode(self, image: RgbImage, **options: Any) -> Embedding:
        return replace(super().encode(image, **options), model="flood")

    def predict(self, embedding: Embedding, prompts: PromptSet, *, multimask: bool = True) -> Any:
        return super().predict(replace(embedding, model=self.info.key), prompts, multimask=multimask)


class AlwaysThree(FloodFillPredictor):
    def predict(self, embedding: Embedding, prompts: PromptSet, *, multimask: bool = True) -> Any:
        return super().predict(embedding, prompts)


class NoNegativePoints(FloodFillPredictor):
    def predict(self, embedding: Embedding, prompts: PromptSet, *, multimask: bool = True) -> Any:
        assert all(p.positive for p in prompts.points)
        return super().predict(embedding, prompts, multimask=multimask)


class NoViews(FloodFillPredictor):
    info = replace(FloodFillPredictor.info, views=True)

    def encode(self, image: RgbImage, *, view: Frame | None = None, pause: Pause = no_pause) -> Embedding:
        found = super().encode(image, pause=pause)
        return found if view is None else replace(found, frame=Frame(0.0, 0.0, -1.0))


class BoxForNothing(FloodFillPredictor):
    def predict_boxes(self, embedding: Embedding, boxes: Any) -> Any:
        found = super().predict_boxes(embedding, boxes)
        return found or super().predict_boxes(embedding, np.array([[0.0, 0.0, 5.0, 5.0]]))


class OneBoxShort(FloodFillPredictor):
    def predict_boxes(self, embedding: Embedding, boxes: Any) -> Any:
        return super().predict_boxes(embedding, boxes)[:2]


class OtherOrderOfBoxes(FloodFillPredictor):
    def predict_boxes(self, embedding: Embedding, boxes: Any) -> Any:
        return super().predict_boxes(embedding, np.sort(boxes, axis=0)[::-1])


class ChangesBoxes(FloodFillPredictor):
    def predict_boxes(self, embedding: Embedding, boxes: Any) -> Any:
        found = super().predict_boxes(embedding, boxes)
        boxes += 1
        return found


class NanInBoxes(FloodFillPredictor):
    def predict_boxes(self, embedding: Embedding, boxes: Any) -> Any:
        return [replace(one, score=NAN) for one in super().predict_boxes(embedding, boxes)]


class OnePointShort(FloodFillPredictor):
    def predict_points(self, embedding: Embedding, points: Any) -> Iterator[list[MaskCandidate]]:
        return super().predict_points(embedding, points[:-1])


class PointForNothing(FloodFillPredictor):
    def predict_points(self, embedding: Embedding, points: Any) -> Iterator[list[MaskCandidate]]:
        return super().predict_points(embedding, points if len(points) else np.ones((1, 2)))


class OtherOrderOfPoints(FloodFillPredictor):
    def predict_points(self, embedding: Embedding, points: Any) -> Iterator[list[MaskCandidate]]:
        return super().predict_points(embedding, points[::-1])


class RemembersPrompts(FloodFillPredictor):
    """Draws the first click of an image, whatever is asked later: the mask depends on the prompt before."""

    def __init__(self) -> None:
        self.last = PromptSet()

    def predict(self, embedding: Embedding, prompts: PromptSet, *, multimask: bool = True) -> Any:
        found = super().predict(embedding, prompts, multimask=multimask)
        boxed, self.last = self.last.box is not None and prompts.box is None, prompts
        return [replace(one, logits=-np.abs(one.logits)) for one in found] if boxed else found

    def predict_boxes(self, embedding: Embedding, boxes: Any) -> Any:
        return FloodFillPredictor().predict_boxes(embedding, boxes)


class OneImageOnly(FloodFillPredictor):
    """Keeps the image that was encoded last, not the embedding's."""

    def encode(self, image: RgbImage, **options: Any) -> Embedding:
        self.pixels = image[::-1].copy()
        return super().encode(image, **options)

    def predict(self, embedding: Embedding, prompts: PromptSet, *, multimask: bool = True) -> Any:
        height, width = embedding.image_hw
        pixels = np.resize(self.pixels, (height, width, 3))
        return super().predict(replace(embedding, data=pixels), prompts, multimask=multimask)


class OtherReplica(FloodFillPredictor):
    def replica(self, threads: int) -> Any:
        return Masks(lambda masks: [replace(one, logits=-one.logits) for one in masks])


class NeverPauses(FloodFillPredictor):
    def encode(self, image: RgbImage, **options: Any) -> Embedding:
        return super().encode(image)


class IgnoresCancelled(FloodFillPredictor):
    def encode(self, image: RgbImage, *, pause: Pause = no_pause, **options: Any) -> Embedding:
        with contextlib.suppress(Cancelled):
            pause()
        return super().encode(image, **options)


class OtherError(FloodFillPredictor):
    def encode(self, image: RgbImage, *, pause: Pause = no_pause, **options: Any) -> Embedding:
        try:
            pause()
        except Cancelled as error:
            raise ValueError("cancelled") from error
        return super().encode(image, **options)


class BrokenByCancelling(FloodFillPredictor):
    broken = False

    def encode(self, image: RgbImage, *, pause: Pause = no_pause, **options: Any) -> Embedding:
        try:
            pause()
        except Cancelled:
            self.broken = True
            raise
        return super().encode(image, **options)

    def predict(self, embedding: Embedding, prompts: PromptSet, *, multimask: bool = True) -> Any:
        found = super().predict(embedding, prompts, multimask=multimask)
        return [replace(one, logits=-one.logits) for one in found] if self.broken else found


class BusyWhileEncoding(FloodFillPredictor):
    busy = False

    def encode(self, image: RgbImage, *, pause: Pause = no_pause, **options: Any) -> Embedding:
        self.busy = True
        try:
            pause()
        finally:
            self.busy = False
        return super().encode(image, **options)

    def predict(self, embedding: Embedding, prompts: PromptSet, *, multimask: bool = True) -> Any:
        found = super().predict(embedding, prompts, multimask=multimask)
        return [replace(one, logits=-one.logits) for one in found] if self.busy else found


class EncodesWhatIsClicked(FloodFillPredictor):
    clicked = False

    def encode(self, image: RgbImage, *, pause: Pause = no_pause, **options: Any) -> Embedding:
        self.clicked = False
        pause()
        return super().encode(image * 0 if self.clicked else image, **options)

    def predict(self, embedding: Embedding, prompts: PromptSet, *, multimask: bool = True) -> Any:
        self.clicked = True
        return super().predict(embedding, prompts, multimask=multimask)


class TakesNan(FloodFillPredictor):
    def predict(self, embedding: Embedding, prompts: PromptSet, *, multimask: bool = True) -> Any:
        points = tuple(replace(p, x=float(np.nan_to_num(p.x))) for p in prompts.points)
        return super().predict(embedding, replace(prompts, points=points), multimask=multimask)


class FailsOnForeign(FloodFillPredictor):
    def predict(self, embedding: Embedding, prompts: PromptSet, *, multimask: bool = True) -> Any:
        known = embedding.model == self.info.key
        return super().predict(
            replace(embedding, model=self.info.key), prompts, multimask=known and multimask
        )


FAULTS: tuple[tuple[str, type[FloodFillPredictor]], ...] = (
    ("it changes an image of 180 x 120", Paints),
    ("an embedding is of an image of (1, 2)", OfAnotherImage),
    ("it encoded an image as ndarray", NoEmbedding),
    ("embeddings name the model 'flood'", OtherName),
    ("without multimask it draws 3 masks", AlwaysThree),
    ("prompts: it raises AssertionError", NoNegativePoints),
    ("of a view: a frame is", NoViews),
    ("for no boxes it draws masks", BoxForNothing),
    ("it draws 2 masks in 3 boxes", OneBoxShort),
    ("another one among other boxes", OtherOrderOfBoxes),
    ("it changes the boxes", ChangesBoxes),
    ("in boxes: the score of a mask is nan", NanInBoxes),
    ("it answers 2 of 3 points", OnePointShort),
    ("for no points it draws masks", PointForNothing),
    ("another one among other points", OtherOrderOfPoints),
    ("another mask after other prompts", RemembersPrompts),
    ("another mask once a second image is encoded", OneImageOnly),
    ("a replica gives other masks", OtherReplica),
    ("never calls pause", NeverPauses),
    ("goes on after pause has raised Cancelled", IgnoresCancelled),
    ("when pause raises Cancelled, encode raises ValueError: cancelled", OtherError),
    ("another mask after an encode was cancelled", BrokenByCancelling),
    ("a click during a pause of encode gives another mask", BusyWhileEncoding),
    ("a click during a pause of encode changes what is encoded", EncodesWhatIsClicked),
    ("a point of NaN is no EngineError", TakesNan),
    ("the embedding of another model raises", FailsOnForeign),
)


@pytest.mark.parametrize(("finding", "kind"), FAULTS, ids=[finding for finding, _ in FAULTS])
def test_a_fault_is_found(finding: str, kind: type[FloodFillPredictor]) -> None:
    found = check_predictor(lambda *_: kind(), slow_s=-1.0 if kind is NeverPauses else 60.0)
    assert any(finding in one for one in found), found


def test_what_is_no_predictor_is_found() -> None:
    class Infoless(FloodFillPredictor):
        info = replace(FloodFillPredictor.info, device="")

    def exits(device: str, precision: str) -> FloodFillPredictor:
        raise SystemExit(3)

    assert check_predictor(exits) == ("making it raises SystemExit: 3",)
    assert check_predictor(lambda *_: object())[0] == "it has no 'info'"  # type: ignore[arg-type,return-value]
    assert check_predictor(lambda *_: Infoless()) == ("its info does not name the device it runs on",)
