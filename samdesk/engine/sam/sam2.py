"""SAM 2 and 2.1 on single images: what is theirs of the way from photo to masks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from samdesk.domain.geometry.types import Frame, RgbImage
from samdesk.engine.sam.prompts import INPUT_SIDE

if TYPE_CHECKING:
    import torch

    from samdesk.base.jobs import Pause
    from samdesk.engine.sam.decoder.decoder import Decoder, ImageSide
    from samdesk.engine.sam.encoders.hiera import HieraEncoder
    from samdesk.engine.sam.predictor import PromptTensors

_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)


class Sam2Network:
    """A SAM 2 network with Meta's preprocessing (``SAM2ImagePredictor``, sam2).

    Args:
        encoder: The image encoder.
        decoder: The prompt encoder and mask decoder.
    """

    most_logit: float | None = 32.0

    def __init__(self, encoder: HieraEncoder, decoder: Decoder) -> None:
        self._encoder = encoder
        self.decoder = decoder

    def frame(self, image_hw: tuple[int, int]) -> Frame:
        """The whole image: it is stretched to a square."""
        height, width = float(image_hw[0]), float(image_hw[1])
        return Frame(0.0, 0.0, width, None if height == width else height)

    def scale(self, image_hw: tuple[int, int]) -> tuple[float, float]:
        """Input pixels an image pixel, across and down."""
        return INPUT_SIDE / image_hw[1], INPUT_SIDE / image_hw[0]

    def preprocess(self, image: RgbImage) -> torch.Tensor:
        """(1, 3, 1024, 1024) float32: stretched (antialiased, in floats), normalised."""
        import torch
        from torch.nn.functional import interpolate

        pixels = torch.empty((1, 3, INPUT_SIDE, INPUT_SIDE))
        for channel in range(3):  # one at a time: a 500 MP photo in floats would be 6 GB
            plane = torch.from_numpy(image[..., channel].copy())[None, None].float().div_(255)
            size = (INPUT_SIDE, INPUT_SIDE)
            plane = interpolate(plane, size, mode="bilinear", align_corners=False, antialias=True)
            pixels[0, channel] = (plane[0, 0] - _MEAN[channel]) / _STD[channel]
        return pixels

    def encode(self, pixels: torch.Tensor, image_hw: tuple[int, int], pause: Pause) -> ImageSide:
        """What ``preprocess`` made of an image, encoded."""
        return self.decoder.image_side(*self._encoder(pixels, pause))

    def points(self, prompts: PromptTensors) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, S, 2) points and (B, S) labels: a box's corners, then clicks, then always no point."""
        from samdesk.engine.sam.predictor import with_none

        given = prompts.together(boxes_first=True)
        return with_none(*given) if given[1].shape[1] else given
