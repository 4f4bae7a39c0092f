"""Image files of every format samdesk opens; decoded from memory, in place, and as a thumbnail."""

from __future__ import annotations

import struct
import warnings
import zlib
from io import BytesIO
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from unittest.mock import patch

import numpy as np
from PIL import Image, features

from samdesk.base.cv import cv2
from samdesk.images import decode
from samdesk.images.errors import ImageError
from samdesk.images.header import MAX_PIXELS, check_decodable, read_header
from samdesk.images.partial import PartialImage
from samdesk.images.reader import read_image, read_size, read_thumbnail
from tests.fuzz.mutate import mutate_bytes
from tests.fuzz.target import SilentLossError, Target

_SIDE = 64


def _seeds(_folder: Path) -> list[bytes]:
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 256, (80, 96, 3)).astype(np.uint8))
    grey, deep = noise.convert("L"), Image.fromarray(rng.integers(0, 65536, (80, 96)).astype(np.uint16))
    exif = Image.Exif()
    exif[274] = 6
    ways: list[tuple[Image.Image, str, dict[str, object]]] = [
        (noise, "JPEG", {"exif": exif}),
        (noise, "JPEG", {"progressive": True, "quality": 50}),
        (noise.convert("CMYK"), "JPEG", {}),
        (grey, "JPEG", {"restart_marker_blocks": 4}),
        (noise, "MPO", {"save_all": True, "append_images": [noise]}),
        (noise, "PNG", {"exif": exif}),
        (noise.convert("RGBA"), "PNG", {"save_all": True, "append_images": [noise.convert("RGBA")]}),
        (noise.convert("P"), "PNG", {"transparency": 3}),
        (noise.convert("1"), "PNG", {}),
        (deep, "PNG", {}),
        (noise, "TIFF", {}),
        (noise, "TIFF", {"compression": "tiff_lzw", "tiffinfo": {274: 6}}),
        (noise, "TIFF", {"compression": "jpeg"}),
        (noise, "TIFF", {"compression": "tiff_adobe_deflate", "save_all": True, "append_images": [grey]}),
        (noise.convert("1"), "TIFF", {"compression": "group4"}),
        (noise.convert("CMYK"), "TIFF", {"compression": "packbits"}),
        (deep, "TIFF", {"big_tiff": True}),
        (noise, "BMP", {}),
        (noise.convert("P"), "BMP", {}),
        (noise, "WEBP", {"exif": exif}),
        (noise.convert("RGBA"), "WEBP", {"lossless": True}),
        (noise, "WEBP", {"save_all": True, "append_images": [noise.rotate(180)]}),
        (noise, "JPEG2000", {}),
        (grey, "JPEG2000", {"tile_size": (32, 32)}),
    ]
    if features.check("avif"):
        ways += [(noise, "AVIF", {"speed": 10, "exif": exif}), (noise.convert("RGBA"), "AVIF", {"speed": 10})]
    return [_encoded(*way) for way in ways]


def _encoded(image: Image.Image, name: str, options: dict[str, object]) -> bytes:
    stream = BytesIO()
    image.copy().save(stream, name, **options)  # pillow keeps some options at the image
    return stream.getvalue()


def _mutate(data: bytes, other: bytes, rng: Random) -> bytes:
    """Changed bytes; often a changed size in the header, and right checksums of a PNG."""
    if rng.random() < 0.3:
        at = rng.randrange(4, min(200, len(data)))
        number = rng.choice((1, 255, 4096, 16_383, 20_000, 30_000, 65_535, 100_000, 2**31 - 1, 2**32 - 1))
        width = rng.choice((2, 4))
        packed = (number % (1 << 8 * width)).to_bytes(width, rng.choice(("little", "big")))
        data = data[:at] + packed + data[at + width :]
    else:
        data = mutate_bytes(data, other, rng)
    return _with_checksums(data) if data[:4] == b"\x89PNG" and rng.random() < 0.7 else data


def _with_checksums(data: bytes) -> bytes:
    made, at = bytearray(data[:8]), 8
    while at + 12 <= len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        body = data[at + 4 : at + 8 + length]
        made += data[at : at + 4] + body + struct.pack(">I", zlib.crc32(body))
        at += 12 + length
    return bytes(made)


def _file(data: bytes, folder: Path) -> Path:
    path = folder / ("a.avif" if data[4:8] == b"ftyp" else "a.png")
    path.write_bytes(data)
    return path


def _read(data: bytes, folder: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pillow's, about damaged metadata
        _check(data, folder)


def _check(data: bytes, folder: Path) -> None:
    path = _file(data, folder)
    width, height = read_size(path)
    small = read_thumbnail(path, _SIDE)
    if max(small.shape[:2]) > _SIDE:
        raise SilentLossError(f"a thumbnail of {small.shape}")
    pixels = read_image(path)
    if pixels.shape != (height, width, 3):
        raise SilentLossError(f"{pixels.shape} for {width} x {height}")
    if width * height > 4_000_000:
        return
    trained = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if trained is not None and trained.shape != pixels.shape and path.suffix != ".avif":
        raise SilentLossError(f"{pixels.shape}, and {trained.shape} for the trainer")
    with patch.object(decode, "LARGE_PIXELS", 0):
        partial = PartialImage()
        again = read_image(path, partial)
        if not np.array_equal(again, pixels) and b"acTL" not in data:  # OpenCV leaves frames as they are
            raise SilentLossError("it is another image when it is decoded in place")
        read_thumbnail(path, _SIDE)
        partial.look()


def _allowance(data: bytes) -> int:
    """What the header says: nothing for an image that is refused."""
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = _file(data, Path(folder))
        try:
            with path.open("rb") as file:
                header = read_header(path, file)
            check_decodable(path, header, MAX_PIXELS)
        except ImageError:
            return 0
    return header.memory


TARGET = Target(_seeds, _read, _mutate, _allowance)
