"""The orientation by which OpenCV, and so the trainer, rotates an image: OpenCV itself is asked.

Readers of EXIF differ in damaged and repeated blocks, and OpenCV's versions in what they look at. So the
blocks are put into a tiny image of one white corner, and where the corner is after decoding tells.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from samdesk.base.cv import cv2

_WIDTH, _HEIGHT, _CORNER = 32, 16, 8
_IHDR_END, _IEND_BYTES = 33, 12
_MOST_SEGMENT = 65_533
_PREFIX = b"Exif\0\0"


def jpeg_orientation(segments: bytes) -> int:
    """The orientation, 1 to 8, of a JPEG with these APP1 marker segments."""
    if not segments:
        return 1
    blank = _blank(".jpg")
    return _seen(blank[:2] + segments + blank[2:])


def png_orientation(before: bytes, after: bytes) -> int:
    """The orientation, 1 to 8, of a PNG with these chunks before and after its pixels."""
    if not before and not after:
        return 1
    blank = _blank(".png")
    pixels, end = blank[_IHDR_END:-_IEND_BYTES], blank[-_IEND_BYTES:]
    return _seen(blank[:_IHDR_END] + before + pixels + after + end)


def block_orientation(block: bytes) -> int:
    """The orientation, 1 to 8, in an EXIF block, with or without the prefix that it has in a JPEG."""
    body = (_PREFIX + block.removeprefix(_PREFIX))[:_MOST_SEGMENT]
    return jpeg_orientation(b"\xff\xe1" + (2 + len(body)).to_bytes(2, "big") + body)


@lru_cache
def _blank(suffix: str) -> bytes:
    pixels = np.zeros((_HEIGHT, _WIDTH), np.uint8)
    pixels[:_CORNER, :_CORNER] = 255
    return bytes(cv2.imencode(suffix, pixels)[1])


def _seen(data: bytes) -> int:
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    except cv2.error:
        return 1
    if pixels is None:
        return 1
    turned = pixels.shape[0] > pixels.shape[1]
    corners = [int(pixels[row, column]) for row, column in ((0, 0), (0, -1), (-1, -1), (-1, 0))]
    return 1 + corners.index(max(corners)) + (4 if turned else 0)
