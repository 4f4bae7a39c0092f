"""The painting order of annotations: edits that raise and lower them. The last one is on top."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import shapely

from samdesk.domain.annotation import Annotation, AnnotationId
from samdesk.domain.document import ImageDocument
from samdesk.domain.edits import Edit, Placed


def raised(document: ImageDocument, ids: Iterable[AnnotationId]) -> Edit:
    """Returns the edit that raises annotations over the next one above that they overlap.

    One step over an annotation that is elsewhere would change nothing that can be seen. The edit is empty if
    none is above.
    """
    chosen = set(ids)
    return _reordered(document, chosen, _over_next(document.annotations, chosen))


def lowered(document: ImageDocument, ids: Iterable[AnnotationId]) -> Edit:
    """Returns the edit that lowers annotations below the next one under them that they overlap."""
    chosen = set(ids)
    return _reordered(document, chosen, _over_next(document.annotations[::-1], chosen)[::-1])


def to_top(document: ImageDocument, ids: Iterable[AnnotationId]) -> Edit:
    """Returns the edit that raises annotations over all others; their own order stays."""
    chosen = set(ids)
    return _reordered(document, chosen, sorted(document.annotations, key=lambda a: a.id in chosen))


def to_bottom(document: ImageDocument, ids: Iterable[AnnotationId]) -> Edit:
    """Returns the edit that lowers annotations below all others; their own order stays."""
    chosen = set(ids)
    return _reordered(document, chosen, sorted(document.annotations, key=lambda a: a.id not in chosen))


def _over_next(order: Sequence[Annotation], chosen: set[AnnotationId]) -> Sequence[Annotation]:
    """The annotations with the chosen ones, in their own order, right after the next one they overlap."""
    below: list[Annotation] = []
    for i, annotation in enumerate(order):
        if annotation.id in chosen:
            below.append(annotation)
        elif below and _overlap(annotation, below):
            rest = [a for a in order[: i + 1] if a.id not in chosen]
            return [*rest, *below, *order[i + 1 :]]
    return order


def _overlap(one: Annotation, others: Sequence[Annotation]) -> bool:
    regions = np.empty(len(others), object)
    regions[:] = [other.region for other in others]
    return bool(shapely.relate_pattern(one.region, regions, "T********").any())


def _reordered(document: ImageDocument, chosen: set[AnnotationId], order: Sequence[Annotation]) -> Edit:
    if list(order) == list(document.annotations):
        return Edit()
    return Edit(put=tuple(Placed(a, i) for i, a in enumerate(order) if a.id in chosen))
