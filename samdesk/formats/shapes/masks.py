"""Makes regions of masks, and masks of regions: pixels whose centre is inside, as in COCO."""

from __future__ import annotations

import base64
import binascii
import io
import math
import struct

import numpy as np
import shapely
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from samdesk.domain.geometry import regions
from samdesk.domain.geometry.outline import corner_count
from samdesk.domain.geometry.types import BoolArray, Region
from samdesk.formats.shapes.convert import ShapeError
from samdesk.formats.yolo import fill

MOST_PIXELS = 1 << 26
"""Larger masks are outlined on pixels twice as large."""
MOST_CORNERS = fill.MOST_CORNERS
"""Masks with more vertices (noise) are outlined on larger pixels."""

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_SIZE = struct.Struct(">II")


def from_mask(mask: BoolArray, x: int = 0, y: int = 0) -> Region:
    """The outline of an (H, W) bool mask whose first pixel is at x, y of the image.

    Exact up to ``MOST_PIXELS`` and ``MOST_CORNERS``. Raises ``ShapeError`` if no pixel is set.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        raise ShapeError("its mask is empty")
    top, left = int(rows[0]), int(columns[0])
    inner = mask[top : int(rows[-1]) + 1, left : int(columns[-1]) + 1]
    pixel = 1
    while inner.size > MOST_PIXELS or corner_count(inner) > MOST_CORNERS:
        inner, pixel = fill.united(inner), pixel * 2
    region = regions.from_mask(inner)
    if pixel == 1 and x + left == 0 and y + top == 0:
        return region
    origin = np.array([x + left, y + top], dtype=np.float64)
    moved: Region = shapely.transform(region, lambda xy: xy * pixel + origin)
    return moved


def to_mask(region: Region, width: int, height: int) -> tuple[BoolArray, int, int]:
    """Rasterises a region of an image of ``width`` by ``height`` pixels.

    Returns:
        The mask of the region's bounds only, and the x and y of its first pixel. The mask has no pixel if the
        region covers no pixel's centre.
    """
    x0, y0, x1, y1 = region.bounds
    left, top = max(0, math.floor(x0)), max(0, math.floor(y0))
    right, bottom = min(width, math.ceil(x1)), min(height, math.ceil(y1))
    if right <= left or bottom <= top:
        return np.zeros((0, 0), dtype=np.bool_), left, top
    moved = shapely.transform(region, lambda xy: xy - np.array([left, top], dtype=np.float64))
    mask = regions.rasterize(moved, bottom - top, right - left)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return np.zeros((0, 0), dtype=np.bool_), left, top
    inner = mask[int(rows[0]) : int(rows[-1]) + 1, int(columns[0]) : int(columns[-1]) + 1]
    return inner, left + int(columns[0]), top + int(rows[0])


def runs(mask: BoolArray, x: int, y: int, width: int) -> NDArray[np.int64]:
    """Where runs of set pixels begin and end in the rows of an image of ``width`` pixels, one after another.

    Args:
        mask: Of a part of the image.
        x: Of its first pixel in the image.
        y: As ``x``.
        width: Of the image.

    Returns:
        Positions begin, end, begin, end, ... as if the rows were one; a run may go on in the next row.
    """
    rows, columns = mask.shape
    padded = np.zeros(1 + rows * (columns + 1), dtype=np.bool_)
    padded[1:].reshape(rows, columns + 1)[:, :columns] = mask
    row, column = np.divmod(np.flatnonzero(padded[1:] != padded[:-1]), columns + 1)
    ends = (row + y) * width + column + x
    goes_on = np.flatnonzero(ends[1:-1:2] == ends[2::2]) * 2 + 1
    return np.delete(ends, np.concatenate([goes_on, goes_on + 1])).astype(np.int64)


def from_png_text(text: str) -> BoolArray:
    """The mask in a PNG in base64, set where a pixel is not 0. Raises ``ShapeError``.

    Its size is read before it is decoded.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ShapeError("its mask is not base64") from error
    if not data.startswith(_PNG) or len(data) < 24:
        raise ShapeError("its mask is not a PNG")
    width, height = _PNG_SIZE.unpack_from(data, 16)
    if not 0 < width * height <= MOST_PIXELS:
        raise ShapeError(f"its mask has more than {MOST_PIXELS >> 20} megapixels")
    try:
        # Not Image.open, which ultralytics replaces by a function that installs packages.
        with PngImageFile(io.BytesIO(data)) as image:
            values = np.asarray(image)
    except Exception as error:  # Pillow's decoders raise whatever a damaged file leads them to
        raise ShapeError("its mask is a damaged PNG") from error
    return np.asarray(values if values.ndim == 2 else values.any(axis=2), dtype=np.bool_)


def to_png_text(mask: BoolArray) -> str:
    """A mask as a grey PNG of 0 and 1 in base64, as labelme writes it."""
    buffer = io.BytesIO()
    Image.fromarray(mask.astype(np.uint8)).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode("ascii")
