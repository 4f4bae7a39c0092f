"""SAM 1 and MobileSAM: preprocessing, encoder and decoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from samdesk.domain.geometry.types import Frame, RgbImage
from samdesk.engine.sam.prompts import INPUT_SIDE

if TYPE_CHECKING:
    import torch

    from samdesk.base.jobs import Pause
    from samdesk.engine.sam.decoder.decoder import Decoder, ImageFeatures
    from samdesk.engine.sam.encoders.vit import ImageEncoder
    from samdesk.engine.sam.predictor import PromptTensors

_MEAN = (123.675, 116.28, 103.53)
_STD = (58.395, 57.12, 57.375)


class Sam1Network:
    """A SAM 1 or MobileSAM network with Meta's preprocessing (``SamPredictor``, segment-anything).

    Args:
        encoder: The image encoder.
        decoder: The prompt encoder and mask decoder.
    """

    max_logit: float | None = None

    def __init__(self, encoder: ImageEncoder, decoder: Decoder) -> None:
        self._encoder = encoder
        self.decoder = decoder

    def frame(self, image_hw: tuple[int, int]) -> Frame:
        """Returns the image padded to a square at its right or bottom."""
        return Frame(0.0, 0.0, float(max(image_hw)))

    def scale(self, image_hw: tuple[int, int]) -> tuple[float, float]:
        """Returns input pixels per image pixel, x and y; they differ slightly because of rounding."""
        height, width = _resized(image_hw)
        return width / image_hw[1], height / image_hw[0]

    def preprocess(self, image: RgbImage, device: str = "cpu") -> torch.Tensor:
        """Resizes the longest side to 1024 (antialiased, 8 bit), normalises and zero-pads.

        Returns:
            (1, 3, 1024, 1024) float32 on the device.
        """
        import torch

        height, width = _resized(image.shape[:2])
        resized = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))
        pixels = torch.from_numpy(resized.copy()).to(device).permute(2, 0, 1).float()
        mean, std = (torch.tensor(x, device=device).view(3, 1, 1) for x in (_MEAN, _STD))
        padded = torch.zeros((1, 3, INPUT_SIDE, INPUT_SIDE), device=device)
        padded[0, :, :height, :width] = (pixels - mean) / std
        return padded

    def encode(self, pixels: torch.Tensor, image_hw: tuple[int, int], pause: Pause) -> ImageFeatures:
        """Encodes the output of ``preprocess`` for an image of this height and width."""
        return self.decoder.prepare_image(self._encoder(pixels, _resized(image_hw), pause))

    def points(self, prompts: PromptTensors) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns (B, S, 2) points and (B, S) labels: points, then a box's corners or a padding point."""
        from samdesk.engine.sam.predictor import append_padding_point

        points = prompts.as_points(boxes_first=False)
        return (
            append_padding_point(*points) if prompts.boxes is None and prompts.points is not None else points
        )


def _resized(image_hw: tuple[int, ...]) -> tuple[int, int]:
    """Returns height and width with the longest side scaled to 1024, rounded as Meta does."""
    scale = INPUT_SIDE / max(image_hw[0], image_hw[1])
    return max(1, int(image_hw[0] * scale + 0.5)), max(1, int(image_hw[1] * scale + 0.5))
