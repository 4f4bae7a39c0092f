"""The header of an image file: its size, and the memory that decoding it takes.

Only the header is read, with a bound, so that a small file cannot make the program grow before it has been
found too large.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, cast

from PIL import Image, UnidentifiedImageError, features

from samdesk.base import text
from samdesk.images.errors import ImageError, reason_of
from samdesk.images.exif import block_orientation, jpeg_orientation, png_orientation
from samdesk.images.jpeg import exif_segments, read_scans
from samdesk.images.jpeg2000 import read_codestream
from samdesk.images.pillow import open_image

MAX_PIXELS = 500_000_000
"""Default limit of an image's size; the user can set another."""

BYTES_PER_PIXEL = 8
"""Decoding may take this many bytes for each pixel of the limit: 4 GB with the default of 500 MP."""

_AVIF = ("AVIF",) if features.check("avif") else ()
_FORMATS = ("BMP", "DIB", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", *_AVIF)
"""Formats that pillow may recognise, MPO as JPEG. It opens others with external programs (PostScript)."""

_HEADER_BYTES = 64 << 20
_EXIF_BYTES = 1 << 20
_WHOLE_BYTES = 256 << 20
"""Limit of an AVIF file, which pillow reads completely to open it."""

_MOST_CHUNKS = 100_000
"""Chunks of a PNG that are looked at for EXIF."""
_PNG_EXIF = frozenset({b"eXIf", b"tEXt", b"zTXt", b"iTXt"})
_PNG_PROFILE = b"Raw profile type "
"""How a text begins in which ImageMagick stores EXIF."""

_MOST_EMPTY = 2_000
"""Pixels that one byte of a file may stand for. Blank paper compresses better, images do not."""
_SMALL_PIXELS = 50_000_000
"""Up to this size a file may be as empty as it likes."""
_FEW_PARTS = 100_000
"""So many parts are made quickly, whether or not the file holds them."""

_ORIENTATION, _BITS, _SAMPLES, _STRIP_ROWS, _TILE = 274, 258, 277, 278, (322, 323)
_SWAPPING = frozenset({5, 6, 7, 8})


@dataclass(frozen=True)
class ImageHeader:
    """What the header of an image file says.

    Attributes:
        width: As stored, pixels, before rotation by EXIF; height likewise.
        format: Pillow's name of the format.
        mode: Pillow's mode of the pixels, "" if not known.
        bits: Of a sample, if the format is TIFF; else 8.
        orientation: The orientation of EXIF, 1 to 8.
        file_bytes: Size of the file.
        extra_bytes: What decoding needs besides the pixels, 3 bytes each.
        parts: Into how many parts the pixels are divided, each of which takes at least a byte of the file.
        whole: Whether the parts that the file announces are there, as far as that is known.
    """

    width: int
    height: int
    format: str
    mode: str = ""
    bits: int = 8
    orientation: int = 1
    file_bytes: int = 0
    extra_bytes: int = 0
    parts: int = 0
    whole: bool = True

    @property
    def pixels(self) -> int:
        return self.width * self.height

    @property
    def swapped(self) -> bool:
        """Whether EXIF swaps width and height."""
        return self.orientation in _SWAPPING

    @property
    def memory(self) -> int:
        """Bytes that decoding takes at most, the result included, the file not."""
        return 3 * self.pixels + self.extra_bytes


def read_header(path: Path, file: BinaryIO) -> ImageHeader:
    """Reads the header of an open image file.

    Args:
        path: For messages.
        file: The file.

    Raises:
        ImageError: It is no image, or its header is damaged.
    """
    try:
        size = os.fstat(file.fileno()).st_size
        if size == 0:
            raise ImageError(path, "the file is empty")
        header = _read_webp(file, size) or _read_with_pillow(file, size)
    except ImageError:
        raise
    except UnidentifiedImageError as error:
        raise ImageError(path, "not an image samdesk can read") from error
    except OSError as error:
        raise ImageError(path, reason_of(error)) from error
    except MemoryError as error:
        raise ImageError(path, "there is not enough memory for it") from error
    except Exception as error:  # damaged headers raise many types: struct.error, SyntaxError, ...
        raise ImageError(path, f"the file is damaged ({error})") from error
    if min(header.width, header.height) < 1:
        raise ImageError(path, "the file is damaged (it has no pixels)")
    return header


def check_pixels(path: Path, header: ImageHeader, max_pixels: int) -> None:
    """Raises ``ImageError`` if an image has more than ``max_pixels``."""
    if header.pixels > max_pixels:
        shape = f"{header.width} x {header.height} is {megapixels(header.pixels)}"
        raise ImageError(path, f"too large: {shape}, the limit is {megapixels(max_pixels)} (see Settings)")


def check_decodable(path: Path, header: ImageHeader, max_pixels: int) -> None:
    """Checks, before anything is decoded, that it takes no more memory than allowed.

    This is the one rule for every reader of pixels: canvas, thumbnails, models and training.

    Raises:
        ImageError: The image has more than ``max_pixels``, needs more than ``BYTES_PER_PIXEL`` times as many
            bytes while it is decoded (16 bit, many channels, tiles larger than the image), or is so much
            larger than its file, or divided into so many more parts, that it cannot be an image.
    """
    if not header.whole:
        raise ImageError(path, "the file is truncated")
    check_pixels(path, header, max_pixels)
    if header.parts > max(_FEW_PARTS, header.file_bytes):
        parts = f"{text.size(header.file_bytes)} cannot hold {header.parts:,} parts"
        raise ImageError(path, f"the file is damaged ({parts})")
    limit = max_pixels * BYTES_PER_PIXEL
    shape = f"{header.width} x {header.height} pixels"
    if header.memory > limit:
        needs = f"decoding its {shape} takes {text.size(header.memory)} of memory"
        raise ImageError(path, f"too large: {needs}, the limit is {text.size(limit)} (see Settings)")
    if header.pixels > max(_SMALL_PIXELS, header.file_bytes * _MOST_EMPTY):
        raise ImageError(path, f"the file is damaged ({text.size(header.file_bytes)} cannot hold {shape})")


def megapixels(pixels: int) -> str:
    """A number of pixels: "12 MP"."""
    return f"{pixels / 1e6:,.0f} MP"


class _BoundedFile:
    """A file of which a limited number of bytes is read; raises ``OSError`` beyond it."""

    def __init__(self, file: BinaryIO, limit: int) -> None:
        self._file = file
        self._left = limit

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def read(self, count: int = -1) -> bytes:
        """Reads as a file does."""
        data = self._file.read(self._left + 1 if count is None or count < 0 else min(count, self._left + 1))
        self._left -= len(data)
        if self._left < 0:
            raise OSError("its header is too long")
        return data


def _read_with_pillow(file: BinaryIO, size: int) -> ImageHeader:
    file.seek(4)
    limit = _WHOLE_BYTES if file.read(4) == b"ftyp" else _HEADER_BYTES
    file.seek(0)
    with open_image(cast("BinaryIO", _BoundedFile(file, limit)), formats=_FORMATS) as image:
        if image.format == "JPEG2000":
            return _jpeg2000(image, file, size)
        width, height = image.size
        orientation, whole = (
            _walk_png(file, size) if image.format == "PNG" else (_orientation(image, file), True)
        )
        width, height = _stored_size(image, width, height, file)
        extra = _extra_bytes(image, width, height, file)
        bits = int(_tag(image, _BITS, 8))
        made = ImageHeader(width, height, image.format or "", image.mode, bits, orientation, size, extra)
        return replace(made, whole=whole)


def _jpeg2000(image: Image.Image, file: BinaryIO, size: int) -> ImageHeader:
    """From the codestream, which OpenCV decodes; the box with the size may say something else."""
    found = read_codestream(file)
    return ImageHeader(
        found.width,
        found.height,
        "JPEG2000",
        image.mode,
        file_bytes=size,
        extra_bytes=found.extra_bytes,
        parts=found.precincts * found.layers,
        whole=found.whole,
    )


def _stored_size(image: Image.Image, width: int, height: int, file: BinaryIO) -> tuple[int, int]:
    """Width and height that OpenCV decodes; pillow may have rotated them, or found them elsewhere."""
    if image.format == "TIFF":
        return int(_tag(image, 256, width)), int(_tag(image, 257, height))
    if image.format == "PNG":
        file.seek(16)
        first = [int.from_bytes(file.read(4), "big") for _ in range(2)]
        return max(width, first[0]), max(height, first[1])
    return width, height


def _extra_bytes(image: Image.Image, width: int, height: int, file: BinaryIO) -> int:
    """Memory besides the result, from what OpenCV's and pillow's decoders were seen to take."""
    pixels = width * height
    if image.format in ("JPEG", "MPO"):
        scans = read_scans(file)
        return 0 if scans is None or not scans.whole else 2 * scans.components * pixels
    if image.format == "TIFF":
        return _tiff_bytes(image, width, height)
    per_pixel = {"PNG": 0, "BMP": 3, "DIB": 3, "GIF": 9, "AVIF": 17}
    return per_pixel.get(image.format or "", 6) * pixels


def _tiff_bytes(image: Image.Image, width: int, height: int) -> int:
    """All samples at full depth, and a strip or tile of them, which may be larger than the image."""
    samples = max(1, int(_tag(image, _SAMPLES, 1)))
    depth = max(8, int(_tag(image, _BITS, 8)))
    rows = max(1, min(int(_tag(image, _STRIP_ROWS, height)), height))
    block = max(width * rows, int(_tag(image, _TILE[0], 0)) * int(_tag(image, _TILE[1], 0)))
    each = samples * ((depth + 7) // 8)
    return each * width * height + (each if depth > 8 else each + 4) * block


def _tag(image: Image.Image, tag: int, default: int) -> float:
    value = getattr(image, "tag_v2", {}).get(tag, default)
    if isinstance(value, tuple):
        value = max(value, default=default)
    return float(value)


def _orientation(image: Image.Image, file: BinaryIO) -> int:
    """The orientation that OpenCV and pillow's AVIF reader go by."""
    if image.format == "TIFF":
        return _valid(_tag(image, _ORIENTATION, 1))
    if image.format == "AVIF":
        return _valid(image.getexif().get(_ORIENTATION, 1))
    return jpeg_orientation(exif_segments(file)) if image.format in ("JPEG", "MPO") else 1


def _walk_png(file: BinaryIO, size: int) -> tuple[int, bool]:
    """The orientation of a PNG, which may follow its pixels, and whether every chunk is there."""
    handle = file.fileno()
    before = os.lseek(handle, 0, os.SEEK_CUR)
    exif, at, whole = [b"", b""], 8, True
    after_pixels = False
    try:
        for _ in range(_MOST_CHUNKS):
            os.lseek(handle, at, os.SEEK_SET)
            head = os.read(handle, 8)
            length, kind = int.from_bytes(head[:4], "big"), head[4:]
            at += 12 + length
            whole = len(head) == 8 and at <= size  # OpenCV would take memory for what is not there
            if not whole or kind == b"IEND":
                break
            after_pixels = after_pixels or kind == b"IDAT"
            if kind in _PNG_EXIF and length + len(exif[after_pixels]) < _EXIF_BYTES:
                body = os.read(handle, length + 4)
                if kind == b"eXIf" or body.startswith(_PNG_PROFILE):
                    exif[after_pixels] += head + body
    finally:
        os.lseek(handle, before, os.SEEK_SET)
    return png_orientation(*exif), whole


def _valid(orientation: object) -> int:
    number = int(orientation) if isinstance(orientation, (int, float, str)) else 1
    return number if 1 <= number <= 8 else 1


def _read_webp(file: BinaryIO, size: int) -> ImageHeader | None:
    """The header of a WebP file, which pillow would decode to open it; None for another format."""
    file.seek(0)
    head = file.read(12)
    if head[:4] != b"RIFF" or head[8:] != b"WEBP":
        return None
    width = height = 0
    extra, orientation, has_exif = 0, 1, False
    for kind, start, length in _webp_chunks(file, size):
        file.seek(start)
        if kind == b"VP8X":
            data = file.read(10)
            width, height = (1 + int.from_bytes(data[i : i + 3], "little") for i in (4, 7))
            extra = 4 if data[0] & 0x12 else 0  # alpha or animation
            has_exif = bool(data[0] & 0x08)
        elif kind == b"VP8 " and not width:
            data = file.read(10)
            width, height = (int.from_bytes(data[i : i + 2], "little") & 0x3FFF for i in (6, 8))
        elif kind == b"VP8L":
            bits = int.from_bytes(file.read(5)[1:], "little")
            extra = 4
            if not width:
                width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        elif kind == b"EXIF" and has_exif and length < _EXIF_BYTES:
            orientation = block_orientation(file.read(length))
    if not width:
        raise UnidentifiedImageError
    return ImageHeader(
        width,
        height,
        "WEBP",
        "",
        orientation=orientation,
        file_bytes=size,
        extra_bytes=extra * width * height,
    )


def _webp_chunks(file: BinaryIO, size: int) -> list[tuple[bytes, int, int]]:
    """Kind, position and length of the chunks."""
    found: list[tuple[bytes, int, int]] = []
    at = 12
    while at + 8 <= size and len(found) < 1000:
        file.seek(at)
        head = file.read(8)
        length = int.from_bytes(head[4:], "little")
        found.append((head[:4], at + 8, length))
        at += 8 + length + length % 2
    return found
