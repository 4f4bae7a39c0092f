"""SAM 2 and 2.1 on single images: what is theirs of the way from photo to masks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from samdesk.domain.geometry import Frame, RgbImage
from samdesk.engine.sam_prompts import INPUT_SIDE

if TYPE_CHECKING:
    import torch

    from samdesk.engine.sam_predictor import PromptTensors

_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)
_CLAMP = 32.0


class Sam2Network:
    """A SAM 2 network with Meta's preprocessing (``SAM2ImagePredictor``, sam2)."""

    def __init__(self, network: Any) -> None:
        self.module = network
        self.prompt_encoder = network.sam_prompt_encoder
        self._position = network.sam_prompt_encoder.get_dense_pe()

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

    def features(self, pixels: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """(1, 256, 64, 64) embedding, then the decoder's (1, 32, 256, 256) and (1, 64, 128, 128)."""
        fine, middle, coarse = self.module.forward_image(pixels)["backbone_fpn"][-3:]
        # Trained on videos: the first frame has no memory, and this says so.
        coarse = coarse + self.module.no_mem_embed.reshape(1, -1, 1, 1)
        return (coarse, fine, middle)

    def decode(
        self, features: tuple[torch.Tensor, ...], prompts: PromptTensors, multimask: bool
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, N, 256, 256) logits and (B, N) predicted IoUs of B objects."""
        points = _with_boxes(prompts)
        sparse, dense = self.prompt_encoder(points=points, boxes=None, masks=prompts.masks)
        image, fine, middle = features
        logits, scores, _, _ = self.module.sam_mask_decoder(
            image_embeddings=image,
            image_pe=self._position.to(image.dtype),
            sparse_prompt_embeddings=sparse.to(image.dtype),
            dense_prompt_embeddings=dense.to(image.dtype),
            multimask_output=multimask,
            repeat_image=sparse.shape[0] > 1,
            high_res_features=[fine, middle],
        )
        return logits.clamp(-_CLAMP, _CLAMP), scores


def _with_boxes(prompts: PromptTensors) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Boxes as two points with labels 2 and 3, before the other points."""
    import torch

    if prompts.boxes is None:
        return None if prompts.points is None or prompts.labels is None else (prompts.points, prompts.labels)
    corners = prompts.boxes.reshape(-1, 2, 2)
    labels = torch.tensor([[2.0, 3.0]], device=corners.device).expand(len(corners), 2)
    if prompts.points is None or prompts.labels is None:
        return corners, labels
    return torch.cat([corners, prompts.points], 1), torch.cat([labels, prompts.labels], 1)
