"""Coarse versions of large images, read before or without the whole: embedded and reduced ones."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from samdesk.base.cv import cv2
from samdesk.domain.geometry.types import RgbImage
from samdesk.images.header import ImageHeader
from samdesk.images.jpeg import first_scan, read_scans
from samdesk.images.partial import upright
from samdesk.images.pillow import open_image

_THUMBNAIL_AT, _THUMBNAIL_BYTES = 513, 514
_MOST_THUMBNAIL_BYTES = 4 << 20
_SUBFILE, _REDUCED_PAGE = 254, 1
_MOST_PAGES = 16
_PAGE_PIXELS = 4_000_000
_JP2_SIDE = 500
_ASPECT = 0.03
"""How much the shape of an embedded image may differ; another shape is another image."""


def read_coarse(file: BinaryIO, header: ImageHeader) -> RgbImage | None:
    """Reads a coarse version of an image if the file has one that is quick to read.

    That is: the thumbnail of a JPEG's EXIF; the first scan of a progressive JPEG; a smaller page of a pyramid
    TIFF; a lower resolution of a JPEG 2000.

    Returns:
        (h, w, 3) uint8 RGB, upright, or None.
    """
    readers = {
        "JPEG": (_exif_thumbnail, _progressive),
        "MPO": (_exif_thumbnail, _progressive),
        "TIFF": (_pyramid_page,),
        "JPEG2000": (_low_resolution,),
    }
    for read in readers.get(header.format, ()):
        try:
            pixels = read(file, header)
        except Exception:  # noqa: BLE001 - the whole image is read next, and tells what is wrong with it
            pixels = None
        if pixels is not None and _has_shape(pixels, header):
            return upright(pixels, header.orientation if header.format != "TIFF" else 1)
    return None


def _exif_thumbnail(file: BinaryIO, _header: ImageHeader) -> NDArray[np.uint8] | None:
    file.seek(0)
    with open_image(file, formats=("JPEG",)) as image:
        data = image.info.get("exif", b"")
    exif = Image.Exif()
    exif.load(data)
    entries = exif.get_ifd(ExifTags.IFD.IFD1)
    at, length = int(entries.get(_THUMBNAIL_AT, 0)), int(entries.get(_THUMBNAIL_BYTES, 0))
    if not at or not 0 < length < _MOST_THUMBNAIL_BYTES:
        return None
    start = 6 + at if data.startswith(b"Exif\0\0") else at
    return _decoded(data[start : start + length])


def _progressive(file: BinaryIO, _header: ImageHeader) -> NDArray[np.uint8] | None:
    scans = read_scans(file)
    if scans is None or not scans.progressive:
        return None
    return _decoded(first_scan(file, scans), cv2.IMREAD_REDUCED_COLOR_8)


def _pyramid_page(file: BinaryIO, _header: ImageHeader) -> NDArray[np.uint8] | None:
    file.seek(0)
    with open_image(file, formats=("TIFF",)) as image:
        for page in range(1, _MOST_PAGES):
            try:
                image.seek(page)
            except EOFError:
                return None
            reduced = getattr(image, "tag_v2", {}).get(_SUBFILE, 0) & _REDUCED_PAGE
            if reduced and image.width * image.height <= _PAGE_PIXELS:
                return np.array(image.convert("RGB"), np.uint8)
    return None


def _low_resolution(file: BinaryIO, header: ImageHeader) -> NDArray[np.uint8] | None:
    file.seek(0)
    with open_image(file, formats=("JPEG2000",)) as image:
        levels = 0
        while max(header.width, header.height) >> (levels + 1) >= _JP2_SIDE:
            levels += 1
        setattr(image, "reduce", levels)  # noqa: B010 - a property of this format, a method of others
        return np.asarray(image.convert("RGB"), np.uint8)


def _decoded(data: bytes, flag: int = cv2.IMREAD_COLOR) -> NDArray[np.uint8] | None:
    """(h, w, 3) RGB, not rotated."""
    if not data:
        return None
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flag | cv2.IMREAD_IGNORE_ORIENTATION)
    return None if pixels is None else np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)


def _has_shape(pixels: NDArray[np.uint8], header: ImageHeader) -> bool:
    height, width = pixels.shape[:2]
    wanted = header.width / header.height
    return abs(width / height / wanted - 1) <= _ASPECT or (header.swapped and header.format == "TIFF")
