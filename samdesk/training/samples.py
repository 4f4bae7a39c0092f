"""Training samples: images with their accepted instances."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from samdesk.domain.geometry.types import Region


@dataclass(frozen=True)
class Instance:
    """One accepted instance.

    Attributes:
        region: In pixels of the EXIF-rotated image.
        label: Class id.
    """

    region: Region
    label: int


@dataclass(frozen=True)
class TrainingImage:
    """One image with its accepted instances.

    Attributes:
        key: Its name, unique in the dataset.
        path: The image file.
        image_hw: Height and width of the EXIF-rotated image, pixels.
        instances: In drawing order, bottom to top.
    """

    key: str
    path: Path
    image_hw: tuple[int, int]
    instances: tuple[Instance, ...]
