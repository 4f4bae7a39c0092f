"""The images that both sides process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from samdesk.base.cv import cv2
from samdesk.bench.object_prompts import prompt_samplers
from samdesk.bench.prompt_sampler import PromptSampler
from samdesk.domain.geometry.types import RgbImage
from samdesk.images.reader import read_image


@dataclass(frozen=True, eq=False)
class BenchImage:
    """An image in memory.

    Attributes:
        name: Name of its file.
        rgb: (H, W, 3) uint8.
        sampler: Samples prompts on its objects.
        path: Its file; None for a generated image.
    """

    name: str
    rgb: RgbImage
    sampler: PromptSampler
    path: Path | None = None

    @property
    def hw(self) -> tuple[int, int]:
        """Height and width, pixels."""
        return self.rgb.shape[0], self.rgb.shape[1]

    @cached_property
    def bgr(self) -> RgbImage:
        """(H, W, 3) uint8 in BGR order, as Ultralytics expects it; made outside the timed part."""
        return np.ascontiguousarray(self.rgb[..., ::-1])


def read_images(paths: Sequence[Path]) -> tuple[BenchImage, ...]:
    """Reads image files; raises ``ImageError``."""
    images = [read_image(path) for path in paths]
    return tuple(
        BenchImage(path.name, image, sampler, path)
        for path, image, sampler in zip(paths, images, prompt_samplers(images), strict=True)
    )


def resized_to(image: BenchImage, megapixels: float) -> BenchImage:
    """Returns the image stretched to 4:3 and to this number of megapixels."""
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    width = round(height * 4 / 3)
    large = cv2.resize(image.rgb, (width, height), interpolation=cv2.INTER_LINEAR)
    nowhere = np.empty((0, 4))  # without objects, prompts are sampled at random positions
    return BenchImage(
        f"{megapixels:g} MP", np.asarray(large, np.uint8), PromptSampler(nowhere, (height, width), 0)
    )
