"""Reads images exactly as the Ultralytics trainer does.

The trainer uses OpenCV's ``IMREAD_COLOR``: rotated by EXIF, alpha dropped (not blended), 16 bit reduced to
the high byte, grey and palette expanded to three channels. This reader does the same and raises
``ImageError`` for a file that the trainer cannot read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np

from samdesk.base.cv import cv2
from samdesk.base.regular import open_regular
from samdesk.domain.geometry.types import RgbImage
from samdesk.images.decode import PIL_SUFFIXES, decode, decode_reduced, orientation_of, size_of
from samdesk.images.errors import ImageError, reason_of
from samdesk.images.header import (
    MAX_PIXELS,
    ImageHeader,
    check_decodable,
    check_pixels,
    megapixels,
    read_header,
)
from samdesk.images.partial import PartialImage

IMAGE_SUFFIXES: frozenset[str] = PIL_SUFFIXES | {
    ".bmp", ".jp2", ".jpeg", ".jpg", ".mpo", ".png", ".tif", ".tiff", ".webp"
}  # fmt: skip
"""Suffixes of the images that samdesk reads."""

TRAINER_SUFFIXES: frozenset[str] = IMAGE_SUFFIXES | {".avif", ".dng", ".heic", ".heif"}
"""Suffixes of the images that the trainer reads, some only with another package."""

_TRAINER_LEAST_SIDE = 10
_TRAINER_MAX_PIXELS = 2 * (1024 * 1024 * 1024 // 4 // 3)
"""Pillow's limit, which the trainer leaves as it is; pillow raises at twice the number it warns at."""

_TRAINER_FORMATS = frozenset({suffix[1:] for suffix in TRAINER_SUFFIXES} | {"jpeg2000"})
"""Pillow's names of the formats that the trainer accepts, whatever the suffix."""

_T = TypeVar("_T")


def read_image(path: Path, partial: PartialImage | None = None, *, max_pixels: int = MAX_PIXELS) -> RgbImage:
    """Reads an image as the trainer does.

    Args:
        path: Any image file of ``IMAGE_SUFFIXES``.
        partial: Where others can see a large image while it is decoded.
        max_pixels: Larger images are refused before they are decoded; see ``check_decodable``.

    Returns:
        (H, W, 3) uint8, RGB, EXIF-rotated.

    Raises:
        ImageError: Missing, empty, not an image, truncated or too large.
    """

    def read(file: BinaryIO, header: ImageHeader) -> RgbImage:
        check_decodable(path, header, max_pixels)
        return decode(path, file, header, partial)

    return _opened(path, read)


def read_size(path: Path, *, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Width and height of the EXIF-rotated image, pixels, from the file's header.

    Raises:
        ImageError: As ``read_image``, except for damage after the header.
    """

    def read(_file: BinaryIO, header: ImageHeader) -> tuple[int, int]:
        check_pixels(path, header, max_pixels)
        return size_of(header)

    return _opened(path, read)


@dataclass(frozen=True)
class StoredFrame:
    """How the pixels of an image file are stored, and how large it is when it is upright.

    Attributes:
        width: Upright, pixels; height likewise.
        stored_width: As in the file, before rotation by EXIF; ``stored_height`` likewise.
        orientation: Of EXIF, 1 to 8, as the trainer rotates it.
    """

    width: int
    height: int
    stored_width: int
    stored_height: int
    orientation: int


def read_frame(path: Path, *, max_pixels: int = MAX_PIXELS) -> StoredFrame:
    """Sizes and orientation of an image from the file's header. Raises as ``read_size``."""

    def read(_file: BinaryIO, header: ImageHeader) -> StoredFrame:
        check_pixels(path, header, max_pixels)
        return StoredFrame(*size_of(header), header.width, header.height, orientation_of(header))

    return _opened(path, read)


def read_thumbnail(path: Path, side: int, *, max_pixels: int = MAX_PIXELS) -> RgbImage:
    """Reads an image scaled down to fit a square of ``side`` pixels (never enlarged).

    Raises:
        ImageError: As ``read_image``.
    """

    def read(file: BinaryIO, header: ImageHeader) -> RgbImage:
        check_decodable(path, header, max_pixels)
        times = max(header.width, header.height) // max(side, 1)
        return scaled_down(decode_reduced(path, file, header, times), side)

    return _opened(path, read)


def scaled_down(pixels: RgbImage, side: int) -> RgbImage:
    """An image, (H, W, 3) uint8, scaled down to fit a square of ``side`` pixels; itself if it fits."""
    rows, columns = pixels.shape[:2]
    scale = min(1.0, side / max(rows, columns))
    if scale >= 1:
        return pixels
    size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


@dataclass(frozen=True)
class ExaminedImage:
    """What the header of an image file tells a check.

    Attributes:
        width: Of the EXIF-rotated image, pixels.
        height: As ``width``.
        orientation: Of EXIF, 1 to 8.
        swapped: Whether it swaps width and height.
        dropped: Why the trainer drops it, for the user; "" if it does not.
    """

    width: int
    height: int
    orientation: int
    swapped: bool
    dropped: str


def examine_image(path: Path, *, max_pixels: int = MAX_PIXELS) -> ExaminedImage:
    """Reads the header of an image, once, for all that a check asks of it. Raises as ``read_size``."""

    def read(_file: BinaryIO, header: ImageHeader) -> ExaminedImage:
        check_pixels(path, header, max_pixels)
        size = size_of(header)
        return ExaminedImage(*size, header.orientation, header.swapped, _drop_reason(path, header))

    return _opened(path, read)


def trainer_drops(path: Path) -> str:
    """Why the trainer drops an image that samdesk reads, for the user; "" if it does not.

    Only the file's header is read.
    """
    try:
        return _opened(path, lambda _file, header: _drop_reason(path, header))
    except ImageError:
        return ""


def _drop_reason(path: Path, header: ImageHeader) -> str:
    if min(header.width, header.height) < _TRAINER_LEAST_SIDE:
        return f"{header.width} x {header.height} pixels, smaller than {_TRAINER_LEAST_SIDE}"
    if header.pixels > _TRAINER_MAX_PIXELS:
        limit = megapixels(_TRAINER_MAX_PIXELS)
        return f"{megapixels(header.pixels)}, over its limit of {limit}"
    if header.format.lower() not in _TRAINER_FORMATS:
        return f"a {header.format} file with the suffix {path.suffix}"
    return ""


def _opened(path: Path, read: Callable[[BinaryIO, ImageHeader], _T]) -> _T:
    """Opens an image file, once, and reads its header and what else is asked for."""
    try:
        with open_regular(path) as file:
            return read(file, read_header(path, file))
    except OSError as error:
        raise ImageError(path, reason_of(error)) from error
