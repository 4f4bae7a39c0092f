"""Flint's network: YOLO11n looks once, a small prompt head draws masks from what it saw.

The encoder is YOLO11n (Ultralytics) up to layer 22; its features at five strides go through 1x1
convolutions and are the embedding. Prompts are maps at stride 4 (``maps``), added at every level. The
head goes from stride 32 up to stride 2: residual blocks of two plain 3x3 convolutions, no
normalisation, the second convolution zero at first (as in "Fixup", Zhang et al. 2019), and a global
path at the coarsest level. It gives four masks, as SAM's decoder does (Kirillov et al. 2023): the
first answers any prompt, the other three are readings of an ambiguous click.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from samdesk.engine.flint.maps import CHANNELS

MASKS = 4
"""Masks a prompt gets: the single answer, then three readings of an ambiguous click."""
WIDTHS = (32, 32, 64, 96, 128)
_TAKEN = {2: (0,), 4: (2,), 8: (4, 16), 16: (13, 19), 32: (22,)}
"""Which of YOLO11n's layers speak at which stride."""
_CHANNELS = {0: 16, 2: 64, 4: 128, 13: 128, 16: 64, 19: 128, 22: 256}
_STATS = 8


class Answer(NamedTuple):
    """What the head says of B objects.

    Attributes:
        logits: (B, 4, H / 2, W / 2) mask logits.
        coarse: (B, 4, H / 4, W / 4) mask logits before the finest level.
        iou: (B, 4) predicted IoU, 0..1.
    """

    logits: Tensor
    coarse: Tensor
    iou: Tensor


class Encoder(nn.Module):
    """YOLO11n's layers 0 to 22: an RGB image in, features at five strides out."""

    def __init__(self, layers: nn.ModuleList) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """(B, 3, H, W) RGB in 0..1, H and W multiples of 32, to one (B, C, H / s, W / s) a stride."""
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
            for layers in _TAKEN.values()
        )


class _Block(nn.Module):
    """x + conv(silu(conv(silu(x)))), nothing but x at first."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        change: Tensor = self.second(F.silu(self.first(F.silu(x))))
        return x + change


class _Global(nn.Module):
    """What the whole look has in common, added everywhere."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(width, width)
        self.out = nn.Linear(width, width)
        nn.init.zeros_(self.out.weight)

    def forward(self, x: Tensor) -> Tensor:
        said: Tensor = self.out(F.silu(self.hidden(F.silu(x).mean(dim=(2, 3)))))
        return x + said[:, :, None, None]


class _IouHead(nn.Module):
    """How good each mask is: from features under the mask, of the whole look, and the mask's own look."""

    def __init__(self) -> None:
        super().__init__()
        inputs = WIDTHS[4] + 2 * WIDTHS[1] + _STATS + MASKS
        self.layers = nn.Sequential(
            nn.Linear(inputs, 96), nn.SiLU(), nn.Linear(96, 96), nn.SiLU(), nn.Linear(96, 1)
        )

    @property
    def last(self) -> nn.Linear:
        """The layer before the sigmoid."""
        layer = self.layers[-1]
        assert isinstance(layer, nn.Linear)
        return layer

    def forward(self, top: Tensor, fine: Tensor, coarse: Tensor, maps: Tensor) -> Tensor:
        """(B, 4) IoU logits from (B, 128, ...), (B, 32, h, w), (B, 4, h, w) and (B, 8, h, w)."""
        objects = coarse.shape[0]
        fine = fine.float().flatten(2)  # (B, 32, hw)
        chance = coarse.detach().float().sigmoid()
        inside = chance.flatten(2)  # (B, 4, hw)
        edge = inside * (1 - inside) * 4
        under = inside @ fine.transpose(1, 2) / (inside.sum(2, keepdim=True) + 1)
        along = edge @ fine.transpose(1, 2) / (edge.sum(2, keepdim=True) + 1)
        whole = top.float().mean(dim=(2, 3))[:, None].expand(-1, MASKS, -1)
        which = torch.eye(MASKS, device=coarse.device)[None].expand(objects, -1, -1)
        said = [whole, under, along, _mask_stats(chance, coarse.detach().float(), maps), which]
        out: Tensor = self.layers(torch.cat(said, dim=2))
        return out[..., 0]


