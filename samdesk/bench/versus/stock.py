"""The reference for samdesk's logits: the stock network, called as Meta's predictor calls it.

It uses the encoder, prompt encoder and decoder as Ultralytics builds them, in fp32, with Meta's resizing and
prompt scaling, and no code of samdesk's predictor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from samdesk.bench.versus.timing import Clock, Timing
from samdesk.domain.geometry.types import FloatArray, RgbImage
from samdesk.domain.prompts import PromptSet

if TYPE_CHECKING:
    import torch

_SIDE = 1024
_SAM1 = ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
_SAM2 = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_CLAMP = 32.0
"""SAM 2's predictor clamps its logits to this absolute value."""


class Stock:
    """A stock network on its device.

    Args:
        network: From ``engine.ultralytics.build_network``, with weights.
        is_sam2: Whether it is a SAM 2 network.
        device: Its device.
    """

    def __init__(self, network: Any, is_sam2: bool, device: str) -> None:
        self._network = network
        self._is_sam2 = is_sam2
        self._device = device
        self._prompts = network.sam_prompt_encoder if is_sam2 else network.prompt_encoder
        self._decoder = network.sam_mask_decoder if is_sam2 else network.mask_decoder

    def encode(self, image: RgbImage) -> tuple[torch.Tensor, ...]:
        """Returns the features of an (H, W, 3) RGB image; for SAM 2 also the high-resolution features."""
        import torch

        pixels = (self._preprocess_sam2 if self._is_sam2 else self._preprocess_sam1)(image).to(self._device)
        with torch.inference_mode():
            self._network.set_imgsz([_SIDE, _SIDE])
            if not self._is_sam2:
                return (self._network.image_encoder(pixels),)
            fine, middle, coarse = self._network.forward_image(pixels)["backbone_fpn"][-3:]
            return (coarse + self._network.no_mem_embed.reshape(1, -1, 1, 1), fine, middle)

    def logits(
        self, features: tuple[torch.Tensor, ...], prompts: PromptSet, image_hw: tuple[int, int]
    ) -> tuple[FloatArray, FloatArray, Timing]:
        """(3, 256, 256) logits and (3,) scores of one object, in the network's order, and the time."""
        import torch

        given = self._encode_prompts(prompts, image_hw)
        with torch.inference_mode(), Clock(self._device) as clock:
            masks, scores = self._decode(features, *given)
            found = masks[0].float().cpu().numpy(), scores[0].float().cpu().numpy()
        return *found, Timing(clock.ms, clock.ms)

    def _decode(self, features: tuple[torch.Tensor, ...], points: Any, boxes: Any, masks: Any) -> Any:
        sparse, dense = self._prompts(points=points, boxes=boxes, masks=masks)
        more = {"repeat_image": False, "high_res_features": list(features[1:])} if self._is_sam2 else {}
        logits, scores = self._decoder(
            image_embeddings=features[0],
            image_pe=self._prompts.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=True,
            **more,
        )[:2]
        return (logits.clamp(-_CLAMP, _CLAMP) if self._is_sam2 else logits), scores

    def _encode_prompts(self, prompts: PromptSet, image_hw: tuple[int, int]) -> tuple[Any, Any, Any]:
        """Returns points with labels, boxes and masks as tensors for the prompt encoder."""
        scale = _scale(image_hw, self._is_sam2)
        points = [(p.x, p.y) for p in prompts.points]
        labels = [float(p.positive) for p in prompts.points]
        corners = [] if prompts.box is None else [prompts.box.xyxy[:2], prompts.box.xyxy[2:]]
        if self._is_sam2 and corners:  # a box is two points with labels 2 and 3, before the others
            points, labels, corners = [*corners, *points], [2.0, 3.0, *labels], []
        mask = None if prompts.mask is None else self._tensor(prompts.mask.logits)[None, None]
        return (
            (self._tensor(np.array(points) * scale)[None], self._tensor(labels)[None]) if points else None,
            self._tensor(np.array(corners) * scale).reshape(1, 4) if corners else None,
            mask,
        )

    def _tensor(self, values: Any) -> torch.Tensor:
        import torch

        return torch.from_numpy(np.asarray(values, np.float32)).to(self._device)

    def _preprocess_sam1(self, image: RgbImage) -> torch.Tensor:
        """SAM 1 preprocessing: longest side 1024, antialiased in 8 bits, normalised, padded with 0."""
        import torch

        height, width = _resized(image.shape[:2])
        small = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))
        pixels = np.zeros((1, 3, _SIDE, _SIDE), np.float32)
        pixels[0, :, :height, :width] = ((small - np.array(_SAM1[0])) / np.array(_SAM1[1])).transpose(2, 0, 1)
        return torch.from_numpy(pixels)

    def _preprocess_sam2(self, image: RgbImage) -> torch.Tensor:
        """SAM 2 preprocessing: stretched to 1024 x 1024, antialiased in floats, normalised."""
        import torch
        from torch.nn.functional import interpolate

        planes = torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 255
        small = interpolate(planes, (_SIDE, _SIDE), mode="bilinear", align_corners=False, antialias=True)
        mean, std = (torch.tensor(values).reshape(1, 3, 1, 1) for values in _SAM2)
        return (small - mean) / std


def _resized(image_hw: tuple[int, ...]) -> tuple[int, int]:
    scale = _SIDE / max(image_hw)
    return max(1, int(image_hw[0] * scale + 0.5)), max(1, int(image_hw[1] * scale + 0.5))


def _scale(image_hw: tuple[int, int], is_sam2: bool) -> FloatArray:
    """Returns input pixels per image pixel, horizontally and vertically."""
    height, width = (_SIDE, _SIDE) if is_sam2 else _resized(image_hw)
    return np.array([width / image_hw[1], height / image_hw[0]])
