"""Our image encoders against the stock ones with the same weights."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from samdesk.base.jobs import Cancelled, no_pause
from samdesk.engine.sam.encoders.hiera import HieraEncoder
from samdesk.engine.sam.encoders.tiny_vit import TinyVitEncoder
from tests.helpers.networks import seeded_network

CLOSE = 1e-4


def image(height: int, width: int) -> torch.Tensor:
    """Returns (1, 3, 1024, 1024) pixels: random content at the top left, zeros elsewhere."""
    random = torch.Generator().manual_seed(height)
    coarse = torch.randn(1, 3, 40, 50, generator=random)
    smooth = torch.nn.functional.interpolate(coarse, size=(1024, 1024), mode="bicubic")
    pixels = smooth + torch.randn(1, 3, 1024, 1024, generator=random) / 10
    pixels[:, :, height:] = 0
    pixels[:, :, :, width:] = 0
    return pixels


@pytest.fixture(scope="module")
def stock() -> Any:
    return seeded_network("mobile_sam").image_encoder


@pytest.fixture(autouse=True)
def no_gradients() -> Any:
    with torch.inference_mode():
        yield


@pytest.mark.parametrize("content_hw", [(683, 1024), (1024, 577), (1, 1024), (1024, 1024)])
def test_tiny_vit_matches_the_stock_module(stock: Any, content_hw: tuple[int, int]) -> None:
    pixels = image(*content_hw)
    expected = stock(pixels)
    encoder = TinyVitEncoder(stock, torch.float32)
    assert float(expected.std()) > 0.5
    # Twice: the cached features of the padding must not have been overwritten.
    for _ in range(2):
        assert float((encoder(pixels, content_hw) - expected).abs().max()) < CLOSE


def test_tiny_vit_in_bf16_is_close_to_the_stock_module(stock: Any) -> None:
    pixels = image(683, 1024)
    expected, found = stock(pixels), TinyVitEncoder(stock, torch.bfloat16)(pixels, (683, 1024)).float()
    assert float((found - expected).std()) < 0.05 * float(expected.std())


def test_an_encode_cancelled_in_a_pause_leaves_the_encoder_usable(stock: Any) -> None:
    pixels, encoder = image(683, 1024), TinyVitEncoder(stock, torch.float32)
    expected = encoder(pixels, (683, 1024))
    pauses = 0

    def stop_after_five() -> None:
        nonlocal pauses
        pauses += 1
        if pauses == 5:
            raise Cancelled

    with pytest.raises(Cancelled):
        encoder(pixels, (683, 1024), stop_after_five)
    pauses = -1000
    assert torch.equal(encoder(pixels, (683, 1024), stop_after_five), expected)
    assert pauses + 1000 > 10


def test_hiera_matches_the_stock_module_and_pauses() -> None:
    module = seeded_network("sam2_t")
    pixels = image(1024, 1024)
    fine, middle, coarse = module.forward_image(pixels)["backbone_fpn"][-3:]
    expected = (coarse + module.no_mem_embed.reshape(1, -1, 1, 1), fine, middle)
    encoder = HieraEncoder(module, torch.float32)
    pauses: list[None] = []
    found = encoder(pixels, lambda: pauses.append(None))
    assert len(pauses) == len(module.image_encoder.trunk.blocks) + 1
    for ours, theirs in zip(found, expected, strict=True):
        assert float((ours - theirs).abs().max()) < CLOSE * max(1.0, float(theirs.std()))
    encoder(pixels, no_pause)
    assert len(pauses) == len(module.image_encoder.trunk.blocks) + 1
