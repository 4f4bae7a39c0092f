"""Carries the objects of shots with known truth, beside copies of their outlines and old prompts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from samdesk.base.cv import cv2
from samdesk.base.jobs import CancelToken
from samdesk.bench.carry.shots import LARGEST_PART, LEAST_AREA, Shot, ShotImage, camera_shot, object_shot
from samdesk.carry import CarriedObject, carry_objects, with_redrawn
from samdesk.domain.annotation import AnnotationId
from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import Region, RgbImage
from samdesk.domain.prompts import BoxPrompt, PromptSet, region_prompt
from samdesk.engine.embedding import Embedding
from samdesk.engine.protocols import Predictor

_OBJECTS_AN_IMAGE = 2
"""So many objects of an image are moved, each in a shot of its own."""
TIMED_SIZE = (640, 480)


@dataclass(frozen=True)
class Scenario:
    """A kind of shot.

    Attributes:
        name: In the report.
        camera: Whether the camera moves; else an object.
        step: How far between two images, as a part of their width.
    """

    name: str
    camera: bool
    step: float


SCENARIOS = (
    Scenario("camera 8%", True, 0.08),
    Scenario("camera 20%", True, 0.20),
    Scenario("object 2%", False, 0.02),
    Scenario("object 8%", False, 0.08),
)


@dataclass(frozen=True)
class CarryStep:
    """One object on one image of a shot; IoU with the truth, 0 without a proposal.

    Attributes:
        image: Number of the image that the shot is made of.
        scenario: ``Scenario.name``.
        step: 1 for the second image.
        moved: The outline carried from image to image.
        redrawn: The mask model's, prompted with that outline.
        copied: The outline of the first image.
        prompted: The mask model's, prompted on each image with its own outline on the image before.
        sure: Whether there is no doubt on this image.
        unbroken: Whether there was none before: a user's carrying would have come to here.
    """

    image: int
    scenario: str
    step: int
    moved: float
    redrawn: float
    copied: float
    prompted: float
    sure: bool
    unbroken: bool


@dataclass(frozen=True)
class CarryTimes:
    """Medians at ``TIMED_SIZE``, milliseconds: the mask model's encode and mask of one object included."""

    first: float
    further: float
    images: int


@dataclass(frozen=True)
class CarryImage:
    """An annotated image."""

    rgb: RgbImage
    objects: tuple[Region, ...]


Show = Callable[[int, int], None]


def measure(
    images: Sequence[CarryImage],
    predictor: Predictor,
    scenarios: Sequence[Scenario],
    show: Show,
    cancel: CancelToken,
) -> list[CarryStep]:
    """Carries the objects of every image through the shots of every scenario."""
    found: list[CarryStep] = []
    for index, image in enumerate(images):
        for scenario in scenarios:
            show(index * len(scenarios) + scenarios.index(scenario), len(images) * len(scenarios))
            for shot in _shots(scenario, image, images[(index + 1) % len(images)], index):
                if cancel.cancelled:
                    return found
                found += _carried(index, scenario, shot, predictor)
    return found


def of_sensible_size(image: CarryImage) -> tuple[Region, ...]:
    """Objects that are large enough to be told from their surroundings, and small enough to have some."""
    most = LARGEST_PART * image.rgb.shape[0] * image.rgb.shape[1]
    return tuple(region for region in image.objects if LEAST_AREA <= region.area <= most)


def _shots(scenario: Scenario, image: CarryImage, other: CarryImage, seed: int) -> Iterator[Shot]:
    objects = of_sensible_size(image)
    if not objects:
        return
    if scenario.camera:
        shot = camera_shot(image.rgb, objects, scenario.step, seed)
        if shot is not None:
            yield shot
        return
    size = image.rgb.shape[1], image.rgb.shape[0]
    chosen = np.random.default_rng(seed).permutation(len(objects))[:_OBJECTS_AN_IMAGE]
    for number, which in enumerate(chosen):
        background = cv2.resize(other.rgb, size) if number % 2 else None
        shot = object_shot(
            image.rgb, objects[which], scenario.step, _OBJECTS_AN_IMAGE * seed + number,
            None if background is None else np.asarray(background, np.uint8),
        )  # fmt: skip
        if shot is not None:
            yield shot


