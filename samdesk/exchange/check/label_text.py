"""Reads a label file for the checks: what is in it, as it is there."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from samdesk.base.errors import reason
from samdesk.dataset.background.raw_images import RawImage
from samdesk.dataset.labels.files import ImportedDocument, LabelFiles
from samdesk.dataset.labels.lines import numbered_lines, says
from samdesk.domain.annotation import AnnotationId
from samdesk.domain.document import ImageKey
from samdesk.domain.labels import LabelSet
from samdesk.exchange.check.crossing import crossing_rings
from samdesk.exchange.check.facts import LabelText

_BOX_WORDS = 5
_LEAST_OUTLINE = 7
_ROUNDING = 1e-6
"""Values that are rounded to six digits may lie this far outside."""


def read_label_text(
    files: LabelFiles, key: ImageKey, size: tuple[int, int] | None, stored: RawImage | None, labels: LabelSet
) -> tuple[LabelText, ImportedDocument | None]:
    """Reads the label file of an image.

    Args:
        files: Label files, for this thread alone.
        key: The image.
        size: Width and height, pixels; None: unknown, nothing is read then.
        stored: The image in the store; None: it is not there.
        labels: The label set.

    Returns:
        What is in the file; and its annotations, unless samdesk has written them.
    """
    text = LabelText(_shown(files, key))
    try:
        data = files.read(key)
    except OSError as error:
        return replace(text, exists=True, problem=reason(error)), None
    changed = stored is not None and not stored.dirty and not says(data, stored.file_hash)
    if data is None:
        return replace(text, changed=changed), None
    own = stored is not None and not changed and stored.conflict is None and stored.imported is None
    text = replace(text, exists=True, own=own, changed=changed)
    if own or size is None:
        return text, None
    found = files.look(key, size, data, labels)
    theirs = None if stored is None or stored.imported is None or changed else set(_lines(stored.imported))
    outlines = _outlines(data, files.keypoint_values, theirs)
    bad = {problem.line for problem in found.problems}
    crossing = _crossing([(n, ring) for n, ring in outlines if n not in bad], size)
    outside = tuple(n for n, ring in outlines if n not in bad and _is_outside(ring))
    text = replace(
        text,
        problems=found.problems,
        crossing=crossing,
        outside=outside,
        ids=_ids(found, data, {*crossing, *outside}) if crossing or outside else {},
        boxes=found.boxes,
        outlines=found.mixed or bool(found.document.annotations and not (found.boxes or found.keypoints)),
        keypoints=found.keypoints,
        highest=max((_class_id(found, i) for i in range(len(found.document.annotations))), default=-1),
    )
    return text, found


def crossing_lines(data: bytes, keypoint_values: int, size: tuple[int, int]) -> tuple[int, ...]:
    """Returns the numbers of the lines of a label file whose outline crosses itself.

    Args:
        data: Its content.
        keypoint_values: Values after the box in a line with keypoints.
        size: Width and height of the image, pixels.
    """
    return _crossing(_outlines(data, keypoint_values, None), size)


def _crossing(outlines: Sequence[tuple[int, NDArray[np.float64]]], size: tuple[int, int]) -> tuple[int, ...]:
    crossing = crossing_rings([ring * size for _, ring in outlines])
    return tuple(number for (number, _), crosses in zip(outlines, crossing, strict=True) if crosses)


def _ids(found: ImportedDocument, data: bytes, lines: Collection[int]) -> dict[int, AnnotationId]:
    """The annotations of lines of a label file."""
    bad = {problem.line for problem in found.problems}
    read = (number for number, _ in numbered_lines(data) if number not in bad)
    annotations = found.document.annotations
    return {n: a.id for n, a in zip(read, annotations, strict=True) if n in lines}


def _class_id(found: ImportedDocument, number: int) -> int:
    """The class id of an annotation of a label file."""
    return found.labels.index(found.document.annotations[number].label_id)


def _shown(files: LabelFiles, key: ImageKey) -> str:
    path, folder = files.name(key), f"{files.folder}/"
    return path.removeprefix(folder)


def _lines(data: bytes) -> list[str]:
    return [line for _, line in numbered_lines(data)]


def _outlines(
    data: bytes, keypoint_values: int, theirs: Collection[str] | None
) -> list[tuple[int, NDArray[np.float64]]]:
    """The outlines of a label file: (number of the line, (N, 2) values); ``theirs``: of these lines only."""
    result = []
    for number, line in numbered_lines(data):
        words = line.split()
        box = len(words) == _BOX_WORDS or (keypoint_values and len(words) == _BOX_WORDS + keypoint_values)
        if box or len(words) < _LEAST_OUTLINE or len(words) % 2 == 0:
            continue
        if theirs is not None and line not in theirs:
            continue
        try:
            values = np.array(words[1:], dtype=np.float64)
        except ValueError:
            continue
        if np.isfinite(values).all():
            result.append((number, values.reshape(-1, 2)))
    return result


def _is_outside(ring: NDArray[np.float64]) -> bool:
    return bool(ring.min() < -_ROUNDING or ring.max() > 1 + _ROUNDING)
