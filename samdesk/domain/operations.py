"""Operations on the regions of chosen annotations, as edits.

Each returns an ``OperationResult``, or raises an ``OperationError`` that says why there is nothing to do. No
operation leaves an annotation without an area: those it would do that to stay as they are, and are named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import shapely

from samdesk.base.errors import UserError
from samdesk.base.text import counted
from samdesk.domain import edits
from samdesk.domain.annotation import Annotation
from samdesk.domain.document import ImageDocument
from samdesk.domain.edits import Edit
from samdesk.domain.geometry import boolean, morphology, regions, reshape
from samdesk.domain.geometry.types import Region

MERGED_GAP = 2.0
"""Pixels: merging closes a gap up to this wide between two regions that do not touch."""
NEW_SPECK = 4.0
"""Square pixels: parts up to this that a subtraction leaves are dropped, unless there were such before."""


class OperationError(UserError):
    """An operation has nothing to do, or would leave nothing."""

    code: ClassVar[str] = "operation"


@dataclass(frozen=True)
class OperationResult:
    """What an operation changes.

    Attributes:
        text: For the Undo command.
        edit: The change.
        notice: What the user should know of it; "" if it is plain to see.
    """

    text: str
    edit: Edit
    notice: str = ""


def merge(document: ImageDocument, chosen: Sequence[Annotation]) -> OperationResult:
    """Unites annotations into the largest of them, whose label, scores and place it has.

    Raises:
        OperationError: Fewer than two are chosen.
    """
    first, *others = _largest_first(chosen, "merge")
    region = first.region
    for other in others:
        region = _united(region, other.region, document)
    kept = replace(first, region=region, prompts=None)
    return OperationResult(
        f"Merge {counted(len(chosen), 'annotation')}",
        Edit(drop=tuple(a.id for a in others), put=edits.update([kept]).put),
    )


def _united(region: Region, other: Region, document: ImageDocument) -> Region:
    if 0 < shapely.distance(region, other) <= MERGED_GAP:
        other = reshape.snap(other, [region], MERGED_GAP, document.width, document.height)
    return boolean.union(region, other)


def intersect(chosen: Sequence[Annotation]) -> OperationResult:
    """Makes one annotation of what all of them have in common; its label is that of the largest.

    Raises:
        OperationError: Fewer than two are chosen, or they have nothing in common.
    """
    first, *others = _largest_first(chosen, "intersect")
    region = boolean.intersect(*(a.region for a in chosen))
    if not regions.is_drawable(region):
        raise OperationError("Nothing changed: the selected annotations have no area in common.")
    kept = replace(first.redrawn(region), prompts=None)
    return OperationResult(
        f"Intersect {counted(len(chosen), 'annotation')}",
        Edit(drop=tuple(a.id for a in others), put=edits.update([kept]).put),
    )


def subtract_neighbours(chosen: Sequence[Annotation], others: Sequence[Annotation]) -> OperationResult:
    """Removes from the chosen annotations what others cover.

    Raises:
        OperationError: Nothing overlaps, or nothing would be left of any.
    """
    changed, covered = _reduced(chosen, others)
    if not changed and not covered:
        raise OperationError(f"Nothing changed: no other annotation overlaps {_these(chosen)}.")
    if not changed:
        raise OperationError(
            f"Nothing changed: other annotations cover all of {_these(chosen)}.", next="Delete it instead."
        )
    notice = f"{counted(covered, 'annotation')} left as is: others cover all of it." if covered else ""
    return OperationResult("Subtract neighbours", edits.update(changed), notice)


def let_neighbours_yield(chosen: Sequence[Annotation], others: Sequence[Annotation]) -> OperationResult:
    """Removes from other annotations what the chosen ones cover; one that lies inside them stays as it is.

    Raises:
        OperationError: Nothing overlaps, or nothing would be left of any that does.
    """
    changed, covered = _reduced(others, chosen)
    inside = f"{counted(covered, 'annotation')} inside {_these(chosen)}"
    if not changed and not covered:
        raise OperationError(f"Nothing changed: no other annotation overlaps {_these(chosen)}.")
    if not changed:
        raise OperationError(f"Nothing changed: there would be nothing left of {inside}.")
    return OperationResult(
        f"Let {counted(len(changed), 'neighbour')} yield",
        edits.update(changed),
        f"{inside} left as is: nothing would be left." if covered else "",
    )


def tidy(chosen: Sequence[Annotation], area: float) -> OperationResult:
    """Fills holes and drops specks of up to ``area`` square pixels; the largest part of each always stays.

    Raises:
        OperationError: There are none.
    """
    changed, holes, specks = [], 0, 0
    for annotation in chosen:
        filled = morphology.fill_holes(annotation.region, area)
        left = morphology.drop_specks(filled, area)
        holes += morphology.hole_count(annotation.region) - morphology.hole_count(filled)
        specks += len(filled.geoms) - len(left.geoms)
        if left is not annotation.region:
            changed.append(annotation.redrawn(left))
    if not changed:
        raise OperationError(f"There are no holes or specks of up to {area:,.0f} square pixels.")
    done = [f"{counted(holes, 'hole')} filled"] * bool(holes) + [
        f"{counted(specks, 'speck')} dropped"
    ] * bool(specks)
    return OperationResult(
        "Fill holes and drop specks", edits.update(changed), f"{', '.join(done)}.".capitalize()
    )


def grow(
    document: ImageDocument, chosen: Sequence[Annotation], pixels: int, shown: Sequence[Annotation] = ()
) -> OperationResult:
    """Moves the outlines outwards by ``pixels``, or inwards where it is negative.

    Args:
        document: For the size of the image.
        chosen: The annotations as they were before the first of several steps.
        pixels: Of all steps together.
        shown: The annotations after the step before: one that would vanish stays as it is there.

    Raises:
        OperationError: All of them would vanish.
    """
    width, height = document.width, document.height
    grown = [(a, morphology.grow(a.region, pixels, width, height)) for a in chosen]
    kept = [a.redrawn(region) for a, region in grown if regions.is_drawable(region)]
    gone = {a.id: a.region for a, region in grown if not regions.is_drawable(region)}
    if not kept:
        raise OperationError(f"{_these(chosen).capitalize()} would vanish: too small to shrink any more.")
    verb = "Grow" if pixels > 0 else "Shrink"
    return OperationResult(
        f"{verb} by {abs(pixels)} px",
        edits.update([*kept, *(a for a in shown if a.region is not gone.get(a.id, a.region))]),
        f"{counted(len(gone), 'annotation')} left as is: too small to shrink any more." if gone else "",
    )


@dataclass(frozen=True)
class Adjustment:
    """How chosen annotations look when smoothed, simplified or tidied.

    Attributes:
        annotations: As they would be.
        vertices: Of all of them together.
        vertices_before: Of all of them together, as they are.
        iou: The lowest IoU of one with the annotation as it is, 0..1.
    """

    annotations: tuple[Annotation, ...]
    vertices: int
    vertices_before: int
    iou: float


def adjust(document: ImageDocument, chosen: Sequence[Annotation], kind: str, amount: float) -> Adjustment:
    """Smooths ("smooth", pixels), simplifies ("simplify", pixels) or tidies ("tidy", square pixels)."""
    results = [_adjusted(document, a.region, kind, amount) for a in chosen]
    return Adjustment(
        tuple(
            a if result.region is a.region else a.redrawn(result.region)
            for a, result in zip(chosen, results, strict=True)
        ),
        sum(result.vertices for result in results),
        sum(morphology.vertex_count(a.region) for a in chosen),
        min((result.iou for result in results), default=1.0),
    )


def _adjusted(document: ImageDocument, region: Region, kind: str, amount: float) -> morphology.Adjusted:
    if kind == "smooth":
        return morphology.smooth(region, amount, document.width, document.height)
    if kind == "simplify":
        return morphology.simplify(region, amount)
    return morphology.Adjusted(morphology.drop_specks(morphology.fill_holes(region, amount), amount), region)


def _largest_first(chosen: Sequence[Annotation], verb: str) -> list[Annotation]:
    if len(chosen) < 2:
        raise OperationError(
            f"There is nothing to {verb} it with.",
            next="Select two or more; Shift+click adds to the selection.",
        )
    return sorted(chosen, key=lambda annotation: -annotation.region.area)


def _reduced(chosen: Sequence[Annotation], others: Sequence[Annotation]) -> tuple[list[Annotation], int]:
    """The chosen annotations that lose something to others, without it; how many would lose everything."""
    changed, covered = [], 0
    for annotation, near in zip(chosen, _near(chosen, others), strict=True):
        overlapping = [other.region for other in near if boolean.overlaps(annotation.region, other.region)]
        if not overlapping:
            continue
        left = _without_new_specks(annotation.region, boolean.subtract(annotation.region, *overlapping))
        if regions.is_drawable(left):
            changed.append(annotation.redrawn(left))
        else:
            covered += 1
    return changed, covered


def _near(chosen: Sequence[Annotation], others: Sequence[Annotation]) -> list[list[Annotation]]:
    """For each of the chosen annotations, the others whose boxes meet its own."""
    found: list[list[Annotation]] = [[] for _ in chosen]
    if not chosen or not others:
        return found
    tree = shapely.STRtree([other.region for other in others])
    for one, other in np.transpose(tree.query([a.region for a in chosen])):
        found[one].append(others[other])
    return found


def _without_new_specks(before: Region, after: Region) -> Region:
    if after.is_empty or shapely.area(shapely.get_parts(before)).min() <= NEW_SPECK:
        return after
    left = morphology.drop_specks(after, NEW_SPECK)
    return left if left.area > NEW_SPECK else regions.EMPTY


def _these(chosen: Sequence[Annotation]) -> str:
    return "the selected annotation" if len(chosen) == 1 else "the selected annotations"
