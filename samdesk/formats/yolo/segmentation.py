"""YOLO label files, one image each: ``class x1 y1 x2 y2 ...``, values in 0..1 of width and height.

Reading is tolerant (boxes ``class cx cy w h``, with or without keypoints, are read too), writing strict.
``yolo_ring`` converts between regions and the rings of the lines.
"""

from __future__ import annotations

import math
import os
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from enum import Enum
from threading import Lock
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from samdesk.base.regular import MAX_BYTES
from samdesk.domain.annotation import Annotation, AnnotationId
from samdesk.domain.document import ImageDocument
from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import Region
from samdesk.domain.labels import LabelSet
from samdesk.formats.class_ids import MAX_CLASSES
from samdesk.formats.label_lines import LineProblem, ParsedLabels, ParsedLine, WriteReport
from samdesk.formats.yolo import trainer_raster, yolo_ring
from samdesk.formats.yolo.inset import TRAIN_SIZE, inset_px, unmark
from samdesk.formats.yolo.simple_rings import simple_regions, simple_rings

_OUTSIDE = 0.01 + 1e-9
"""Values this far outside 0..1 are clipped to the image, as the trainer accepts them."""
_LOSSY_IOU = 0.8
_SHOWN = 80
_BOX_WORDS = 5
_LONG = 2_000
"""Vertices of a line from which on it is checked that reading and writing it gives the same line."""
_WANTED_IOU = 0.98
"""Where an outline trains a mask with a smaller IoU, the one of its pixels is tried."""
_TRACED_PX = 2_000
"""Area on the training grid from which on it is tried: smaller ones would lose their shape at other sizes."""
_NONE_KEPT: Mapping[AnnotationId, Sequence[str]] = MappingProxyType({})


def label_path(image: str) -> str:
    """The label file of an image by Ultralytics' rule: the last ``images`` folder becomes ``labels``."""
    before, found, after = image.rpartition(f"{os.sep}images{os.sep}")
    if found:
        image = f"{before}{os.sep}labels{os.sep}{after}"
    return os.path.splitext(image)[0] + ".txt"  # noqa: PTH122 (100,000 files: plain strings)


def count_classes(data: bytes) -> Counter[int]:
    """The number of lines per class id; lines without a valid one count as class -1. Geometry is not read."""
    result: Counter[int] = Counter()
    for line in data.splitlines():
        words = line.split(maxsplit=1)
        if words:
            try:
                result[int(float(words[0].removeprefix(b"\xef\xbb\xbf")))] += 1
            except (ValueError, OverflowError):
                result[-1] += 1
    return result


def parse(text: str, width: int, height: int, keypoint_values: int = 0) -> ParsedLabels:
    """Parses the label file of an image of ``width`` x ``height`` pixels.

    Never raises: an invalid line becomes a ``LineProblem``, and the others are still parsed.

    Args:
        text: The file's content.
        width: Image width, pixels.
        height: Image height, pixels.
        keypoint_values: Values after the box in a line with keypoints; such a line is read as its box, as the
            trainer does for other tasks than pose. 0: the dataset has no keypoints.
    """
    problems: list[LineProblem] = []
    found: list[tuple[int, str, _LineKind, int, NDArray[np.float64]]] = []
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        tokens = line.split()
        if not tokens:
            continue
        try:
            kind = _kind(len(tokens), keypoint_values)
            class_id = _class_id(tokens[0])
            values = _values(tokens[1:5] if kind is _LineKind.KEYPOINTS else tokens[1:])
            _check_range(values)
        except _BadLineError as error:
            problems.append(_problem(number, line, error))
            continue
        found.append((number, line, kind, class_id, values))
    lines: list[ParsedLine] = []
    kinds: set[_LineKind] = set()
    regions_found = _regions([values for *_, values in found], width, height)
    for (number, line, kind, class_id, _), region in zip(found, regions_found, strict=True):
        if not regions.is_drawable(region):
            problems.append(_problem(number, line, "it has no area on the image"))
            continue
        kinds.add(kind)
        lines.append(ParsedLine(class_id, region, number))
    problems.sort(key=lambda problem: problem.line)
    return ParsedLabels(
        tuple(lines),
        tuple(problems),
        detection=_LineKind.BOX in kinds,
        outlines=_LineKind.OUTLINE in kinds,
        keypoints=_LineKind.KEYPOINTS in kinds,
    )


