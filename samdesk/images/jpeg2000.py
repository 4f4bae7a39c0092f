"""The markers of a JPEG 2000 file: its size, and into how many parts its pixels are divided.

Tiles, precincts and code blocks are made in memory before a pixel is decoded, so that a small file that
announces millions of them holds the decoder for a long time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

_START, _SIZE, _CODING, _COMPONENT_CODING, _TILE, _DATA = 0xFF4F, 0xFF51, 0xFF52, 0xFF53, 0xFF90, 0xFF93
_TILE_HEAD = 12
"""Bytes of the marker segment that begins a part of a tile."""

_MOST_BOXES = 1_000
_MOST_MARKERS = 10_000
_MOST_TILES = 65_535
_MOST_TILE_PARTS = 200_000
_MOST_CODINGS = 16
_MOST_LEVELS = 32
_LARGEST_PRECINCT = 15

# Bytes that OpenJPEG was seen to take for each.
_PER_TILE, _PER_COMPONENT_OF_TILE, _PER_PRECINCT, _PER_BLOCK = 7_500, 1_500, 600, 400


@dataclass(frozen=True)
class Codestream:
    """What the markers of a codestream say.

    Attributes:
        width: Pixels; height likewise.
        components: Number of colour components.
        tiles: Number of tiles.
        precincts: Number of precincts.
        layers: Each precinct has a packet in each, which takes at least a byte of a complete file.
        blocks: An upper bound of the code blocks.
        whole: Whether there is a part of every tile.
    """

    width: int
    height: int
    components: int
    tiles: int
    precincts: int
    layers: int
    blocks: int
    whole: bool

    @property
    def extra_bytes(self) -> int:
        """Memory that decoding takes besides the result."""
        tiles = self.tiles * (_PER_TILE + _PER_COMPONENT_OF_TILE * self.components)
        pixels = self.width * self.height * (3 + 4 * self.components)
        return pixels + tiles + _PER_PRECINCT * self.precincts + _PER_BLOCK * self.blocks


@dataclass(frozen=True)
class _Grid:
    """The tiles and components.

    Attributes:
        xs: Edges of the columns of tiles, (columns + 1,) int64 pixels; ys likewise, of the rows.
        components: How much each is subsampled across and down.
    """

    xs: NDArray[np.int64]
    ys: NDArray[np.int64]
    components: tuple[tuple[int, int], ...]

    @property
    def tiles(self) -> int:
        return (len(self.xs) - 1) * (len(self.ys) - 1)


@dataclass(frozen=True)
class _Division:
    """How a component is divided, in exponents of two, across and down.

    Attributes:
        block: Of the code blocks.
        precincts: Of those of each resolution, the lowest first.
        layers: Number of layers.
    """

    block: tuple[int, int]
    precincts: tuple[tuple[int, int], ...]
    layers: int = 1


def read_codestream(file: BinaryIO) -> Codestream:
    """Reads the markers of a JPEG 2000 file, bare or in boxes.

    Raises:
        OSError: They are damaged.
    """
    file.seek(_start_of_codestream(file))
    if _number(file, 2) != _START:
        raise OSError("its codestream is missing")
    grid: _Grid | None = None
    divisions: set[_Division] = set()
    for marker, body in _segments(file, _TILE):
        if marker == _SIZE:
            grid = _grid(body)
        else:
            divisions |= _divisions(marker, body, grid)
    if grid is None or not divisions:
        raise OSError("its header is incomplete")
    present = _walk_tiles(file, grid, divisions)
    divided = [_divided(grid, division) for division in divisions]
    return Codestream(
        width=int(grid.xs[-1] - grid.xs[0]),
        height=int(grid.ys[-1] - grid.ys[0]),
        components=len(grid.components),
        tiles=grid.tiles,
        precincts=max(precincts for precincts, _ in divided),
        layers=max(division.layers for division in divisions),
        blocks=max(blocks for _, blocks in divided),
        whole=present == grid.tiles,
    )


def _start_of_codestream(file: BinaryIO) -> int:
    at = 0
    file.seek(0)
    if _number(file, 2) == _START:
        return 0
    for _ in range(_MOST_BOXES):
        file.seek(at)
        length, kind, head = _number(file, 4), file.read(4), 8
        if length == 1:
            length, head = _number(file, 8), 16
        if kind == b"jp2c":
            return at + head
        if length < head:
            break
        at += length
    raise OSError("its codestream is missing")


def _number(file: BinaryIO, count: int) -> int:
    data = file.read(count)
    if len(data) < count:
        raise OSError("its header is truncated")
    return int.from_bytes(data, "big")


def _segments(file: BinaryIO, end: int) -> Iterator[tuple[int, bytes]]:
    """The marker segments up to the marker ``end``, behind which the file is left."""
    for _ in range(_MOST_MARKERS):
        marker = _number(file, 2)
        if marker == end:
            return
        length = _number(file, 2) - 2
        if marker < 0xFF00 or length < 0:
            break
        yield marker, file.read(length)
    raise OSError("a marker in its header is wrong")


def _grid(body: bytes) -> _Grid:
    numbers = [int.from_bytes(body[at : at + 4], "big") for at in range(2, 34, 4)]
    components = tuple((body[at + 1], body[at + 2]) for at in range(36, len(body) - 2, 3))
    if not components or min(min(pair) for pair in components) < 1:
        raise OSError("a marker in its header is wrong")
    right, bottom, left, top, width, height, first_x, first_y = numbers
    if min(width, height) < 1 or right <= left or bottom <= top or first_x > left or first_y > top:
        raise OSError("a marker in its header is wrong")
    counts = (-(-(right - first_x) // width), -(-(bottom - first_y) // height))
    if counts[0] * counts[1] > _MOST_TILES:
        raise OSError("it has too many tiles")
    xs = np.clip(first_x + width * np.arange(counts[0] + 1, dtype=np.int64), left, right)
    ys = np.clip(first_y + height * np.arange(counts[1] + 1, dtype=np.int64), top, bottom)
    return _Grid(xs, ys, components)


def _divisions(marker: int, body: bytes, grid: _Grid | None) -> set[_Division]:
    """The division in a marker segment, if it has one."""
    if marker == _CODING:
        return {replace(_division(body[:1], body[5:]), layers=int.from_bytes(body[2:4], "big"))}
    if marker == _COMPONENT_CODING:
        at = 1 if grid is None or len(grid.components) < 257 else 2
        return {_division(body[at : at + 1], body[at + 1 :])}
    return set()


def _division(flags: bytes, body: bytes) -> _Division:
    if len(flags) < 1 or len(body) < 5 or body[0] > _MOST_LEVELS:
        raise OSError("a marker in its header is wrong")
    levels = body[0]
    sizes = body[5 : 6 + levels] if flags[0] & 1 else bytes([_LARGEST_PRECINCT * 17]) * (levels + 1)
    if len(sizes) <= levels:
        raise OSError("a marker in its header is wrong")
    block = (2 + (body[1] & 15), 2 + (body[2] & 15))
    return _Division(block, tuple((size & 15, size >> 4) for size in sizes))


def _walk_tiles(file: BinaryIO, grid: _Grid, divisions: set[_Division]) -> int:
    """Adds the divisions of tiles and returns how many tiles there are. Starts behind a tile's marker."""
    present: set[int] = set()
    at = file.tell() - 2
    for _ in range(_MOST_TILE_PARTS):
        file.seek(at)
        head = file.read(_TILE_HEAD)
        if len(head) < _TILE_HEAD or int.from_bytes(head[:2], "big") != _TILE:
            break
        tile, length = int.from_bytes(head[4:6], "big"), int.from_bytes(head[6:10], "big")
        if tile < grid.tiles:
            present.add(tile)
        for marker, body in _segments(file, _DATA):
            divisions |= _divisions(marker, body, grid)
        if len(divisions) > _MOST_CODINGS:
            raise OSError("it is divided in too many ways")
        if length <= _TILE_HEAD:  # 0: up to the end
            break
        at += length
    return len(present)