def _carried(index: int, scenario: Scenario, shot: Shot, predictor: Predictor) -> Iterator[CarryStep]:
    images = shot.images()
    before = next(images)
    start = {AnnotationId(str(number)): region for number, region in enumerate(before.truth)}
    moved, prompted, doubtful = dict(start), dict(start), set[AnnotationId]()
    for step, image in enumerate(images, 1):
        embedding = predictor.encode(image.rgb)
        prompted = _drawn(predictor, embedding, prompted)
        results = carry_objects(before.rgb, image.rgb, list(moved.items()))
        moved = {one.annotation_id: one.moved for one in results if isinstance(one, CarriedObject)}
        redrawn = _drawn(predictor, embedding, moved)
        checked = {one.annotation_id: one for one in with_redrawn(results, redrawn)}
        for key, truth in zip(start, image.truth, strict=True):
            one = checked.get(key)
            sure = isinstance(one, CarriedObject) and not one.doubt
            by_moved, by_redrawn, by_copy, by_prompt = (
                regions.iou(outlines.get(key, regions.EMPTY), truth)
                for outlines in (moved, redrawn, start, prompted)
            )
            unbroken = key not in doubtful
            yield CarryStep(
                index, scenario.name, step, by_moved, by_redrawn, by_copy, by_prompt, sure, unbroken
            )
            if not sure:
                doubtful.add(key)
        before = image


def _drawn(
    predictor: Predictor, embedding: Embedding, outlines: Mapping[AnnotationId, Region]
) -> dict[AnnotationId, Region]:
    """Each object drawn by the mask model, prompted by its box and its mask."""
    drawn = {}
    for key, region in outlines.items():
        if regions.is_drawable(region):
            mask = region_prompt(region, embedding.image_hw)
            prompts = PromptSet(box=BoxPrompt(*region.bounds), mask=mask)
            drawn[key] = predictor.predict(embedding, prompts, multimask=False)[0].region()
    return drawn


def timed(images: Sequence[CarryImage], predictor: Predictor, rounds: int) -> CarryTimes | None:
    """Times one object and several, alternating, from the pixels of two images to what is proposed."""
    first: list[float] = []
    further: list[float] = []
    for index, image in enumerate(images[:rounds]):
        shot = _timed_shot(image, index)
        if shot is None:
            continue
        pair = [shown for shown, _ in zip(shot.images(), range(2), strict=False)]
        one = _seconds(pair, 1, predictor)
        first.append(one)
        if len(shot.objects) > 1:
            further.append((_seconds(pair, len(shot.objects), predictor) - one) / (len(shot.objects) - 1))
    if not first:
        return None
    return CarryTimes(1e3 * float(np.median(first)), 1e3 * float(np.median(further or [0.0])), len(first))


def _timed_shot(image: CarryImage, seed: int) -> Shot | None:
    rgb = np.asarray(cv2.resize(image.rgb, TIMED_SIZE, interpolation=cv2.INTER_AREA), np.uint8)
    across, down = TIMED_SIZE[0] / image.rgb.shape[1], TIMED_SIZE[1] / image.rgb.shape[0]
    small = CarryImage(rgb, tuple(regions.scale(region, across, down) for region in image.objects))
    objects = of_sensible_size(small)
    return camera_shot(rgb, objects, SCENARIOS[0].step, seed) if objects else None


def _seconds(pair: Sequence[ShotImage], objects: int, predictor: Predictor) -> float:
    known = [(AnnotationId(str(number)), region) for number, region in enumerate(pair[0].truth[:objects])]
    start = time.perf_counter()
    embedding = predictor.encode(pair[1].rgb)
    results = carry_objects(pair[0].rgb, pair[1].rgb, known)
    moved = {one.annotation_id: one.moved for one in results if isinstance(one, CarriedObject)}
    with_redrawn(results, _drawn(predictor, embedding, moved))
    return time.perf_counter() - start
