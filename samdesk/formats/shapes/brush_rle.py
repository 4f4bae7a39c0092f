"""Label Studio's run lengths of a brush mask: the bytes of an RGBA image in a stream of bits.

The stream has the number of bytes of the image (32 bits), the bits of a word less one (5) and four lengths of
numbers less one (4 each). Then come blocks: a bit that says whether one word is repeated, the index of the
length (2) that the count less one has, and one word, or as many as counted. Rows go from left to right. The
mask is the alpha channel. (Label Studio's documentation, "brush labels"; thi.ng/rle-pack.)
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from samdesk.domain.geometry.types import BoolArray
from samdesk.formats.shapes.convert import ShapeError
from samdesk.formats.shapes.masks import runs

MOST_BYTES = 16 << 20
"""Of the stream of one mask."""
MOST_PIXELS = 1 << 28

_SIZES = (3, 4, 8, 16)
"""Bits of a count, as Label Studio writes them."""
_CHANNELS = 4


def decoded(stream: Any, width: int, height: int) -> BoolArray:
    """The (height, width) mask of a list of bytes: where alpha is not 0.

    Raises:
        ShapeError: It is no image of this size, or breaks off.
    """
    if not isinstance(stream, list) or not 0 < len(stream) <= MOST_BYTES:
        raise ShapeError("its run lengths are missing or too long")
    if not all(type(value) is int and 0 <= value <= 255 for value in stream):
        raise ShapeError("its run lengths are not bytes")
    if width * height > MOST_PIXELS:
        raise ShapeError(f"its mask has more than {MOST_PIXELS >> 20} megapixels")
    bits = _Bits(bytes(stream))
    total, word = bits.number(32), bits.number(5) + 1
    sizes = [bits.number(4) + 1 for _ in range(4)]
    if total != _CHANNELS * width * height:
        raise ShapeError(f"its run lengths are not of an image of {width} x {height} pixels")
    alpha = np.zeros(width * height, dtype=np.bool_)
    at = 0
    while at < total:
        repeated = bits.number(1)
        count = bits.number(sizes[bits.number(2)]) + 1
        stop = min(at + count, total)
        first, last = at // _CHANNELS, stop // _CHANNELS  # pixels whose alpha is within
        if repeated:
            if bits.number(word):
                alpha[first:last] = True
        else:
            values = bits.words(stop - at, word)
            alpha[first:last] = values[_CHANNELS - 1 - at % _CHANNELS :: _CHANNELS] != 0
        at = stop
    return alpha.reshape(height, width)


class _Bits:
    """Numbers of a stream of bits, the most significant bit first. Raises ``ShapeError`` at its end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._left = 8 * len(data)
        self._at = 0

    def number(self, size: int) -> int:
        """The next number of ``size`` bits, 32 at most."""
        self._take(size)
        at, self._at = self._at, self._at + size
        window = int.from_bytes(self._data[at >> 3 : (at >> 3) + 5].ljust(5, b"\0"), "big")
        return (window >> (40 - (at & 7) - size)) & ((1 << size) - 1)

    def words(self, count: int, size: int) -> NDArray[np.int64]:
        """The next ``count`` numbers of ``size`` bits."""
        self._take(count * size)
        at, self._at = self._at, self._at + count * size
        data = np.frombuffer(self._data[at >> 3 : (self._at + 7) >> 3], dtype=np.uint8)
        bits = np.unpackbits(data)[at & 7 :][: count * size].reshape(count, size)
        if size == 8:
            return np.packbits(bits, axis=1)[:, 0].astype(np.int64)
        return bits.astype(np.int64) @ (1 << np.arange(size - 1, -1, -1, dtype=np.int64))

    def _take(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise ShapeError("its run lengths break off")


def encoded(mask: BoolArray, x: int, y: int, width: int, height: int) -> list[int]:
    """A mask of a part of an image as a list of bytes, every channel 255 where it is set.

    Args:
        mask: Of the part.
        x: Of its first pixel in the image.
        y: As ``x``.
        width: Of the image.
        height: As ``width``.
    """
    ends = np.concatenate([[0], runs(mask, x, y, width), [width * height]])
    parts = [f"{width * height * _CHANNELS:032b}{8 - 1:05b}" + "".join(f"{size - 1:04b}" for size in _SIZES)]
    for number, length in enumerate((np.diff(ends) * _CHANNELS).tolist()):
        word = "11111111" if number % 2 else "00000000"
        while length > 0:
            index = next((i for i, size in enumerate(_SIZES) if length <= 1 << size), len(_SIZES) - 1)
            run = min(length, 1 << _SIZES[index])
            parts.append(f"1{index:02b}{run - 1:0{_SIZES[index]}b}{word}")
            length -= run
    text = "".join(parts)
    text += "0" * (-len(text) % 8)
    return list(int(text, 2).to_bytes(len(text) // 8, "big"))
