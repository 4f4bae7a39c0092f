"""Decodes image files to the pixels that the Ultralytics trainer gets, straight into RGB."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, features

from samdesk.base.cv import COLOR_RGB, DECODES_IN_PLACE, cv2, decode_file
from samdesk.base.regular import too_large
from samdesk.domain.geometry.types import RgbImage
from samdesk.images.coarse import read_coarse
from samdesk.images.errors import ImageError, reason_of
from samdesk.images.header import ImageHeader
from samdesk.images.jpeg import has_end, read_scans
from samdesk.images.partial import DecodeTarget, PartialImage, upright
from samdesk.images.pillow import open_image

PIL_SUFFIXES = frozenset({".avif"} if features.check("avif") else ())
"""Suffixes that the trainer decodes with pillow instead of OpenCV."""

LARGE_PIXELS = 16_000_000
"""Images with more pixels are decoded in place, with a coarse version meanwhile. The others are quick, and
copying them takes little."""

_LEAST_SIDE = 64
_MAX_BYTES = (1 << 31) - 1
"""OpenCV decodes no larger file."""
_CHECKED_PIXELS = 16_000_000
"""A damaged file of more pixels is not read by pillow as well, which would name the damage."""
_STRIP = 1 << 22
"""Bytes whose channels are swapped at a time."""
_GREY_MODES = frozenset({"1", "L", "I;16", "I;16B"})

# OpenCV rotates these by EXIF in every supported version; pillow AVIF.
_EXIF_ALWAYS = frozenset({"AVIF", "JPEG", "MPO", "PNG"})
_UPRIGHT = frozenset({"JPEG", "MPO", "PNG"})

_Decode: TypeAlias = Callable[[int], Any]
"""Decodes with OpenCV's flags: an array or None."""

# Errors are raised; OpenCV would also print them. Its versions differ in where that is set.
for _log in (cv2, getattr(getattr(cv2, "utils", None), "logging", None)):
    getattr(_log, "setLogLevel", lambda _level: None)(0)


def decode(path: Path, file: BinaryIO, header: ImageHeader, partial: PartialImage | None = None) -> RgbImage:
    """Decodes an image whose header has been checked.

    Args:
        path: For messages, and its suffix: the trainer decodes AVIF files with pillow.
        file: The open file.
        header: Its header.
        partial: Where others can see a large image while it is decoded.

    Returns:
        (H, W, 3) uint8 RGB, upright.

    Raises:
        ImageError: The file is damaged, truncated or of a kind that OpenCV cannot read.
    """
    return _guarded(path, file, header, lambda: _whole(path, file, header, partial or PartialImage()))


def decode_reduced(path: Path, file: BinaryIO, header: ImageHeader, times: int) -> RgbImage:
    """Decodes an image at an eighth, a quarter, half or all of its size, but at least ``1 / times`` of it.

    Returns and raises as ``decode``.
    """
    return _guarded(path, file, header, lambda: _reduced(path, file, header, times))


def size_of(header: ImageHeader) -> tuple[int, int]:
    """Width and height of the upright image, pixels."""
    swapped = header.swapped and orientation_of(header) == header.orientation
    return (header.height, header.width) if swapped else (header.width, header.height)


def orientation_of(header: ImageHeader) -> int:
    """The orientation of EXIF, 1 to 8, by which the pixels are rotated when they are read."""
    always = header.orientation == 1 or header.format in _EXIF_ALWAYS
    return header.orientation if always or _rotates(header.format, header.mode in _GREY_MODES) else 1


def _guarded(
    path: Path, file: BinaryIO, header: ImageHeader, decoded: Callable[[], NDArray[np.uint8] | None]
) -> RgbImage:
    try:
        if header.file_bytes > _MAX_BYTES:
            raise too_large(path, _MAX_BYTES)
        if header.format in ("JPEG", "MPO") and not has_end(file, read_scans(file)):
            raise ImageError(path, "the file is truncated")  # OpenCV fills the missing part with grey
        pixels = decoded()
    except cv2.error as error:
        raise ImageError(path, "the file is damaged or truncated") from error
    except MemoryError as error:
        raise ImageError(path, "there is not enough memory for it") from error
    except OSError as error:
        raise ImageError(path, reason_of(error)) from error
    if pixels is None:
        _explain(path, file, header)
        raise ImageError(path, "the trainer's reader (OpenCV) cannot read this kind of image")
    return pixels


