"""Flint's network: a YOLO11n encoder and a small prompt head that decodes masks from its features.

The encoder is YOLO11n (Ultralytics) up to layer 22; 1x1 convolutions of its features at five strides are
the embedding. Prompts are rasterised to maps at stride 4 (``maps``) and added at every level. The head goes
from stride 32 up to stride 2: residual blocks of two 3x3 convolutions without normalisation, the second
initialised to zero (as in "Fixup", Zhang et al. 2019), and a global context path at the coarsest level. It
outputs four masks, as SAM's decoder does (Kirillov et al. 2023): one for any prompt, and three candidates
for an ambiguous point.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from samdesk.engine.flint.maps import CHANNELS

MASKS = 4
"""Masks per prompt: the single mask, then three candidates for an ambiguous point."""
WIDTHS = (32, 32, 64, 96, 128)
"""Channels of the head at strides 2, 4, 8, 16 and 32."""
_LAYERS = {2: (0,), 4: (2,), 8: (4, 16), 16: (13, 19), 32: (22,)}
"""Layers of YOLO11n whose output is used, by stride."""
_CHANNELS = {0: 16, 2: 64, 4: 128, 13: 128, 16: 64, 19: 128, 22: 256}
"""Their output channels."""
_STATISTICS = 8


class HeadOutput(NamedTuple):
    """Output of the prompt head for B objects.

    Attributes:
        logits: (B, 4, H / 2, W / 2) mask logits.
        coarse: (B, 4, H / 4, W / 4) mask logits without the finest level.
        iou: (B, 4) predicted IoU, 0..1.
    """

    logits: Tensor
    coarse: Tensor
    iou: Tensor


class FlintEncoder(nn.Module):
    """YOLO11n's layers 0 to 22: features of an RGB image at five strides."""

    def __init__(self, layers: nn.ModuleList) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Maps (B, 3, H, W) RGB in 0..1, H and W multiples of 32, to (B, C, H / s, W / s) per stride s."""
        kept: dict[int, Tensor] = {}
        x = image
        for index, layer in enumerate(self.layers):
            source: Any = layer.f
            if isinstance(source, list):
                x = layer([x if i == -1 else kept[i] for i in source])
            else:
                x = layer(x if source == -1 else kept[source])
            kept[index] = x
        return tuple(
            torch.cat([kept[i] for i in layers], 1) if len(layers) > 1 else kept[layers[0]]
            for layers in _LAYERS.values()
        )


class _ResidualBlock(nn.Module):
    """``x + conv(silu(conv(silu(x))))``, initialised to the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        residual: Tensor = self.second(F.silu(self.first(F.silu(x))))
        return x + residual


class _GlobalContext(nn.Module):
    """Adds an MLP of the globally pooled features to every cell; initialised to the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(width, width)
        self.out = nn.Linear(width, width)
        nn.init.zeros_(self.out.weight)

    def forward(self, x: Tensor) -> Tensor:
        context: Tensor = self.out(F.silu(self.hidden(F.silu(x).mean(dim=(2, 3)))))
        return x + context[:, :, None, None]


class _IouHead(nn.Module):
    """Predicts each mask's IoU from statistics and features pooled in it, on its edge and globally."""

    def __init__(self) -> None:
        super().__init__()
        inputs = WIDTHS[4] + 2 * WIDTHS[1] + _STATISTICS + MASKS
        self.layers = nn.Sequential(
            nn.Linear(inputs, 96), nn.SiLU(), nn.Linear(96, 96), nn.SiLU(), nn.Linear(96, 1)
        )

    @property
    def last(self) -> nn.Linear:
        """Last layer, before the sigmoid."""
        layer = self.layers[-1]
        assert isinstance(layer, nn.Linear)
        return layer

    def forward(self, top: Tensor, fine: Tensor, coarse: Tensor, maps: Tensor) -> Tensor:
        """Returns (B, 4) IoU logits.

        Args:
            top: (B, 128, ...) features of stride 32.
            fine: (B, 32, h, w) features of stride 4.
            coarse: (B, 4, h, w) mask logits.
            maps: (B, 8, h, w) prompt maps.
        """
        objects = coarse.shape[0]
        fine = fine.float().flatten(2)  # (B, 32, hw)
        probability = coarse.detach().float().sigmoid()
        inside = probability.flatten(2)  # (B, 4, hw)
        edge = inside * (1 - inside) * 4
        inside_mean = inside @ fine.transpose(1, 2) / (inside.sum(2, keepdim=True) + 1)
        edge_mean = edge @ fine.transpose(1, 2) / (edge.sum(2, keepdim=True) + 1)
        global_mean = top.float().mean(dim=(2, 3))[:, None].expand(-1, MASKS, -1)
        index = torch.eye(MASKS, device=coarse.device)[None].expand(objects, -1, -1)
        statistics = _mask_statistics(probability, coarse.detach().float(), maps)
        inputs = [global_mean, inside_mean, edge_mean, statistics, index]
        logits: Tensor = self.layers(torch.cat(inputs, dim=2))
        return logits[..., 0]


