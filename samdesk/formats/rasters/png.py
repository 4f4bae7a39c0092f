"""Indexed and grey PNGs of labels, and what painting instances over each other hides."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from samdesk.domain.geometry.types import BoolArray
from samdesk.formats.base import ImageRecord, Loss, Raster, WrittenInstance
from samdesk.formats.shapes import masks

Labels = NDArray[np.uint8] | NDArray[np.uint16]

MOST_LABELS = 65_535


def voc_palette(count: int = 256) -> NDArray[np.uint8]:
    """(count, 3) uint8, Pascal VOC's colours: the bits of an index, three at a time, from the highest down.

    Facts: http://host.robots.ox.ac.uk/pascal/VOC/voc2012/ (``VOClabelcolormap`` of the development kit).
    """
    index = np.arange(count)
    colors = np.zeros((count, 3), dtype=np.int64)
    for bit in range(8):
        for channel in range(3):
            colors[:, channel] |= ((index >> channel) & 1) << (7 - bit)
        index = index >> 3
    return colors.astype(np.uint8)


def palette_of(colors: Sequence[str]) -> NDArray[np.uint8]:
    """(256, 3) uint8: black, then the colours of the classes (``#rrggbb``), then VOC's."""
    palette = voc_palette()
    for index, color in enumerate(colors[:255], start=1):
        if len(color) == 7:
            palette[index] = [int(color[at : at + 2], 16) for at in (1, 3, 5)]
    return palette


def to_png(values: Labels, palette: NDArray[np.uint8] | None) -> bytes:
    """An (H, W) label image as PNG: indexed with a palette, else grey with 8 or 16 bits."""
    image = Image.fromarray(values)
    if palette is not None and values.dtype == np.uint8:
        image.putpalette(palette.reshape(-1).tolist())  # "L" becomes "P"
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def labels_of(raster: Raster) -> tuple[NDArray[np.int64], bool]:
    """(H, W) int64 labels of a raster, and whether they are colours, ``0xrrggbb``."""
    values = raster.values
    if values.ndim == 2:
        return values.astype(np.int64), False
    wide = values[:, :, :3].astype(np.int64)
    return (wide[:, :, 0] << 16) | (wide[:, :, 1] << 8) | wide[:, :, 2], True


def present(labels: NDArray[np.int64], ignored: Sequence[int], most: int) -> list[int]:
    """The labels of an image except those ignored. Raises ``ValueError`` for more than ``most``: noise."""
    found = [int(v) for v in np.unique(labels) if int(v) not in ignored]
    if len(found) > most:
        raise ValueError(f"it has {len(found):,} different values, more than {most:,}")
    return found


@dataclass(frozen=True)
class Painted:
    """An instance that is to be painted.

    Attributes:
        mask: Its pixels within a box.
        x: The box's first column.
        y: The box's first row.
    """

    mask: BoolArray
    x: int
    y: int

    def of(self, values: Labels) -> Labels:
        """The box in a label image."""
        height, width = self.mask.shape
        box: Labels = values[self.y : self.y + height, self.x : self.x + width]
        return box


def painted(record: ImageRecord) -> Iterator[Painted]:
    """The instances of an image in painting order, as pixels whose centres are inside."""
    for instance in record.instances:
        yield Painted(*masks.to_mask(instance.region, record.width, record.height))


def outcomes(record: ImageRecord, order: Labels, *, parts: bool) -> Iterator[WrittenInstance]:
    """What became of each instance painted with its number, counted from 1.

    Args:
        record: The image.
        order: (H, W) the number of the instance that is on top at each pixel; 0: none.
        parts: Whether the parts of an instance are several instances when the image is read.
    """
    for number, (instance, shape) in enumerate(zip(record.instances, painted(record), strict=True), start=1):
        region = instance.region
        outcome = WrittenInstance(
            instance.annotation_id, instance.label, box=region.bounds, area=float(region.area)
        )
        wanted = int(shape.mask.sum())
        left = int(np.count_nonzero((shape.of(order) == number) & shape.mask)) if wanted else 0
        losses = []
        if left < wanted:
            losses.append(Loss("overlap", f"{wanted - left:,} of {wanted:,} pixels are hidden by others"))
        if not left:
            losses = losses or [Loss("empty")]
            yield WrittenInstance(
                outcome.annotation_id, outcome.label, False, None, tuple(losses), outcome.box, outcome.area
            )
            continue
        if parts and len(region.geoms) > 1:
            losses.append(Loss("parts"))
        yield WrittenInstance(
            outcome.annotation_id,
            outcome.label,
            True,
            left / wanted,
            tuple(losses),
            outcome.box,
            outcome.area,
        )


def order_of(record: ImageRecord) -> Labels:
    """(H, W) the number of the instance on top at each pixel, counted from 1; 0: none."""
    kind = np.uint8 if len(record.instances) < 255 else np.uint16
    order: Labels = np.zeros((record.height, record.width), dtype=kind)
    for number, shape in enumerate(painted(record), start=1):
        if shape.mask.size:
            shape.of(order)[shape.mask] = number
    return order


def components(mask: BoolArray, most: int) -> Iterator[tuple[BoolArray, int, int]]:
    """The 8-connected parts of an (H, W) mask: each with the x and y of its first pixel.

    Raises ``ValueError`` if there are more than ``most``.
    """
    from samdesk.base.cv import cv2

    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count - 1 > most:
        raise ValueError(f"a value has more than {most:,} parts: it is no mask")
    for number in range(1, count):
        x, y, width, height = (int(v) for v in stats[number, :4])
        yield labels[y : y + height, x : x + width] == number, x, y