def _whole(
    path: Path, file: BinaryIO, header: ImageHeader, partial: PartialImage
) -> NDArray[np.uint8] | None:
    large = header.pixels > LARGE_PIXELS and min(header.width, header.height) >= _LEAST_SIDE
    if large:
        partial.begin(*size_of(header))
        coarse = read_coarse(file, header)
        if coarse is not None:
            partial.set_coarse(coarse)
    if path.suffix.lower() in PIL_SUFFIXES:
        return _with_pillow(path, file, header)
    if large and _in_place(header):
        return _large(path, file, header, partial)
    return _stored_upright(_rgb(_in_memory(file), header), header)


def _in_place(header: ImageHeader) -> bool:
    """Whether an image is decoded from its file: OpenCV cannot do so for a TIFF that is rotated."""
    return DECODES_IN_PLACE and (header.orientation == 1 or header.format in _UPRIGHT)


def _large(
    path: Path, file: BinaryIO, header: ImageHeader, partial: PartialImage
) -> NDArray[np.uint8] | None:
    if header.format == "TIFF" and (header.mode != "RGB" or header.bits != 8):
        return _rgb(lambda flags: decode_file(file, flags), header)
    assert COLOR_RGB is not None
    target = DecodeTarget(header.width, header.height)
    partial.set_target(target, header.orientation)
    try:
        pixels = decode_file(file, COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION, target.array)
        if pixels is not target.array or target.share < 1:  # not recognised, or not of the header's size
            partial.set_target(None)
            del pixels, target
            return _stored_upright(_rgb(_in_memory(file), header), header)
        return upright(target.array, header.orientation)
    finally:
        partial.set_target(None)


def _reduced(path: Path, file: BinaryIO, header: ImageHeader, times: int) -> NDArray[np.uint8] | None:
    flags = (
        (8, cv2.IMREAD_REDUCED_COLOR_8),
        (4, cv2.IMREAD_REDUCED_COLOR_4),
        (2, cv2.IMREAD_REDUCED_COLOR_2),
    )
    flag = next((flag for factor, flag in flags if times >= factor), None)
    coarse = read_coarse(file, header) if header.format in ("JPEG2000", "TIFF") and flag else None
    if coarse is not None and max(header.width, header.height) <= times * max(coarse.shape[:2]):
        return coarse
    if flag is None or header.format == "TIFF" or path.suffix.lower() in PIL_SUFFIXES:
        return _whole(path, file, header, PartialImage())
    as_stored = cv2.IMREAD_IGNORE_ORIENTATION if header.format in _UPRIGHT else 0
    if header.pixels > LARGE_PIXELS and _in_place(header):
        pixels = decode_file(file, flag | as_stored)
    else:
        pixels = _in_memory(file)(flag | as_stored)
    return _stored_upright(None if pixels is None else _swapped(pixels), header)


def _in_memory(file: BinaryIO) -> _Decode:
    """Returns the function that decodes a file from memory, as the trainer does."""
    file.seek(0)
    data = np.fromfile(file, np.uint8)
    return lambda flags: cv2.imdecode(data, flags)


def _rgb(decode: _Decode, header: ImageHeader) -> NDArray[np.uint8] | None:
    if header.format == "TIFF" and header.mode not in _GREY_MODES:
        pixels = _colour_tiff(decode(cv2.IMREAD_UNCHANGED))
        if pixels is not None:
            return pixels
    as_stored = cv2.IMREAD_IGNORE_ORIENTATION if header.format in _UPRIGHT else 0
    if COLOR_RGB is not None:
        pixels = decode(COLOR_RGB | as_stored)
        return None if pixels is None else _uint8(pixels)
    pixels = decode(cv2.IMREAD_COLOR | as_stored)
    return None if pixels is None else _swapped(_uint8(pixels))


