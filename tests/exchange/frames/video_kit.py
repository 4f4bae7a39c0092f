"""Videos whose frames carry their number as a pattern of squares, which survives lossy codecs."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from samdesk.base.cv import cv2

SIZE = (96, 72)
"""Width and height of a frame."""
_SQUARE = 24
_COLUMNS, _BITS = 4, 8
_MATRICES = {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}


def coded(number: int) -> NDArray[np.uint8]:
    """A frame (72, 96, 3) with a number from 0 to 255 and a check of four bits, each bit a square."""
    bits = number | _check(number) << _BITS
    pixels = np.empty((SIZE[1], SIZE[0], 3), np.uint8)
    for bit in range(12):
        y, x = (part * _SQUARE for part in divmod(bit, _COLUMNS))
        pixels[y : y + _SQUARE, x : x + _SQUARE] = 215 if bits >> bit & 1 else 40
    return pixels


def code_of(pixels: NDArray[np.uint8]) -> int:
    """The number in a frame. Fails if the check does not fit: the frame is turned, or a mixture."""
    assert pixels.shape == (SIZE[1], SIZE[0], 3), pixels.shape
    squares = pixels.mean(axis=2).reshape(3, _SQUARE, 4, _SQUARE).mean(axis=(1, 3)).ravel()
    assert (abs(squares - 127) > 40).all(), squares
    bits = sum(int(value > 127) << bit for bit, value in enumerate(squares))
    number = bits & 0xFF
    assert bits >> _BITS == _check(number), bits
    return number


def codes_in(folder: Path) -> list[int]:
    """The numbers in the images of a folder, in the order of their names."""
    names = sorted(path for path in folder.iterdir() if path.suffix in (".jpg", ".png"))
    return [code_of(np.asarray(cv2.imread(str(path)), np.uint8)) for path in names]


def write_video(
    path: Path, frames: Sequence[NDArray[np.uint8]] | int, codec: str = "MJPG", rate: float = 30
) -> Path:
    """Writes a video of these frames, or of so many with their numbers."""
    images = [coded(number) for number in range(frames)] if isinstance(frames, int) else frames
    height, width = images[0].shape[:2]
    four = cv2.VideoWriter_fourcc(*codec)  # type: ignore[attr-defined]
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, four, rate, (width, height))
    assert writer.isOpened()
    for image in images:
        writer.write(image)
    writer.release()
    return path


def turn(path: Path, degrees: int) -> None:
    """Has a player turn an MP4 file clockwise, as phones that are held upright do."""
    data = bytearray(path.read_bytes())
    start, _ = _find(data, b"moov", b"trak", b"tkhd")
    a, b, c, d = (value << 16 for value in _MATRICES[degrees])
    width, height = SIZE
    x, y = {90: (height, 0), 180: (width, height), 270: (0, width)}[degrees]
    place = start + 8 + 4 + 20 + 16  # of the matrix, in version 0 of the box
    data[place : place + 36] = struct.pack(">9i", a, b, 0, c, d, 0, x << 16, y << 16, 1 << 30)
    path.write_bytes(data)


def space_out(path: Path, steps: Sequence[tuple[int, int]]) -> None:
    """Gives the frames of an MP4 file other times: (number of frames, times the usual step) of each run."""
    data = bytearray(path.read_bytes())
    outer = (b"moov", b"trak", b"mdia", b"minf", b"stbl")
    start, length = _find(data, *outer, b"stts")
    usual = struct.unpack(">I", data[start + 20 : start + 24])[0]
    runs = b"".join(struct.pack(">II", count, usual * times) for count, times in steps)
    box = struct.pack(">I4sII", 16 + len(runs), b"stts", 0, len(steps)) + runs
    for depth in range(1, len(outer) + 1):
        place, size = _find(data, *outer[:depth])
        data[place : place + 4] = struct.pack(">I", size + len(box) - length)
    data[start : start + length] = box
    edit, _ = _find(data, b"moov", b"trak", b"edts", b"elst")
    data[edit + 16 : edit + 20] = struct.pack(">I", 1 << 30)  # how much of it is shown
    path.write_bytes(data)


def _check(number: int) -> int:
    return (number * 7 ^ number >> 4) & 0xF


def _find(data: bytearray, *names: bytes) -> tuple[int, int]:
    """Where a box of an MP4 file is, and its length."""
    start, end = 0, len(data)
    for depth, name in enumerate(names):
        start, length = next((s, n) for found, s, n in _boxes(data, start, end) if found == name)
        if depth < len(names) - 1:
            start, end = start + 8, start + length
    return start, length


def _boxes(data: bytearray, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    while start < end:
        length, name = struct.unpack(">I4s", data[start : start + 8])
        yield name, start, length
        start += length
