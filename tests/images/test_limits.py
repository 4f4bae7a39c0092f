"""What an image costs is known from its header, and refused before it is paid."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samdesk.images.errors import ImageError
from samdesk.images.header import MAX_PIXELS, read_header
from samdesk.images.reader import read_image, read_size, read_thumbnail
from tests.helpers.memory import peak_growth

MIB = 1 << 20


def tiff(width: int, height: int, samples: int, bits: int, content: bytes = b"\0" * 64, **more: int) -> bytes:
    """A TIFF of one strip, or one tile of ``tile`` pixels a side, whose content is missing."""
    tile = more.get("tile", 0)
    tags = {256: width, 257: height, 258: bits, 259: 1, 262: 2, 277: samples, 284: 1}
    tags |= (
        {322: tile, 323: tile, 324: 8, 325: len(content)}
        if tile
        else {273: 8, 278: height, 279: len(content)}
    )
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(tags.items()))
    start = 8 + len(content)
    return (
        struct.pack("<2sHI", b"II", 42, start) + content + struct.pack("<H", len(tags)) + entries + b"\0" * 4
    )


def webp(width: int, height: int) -> bytes:
    stream = BytesIO()
    Image.new("RGB", (64, 64), (200, 10, 10)).save(stream, "WEBP", lossless=True)
    data = bytearray(stream.getvalue())
    at = data.index(b"VP8L") + 9
    data[at : at + 4] = ((width - 1) | (height - 1) << 14).to_bytes(4, "little")
    return bytes(data)


def jpeg(width: int, height: int, **how: object) -> bytes:
    stream = BytesIO()
    Image.new("RGB", (64, 64), (200, 10, 10)).save(stream, "JPEG", **how)
    data = bytearray(stream.getvalue())
    at = data.index(b"\xff\xc2" if how else b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data) + b"\0" * 300_000 + b"\xff\xd9"


def png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(100_000))) + chunk(b"IEND", b"")


def jp2(side: int, *, precinct: int = 0, block: int = 4, tile: int = 0, layers: int = 1) -> bytes:
    """A JPEG 2000 that announces more than it has: exponents of two of the precincts and, less 2, of the
    code blocks, and the side of the tiles."""
    stream = BytesIO()
    Image.effect_noise((64, 64), 60).convert("RGB").save(stream, "JPEG2000")
    data = bytearray(stream.getvalue())
    box, size = data.index(b"ihdr") + 4, data.index(b"\xff\x4f\xff\x51") + 8
    data[box : box + 8] = struct.pack(">II", side, side)
    data[size : size + 24] = struct.pack(">6I", side, side, 0, 0, tile or side, tile or side)
    style = data.index(b"\xff\x52", size) + 2
    levels = data[style + 7]
    data[style + 4 : style + 6] = struct.pack(">H", layers)
    data[style + 8 : style + 10] = bytes((block, block))
    if precinct:
        data[style : style + 3] = struct.pack(">HB", 13 + levels, 1)
        end = style + 12
        data[end:end] = bytes([precinct * 17]) * (levels + 1)
    return bytes(data)


HOSTILE = {
    "deep.tif": (tiff(22_000, 22_000, 4, 16), r"takes 9\.\d GB of memory, the limit is 4\.0 GB"),
    "tile.tif": (tiff(64, 64, 3, 8, tile=60_000), r"takes \d+ GB of memory"),
    "flat.webp": (webp(16_383, 16_383), "cannot hold 16383 x 16383 pixels"),
    "many scans.jpg": (jpeg(22_000, 22_000, progressive=True), r"takes 4\.4 GB of memory"),
    "empty.png": (png(20_000, 20_000), "cannot hold 20000 x 20000 pixels"),
    "precincts.jp2": (jp2(4000, precinct=1), r"cannot hold 15,99\d,\d{3} parts"),
    "layers.jp2": (jp2(64, layers=65_535), r"cannot hold 1,179,630 parts"),
    "blocks.jp2": (jp2(7000, block=0), r"takes 4\.\d GB of memory"),
    "tiles.jp2": (jp2(4000, tile=16), "the file is truncated"),
    "too many tiles.jp2": (jp2(4000, tile=1), "it has too many tiles"),
    "too many.png": (png(30_000, 20_000), "30000 x 20000 is 600 MP, the limit is 500 MP"),
}


@pytest.mark.parametrize("read", [read_image, lambda path: read_thumbnail(path, 160)])
@pytest.mark.parametrize("name", HOSTILE)
def test_a_small_file_that_would_take_gigabytes_is_refused(
    tmp_path: Path, name: str, read: Callable[[Path], object]
) -> None:
    data, words = HOSTILE[name]
    path = tmp_path / name
    path.write_bytes(data)

    def refuse() -> None:
        with pytest.raises(ImageError, match=words):
            read(path)

    assert peak_growth(refuse) < 30 * MIB


@pytest.mark.parametrize("name", ["flat.webp", "deep.tif", "empty.png"])
def test_the_size_is_read_without_decoding(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(HOSTILE[name][0])
    assert peak_growth(lambda: read_size(path)) < 10 * MIB


def test_the_size_of_a_png_is_read_from_its_header(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    Image.new("RGB", (6000, 6000)).save(path, compress_level=1)
    assert peak_growth(lambda: read_size(path)) < 10 * MIB


def test_the_limit_of_memory_follows_the_limit_of_pixels(tmp_path: Path) -> None:
    path = tmp_path / "deep.tif"
    Image.fromarray(np.zeros((100, 100), np.uint16)).save(path)
    assert read_image(path, max_pixels=10_000).shape == (100, 100, 3)
    path.write_bytes(tiff(100, 100, 4, 16, bytes(80_000)))
    with pytest.raises(ImageError, match="the limit is 80 kB"):
        read_image(path, max_pixels=10_000)
    assert read_image(path, max_pixels=30_000).shape == (100, 100, 3)


def test_a_part_that_is_announced_and_not_there_is_refused(tmp_path: Path) -> None:
    """OpenCV would take memory for 2 GB of pixels first."""
    path = tmp_path / "cut.png"
    data = bytearray(png(96, 80))
    data[33:37] = (0x7F00841B).to_bytes(4, "big")
    path.write_bytes(data)

    def refuse() -> None:
        with pytest.raises(ImageError, match="the file is truncated"):
            read_image(path)

    assert peak_growth(refuse) < 30 * MIB


@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.parametrize(
    "how",
    [
        {"tile_size": (16, 16)},
        {"precinct_size": (64, 64), "codeblock_size": (16, 16)},
        {"tile_size": (100, 90), "num_resolutions": 1},
    ],
)
def test_a_jpeg_2000_in_many_parts_is_read(tmp_path: Path, how: dict[str, object], bare: bool) -> None:
    path = tmp_path / "parts.jp2"
    Image.effect_noise((200, 130), 60).convert("RGB").save(path, "JPEG2000", no_jp2=bare, **how)
    with Image.open(path) as image:
        np.testing.assert_array_equal(read_image(path), np.asarray(image))
    assert read_size(path) == (200, 130)


def test_a_jpeg_2000_has_the_size_of_its_codestream(tmp_path: Path) -> None:
    """Something that looks like another codestream comes first."""
    path = tmp_path / "decoy.jp2"
    data = jp2(64)
    at = data.index(b"jp2c") - 4
    decoy = b"\0\0\0\x40uuid" + data[at + 8 : at + 64]
    path.write_bytes(
        data[:at] + decoy.replace(struct.pack(">II", 64, 64), struct.pack(">II", 9, 9)) + data[at:]
    )
    assert read_size(path) == (64, 64)
    assert read_image(path).shape == (64, 64, 3)


def test_a_program_is_not_run_to_read_a_file(tmp_path: Path) -> None:
    path = tmp_path / "drawing.png"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n%%EndComments\nshowpage\n")
    with pytest.raises(ImageError, match="not an image samdesk can read"):
        read_image(path)


@pytest.mark.parametrize("name", ["a.jpg", "progressive.jpg", "a.png", "a.bmp", "a.tif", "a.webp", "a.jp2"])
def test_memory_is_what_the_header_says(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (512, 640, 3)).astype(np.uint8)
    image = Image.fromarray(np.tile(small, (3, 2, 1)) if name in SMALLER else np.tile(small, (8, 10, 1)))
    image.save(path, **({"progressive": True} if name.startswith("p") else {}), **FAST.get(path.suffix, {}))
    with path.open("rb") as file:
        header = read_header(path, file)
    assert header.pixels <= MAX_PIXELS
    assert peak_growth(lambda: read_image(path)) < header.memory + header.file_bytes + 20 * MIB


SMALLER = ("a.jp2", "a.webp", "progressive.jpg")
"""Slow to write."""
FAST: dict[str, dict[str, object]] = {".png": {"compress_level": 1}, ".webp": {"method": 0, "quality": 50}}
