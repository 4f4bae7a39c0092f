"""Real SAM networks with seeded random weights, saved as the checkpoints users have.

No SAM weights can be had where the tests run. Freshly initialised networks are close to constant
(zero biases, zero position encodings), so every parameter and every batch-norm statistic gets some
noise: masks are noise then, but every part of the network shows in them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

GAIN, GAIN_MASK = 1.2, 1.6


def seeded_network(name: str, seed: int = 0) -> Any:
    """The Ultralytics network ``name`` ("mobile_sam", "sam_b", "sam2_t"...) with seeded weights."""
    import torch

    from samdesk.engine.ultralytics_door import build_network

    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        network = build_network(name)
        for key, parameter in network.named_parameters():
            _scatter(key, parameter)
        for key, buffer in network.named_buffers():
            if key.endswith("running_mean"):
                buffer.normal_(0.0, 0.1)
            elif key.endswith("running_var"):
                buffer.uniform_(0.5, 1.5)
    network.eval()
    return network


def _scatter(key: str, parameter: Any) -> None:
    """Gives one parameter noise of a size that carries the photo through to logits of some units."""
    import torch

    if key.endswith("weight") and parameter.dim() >= 2 and "embed" not in key and "token" not in key:
        fan_in = parameter[0].numel() if "output_upscaling" not in key else parameter.shape[0]
        if "iou_prediction_head.layers.2" in key:
            fan_in *= 50  # predicted IoU stays near its bias, in 0..1
        gain = GAIN_MASK if "hypernetworks" in key or "output_upscaling" in key else GAIN
        parameter.normal_(0.0, gain / fan_in**0.5)
    elif parameter.numel() < 2 or float(parameter.std()) < 1e-3:  # bias, norm weight, position encoding
        parameter.add_(torch.randn_like(parameter) * 0.1)
    if key.endswith("iou_prediction_head.layers.2.bias"):
        parameter.copy_(torch.tensor([0.7, 0.6, 0.8, 0.5]))


def save_seeded(name: str, folder: Path, file_name: str = "", seed: int = 0) -> Path:
    """Saves ``seeded_network(name)`` in ``folder`` as ``file_name`` (default: ``name + ".pt"``)."""
    import torch

    path = folder / (file_name or f"{name}.pt")
    state: dict[str, Any] = dict(seeded_network(name, seed).state_dict())
    torch.save({"model": state} if name.startswith("sam2") else state, path)
    return path


def seeded_mobile_sam(folder: Path, seed: int = 0) -> Path:
    """A MobileSAM checkpoint of 40 MB, ``mobile_sam.pt``, in ``folder``."""
    return save_seeded("mobile_sam", folder, seed=seed)


def seeded_sam2_tiny(folder: Path, seed: int = 0) -> Path:
    """A SAM 2 tiny checkpoint of 155 MB, ``sam2_t.pt``, in ``folder``."""
    return save_seeded("sam2_t", folder, seed=seed)