def _stored_upright(pixels: NDArray[np.uint8] | None, header: ImageHeader) -> NDArray[np.uint8] | None:
    """Rotates an image that was decoded as stored: by the header, so that its size is the one in there."""
    return upright(pixels, header.orientation) if pixels is not None and header.format in _UPRIGHT else pixels


def _colour_tiff(pixels: Any) -> NDArray[np.uint8] | None:
    """A colour TIFF as the trainer reads it: first page, alpha dropped, 16 bit reduced to the high byte.

    Args:
        pixels: (H, W, channels) of any type, BGR first, or None.

    Returns:
        RGB; None if it is no colour TIFF of 8 or 16 bit.
    """
    if pixels is None or pixels.ndim != 3 or pixels.shape[2] < 3:
        return None
    if pixels.dtype == np.uint8 and pixels.shape[2] == 3:
        return _swapped(pixels)
    if pixels.dtype not in (np.uint8, np.uint16):
        return None
    made = np.empty((*pixels.shape[:2], 3), np.uint8)
    rows = _rows(pixels)
    for top in range(0, len(pixels), rows):
        part = pixels[top : top + rows, :, 2::-1]
        made[top : top + rows] = part >> 8 if part.dtype == np.uint16 else part
    return made


def _swapped(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Swaps red and blue in place, strip by strip."""
    rows = _rows(pixels)
    for top in range(0, len(pixels), rows):
        part = pixels[top : top + rows]
        part[...] = cv2.cvtColor(part, cv2.COLOR_BGR2RGB)
    return pixels


def _rows(pixels: NDArray[Any]) -> int:
    return max(1, _STRIP // max(1, pixels[:1].nbytes))


def _with_pillow(path: Path, file: BinaryIO, header: ImageHeader) -> NDArray[np.uint8]:
    """Raises ``ImageError`` if the file is truncated or damaged."""
    file.seek(0)
    try:
        with open_image(file, formats=(_pillows(header),)) as image:
            ImageOps.exif_transpose(image, in_place=True)
            return np.array(image.convert("RGB"), np.uint8)
    except (MemoryError, OSError):
        raise
    except Exception as error:
        raise ImageError(path, f"the file is damaged ({error})") from error


def _explain(path: Path, file: BinaryIO, header: ImageHeader) -> None:
    """Raises ``ImageError`` if pillow, which is strict, finds the file truncated or damaged."""
    if header.format == "JPEG2000":  # slow to decode, the more so if it is damaged
        why = "the file is damaged, or the trainer's reader (OpenCV) cannot read this kind of image"
        raise ImageError(path, why)
    if header.pixels > _CHECKED_PIXELS:
        raise ImageError(path, "the file is damaged or truncated")
    file.seek(0)
    try:
        with open_image(file, formats=(_pillows(header),)) as image:
            image.load()
    except OSError as error:
        raise ImageError(path, reason_of(error)) from error
    except Exception as error:
        raise ImageError(path, f"the file is damaged ({error})") from error


def _pillows(header: ImageHeader) -> str:
    """The name by which pillow opens a format."""
    return "JPEG" if header.format == "MPO" else header.format


@lru_cache
def _rotates(format_name: str, grey: bool) -> bool:
    """Whether this OpenCV rotates images of a format by EXIF: its versions differ."""
    exif = Image.Exif()
    exif[274] = 6
    more: dict[str, Any] = {"tiffinfo": {274: 6}} if format_name == "TIFF" else {"exif": exif}
    stream = BytesIO()
    try:
        Image.new("L" if grey else "RGB", (32, 16)).save(stream, format_name, **more)
    except (KeyError, OSError, ValueError):
        return False
    data = np.frombuffer(stream.getvalue(), np.uint8)
    header = ImageHeader(32, 16, format_name, "L" if grey else "RGB", orientation=6)
    pixels = _rgb(lambda flags: cv2.imdecode(data, flags), header)
    return pixels is not None and pixels.shape[:2] == (32, 16)


def _uint8(pixels: Any) -> NDArray[np.uint8]:
    """Casts the type: OpenCV's annotations only say that an array holds numbers."""
    result: NDArray[np.uint8] = pixels
    return result
