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


HOSTILE = {
    "deep.tif": (tiff(22_000, 22_000, 4, 16), r"takes 9\.\d GB of memory, the limit is 4\.0 GB"),
    "tile.tif": (tiff(64, 64, 3, 8, tile=60_000), r"takes \d+ GB of memory"),
    "flat.webp": (webp(16_383, 16_383), "cannot hold 16383 x 16383 pixels"),
    "many scans.jpg": (jpeg(22_000, 22_000, progressive=True), r"takes 4\.4 GB of memory"),
    "empty.png": (png(20_000, 20_000), "cannot hold 20000 x 20000 pixels"),
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
