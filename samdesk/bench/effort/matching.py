"""What is right, wrong and missing on an image, as a person sees it beside the ground truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from samdesk.bench.effort.truth import TruthImage, TruthObject
from samdesk.domain.annotation import Annotation
from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import Region

_SEEN_AS_THE_OBJECT = 0.5
"""From this IoU on an annotation of another label is the object with a wrong label."""
_MEANT = 0.2
"""From this IoU on an annotation of its label is a try at the object, to be corrected."""


@dataclass(frozen=True)
class Matching:
    """The annotations of an image against its ground truth.

    Attributes:
        pairs: Each object with its annotation, however good or bad.
        relabel: Those of the pairs whose label is wrong.
        missing: Objects without an annotation.
        false: Annotations of nothing, and repeated ones.
        tolerated: Annotations of objects too small, or in crowds.
    """

    pairs: tuple[tuple[TruthObject, Annotation], ...]
    relabel: tuple[tuple[TruthObject, Annotation], ...]
    missing: tuple[TruthObject, ...]
    false: tuple[Annotation, ...]
    tolerated: tuple[Annotation, ...]


def match(annotations: Sequence[Annotation], truth: TruthImage) -> Matching:
    """Pairs annotations with objects one to one: of the same label first, by falling IoU."""
    table = ious([a.region for a in annotations], [o.region for o in truth.objects])
    same = np.array([[a.label_id == o.label for o in truth.objects] for a in annotations], bool)
    same = same.reshape(table.shape)
    paired: dict[int, int] = {}
    for allowed in (
        same & (table >= _SEEN_AS_THE_OBJECT),
        table >= _SEEN_AS_THE_OBJECT,
        same & (table >= _MEANT),
    ):
        _pair(np.where(allowed, table, 0.0), paired, annotations, truth)
    pairs = tuple((truth.objects[j], annotations[i]) for i, j in sorted(paired.items()))
    rest = [a for i, a in enumerate(annotations) if i not in paired]
    tolerated = tuple(a for a in rest if truth.tolerates(a.region, str(a.label_id)))
    return Matching(
        pairs,
        tuple((o, a) for o, a in pairs if a.label_id != o.label),
        tuple(o for j, o in enumerate(truth.objects) if j not in paired.values()),
        tuple(a for a in rest if a not in tolerated),
        tolerated,
    )


def _pair(
    table: NDArray[np.float64], paired: dict[int, int], annotations: Sequence[Annotation], truth: TruthImage
) -> None:
    for flat in np.argsort(-table, axis=None, kind="stable"):
        i, j = divmod(int(flat), max(1, table.shape[1]))
        if table.size == 0 or table[i, j] <= 0:
            return
        other_label = annotations[i].label_id != truth.objects[j].label
        if i in paired or j in paired.values():
            continue
        if other_label and truth.tolerates(annotations[i].region, str(annotations[i].label_id)):
            continue
        paired[i] = j


def ious(first: Sequence[Region], second: Sequence[Region]) -> NDArray[np.float64]:
    """IoU of each with each, (N, M)."""
    table = np.zeros((len(first), len(second)))
    for i, a in enumerate(first):
        for j, b in enumerate(second):
            if shapely.box(*a.bounds).intersects(shapely.box(*b.bounds)):
                table[i, j] = regions.iou(a, b)
    return table
