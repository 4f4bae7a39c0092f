"""Tries a predictor as samdesk uses it: every kind of prompt, odd images, order, state, pauses and errors."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from samdesk.base.errors import typed_line
from samdesk.base.jobs import Cancelled
from samdesk.domain.geometry.types import Frame, RgbImage
from samdesk.domain.prompts import BoxPrompt, MaskCandidate, PointPrompt, PromptSet
from samdesk.engine.embedding import Embedding
from samdesk.engine.models.results import (
    candidate_fault,
    candidates_fault,
    embedding_fault,
    info_fault,
    region_fault,
)
from samdesk.engine.protocols import EngineError, Predictor, Replicable
from samdesk.testing.pictures import PLACES, SIZES, picture, same_mask

PredictorFactory: TypeAlias = Callable[[str, str], Predictor]

SLOW_S = 3.0
"""An encode that takes longer has to call ``pause``, seconds."""
_MEMBERS = ("info", "encode", "predict", "predict_boxes", "predict_points")
_OUTSIDE = 0.01
_SHARES = np.array([[0.1, 0.1, 0.4, 0.5], [0.5, 0.1, 0.9, 0.6], [0.2, 0.5, 0.7, 1.0]])
"""Boxes as shares of the width and height of the image."""


def check_predictor(
    factory: PredictorFactory, *, device: str = "cpu", slow_s: float = SLOW_S
) -> tuple[str, ...]:
    """Returns what is wrong with a predictor; nothing if it can be used.

    It describes itself. On images from one pixel to large, prompts of every kind give one to three masks,
    best first, within the image, and the same ones again, whatever was asked in between and however many
    images are encoded. Boxes and points are answered in their order, as each is alone. A long encode calls
    ``pause``, which may use the predictor or end the encode. Wrong prompts, and embeddings of others, are
    ``EngineError``s. Nothing that it is given is changed.

    Args:
        factory: The function of the entry point.
        device: Where to try it.
        slow_s: The longest encode that need not call ``pause``, seconds.
    """
    try:
        predictor: Any = factory(device, "auto")
        missing = [name for name in _MEMBERS if not hasattr(predictor, name)]
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is the finding
        return (f"making it raises {typed_line(error)}",)
    if missing:
        return tuple(f"it has no {name!r}" for name in missing)
    fault = info_fault(predictor.info)
    if fault:
        return (fault,)
    tried = _TriedPredictor(predictor, slow_s)
    findings: list[str] = []
    for check in _CHECKS:
        try:
            findings += check(tried)
        except BaseException as error:
            findings.append(f"{check.__name__.removeprefix('_check_')}: it raises {typed_line(error)}")
            if isinstance(error, KeyboardInterrupt):
                raise
        if findings:
            break  # what follows needs what is wrong
    return tuple(dict.fromkeys(findings))


@dataclass
class _TriedPredictor:
    """A predictor, and the image that most checks are about."""

    predictor: Predictor
    slow_s: float
    image: RgbImage = field(default_factory=lambda: picture(*SIZES[0]))

    def encoded(self, image: RgbImage | None = None) -> Embedding:
        return self.predictor.encode(self.image if image is None else image)

    def click(self, embedding: Embedding, x: float = 0.25, y: float = 0.3) -> list[MaskCandidate]:
        """The masks of a click at a place that is a share of the image."""
        height, width = embedding.image_hw
        return self.predictor.predict(embedding, PromptSet((PointPrompt(x * width, y * height),)))


def _check_images(tried: _TriedPredictor) -> Iterator[str]:
    """Images of every size."""
    for size in SIZES:
        image = picture(*size)
        given, named = image.copy(), f"an image of {size[1]} x {size[0]}"
        embedding = tried.encoded(given)
        fault = embedding_fault(embedding, size)
        if fault:
            yield f"on {named}: {fault}"
            return
        if embedding.model != tried.predictor.info.key:
            yield f"embeddings name the model {embedding.model!r}, not info.key"
        box = PromptSet(box=BoxPrompt(0.1 * size[1], 0.1 * size[0], 0.6 * size[1], 0.6 * size[0]))
        for found in (tried.click(embedding), tried.predictor.predict(embedding, box)):
            yield from _faults(found, image, f"on {named}")
        if (given != image).any():
            yield f"it changes {named}"
        given.flags.writeable = False
        tried.encoded(given)


def _check_prompts(tried: _TriedPredictor) -> Iterator[str]:
    """Prompts of every kind."""
    embedding, predictor = tried.encoded(), tried.predictor
    height, width = embedding.image_hw
    click = PointPrompt(0.25 * width, 0.3 * height)
    beside = PointPrompt(0.7 * width, 0.35 * height, positive=False)
    box = BoxPrompt(0.1 * width, 0.1 * height, 0.5 * width, 0.6 * height)
    drawn = predictor.predict(embedding, PromptSet((click,)))[0].as_prompt()
    for named, prompts in (
        ("two points", PromptSet((click, beside))),
        ("a box with a point", PromptSet((click,), box)),
        ("a point and the mask before it", PromptSet((click, beside), mask=drawn)),
        ("a box without area", PromptSet(box=BoxPrompt(5, 5, 5, 5))),
        ("a point outside the image", PromptSet((PointPrompt(-9.0, 2.0 * height),))),
        ("a box beyond the image", PromptSet(box=BoxPrompt(-9, -9, 2 * width, 2 * height))),
    ):
        yield from _faults(predictor.predict(embedding, prompts), tried.image, f"for {named}")
    single = predictor.predict(embedding, PromptSet((click,)), multimask=False)
    if len(single) != 1:
        yield f"without multimask it draws {len(single)} masks"
    if not tried.predictor.info.views:
        return
    view = Frame(10.0, 10.0, 80.0)
    closer = predictor.encode(tried.image, view=view)
    fault = embedding_fault(closer, embedding.image_hw)
    if fault:
        yield f"of a view: {fault}"
    else:
        point = PromptSet((PointPrompt(45.0, 36.0),))
        yield from _faults(predictor.predict(closer, point), tried.image, "in a view")


def _check_boxes(tried: _TriedPredictor) -> Iterator[str]:
    """Boxes at once, in their order."""
    embedding, predictor = tried.encoded(), tried.predictor
    height, width = embedding.image_hw
    boxes = _SHARES * [width, height, width, height]
    if list(predictor.predict_boxes(embedding, np.zeros((0, 4)))) != []:
        yield "for no boxes it draws masks"
    for order in ([0, 1, 2], [2, 0]):
        given = boxes[order]
        found = predictor.predict_boxes(embedding, given)
        if len(found) != len(order):
            yield f"it draws {len(found)} masks in {len(order)} boxes"
            return
        fault = next((fault for one in found if (fault := candidate_fault(one, embedding.image_hw))), "")
        if fault:
            yield f"in boxes: {fault}"
            return
        if (given != boxes[order]).any():
            yield "it changes the boxes"
        alone = [predictor.predict_boxes(embedding, box[None])[0] for box in boxes[order]]
        if not _all_same(found, alone):
            yield "the mask in a box is another one among other boxes, or in their order"


def _check_points(tried: _TriedPredictor) -> Iterator[str]:
    """Points, each an object, in their order."""
    embedding, predictor = tried.encoded(), tried.predictor
    points = np.array(PLACES) * [embedding.image_hw[1], embedding.image_hw[0]]
    if list(predictor.predict_points(embedding, np.zeros((0, 2)))) != []:
        yield "for no points it draws masks"
    answers = list(predictor.predict_points(embedding, points))
    if len(answers) != len(points):
        yield f"it answers {len(answers)} of {len(points)} points"
        return
    for (x, y), masks in zip(points, answers, strict=True):
        faults = list(_faults(masks, tried.image, "at points"))
        yield from faults
        alone = predictor.predict(embedding, PromptSet((PointPrompt(float(x), float(y)),)))
        if not faults and not same_mask(masks[0], alone[0]):
            yield "the mask at a point is another one among other points, or in their order"


def _check_state(tried: _TriedPredictor) -> Iterator[str]:
    """The same again, whatever came in between, and two images at once."""
    embedding = tried.encoded()
    first = tried.click(embedding)
    tried.predictor.predict(embedding, PromptSet(box=BoxPrompt(60, 10, 120, 80)))
    if not _all_same(first, tried.click(embedding)):
        yield "a click gives another mask after other prompts"
    other = tried.encoded(picture(90, 200, seed=3))
    there = tried.click(other, 0.7, 0.35)
    if not _all_same(first, tried.click(embedding)):
        yield "a click gives another mask once a second image is encoded"
    if not _all_same(there, tried.click(other, 0.7, 0.35)):
        yield "a click on the second image gives another mask after one on the first"
    if not _all_same(first, tried.click(tried.encoded())):
        yield "an image encoded again gives other masks"
    if isinstance(tried.predictor, Replicable):
        replica = _TriedPredictor(tried.predictor.replica(1), tried.slow_s)
        if not _all_same(first, replica.click(replica.encoded())):
            yield "a replica gives other masks"


def _check_pause(tried: _TriedPredictor) -> Iterator[str]:
    """``pause`` is called in a long encode, and may use the predictor."""
    here = tried.encoded()
    first, large = tried.click(here), picture(*SIZES[-1])
    calls: list[bool] = []

    def use() -> None:
        if not calls:
            calls.append(_all_same(first, tried.click(here)))

    start = time.perf_counter()
    used = tried.predictor.encode(large, pause=use)
    seconds = time.perf_counter() - start
    if not calls and seconds > tried.slow_s:
        yield f"encode takes {seconds:.1f} s and never calls pause: a click waits for it"
    if not all(calls):
        yield "a click during a pause of encode gives another mask"
    if calls and not _all_same(tried.click(used), tried.click(tried.encoded(large))):
        yield "a click during a pause of encode changes what is encoded"


def _check_cancelling(tried: _TriedPredictor) -> Iterator[str]:
    """``pause`` may end an encode."""
    here = tried.encoded()
    first = tried.click(here)
    calls: list[bool] = []

    def cancel() -> None:
        calls.append(True)
        raise Cancelled

    try:
        tried.predictor.encode(picture(*SIZES[-1]), pause=cancel)
        if calls:
            yield "encode goes on after pause has raised Cancelled"
    except Cancelled:
        pass
    except Exception as error:  # noqa: BLE001
        yield f"when pause raises Cancelled, encode raises {typed_line(error)}"
    if not _all_same(first, tried.click(here)):
        yield "a click gives another mask after an encode was cancelled"


def _check_errors(tried: _TriedPredictor) -> Iterator[str]:
    """What is no prompt, and what is no embedding of this model."""
    embedding, predictor = tried.encoded(), tried.predictor
    nan = float("nan")
    foreign = Embedding("another model:0", embedding.image_hw, embedding.frame, None, 0)
    click = PromptSet((PointPrompt(5.0, 5.0),))
    for named, work in (
        ("a point of NaN", lambda: predictor.predict(embedding, PromptSet((PointPrompt(nan, 1.0),)))),
        ("a box of NaN", lambda: predictor.predict_boxes(embedding, np.full((1, 4), nan))),
        ("points of NaN", lambda: list(predictor.predict_points(embedding, np.full((1, 2), nan)))),
        ("the embedding of another model", lambda: predictor.predict(foreign, click)),
    ):
        try:
            work()
            yield f"{named} is no EngineError"
        except EngineError:
            pass
        except Exception as error:  # noqa: BLE001
            yield f"{named} raises {typed_line(error)}, not EngineError"


def _faults(found: Any, image: RgbImage, where: str) -> Iterator[str]:
    """What is wrong with the masks of one object."""
    hw = (image.shape[0], image.shape[1])
    fault = candidates_fault(found, hw)
    if fault:
        yield f"{where}: {fault}"
        return
    if [one.score for one in found] != sorted((one.score for one in found), reverse=True):
        yield f"{where} the masks are not in the order of their scores"
    for one in found:
        frame = one.frame
        inside = (
            frame.x0 < hw[1] and frame.y0 < hw[0] and min(frame.x0 + frame.width, frame.y0 + frame.height) > 0
        )
        if not inside:
            yield f"{where} the frame of a mask lies outside the image"
            continue
        fault = region_fault(one.region(), image, _OUTSIDE)
        if fault:
            yield f"{where}: {fault}"


def _all_same(some: Sequence[MaskCandidate], others: Sequence[MaskCandidate]) -> bool:
    return len(some) == len(others) and all(map(same_mask, some, others))


_CHECKS = (
    _check_images,
    _check_prompts,
    _check_boxes,
    _check_points,
    _check_state,
    _check_pause,
    _check_cancelling,
    _check_errors,
)
