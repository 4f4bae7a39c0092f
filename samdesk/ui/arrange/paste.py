"""What a clip becomes on an image: where its annotations come, which labels they get. No Qt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from samdesk.base.text import counted
from samdesk.domain.annotation import Annotation, new_annotation_id
from samdesk.domain.document import ImageDocument
from samdesk.domain.geometry.regions import clip as clip_region
from samdesk.domain.geometry.regions import is_drawable, translate
from samdesk.domain.geometry.types import Region
from samdesk.domain.labels import Label, LabelSet
from samdesk.ui.arrange.clip import Clip


@dataclass(frozen=True)
class Pasted:
    """A clip on an image.

    Attributes:
        annotations: New ones, in painting order.
        labels: The label set with those that the clip names and that were missing.
        added: The names of those labels.
        clipped: How many annotations reached out of the image and were clipped.
        outside: How many lie outside and were left out.
        present: How many were left out because the same region with the same label is there.
    """

    annotations: tuple[Annotation, ...]
    labels: LabelSet
    added: tuple[str, ...] = ()
    clipped: int = 0
    outside: int = 0
    present: int = 0


def pasted(
    clip: Clip,
    document: ImageDocument,
    labels: LabelSet,
    at: tuple[float, float] | None = None,
    *,
    skip_present: bool = False,
) -> Pasted:
    """Returns what a clip becomes on an image.

    Args:
        clip: What was copied.
        document: The image.
        labels: The labels of its dataset; the clip's are found by name, without regard to case.
        at: Where the middle of the clip comes, image pixels, but inside the image if there is room for it;
            None: where it was.
        skip_present: Leave out what the image has already.
    """
    regions = [a.region for a in clip.annotations]
    dx, dy = (0.0, 0.0) if at is None else _offset(regions, at, (document.width, document.height))
    known = {(a.label_id, a.region) for a in document.annotations} if skip_present else set()
    matched = _Labels(labels)
    made: list[Annotation] = []
    clipped = outside = present = 0
    for one in clip.annotations:
        moved = translate(one.region, dx, dy) if dx or dy else one.region
        inside = clip_region(moved, document.width, document.height)
        if not is_drawable(inside):
            outside += 1
            continue
        clipped += inside is not moved
        label = matched.find(one.label, one.color)
        if (label.id, inside) in known:
            present += 1
            continue
        made.append(Annotation(new_annotation_id(), label.id, inside, attributes=one.attributes))
    return Pasted(tuple(made), matched.labels, tuple(matched.added), clipped, outside, present)


def outcome(pasted: Pasted, verb: str) -> str:
    """What was pasted and what was not, in words; ``verb`` is "Pasted", "Took over"."""
    parts = [f"{verb} {counted(len(pasted.annotations), 'annotation')}."]
    if pasted.added:
        names = ", ".join(f"“{name}”" for name in pasted.added[:3])
        more = f" and {len(pasted.added) - 3} more" if len(pasted.added) > 3 else ""
        noun = "label" if len(pasted.added) == 1 else "labels"
        parts.append(f"Added the {noun} {names}{more}.")
    if pasted.clipped:
        parts.append(f"{pasted.clipped:,} clipped to the image.")
    if pasted.outside:
        parts.append(f"{pasted.outside:,} left out: outside this image.")
    if pasted.present:
        parts.append(f"{pasted.present:,} left out: already here.")
    return " ".join(parts)


class _Labels:
    """Finds labels by name without regard to case, and adds those that are missing."""

    def __init__(self, labels: LabelSet) -> None:
        self.labels = labels
        self.added: list[str] = []
        self._by_name = {label.name.casefold(): label for label in reversed(labels.labels)}

    def find(self, name: str, color: str) -> Label:
        exact = self.labels.find(name)
        found = exact or self._by_name.get(name.casefold())
        if found is None:
            used = {label.color.lower() for label in self.labels}
            self.labels = self.labels.add(name, color if color and color not in used else None)
            self.added.append(name)
            found = self._by_name[name.casefold()] = self.labels.labels[-1]
        return found


def _offset(regions: Sequence[Region], at: tuple[float, float], size: tuple[int, int]) -> tuple[float, float]:
    """How far to move regions so that their middle is at a point, or as near to it as the image has room."""
    x0, y0, x1, y1 = bounds_around(regions)
    return (
        _within(at[0] - (x0 + x1) / 2, x0, x1, size[0]),
        _within(at[1] - (y0 + y1) / 2, y0, y1, size[1]),
    )


def bounds_around(regions: Iterable[Region]) -> tuple[float, float, float, float]:
    """The bounds of regions, none empty, together: left, top, right and bottom, image pixels."""
    lefts, tops, rights, bottoms = zip(*(region.bounds for region in regions), strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def _within(move: float, low: float, high: float, limit: float) -> float:
    """A move of the interval low..high, limited so that it ends inside 0..limit if it fits there."""
    if high - low > limit:
        return move
    return min(max(move, -low), limit - high)