def train_sizes(text: str, width: int, height: int) -> frozenset[int]:
    """The training sizes that the outlines of a label file may have been written for: one for each inset."""
    rings = (line.split()[1:] for line in text.splitlines())
    outlines = (np.array(r, dtype=np.float64).reshape(-1, 2) for r in rings if len(r) > 5 and _are_pairs(r))
    insets = {unmark(ring * [width, height])[1] for ring in outlines}
    return frozenset(max(1, round(max(width, height) / (2 * inset))) for inset in insets)


def _are_pairs(words: list[str]) -> bool:
    return len(words) % 2 == 0 and all(map(_is_number, words))


class _LineKind(Enum):
    """What the trainer takes a line for, by the number of its values."""

    BOX = 1
    KEYPOINTS = 2
    OUTLINE = 3


def _kind(words: int, keypoint_values: int) -> _LineKind:
    if words == _BOX_WORDS:
        return _LineKind.BOX
    with_keypoints = keypoint_values and words == _BOX_WORDS + keypoint_values
    return _LineKind.KEYPOINTS if with_keypoints else _LineKind.OUTLINE


class _BadLineError(Exception):
    """An invalid line; the message says why."""


def _class_id(token: str) -> int:
    try:
        value = float(token)
    except ValueError:
        raise _BadLineError(f"the class id {_shown(token)} is not a number") from None
    if not math.isfinite(value) or value != int(value):
        raise _BadLineError(f"the class id {_shown(token)} is not a whole number")
    if value < 0:
        raise _BadLineError(f"the class id {_shown(token)} is negative")
    if value >= MAX_CLASSES:
        raise _BadLineError(f"the class id {_shown(token)} is larger than {MAX_CLASSES - 1}")
    return int(value)


def _values(tokens: list[str]) -> NDArray[np.float64]:
    """The numbers after the class id: 4 for a box, or at least 3 points."""
    try:
        values = np.array(list(map(float, tokens)), dtype=np.float64)
    except ValueError:
        bad = next(token for token in tokens if not _is_number(token))
        raise _BadLineError(f"{_shown(bad)} is not a number") from None
    if not np.isfinite(values).all():
        raise _BadLineError("a value is not finite")
    if len(values) < 4:
        raise _BadLineError(f"{len(values)} values after the class id: a box has 4, an outline at least 6")
    if len(values) == 5:
        raise _BadLineError("5 values after the class id: a box with a confidence is a result, not a label")
    if len(values) % 2:
        raise _BadLineError(f"{len(values)} values after the class id: an outline has x and y in pairs")
    return values


def _is_number(token: str) -> bool:
    try:
        float(token)
    except ValueError:
        return False
    return True


def _shown(token: str) -> str:
    return repr(token if len(token) <= 20 else token[:20] + "...")


def _problem(number: int, line: str, message: object) -> LineProblem:
    return LineProblem(number, line.strip()[:_SHOWN], str(message))


def _check_range(values: NDArray[np.float64]) -> None:
    if values.min() < -_OUTSIDE or values.max() > 1 + _OUTSIDE:
        worst = float(values[int(np.argmax(np.abs(np.clip(values, 0, 1) - values)))])
        raise _BadLineError(f"the value {worst:g} is outside 0..1")


def _regions(several: Sequence[NDArray[np.float64]], width: int, height: int) -> list[Region]:
    """The regions of the values of lines, 4 of a box."""
    rings = [np.zeros((0, 2)) if len(values) == 4 else values.reshape(-1, 2) for values in several]
    found = []
    for values, ring, region in zip(several, rings, simple_regions(rings, width, height), strict=True):
        if region is None:
            is_box = len(values) == 4
            region = _box(values, width, height) if is_box else yolo_ring.ring_in_image(ring, width, height)
        found.append(region)
    return found


def _box(values: NDArray[np.float64], width: int, height: int) -> Region:
    size = np.array([width, height], dtype=np.float64)
    centre, half = values[:2], values[2:] / 2
    x0, y0, x1, y1 = np.concatenate([(centre - half) * size, (centre + half) * size]).tolist()
    return regions.clip(regions.from_box(x0, y0, x1, y1), width, height)


