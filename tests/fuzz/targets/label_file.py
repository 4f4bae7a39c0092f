"""YOLO label files of an image of 120 x 90 pixels."""

from __future__ import annotations

from pathlib import Path

from samdesk.domain.annotation import Annotation, AnnotationId
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.labels import LabelSet
from samdesk.formats.label_lines import ParsedLabels
from samdesk.formats.yolo import segmentation
from tests.fuzz.mutate import mutate_text
from tests.fuzz.target import SilentLossError, Target

_SIZE = (120, 90)
_LABELS = LabelSet.from_names([f"class {i}" for i in range(20)])


def _seeds(_folder: Path) -> list[bytes]:
    return [
        b"0 0.1 0.1 0.5 0.1 0.5 0.5 0.1 0.5\n1 0.2 0.2 0.4 0.2 0.3 0.6\n",
        b"0 0.5 0.5 0.2 0.2\n12 0.25 0.25 0.1 0.3\n",
        b"0 0.5 0.5 0.2 0.2 0.4 0.4 2 0.6 0.6 1\n",
    ]


def _document(parsed: ParsedLabels) -> ImageDocument:
    annotations = (
        Annotation(AnnotationId(str(line.line)), _LABELS.labels[line.class_id].id, line.region)
        for line in parsed.lines
        if line.class_id < len(_LABELS)
    )
    return ImageDocument(ImageKey("x"), *_SIZE, tuple(annotations))


def _check_stable(parsed: ParsedLabels) -> None:
    """Writing what was read from a written file gives the same file, unless the user is told."""
    first, report = segmentation.write(_document(parsed), _LABELS)
    second, _ = segmentation.write(_document(segmentation.parse(first, *_SIZE)), _LABELS)
    if second != first and not report.lossy:
        raise SilentLossError(f"written again, {first!r} becomes {second!r}")


def _read(data: bytes, _folder: Path) -> None:
    parsed = segmentation.parse(data.decode("utf-8", "replace"), *_SIZE)
    for line in parsed.lines:
        assert line.class_id >= 0
        assert not line.region.is_empty
        left, top, right, bottom = line.region.bounds
        assert 0 <= left <= right <= _SIZE[0]
        assert 0 <= top <= bottom <= _SIZE[1]
    _check_stable(parsed)


TARGET = Target(_seeds, _read, mutate_text)
