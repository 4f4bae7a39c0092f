"""Fixes of annotations: each makes one step of the history."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np
import shapely

from samdesk.base.bulk import breathing
from samdesk.dataset.dataset import Dataset
from samdesk.dataset.labels.lines import KEY_BYTES, line_keys, numbered_lines
from samdesk.dataset.types import RefusedError
from samdesk.domain.annotation import AnnotationId
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import Edit, Transaction, remove, update
from samdesk.domain.geometry.types import Region
from samdesk.domain.review import AnnotationReview
from samdesk.exchange.check.gather import TRAIN_SIZE
from samdesk.exchange.check.label_text import crossing_lines
from samdesk.exchange.check.overlaps import DUPLICATE_IOU, close_pairs, superfluous
from samdesk.exchange.check.rows.instances import TINY, training_scale
from samdesk.images.errors import ImageError

DocumentFix: TypeAlias = Callable[[Dataset, ImageDocument], Edit]
"""Makes the edit that mends an image; an empty one if there is nothing to mend."""


def plan(
    dataset: Dataset,
    keys: Sequence[ImageKey],
    fix: DocumentFix,
    text: str,
    locked: frozenset[AnnotationId] = frozenset(),
) -> Transaction:
    """Plans the step that mends images, but for locked annotations.

    Raises ``RefusedError`` if nothing is left to mend.
    """
    edits = []
    for key in breathing(list(keys), "Preparing the fix", dataset.core.breathe):
        try:
            document = dataset.core.documents.get_once(key)
        except ImageError:
            continue  # saving could not write it either
        edit = _without(fix(dataset, document), locked)
        if edit:
            edits.append((key, edit))
    if not edits:
        raise RefusedError("There is nothing left to fix.", next="Run the check again.")
    return Transaction(text, tuple(edits))


def _without(edit: Edit, locked: frozenset[AnnotationId]) -> Edit:
    if not locked:
        return edit
    put = tuple(placed for placed in edit.put if placed.annotation.id not in locked)
    return replace(edit, put=put, drop=tuple(i for i in edit.drop if i not in locked))


def without_duplicates(_dataset: Dataset, document: ImageDocument) -> Edit:
    """Removes annotations that show the same as another one of their label."""
    annotations = document.annotations
    regions = np.empty(len(annotations), dtype=object)
    regions[:] = [annotation.region for annotation in annotations]
    areas, bounds = shapely.area(regions), shapely.bounds(regions).reshape(-1, 4)
    first, second, shared = close_pairs(np.zeros(len(regions), np.int64), areas, bounds, regions)
    iou = shared / np.maximum(areas[first] + areas[second] - shared, 1e-9)
    pairs = [
        (a, b)
        for a, b, value in zip(first.tolist(), second.tolist(), iou.tolist(), strict=True)
        if value > DUPLICATE_IOU and annotations[a].label_id == annotations[b].label_id
    ]
    pending = [annotation.review is AnnotationReview.PENDING for annotation in annotations]
    return remove(annotations[number].id for number in sorted(superfluous(pairs, pending)))


def without_tiny(dataset: Dataset, document: ImageDocument) -> Edit:
    """Removes annotations of which the trainer sees hardly a pixel."""
    size = dataset.settings_get("train_size") or ""
    train_size = int(size) if size.isdecimal() and int(size) > 0 else TRAIN_SIZE
    scale = training_scale((document.width, document.height), train_size)
    return remove(a.id for a in document.annotations if a.region.area * scale**2 < TINY)


def uncrossed(dataset: Dataset, document: ImageDocument) -> Edit:
    """Writes the lines of outlines that cross themselves anew, as samdesk has read them."""
    files = dataset.core.files
    data = files.read(document.key)
    size = document.width, document.height
    lines = crossing_lines(data or b"", files.keypoint_values, size)
    return _written_anew(document, _annotations_of_lines(dataset, document, lines))


def outlined(dataset: Dataset, document: ImageDocument) -> Edit:
    """Writes the boxes of a label file as outlines."""
    data = dataset.core.files.read(document.key) or b""
    boxes = [number for number, line in numbered_lines(data) if len(line.split()) == 5]
    return _written_anew(document, _annotations_of_lines(dataset, document, boxes))


def _annotations_of_lines(
    dataset: Dataset, document: ImageDocument, lines: Iterable[int]
) -> set[AnnotationId]:
    """The annotations of a document that lines of its label file stand for."""
    wanted, files = set(lines), dataset.core.files
    data = files.read(document.key)
    if data is None or not wanted:
        return set()
    state = dataset.core.rows.file(document.key)
    keys = None
    if state is not None:
        known = dataset.core.projection.line_keys_of(document.key, state)
        keys = known if known is not None else state.imported_lines
    if keys is None:
        size = document.width, document.height
        keys = files.parse(document.key, size, data, dataset.labels).file.imported_lines or b""
    numbers = [number for number, _ in numbered_lines(data)]
    if len(keys) != len(numbers) * KEY_BYTES:
        return set()
    chosen = {keys[i * KEY_BYTES : (i + 1) * KEY_BYTES] for i, n in enumerate(numbers) if n in wanted}
    found = zip(document.annotations, line_keys(document.annotations), strict=True)
    return {annotation.id for annotation, key in found if key in chosen}


def _written_anew(document: ImageDocument, ids: set[AnnotationId]) -> Edit:
    """The edit that changes the order of vertices only: the lines of the annotations are made again."""
    return update(
        replace(annotation, region=_reordered(annotation.region))
        for annotation in document.annotations
        if annotation.id in ids
    )


def _reordered(region: Region) -> Region:
    """The same region with its vertices in another order."""
    other: Region = shapely.normalize(region)
    if shapely.to_wkb(other) == shapely.to_wkb(region):
        other = shapely.reverse(region)
    return other