def write(
    document: ImageDocument,
    labels: LabelSet,
    kept: Mapping[AnnotationId, Sequence[str]] = _NONE_KEPT,
    keypoint_values: int = 0,
    train_size: int = TRAIN_SIZE,
) -> tuple[str, WriteReport]:
    """The label file of a document, one line per annotation in painting order, and a fidelity report.

    Args:
        document: The annotations.
        labels: Their labels.
        kept: The lines of annotations whose region is unchanged since they were written or read, the first to
            be preferred. An annotation keeps its line's text, with the class id of today. Only boxes become
            outlines where others are outlines, because the trainer refuses a file with both, and boxes again
            where none is.
        keypoint_values: As for ``parse``.
        train_size: Longer side of the images as the trainer sees them, pixels. Lines that are kept may have
            been made for another one; each says for itself how far it is inset.

    Raises:
        LabelError: An annotation's label is not in the set.
    """
    kept_line = {i: next((s for s in lines if _is_box(s)), lines[0]) for i, lines in kept.items()}
    most = _BOX_WORDS + keypoint_values  # the words of an outline need not be counted
    kinds = {i: _kind(len(line.split(maxsplit=most)), keypoint_values) for i, line in kept_line.items()}
    outlines = any(kinds.get(a.id) in (None, _LineKind.OUTLINE) for a in document.annotations)
    if outlines:
        for i in [i for i, kind in kinds.items() if kind is _LineKind.BOX]:
            kept_line[i] = next((s for s in kept[i] if not _is_box(s)), "")
    written: list[Annotation] = []
    lines: list[str] = []
    lossy: list[str] = []
    for annotation in document.annotations:
        class_id = labels.index(annotation.label_id)
        line = kept_line.get(annotation.id, "")
        if line:
            line = _with_class(line, class_id)
        else:
            size = document.width, document.height
            points, iou, stable = LINES.line(annotation.region, size, keypoint_values, train_size)
            if not points:
                continue
            line = f"{class_id} {points}"
            if iou < _LOSSY_IOU:
                name = labels.get(annotation.label_id).name
                lossy.append(f"line {len(lines) + 1} ({name}) trains a mask that differs: IoU {iou:.2f}")
            elif not stable:
                name = labels.get(annotation.label_id).name
                lossy.append(
                    f"line {len(lines) + 1} ({name}) changes a little whenever it is written: its outline is "
                    "too long and tangled"
                )
        lines.append(line)
        written.append(annotation)
    mixed = outlines and any(kinds.get(a.id) is _LineKind.KEYPOINTS for a in written)
    text = "".join(line + "\n" for line in lines)
    return text, WriteReport(len(lines), tuple(lossy), tuple(written), mixed)


def _is_box(line: str) -> bool:
    return len(line.split(maxsplit=_BOX_WORDS)) == _BOX_WORDS


def _with_class(line: str, class_id: int) -> str:
    """The line, with another class id if it has another."""
    word = line.split(maxsplit=1)[0]
    return line if float(word) == class_id else f"{class_id}{line.lstrip()[len(word) :]}"


OutlineText: TypeAlias = tuple[str, float, bool]
"""The points of a line, the IoU of its mask, and whether it stays as it is when it is read and written."""


class LineCache:
    """The lines made last, as long as their text fits in ``MOST_BYTES``: an undo brings them back.

    The limit is that of a label file, so that the lines of one image always fit: a limit by number would drop
    each line of a larger image just before it is asked for again.

    Attributes:
        made: Number of lines that were made.
    """

    MOST_BYTES = MAX_BYTES

    def __init__(self) -> None:
        self._lines: OrderedDict[tuple[Region, tuple[int, int], int, int], OutlineText] = OrderedDict()
        self._bytes = self.made = 0
        self._lock = Lock()  # a label folder is written by another thread than a dataset

    def line(
        self,
        region: Region,
        size: tuple[int, int],
        keypoint_values: int = 0,
        train_size: int = TRAIN_SIZE,
    ) -> OutlineText:
        """Returns ``outline`` of these arguments."""
        key = (region, size, keypoint_values, train_size)
        with self._lock:
            found = self._lines.get(key)
            if found is not None:
                self._lines.move_to_end(key)
                return found
        made = outline(region, size, keypoint_values, train_size)
        with self._lock:
            self.made += 1
            if key not in self._lines:
                self._lines[key] = made
                self._bytes += len(made[0])
            while self._bytes > self.MOST_BYTES:
                _, (text, *_) = self._lines.popitem(last=False)
                self._bytes -= len(text)
        return made

    def clear(self) -> None:
        """Drops all lines and counts from 0."""
        with self._lock:
            self._lines.clear()
            self._bytes = self.made = 0


