"""Reads images exactly as the Ultralytics trainer does.

The trainer uses OpenCV's ``IMREAD_COLOR``: rotated by EXIF, alpha dropped (not blended), 16 bit reduced to
the high byte, grey and palette expanded to three channels. This reader does the same and raises
``ImageError`` for a file that the trainer cannot read.
"""

from __future__ import annotations

import io
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError, features

# Bound here, once: ultralytics replaces ``Image.open`` by one that installs packages for unknown files.
from PIL.Image import open as _open

from samdesk.base.cv import cv2
from samdesk.base.errors import UserError
from samdesk.base.regular import UnsuitableFileError, open_regular, too_large
from samdesk.domain.geometry.types import RgbImage

_PIL_SUFFIXES = frozenset({".avif"} if features.check("avif") else ())
"""Suffixes that the trainer decodes with pillow instead of OpenCV."""

IMAGE_SUFFIXES: frozenset[str] = _PIL_SUFFIXES | {
    ".bmp", ".jp2", ".jpeg", ".jpg", ".mpo", ".png", ".tif", ".tiff", ".webp"
}  # fmt: skip
"""Suffixes of the images that samdesk reads."""

TRAINER_SUFFIXES: frozenset[str] = IMAGE_SUFFIXES | {".avif", ".dng", ".heic", ".heif"}
"""Suffixes of the images that the trainer reads, some only with another package."""

MAX_PIXELS = 500_000_000