def _mask_stats(chance: Tensor, logits: Tensor, maps: Tensor) -> Tensor:
    """(B, 4, 8): size, doubt, stability, and how a mask agrees with box, points and previous mask."""
    area = chance.mean(dim=(2, 3))
    doubt = (chance * (1 - chance)).mean(dim=(2, 3)) / (area + 1e-3)
    stable = (logits > 1).float().mean(dim=(2, 3)) / ((logits > -1).float().mean(dim=(2, 3)) + 1e-4)
    box = maps[:, 4:5].float()
    in_box = (chance * box).mean(dim=(2, 3))
    boxed = in_box / (area + box.mean(dim=(2, 3)) - in_box + 1e-3)
    hit = (chance * maps[:, 0:1]).amax(dim=(2, 3))
    miss = (chance * maps[:, 2:3]).amax(dim=(2, 3))
    before = (maps[:, 6:7].float() + maps[:, 7:8]) / 2  # 0..1 where there is a previous mask, else 0
    both = (chance * before).mean(dim=(2, 3))
    kept = both / (area + before.mean(dim=(2, 3)) - both + 1e-3)
    size = torch.log(area + 1e-4) / 4
    flag = maps[:, 5].float().mean(dim=(1, 2))[:, None].expand_as(area)
    return torch.stack([size, doubt, stable, boxed, hit, miss, kept, flag], dim=2)


class Head(nn.Module):
    """The prompt head: an embedding and prompt maps to masks and their predicted IoUs."""

    def __init__(self) -> None:
        super().__init__()
        given = [sum(_CHANNELS[i] for i in layers) for layers in _TAKEN.values()]
        given[0] *= 4  # four pixels of stride 2 are one of stride 4
        self.laterals = nn.ModuleList(nn.Conv2d(c, w, 1) for c, w in zip(given, WIDTHS, strict=True))
        self.stem = nn.Conv2d(CHANNELS, 24, 3, padding=1)
        self.prompts = nn.ModuleList(nn.Conv2d(24 + CHANNELS, w, 1) for w in WIDTHS[1:])
        self.downs = nn.ModuleList(nn.Conv2d(WIDTHS[i + 1], WIDTHS[i], 1) for i in range(4))
        self.blocks = nn.ModuleList(
            nn.Sequential(*(_Block(w) for _ in range(n)))
            for w, n in zip(WIDTHS, (1, 2, 2, 2, 2), strict=True)
        )
        self.whole = _Global(WIDTHS[4])
        self.coarse = nn.Conv2d(WIDTHS[1], MASKS, 1)
        self.finest = nn.Conv2d(WIDTHS[0], MASKS * 4, 1)
        nn.init.zeros_(self.finest.weight)
        self.iou = _IouHead()

    def embed(self, features: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The encoder's features to the embedding: (B, w, H / s, W / s) a stride; 2 lies on 4."""
        folded = (F.pixel_unshuffle(features[0], 2), *features[1:])
        return tuple(conv(f) for conv, f in zip(self.laterals, folded, strict=True))

    def forward(self, embedding: tuple[Tensor, ...], maps: Tensor, fine: bool = True) -> Answer:
        """Decodes (B, 8, H / 4, W / 4) prompt maps on an embedding of B (or 1) looks.

        Args:
            embedding: Of ``embed``.
            maps: Of ``maps.prompt_maps``.
            fine: Also the finest level; without it ``logits`` are the coarse ones.
        """
        said = torch.cat([maps, F.silu(self.stem(maps))], dim=1)
        pooled = [said]
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
            return Answer(coarse, coarse, iou)
        logits = F.interpolate(coarse, scale_factor=2.0, mode="bilinear", align_corners=False)
        y = self.blocks[0](self.downs[0](x) + embedding[0])
        return Answer(logits + F.pixel_shuffle(self.finest(F.silu(y)), 2), coarse, iou)


class FlintNetwork(nn.Module):
    """Encoder and head."""

    def __init__(self, encoder: Encoder, head: Head) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head

    def embed(self, image: Tensor) -> tuple[Tensor, ...]:
        """(B, 3, H, W) RGB in 0..1 to the embedding."""
        embedding: tuple[Tensor, ...] = self.head.embed(self.encoder(image))
        return embedding


def build_encoder(yolo: nn.Module) -> Encoder:
    """The encoder of an Ultralytics YOLO11n in evaluation mode; its batch norms are folded first."""
    model: Any = yolo
    fused = model.eval().float().fuse(verbose=False)
    return Encoder(nn.ModuleList(list(fused.model)[:23])).requires_grad_(True)


def load_head(tensors: Mapping[str, Tensor]) -> Head:
    """A head with the weights of ``tensors`` (any float type)."""
    head = Head()
    head.load_state_dict({name: value.float() for name, value in tensors.items()})
    return head
