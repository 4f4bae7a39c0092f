"""What is taught from: photos and the instances that a person has accepted on them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from samdesk.domain.geometry.types import Region


@dataclass(frozen=True)
class Instance:
    """One accepted instance.

    Attributes:
        region: Image pixels of the EXIF-rotated image.
        label: Index of its class.
    """

    region: Region
    label: int


@dataclass(frozen=True)
class TrainingImage:
    """One photo with everything that was accepted on it.

    Attributes:
        key: Its name in the dataset, unique there.
        path: The photo.
        image_hw: Height and width of the EXIF-rotated image, pixels.
        instances: In painting order.
    """

    key: str
    path: Path
    image_hw: tuple[int, int]
    instances: tuple[Instance, ...]
