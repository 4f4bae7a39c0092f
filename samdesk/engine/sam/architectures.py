"""Table of the SAM networks. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    import torch

    from samdesk.engine.sam.predictor import SamNetwork

Assemble: TypeAlias = "Callable[[Any, torch.dtype], tuple[SamNetwork, SamNetwork]]"


@dataclass(frozen=True)
class SamArchitecture:
    """One SAM network.

    Attributes:
        name: Stem of its Ultralytics checkpoint ("sam2.1_t").
        title: Display name.
        version: Version of SAM; 2.1 differs from 2 only in the memory for video.
        builder: Function of ``ultralytics.models.sam.build`` that builds it.
        assemble: Converts the built network, on its device, to samdesk's network, and to the same one with
            its decoder in fp32; they share the encoder. The dtype is that of the encoder and of the
            decoder's image tensors; tokens are few and stay in fp32.
        parameters: Number.
    """

    name: str
    title: str
    version: Literal["1", "2", "2.1"]
    builder: str
    assemble: Assemble
    parameters: int

    @property
    def is_sam2(self) -> bool:
        return self.version != "1"


def _vit(module: Any, dtype: torch.dtype) -> tuple[SamNetwork, SamNetwork]:
    from samdesk.engine.sam.encoders.vit import VitEncoder

    return _sam1(VitEncoder(module.image_encoder, dtype), module, dtype)


def _tiny_vit(module: Any, dtype: torch.dtype) -> tuple[SamNetwork, SamNetwork]:
    from samdesk.engine.sam.encoders.tiny_vit import TinyVitEncoder

    return _sam1(TinyVitEncoder(module.image_encoder, dtype), module, dtype)


def _sam1(encoder: Any, module: Any, dtype: torch.dtype) -> tuple[SamNetwork, SamNetwork]:
    import torch

    from samdesk.engine.sam.decoder.decoder import Decoder
    from samdesk.engine.sam.sam1 import Sam1Network

    parts = module.prompt_encoder, module.mask_decoder
    return (
        Sam1Network(encoder, Decoder(*parts, dtype)),
        Sam1Network(encoder, Decoder(*parts, torch.float32)),
    )


def _hiera(module: Any, dtype: torch.dtype) -> tuple[SamNetwork, SamNetwork]:
    import torch

    from samdesk.engine.sam.decoder.decoder import Decoder
    from samdesk.engine.sam.encoders.hiera import HieraEncoder
    from samdesk.engine.sam.sam2 import Sam2Network

    parts = module.sam_prompt_encoder, module.sam_mask_decoder
    decoder, exact = Decoder(*parts, dtype), Decoder(*parts, torch.float32)
    encoder = HieraEncoder(module, dtype)
    return Sam2Network(encoder, decoder), Sam2Network(encoder, exact)


ARCHITECTURES: tuple[SamArchitecture, ...] = (
    SamArchitecture("sam_b", "SAM base", "1", "build_sam_vit_b", _vit, 93_735_472),
    SamArchitecture("sam_l", "SAM large", "1", "build_sam_vit_l", _vit, 312_342_832),
    SamArchitecture("sam_h", "SAM huge", "1", "build_sam_vit_h", _vit, 641_090_608),
    SamArchitecture("mobile_sam", "MobileSAM", "1", "build_mobile_sam", _tiny_vit, 10_130_092),
    SamArchitecture("sam2_t", "SAM 2 tiny", "2", "build_sam2_t", _hiera, 38_945_986),
    SamArchitecture("sam2_s", "SAM 2 small", "2", "build_sam2_s", _hiera, 46_043_202),
    SamArchitecture("sam2_b", "SAM 2 base", "2", "build_sam2_b", _hiera, 80_833_666),
    SamArchitecture("sam2_l", "SAM 2 large", "2", "build_sam2_l", _hiera, 224_430_130),
    SamArchitecture("sam2.1_t", "SAM 2.1 tiny", "2.1", "build_sam2_t", _hiera, 38_962_498),
    SamArchitecture("sam2.1_s", "SAM 2.1 small", "2.1", "build_sam2_s", _hiera, 46_059_714),
    SamArchitecture("sam2.1_b", "SAM 2.1 base", "2.1", "build_sam2_b", _hiera, 80_850_178),
    SamArchitecture("sam2.1_l", "SAM 2.1 large", "2.1", "build_sam2_l", _hiera, 224_446_642),
)


def architecture(name: str) -> SamArchitecture:
    """Returns the network of this name. Raises ``KeyError``."""
    return {row.name: row for row in ARCHITECTURES}[name]