LINES = LineCache()
"""The lines that ``write`` has made."""


def outline(
    region: Region, size: tuple[int, int], keypoint_values: int = 0, train_size: int = TRAIN_SIZE
) -> OutlineText:
    """Returns the points of a region as text ("" if empty), and the IoU of the mask they train with it.

    A long outline is written a second time, from what the file would say: it may have been coarsened.
    """
    return outlines([region], size, keypoint_values, train_size)[0]


def outlines(
    several: Sequence[Region], size: tuple[int, int], keypoint_values: int = 0, train_size: int = TRAIN_SIZE
) -> list[OutlineText]:
    """Returns ``outline`` of each region; for many this takes a third of the time."""
    inset = inset_px(*size, train_size)
    clipped = [regions.clip(region, *size) for region in several]
    tries = _first_tries(clipped, size, inset, train_size)
    return [
        _outline(region, found, size, inset, keypoint_values, train_size)
        for region, found in zip(clipped, tries, strict=True)
    ]


_Try: TypeAlias = tuple[str, NDArray[np.float64], float]
"""The points of a line as text, their values (N, 2), and the IoU of the mask they train with the region."""
_NO_POINTS: _Try = "", np.zeros((0, 2)), 0.0


def _outline(
    region: Region,
    first: _Try,
    size: tuple[int, int],
    inset: float,
    keypoint_values: int,
    train_size: int,
) -> OutlineText:
    text, written, iou = _best_points(region, first, size, inset, train_size)
    if not text:
        return "", 0.0, True
    stable = len(written) <= _LONG
    if not stable:
        read = yolo_ring.ring_in_image(written, *size)
        (first,) = _first_tries([read], size, inset, train_size)
        stable = _best_points(read, first, size, inset, train_size)[0] == text
    if (
        _kind(1 + written.size, keypoint_values) is _LineKind.KEYPOINTS
    ):  # by chance: it would be read as a box
        text += " " + " ".join(text.split(" ")[-2:])
    return text, iou, stable


def _first_tries(
    several: Sequence[Region], size: tuple[int, int], inset: float, train_size: int
) -> list[_Try]:
    """What the outlines of regions on the image give."""
    found = [_NO_POINTS] * len(several)
    texts: dict[int, tuple[str, NDArray[np.float64]]] = {}
    for number, ring in enumerate(simple_rings(several, *size, inset)):
        if ring is None and regions.is_drawable(several[number]):
            ring = yolo_ring.region_to_ring(several[number], *size, inset)
        if ring is not None and len(ring):
            texts[number] = _points(ring, size)
    there = [several[number] for number in texts]
    ious = trainer_raster.trained_ious([ring for _, ring in texts.values()], there, *size, train_size)
    for (number, (text, written)), iou in zip(texts.items(), ious, strict=True):
        found[number] = text, written, iou
    return found


def _best_points(region: Region, first: _Try, size: tuple[int, int], inset: float, train_size: int) -> _Try:
    """The outline, or that of the region's pixels on the training grid if only that reaches the IoU."""
    text, written, iou = first
    if iou >= _WANTED_IOU or region.area * (train_size / max(size)) ** 2 < _TRACED_PX:
        return first
    if text and yolo_ring.reads_as(written, region, *size):  # it was read from this very line
        return first
    if max(size) / train_size < inset:
        # The trainer enlarges the image: its pixels are finer than the inset, so that the line, read again,
        # would be a larger region than the one that was written.
        return first
    traced, points = _points(yolo_ring.traced_ring(region, size, inset, train_size), size)
    traced_iou = trainer_raster.trained_iou(points, region, *size, train_size) if traced else 0.0
    return (traced, points, traced_iou) if traced_iou > iou else first


def _points(ring: NDArray[np.float64], size: tuple[int, int]) -> tuple[str, NDArray[np.float64]]:
    """A ring as text, and the values that the text says, (N, 2)."""
    values = (ring / size).reshape(-1).tolist()
    text = ("%.6g " * len(values))[:-1] % tuple(values)
    return text, np.array(list(map(float, text.split())), dtype=np.float64).reshape(-1, 2)