_TRAINER_LEAST_SIDE = 10
_TRAINER_MAX_PIXELS = 2 * (1024 * 1024 * 1024 // 4 // 3)
"""Pillow's limit, which the trainer leaves as it is; pillow raises at twice the number it warns at."""

_TRAINER_FORMATS = frozenset({suffix[1:] for suffix in TRAINER_SUFFIXES} | {"jpeg2000"})
"""Pillow's names of the formats that the trainer accepts, whatever the suffix."""
_MAX_BYTES = (1 << 31) - 1
"""OpenCV decodes no larger file."""

_ORIENTATION = 274
_ROTATED = frozenset({5, 6, 7, 8})
# OpenCV rotates these by EXIF in every supported version. For others it depends on the version of OpenCV
# (and pillow has already rotated a TIFF), so their size is found by decoding.
_EXIF_ALWAYS = frozenset({"AVIF", "JPEG", "MPO", "PNG"})

Image.MAX_IMAGE_PIXELS = None  # the limit is ``max_pixels``

if hasattr(cv2, "setLogLevel"):
    cv2.setLogLevel(0)  # errors are raised; OpenCV would also print them


@dataclass(frozen=True)
class _Header:
    """Size as stored, whether EXIF swaps rows and columns, and pillow's name of the format."""

    width: int
    height: int
    rotated: bool
    format: str


class ImageError(UserError):
    """An image that cannot be read: ``path`` and ``reason``, a phrase for the user."""

    code = "image"

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{Path(path).name}: {reason}")
        self.path = Path(path)
        self.reason = reason


def read_image(path: Path, *, max_pixels: int = MAX_PIXELS) -> RgbImage:
    """Reads an image as the trainer does.

    Args:
        path: Any image file of ``IMAGE_SUFFIXES``.
        max_pixels: Larger images are rejected before they are decoded.

    Returns:
        (H, W, 3) uint8, RGB, EXIF-rotated.

    Raises:
        ImageError: Missing, empty, not an image, truncated or too large.
    """
    data = _bytes(path)
    header = _header(path, data, max_pixels)
    return _rgb(_decode(path, data, header, cv2.IMREAD_COLOR))


def read_size(path: Path, *, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Width and height of the EXIF-rotated image, pixels, from the file's header.

    Raises:
        ImageError: As ``read_image``, except for damage after the header.
    """
    header = _header(path, path, max_pixels)
    if not header.rotated:
        return header.width, header.height
    if header.format in _EXIF_ALWAYS:
        return header.height, header.width
    rows, columns = _decode(path, _bytes(path), header, cv2.IMREAD_COLOR).shape[:2]
    return columns, rows


def read_thumbnail(path: Path, side: int, *, max_pixels: int = MAX_PIXELS) -> RgbImage:
    """Reads an image scaled down to fit a square of ``side`` pixels (never enlarged).

    Raises:
        ImageError: As ``read_image``.
    """
    data = _bytes(path)
    header = _header(path, data, max_pixels)
    longest = max(header.width, header.height)
    pixels = _decode(path, data, header, _reduced(longest // max(side, 1)))
    rows, columns = pixels.shape[:2]
    scale = min(1.0, side / max(rows, columns))
    if scale < 1:
        size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
        pixels = _uint8(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))
    return _rgb(pixels)


def trainer_drops(path: Path) -> str:
    """Why the trainer drops an image that samdesk reads, for the user; "" if it does not.

    Only the file's header is read.
    """
    try:
        header = _header(path, path, sys.maxsize)
    except ImageError:
        return ""
    if min(header.width, header.height) < _TRAINER_LEAST_SIDE:
        return f"{header.width} x {header.height} pixels, smaller than {_TRAINER_LEAST_SIDE}"
    if header.width * header.height > _TRAINER_MAX_PIXELS:
        limit = _megapixels(_TRAINER_MAX_PIXELS)
        return f"{_megapixels(header.width * header.height)}, over its limit of {limit}"
    if header.format.lower() not in _TRAINER_FORMATS:
        return f"a {header.format} file with the suffix {path.suffix}"
    return ""


def _bytes(path: Path) -> NDArray[np.uint8]:
    try:
        with open_regular(path) as file:
            if os.fstat(file.fileno()).st_size > _MAX_BYTES:
                raise too_large(path, _MAX_BYTES)
            data = np.fromfile(file, np.uint8)
    except OSError as error:
        raise ImageError(path, _reason(error)) from error
    if not data.size:
        raise ImageError(path, "the file is empty")
    return data


def _reason(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "the file no longer exists"
    if isinstance(error, IsADirectoryError):
        return "this is a folder, not an image"
    if error.errno is None:  # pillow's own
        return "the file is truncated" if "truncated" in str(error) else f"the file is damaged ({error})"
    if isinstance(error, UnsuitableFileError):
        return error.strerror
    return f"the file cannot be read ({error.strerror or error})"


def _header(path: Path, source: Path | NDArray[np.uint8], max_pixels: int) -> _Header:
    try:
        with _stream(source) as stream, _open(stream) as image:
            width, height = image.size
            rotated = _orientation(image) in _ROTATED and image.format != "BMP"
            header = _Header(width, height, rotated, image.format or "")
    except UnidentifiedImageError as error:
        raise ImageError(path, _not_an_image(path)) from error
    except OSError as error:
        raise ImageError(path, _reason(error)) from error
    except Exception as error:  # damaged headers raise many types: struct.error, SyntaxError, ...
        raise ImageError(path, f"the file is damaged ({error})") from error
    if width * height > max_pixels:
        size = f"{width} x {height} is {_megapixels(width * height)}"
        raise ImageError(path, f"too large: {size}, the limit is {_megapixels(max_pixels)} (see Settings)")
    return header


def _stream(source: Path | NDArray[np.uint8]) -> BinaryIO:
    return io.BytesIO(source.data) if isinstance(source, np.ndarray) else open_regular(source)


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001 (broken EXIF raises all sorts; OpenCV ignores it, too)
        return 1


def _not_an_image(path: Path) -> str:
    try:
        empty = path.stat().st_size == 0
    except OSError:
        empty = False
    return "the file is empty" if empty else "not an image samdesk can read"


def _megapixels(pixels: int) -> str:
    return f"{pixels / 1e6:,.0f} MP"


def _reduced(times: int) -> int:
    """OpenCV's flag for decoding at the smallest fraction that is not below the size needed.

    Args:
        times: The image's size divided by the size needed.
    """
    flags = (
        (8, cv2.IMREAD_REDUCED_COLOR_8),
        (4, cv2.IMREAD_REDUCED_COLOR_4),
        (2, cv2.IMREAD_REDUCED_COLOR_2),
    )
    return int(next((flag for factor, flag in flags if times >= factor), cv2.IMREAD_COLOR))


def _decode(path: Path, data: NDArray[np.uint8], header: _Header, flag: int) -> NDArray[np.uint8]:
    """(H, W, 3) uint8, BGR."""
    if header.format in ("JPEG", "MPO") and data[-2:].tobytes() != b"\xff\xd9":
        _check_whole(path, data)  # some versions of OpenCV fill the missing part with grey
    try:
        pixels = _decode_tiff(data) if header.format == "TIFF" else None
        if path.suffix.lower() in _PIL_SUFFIXES:
            pixels = _decode_with_pillow(path, data)
        if pixels is None:
            pixels = _decoded(data, flag)
    except cv2.error as error:
        raise ImageError(path, "the file is damaged or truncated") from error
    except MemoryError as error:
        raise ImageError(path, "there is not enough memory for it") from error
    if pixels is None:
        _check_whole(path, data)
        raise ImageError(path, "the trainer's reader (OpenCV) cannot read this kind of image")
    return pixels


def _decode_tiff(data: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """A colour TIFF as the trainer reads it: first page, alpha dropped, 16 bit reduced to the high byte."""
    pixels: Any = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.ndim != 3 or pixels.shape[2] < 3:
        return None
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    return np.ascontiguousarray(pixels[..., :3]) if pixels.dtype == np.uint8 else None


def _decode_with_pillow(path: Path, data: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Raises ``ImageError`` if the file is truncated or damaged."""
    _check_whole(path, data)
    with _open(io.BytesIO(data.data)) as image, ImageOps.exif_transpose(image) as upright:
        return _uint8(cv2.cvtColor(np.asarray(upright.convert("RGB")), cv2.COLOR_RGB2BGR))


def _check_whole(path: Path, data: NDArray[np.uint8]) -> None:
    """Raises ``ImageError`` if pillow, which is strict, finds the file truncated or damaged."""
    try:
        with _open(io.BytesIO(data.data)) as image:
            image.load()
    except OSError as error:
        raise ImageError(path, _reason(error)) from error
    except Exception as error:
        raise ImageError(path, f"the file is damaged ({error})") from error


def _rgb(pixels: NDArray[np.uint8]) -> RgbImage:
    return _uint8(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))


def _decoded(data: NDArray[np.uint8], flag: int) -> NDArray[np.uint8] | None:
    pixels = cv2.imdecode(data, flag)
    return None if pixels is None else _uint8(pixels)


def _uint8(pixels: Any) -> NDArray[np.uint8]:
    """Casts the type: OpenCV's annotations only say that an array holds numbers."""
    result: NDArray[np.uint8] = pixels
    return result
