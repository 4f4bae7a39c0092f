"""Carries objects from one image to the next, and checks it by carrying them back.

The check is the forward-backward error of tracking (Kalal, Mikolajczyk, Matas: "Forward-Backward Error:
Automatic Detection of Tracking Failures", ICPR 2010), of outlines instead of points.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from samdesk.base.jobs import Pause, no_pause
from samdesk.carry import agreement, outlines
from samdesk.carry.moves.move import Move
from samdesk.carry.moves.registry import MOVES
from samdesk.carry.pair import ImagePair
from samdesk.carry.result import CarriedObject, LeftBehind
from samdesk.domain.annotation import AnnotationId
from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import Region, RgbImage

LEAST_BACK = 0.8
"""IoU with its outline on the source image that an object carried back must have to be sure."""
LEAST_OVERLAP = 0.5
"""IoU of the moved and the redrawn outline that an object must have to be sure."""
_LEAST_AGREEMENT = 0.65
"""Right moves agree by 0.78 and more in 99 of 100 cases, the best of another scene by less than that."""
_LEAST_VISIBLE = 0.2
"""Part of an object's area that must be on the target image."""
_LEAST_SIDE = 16

Carried: TypeAlias = CarriedObject | LeftBehind

LEFT_THE_IMAGE = "It has left the image"
TOO_SMALL = "It is too small to compare"
ANOTHER_SCENE = "Nothing on the next image looks like it"
PARTLY_OUTSIDE = "Part of it has left the image"
NOT_BACK = "Carried back, it does not fit where it came from"
NOT_REDRAWN = "The mask model finds no object here"
DRAWN_OTHERWISE = "The mask model draws another outline here"
MASK_DOUBTS = frozenset((NOT_REDRAWN, DRAWN_OTHERWISE))
"""Doubts about an outline that comes back where it was, because the mask model disagrees."""


def carry_objects(
    source: RgbImage,
    target: RgbImage,
    objects: Sequence[tuple[AnnotationId, Region]],
    pause: Pause = no_pause,
) -> tuple[Carried, ...]:
    """Finds where the objects of one image are on another.

    Args:
        source: (H, W, 3) uint8 RGB, the image whose objects are known.
        target: The other image.
        objects: Id and outline of each, source pixels.
        pause: Called between two steps.

    Returns:
        For each object, in their order, its outline on the target image, not redrawn; or why it has none.

    Raises:
        Cancelled: Raised by ``pause``.
    """
    refusal = _size_refusal(source, target)
    if refusal:
        return tuple(LeftBehind(key, refusal) for key, _ in objects)
    pair = ImagePair.of(source, target)
    size = float(source.shape[1]), float(source.shape[0])
    there = _landings(pair, [_scaled(region, pair) for _, region in objects], pause)
    back = _landings(pair.turned, [one.visible for one in there], pause)
    return tuple(
        _result(key, region, pair, size, *landings)
        for (key, region), *landings in zip(objects, there, back, strict=True)
    )


def with_redrawn(results: Sequence[Carried], redrawn: Mapping[AnnotationId, Region]) -> tuple[Carried, ...]:
    """Adds the outlines that the mask model has drawn, and settles what is doubtful.

    Args:
        results: Of ``carry_objects``.
        redrawn: By annotation of the source image, target pixels. An empty one makes its object doubtful;
            for an object that is not among them only the back check counts.
    """
    return tuple(
        _redrawn(one, redrawn[one.annotation_id])
        if isinstance(one, CarriedObject) and one.annotation_id in redrawn
        else one
        for one in results
    )


def _redrawn(one: CarriedObject, region: Region) -> CarriedObject:
    before = one.doubt if one.back < LEAST_BACK else ""
    if not regions.is_drawable(region):
        return replace(one, redrawn=None, overlap=None, doubt=before or NOT_REDRAWN)
    overlap = regions.iou(one.moved, region)
    doubt = before or ("" if overlap >= LEAST_OVERLAP else DRAWN_OTHERWISE)
    return replace(one, redrawn=region, overlap=overlap, doubt=doubt)


def _size_refusal(source: RgbImage, target: RgbImage) -> str:
    """Why nothing can be carried between images of these sizes, in words; "": it can."""
    (height, width), (target_height, target_width) = source.shape[:2], target.shape[:2]
    if min(height, width) < _LEAST_SIDE:
        return f"Images of less than {_LEAST_SIDE} pixels are too small to compare"
    if (height, width) == (target_height, target_width):
        return ""
    if (height, width) == (target_width, target_height):
        return "The next image is turned by 90 degrees"
    return f"The next image has another size: {target_width} x {target_height}, not {width} x {height} pixels"


@dataclass(frozen=True, eq=False)
class _Landing:
    """Where an object is on the target.

    Attributes:
        method: Of the best move; "" without one.
        agreement: Of the colours, 0..1.
        visible: Its outline, clipped to the target, working pixels.
        part: Of its area, that is on the target, 0..1.
        leaves: Whether there is a move that puts it outside the image.
        speck: Whether no pixel is under its mask.
    """

    method: str = ""
    agreement: float = 0.0
    visible: Region = regions.EMPTY
    part: float = 1.0
    leaves: bool = False
    speck: bool = False


def _landings(pair: ImagePair, objects: Sequence[Region], pause: Pause) -> list[_Landing]:
    """Where each object is by the move that agrees best with its colours."""
    points = [agreement.samples(region, pair.source) for region in objects]
    best: list[tuple[float, str, Move | None]] = [(0.0, "", None)] * len(objects)
    leaves = [False] * len(objects)
    for method in MOVES:
        for index, candidates in enumerate(method.estimate(pair, objects, pause)):
            pause()
            for move in candidates:
                fit = agreement.agreement(pair, points[index], move)
                if fit.visible < _LEAST_VISIBLE:
                    leaves[index] = True
                elif fit.colours > best[index][0]:
                    best[index] = (fit.colours, method.id, move)
    return [
        _landing(pair, region, chosen, leaving) if len(known) else _Landing(speck=True)
        for region, known, chosen, leaving in zip(objects, points, best, leaves, strict=True)
    ]


def _landing(pair: ImagePair, region: Region, best: tuple[float, str, Move | None], leaves: bool) -> _Landing:
    colours, method, move = best
    if move is None:
        return _Landing(leaves=leaves)
    moved = outlines.moved(region, move)
    visible = regions.clip(moved, pair.target.width, pair.target.height)
    return _Landing(method, colours, visible, visible.area / max(moved.area, 1e-9), leaves)


def _result(
    key: AnnotationId,
    region: Region,
    pair: ImagePair,
    size: tuple[float, float],
    there: _Landing,
    back: _Landing,
) -> Carried:
    if there.speck:
        return LeftBehind(key, TOO_SMALL)
    moved = regions.clip(regions.scale(there.visible, 1 / pair.scale_x, 1 / pair.scale_y), *size)
    if there.agreement < _LEAST_AGREEMENT or not regions.is_drawable(moved):
        return LeftBehind(key, LEFT_THE_IMAGE if there.leaves else ANOTHER_SCENE)
    overlap = regions.iou(back.visible, _scaled(region, pair))
    doubt = ""
    if overlap < LEAST_BACK:
        doubt = PARTLY_OUTSIDE if there.part < LEAST_BACK else NOT_BACK
    return CarriedObject(key, moved, there.method, there.agreement, overlap, doubt=doubt)


def _scaled(region: Region, pair: ImagePair) -> Region:
    """The region in working pixels."""
    return regions.scale(region, pair.scale_x, pair.scale_y)