def _divided(grid: _Grid, division: _Division) -> tuple[int, int]:
    """How many precincts and code blocks there are if the whole image has a division."""
    precincts = blocks = 0
    lowest = len(division.precincts) - 1
    for (dx, dy), count in Counter(grid.components).items():
        for level, size in enumerate(division.precincts):
            halved = min(level, 1)  # code blocks are of bands, half as large, but for the lowest resolution
            across = _along(grid.xs, dx << (lowest - level), size[0], division.block[0], halved)
            down = _along(grid.ys, dy << (lowest - level), size[1], division.block[1], halved)
            precincts += count * across[0] * down[0]
            blocks += count * (3 if halved else 1) * across[1] * down[1]
    return precincts, blocks


def _along(edges: NDArray[np.int64], step: int, precinct: int, block: int, halved: int) -> tuple[int, int]:
    """Precincts and code blocks of one resolution along one direction, in all tiles."""
    scaled = -(-edges // step)
    first, last = scaled[:-1], scaled[1:]
    used = last > first
    precincts = np.where(used, -(-last // (1 << precinct)) - first // (1 << precinct), 0)
    side = halved + max(0, min(block, precinct - halved))
    blocks = np.where(used, (last - first) // (1 << side) + precincts + 1, 0)
    return int(precincts.sum()), int(blocks.sum())