def _mask_statistics(probability: Tensor, logits: Tensor, maps: Tensor) -> Tensor:
    """Returns (B, 4, 8): size, uncertainty, stability, and agreement with box, points and previous mask."""
    area = probability.mean(dim=(2, 3))
    uncertainty = (probability * (1 - probability)).mean(dim=(2, 3)) / (area + 1e-3)
    stability = (logits > 1).float().mean(dim=(2, 3)) / ((logits > -1).float().mean(dim=(2, 3)) + 1e-4)
    box = maps[:, 4:5].float()
    in_box = (probability * box).mean(dim=(2, 3))
    box_iou = in_box / (area + box.mean(dim=(2, 3)) - in_box + 1e-3)
    positive = (probability * maps[:, 0:1]).amax(dim=(2, 3))
    negative = (probability * maps[:, 2:3]).amax(dim=(2, 3))
    previous = (maps[:, 6:7].float() + maps[:, 7:8]) / 2  # 0..1 with a previous mask, else 0
    shared = (probability * previous).mean(dim=(2, 3))
    previous_iou = shared / (area + previous.mean(dim=(2, 3)) - shared + 1e-3)
    size = torch.log(area + 1e-4) / 4
    has_box = maps[:, 5].float().mean(dim=(1, 2))[:, None].expand_as(area)
    statistics = [size, uncertainty, stability, box_iou, positive, negative, previous_iou, has_box]
    return torch.stack(statistics, dim=2)


class PromptHead(nn.Module):
    """Decodes an embedding and prompt maps to masks and their predicted IoUs."""

    def __init__(self) -> None:
        super().__init__()
        channels = [sum(_CHANNELS[i] for i in layers) for layers in _LAYERS.values()]
        channels[0] *= 4  # pixel unshuffle: four cells of stride 2 become one of stride 4
        self.laterals = nn.ModuleList(nn.Conv2d(c, w, 1) for c, w in zip(channels, WIDTHS, strict=True))
        self.stem = nn.Conv2d(CHANNELS, 24, 3, padding=1)
        self.prompts = nn.ModuleList(nn.Conv2d(24 + CHANNELS, w, 1) for w in WIDTHS[1:])
        self.downs = nn.ModuleList(nn.Conv2d(WIDTHS[i + 1], WIDTHS[i], 1) for i in range(4))
        self.blocks = nn.ModuleList(
            nn.Sequential(*(_ResidualBlock(w) for _ in range(n)))
            for w, n in zip(WIDTHS, (1, 2, 2, 2, 2), strict=True)
        )
        self.whole = _GlobalContext(WIDTHS[4])
        self.coarse = nn.Conv2d(WIDTHS[1], MASKS, 1)
        self.finest = nn.Conv2d(WIDTHS[0], MASKS * 4, 1)
        nn.init.zeros_(self.finest.weight)
        self.iou = _IouHead()

    def embed(self, features: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Projects features to the embedding: (B, w, H / s, W / s) per stride s; stride 2 is at stride 4."""
        unshuffled = (F.pixel_unshuffle(features[0], 2), *features[1:])
        return tuple(conv(f) for conv, f in zip(self.laterals, unshuffled, strict=True))

    def forward(self, embedding: tuple[Tensor, ...], maps: Tensor, fine: bool = True) -> HeadOutput:
        """Decodes (B, 8, H / 4, W / 4) prompt maps on an embedding of B (or 1) inputs.

        Args:
            embedding: Output of ``embed``.
            maps: Output of ``maps.prompt_maps``.
            fine: Whether to compute the finest level; without it ``logits`` are the coarse ones.
        """
        prompts = torch.cat([maps, F.silu(self.stem(maps))], dim=1)
        pooled = [prompts]
        for _ in range(3):
            pooled.append(F.avg_pool2d(pooled[-1], 2))
        x = self.whole(embedding[4] + self.prompts[3](pooled[3]))
        top = x = self.blocks[4](x)
        for level in (3, 2, 1):
            x = F.interpolate(self.downs[level](x), scale_factor=2.0, mode="nearest")
            x = self.blocks[level](x + embedding[level] + self.prompts[level - 1](pooled[level - 1]))
        coarse = self.coarse(F.silu(x))
        iou = self.iou(top, x, coarse, maps).sigmoid()
        if not fine:
            return HeadOutput(coarse, coarse, iou)
        logits = F.interpolate(coarse, scale_factor=2.0, mode="bilinear", align_corners=False)
        y = self.blocks[0](self.downs[0](x) + embedding[0])
        return HeadOutput(logits + F.pixel_shuffle(self.finest(F.silu(y)), 2), coarse, iou)


class FlintNetwork(nn.Module):
    """Encoder and prompt head."""

    def __init__(self, encoder: FlintEncoder, head: PromptHead) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head

    def embed(self, image: Tensor) -> tuple[Tensor, ...]:
        """Encodes (B, 3, H, W) RGB in 0..1 to the embedding, see ``PromptHead.embed``."""
        embedding: tuple[Tensor, ...] = self.head.embed(self.encoder(image))
        return embedding


def build_encoder(yolo: nn.Module) -> FlintEncoder:
    """Builds the encoder from an Ultralytics YOLO11n; folds its batch norms in place, in evaluation mode."""
    model: Any = yolo
    fused = model.eval().float().fuse(verbose=False)
    return FlintEncoder(nn.ModuleList(list(fused.model)[:23])).requires_grad_(True)


def load_head(tensors: Mapping[str, Tensor]) -> PromptHead:
    """Builds a head with these weights, of any float dtype."""
    head = PromptHead()
    head.load_state_dict({name: value.float() for name, value in tensors.items()})
    return head
