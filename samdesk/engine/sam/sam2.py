"""SAM 2 and 2.1 on single images: preprocessing, encoder and decoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from samdesk.domain.geometry.types import Frame, RgbImage
from samdesk.engine.sam.prompts import INPUT_SIDE

if TYPE_CHECKING:
    import torch

    from samdesk.base.jobs import Pause
    from samdesk.engine.sam.decoder.decoder import Decoder, ImageFeatures
    from samdesk.engine.sam.encoders.hiera import HieraEncoder
    from samdesk.engine.sam.predictor import PromptTensors

_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)
_MAX_PIXELS_ON_DEVICE = 50_000_000
"""Larger images are resized on the CPU: a GPU may have no room for them in float32."""


class Sam2Network:
    """A SAM 2 network with Meta's preprocessing (``SAM2ImagePredictor``, sam2).

    Args:
        encoder: The image encoder.
        decoder: The prompt encoder and mask decoder.
    """

    max_logit: float | None = 32.0

    def __init__(self, encoder: HieraEncoder, decoder: Decoder) -> None:
        self._encoder = encoder
        self.decoder = decoder

    def frame(self, image_hw: tuple[int, int]) -> Frame:
        """Returns the whole image, which is stretched to a square."""
        height, width = float(image_hw[0]), float(image_hw[1])
        return Frame(0.0, 0.0, width, None if height == width else height)

    def scale(self, image_hw: tuple[int, int]) -> tuple[float, float]:
        """Returns input pixels per image pixel, horizontally and vertically."""
        return INPUT_SIDE / image_hw[1], INPUT_SIDE / image_hw[0]

    def preprocess(self, image: RgbImage, device: str = "cpu") -> torch.Tensor:
        """Stretches to 1024 x 1024 (antialiased, float32) and normalises.

        Returns:
            (1, 3, 1024, 1024) float32 on the device.
        """
        import torch
        from torch.nn.functional import interpolate

        pixels = torch.empty((1, 3, INPUT_SIDE, INPUT_SIDE), device=device)
        small = image.shape[0] * image.shape[1] <= _MAX_PIXELS_ON_DEVICE
        resize_on = device if small else "cpu"
        for channel in range(3):  # one at a time: a 500 MP image in float32 would be 6 GB
            plane = torch.from_numpy(image[..., channel].copy()).to(resize_on)[None, None].float().div_(255)
            size = (INPUT_SIDE, INPUT_SIDE)
            plane = interpolate(plane, size, mode="bilinear", align_corners=False, antialias=True)
            pixels[0, channel] = (plane[0, 0] - _MEAN[channel]) / _STD[channel]
        return pixels

    def encode(self, pixels: torch.Tensor, image_hw: tuple[int, int], pause: Pause) -> ImageFeatures:
        """Encodes the output of ``preprocess``."""
        return self.decoder.prepare_image(*self._encoder(pixels, pause))

    def points(self, prompts: PromptTensors) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns (B, S, 2) points and (B, S) labels: a box's corners, points, a padding point (if S > 0)."""
        from samdesk.engine.sam.predictor import append_padding_point

        points = prompts.as_points(boxes_first=True)
        return append_padding_point(*points) if points[1].shape[1] else points
