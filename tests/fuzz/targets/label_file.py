"""YOLO label files of an image of 120 x 90 pixels."""

from __future__ import annotations

from pathlib import Path

from samdesk.formats.yolo import segmentation
from tests.fuzz.mutate import mutate_text
from tests.fuzz.target import Target

_SIZE = (120, 90)


def _seeds(_folder: Path) -> list[bytes]:
    return [
        b"0 0.1 0.1 0.5 0.1 0.5 0.5 0.1 0.5\n1 0.2 0.2 0.4 0.2 0.3 0.6\n",
        b"0 0.5 0.5 0.2 0.2\n12 0.25 0.25 0.1 0.3\n",
        b"0 0.5 0.5 0.2 0.2 0.4 0.4 2 0.6 0.6 1\n",
    ]


def _read(data: bytes, _folder: Path) -> None:
    parsed = segmentation.parse(data.decode("utf-8", "replace"), *_SIZE)
    for line in parsed.lines:
        assert line.class_id >= 0
        assert not line.region.is_empty
        left, top, right, bottom = line.region.bounds
        assert 0 <= left <= right <= _SIZE[0]
        assert 0 <= top <= bottom <= _SIZE[1]


TARGET = Target(_seeds, _read, mutate_text)
