"""Damaged, repeated and unusual EXIF turns an image as it does for the trainer."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samdesk.images.header import read_header
from samdesk.images.reader import read_image, read_size
from tests.images.test_reader import trainers

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # about damaged metadata

PREFIX = b"Exif\0\0"
TURN, STAY = (274, 3, 1, 6 << 16), (274, 3, 1, 1 << 16)


def block(*entries: tuple[int, int, int, int], order: bytes = b"MM", mark: int = 42) -> bytes:
    """An EXIF block: entries of tag, type, count and value."""
    head = order + struct.pack(">HIH", mark, 8, len(entries))
    return head + b"".join(struct.pack(">HHII", *entry) for entry in entries) + bytes(4)


BLOCKS = {
    "one": [block(TURN)],
    "first of two": [block(TURN), block(STAY)],
    "not second of two": [block(STAY), block(TURN)],
    "second, as the first is damaged": [block(TURN, mark=43), block(TURN)],
    "second, as the first has none": [block((305, 2, 1, 0)), block(TURN)],
    "first of two in a block": [block(TURN, STAY)],
    "unknown byte order": [block(TURN, order=b"3M")],
    "behind a maker beyond the end": [block((271, 2, 1000, 60_000), TURN)],
    "behind a resolution beyond the end": [block((282, 5, 1, 60_000), TURN)],
    "behind an unknown tag": [block((9999, 5, 1, 60_000), TURN)],
    "cut": [block(TURN)[:-7]],
    "cut after the value": [block(TURN)[:-6]],
    "not an orientation": [block((274, 3, 1, 9 << 16))],
}


def with_segments(blocks: list[bytes]) -> bytes:
    stream = BytesIO()
    picture().save(stream, "JPEG")
    data = stream.getvalue()
    bodies = [PREFIX + each for each in blocks]
    return data[:2] + b"".join(struct.pack(">HH", 0xFFE1, 2 + len(b)) + b for b in bodies) + data[2:]


def with_chunks(blocks: list[bytes], *, after: bool) -> bytes:
    stream = BytesIO()
    picture().save(stream, "PNG")
    data = stream.getvalue()
    at = len(data) - 12 if after else 33
    return data[:at] + b"".join(chunk(b"eXIf", each) for each in blocks) + data[at:]


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def picture() -> Image.Image:
    return Image.fromarray(np.arange(80 * 96 * 3, dtype=np.uint32).reshape(80, 96, 3).astype(np.uint8))


def check(path: Path) -> bool:
    """Whether the image is turned, after what is read was compared with the trainer's."""
    expected = trainers(path)
    np.testing.assert_array_equal(read_image(path), expected)
    assert read_size(path) == (expected.shape[1], expected.shape[0])
    return bool(expected.shape[0] == 96)


@pytest.mark.parametrize("name", BLOCKS)
def test_a_jpeg_turns_as_the_trainers(tmp_path: Path, name: str) -> None:
    path = tmp_path / "turned.jpg"
    path.write_bytes(with_segments(BLOCKS[name]))
    turned = check(path)
    if name in ("one", "first of two"):
        assert turned


@pytest.mark.parametrize("before", [b"\xff\0", b"\xff\xe2\0\0", b"noise"])
def test_what_is_skipped_before_exif_does_not_hide_it(tmp_path: Path, before: bytes) -> None:
    path = tmp_path / "noise.jpg"
    data = with_segments([block(TURN)])
    path.write_bytes(data[:2] + b"\xff\xe2\0\4ab" + before + data[2:])
    assert check(path)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("name", BLOCKS)
def test_a_png_turns_as_the_trainers(tmp_path: Path, name: str, after: bool) -> None:
    path = tmp_path / "turned.png"
    path.write_bytes(with_chunks(BLOCKS[name], after=after))
    check(path)


@pytest.mark.parametrize("kind", [b"tEXt", b"zTXt"])
def test_exif_in_the_text_of_a_png_turns_as_the_trainers(tmp_path: Path, kind: bytes) -> None:
    """ImageMagick stores it there."""
    body = PREFIX + block(TURN)
    profile = b"\nexif\n%8d\n%s\n" % (len(body), body.hex().encode())
    rest = b"\0" + zlib.compress(profile) if kind == b"zTXt" else profile
    stream = BytesIO()
    picture().save(stream, "PNG")
    data = stream.getvalue()
    path = tmp_path / "profile.png"
    path.write_bytes(data[:33] + chunk(kind, b"Raw profile type exif\0" + rest) + data[33:])
    check(path)


def test_exif_behind_the_pixels_of_a_jpeg_is_not_looked_at(tmp_path: Path) -> None:
    data = with_segments([])
    segment = with_segments([block(TURN)])[2 : 2 + 4 + len(PREFIX + block(TURN))]
    path = tmp_path / "late.jpg"
    path.write_bytes(data[:-2] + segment + data[-2:])
    assert not check(path)
    with path.open("rb") as file:
        assert read_header(path, file).orientation == 1


@pytest.mark.parametrize("announced", [True, False])
def test_exif_that_a_webp_does_not_announce_is_not_looked_at(tmp_path: Path, announced: bool) -> None:
    stream = BytesIO()
    picture().save(stream, "WEBP", exif=block(TURN))
    data = bytearray(stream.getvalue())
    if not announced:
        data[data.index(b"VP8X") + 8] &= ~0x08
    path = tmp_path / "turned.webp"
    path.write_bytes(data)
    turned = check(path)
    assert announced or not turned
