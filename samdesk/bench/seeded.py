"""SAM networks with seeded random weights, for benchmarks where the trained weights are unavailable."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samdesk.engine.models import registry, weights
from samdesk.engine.sam.architectures import ARCHITECTURES, architecture

_GAIN, _GAIN_MASK = 1.2, 1.4


@dataclass(frozen=True)
class Checkpoint:
    """The source a model is loaded from.

    Attributes:
        name: The name or path given by the user.
        source: Path of its file, or the name, which ``load_predictor`` resolves.
        random: Whether its weights are random: its times are valid, its masks are noise.
    """

    name: str
    source: str
    random: bool = False


def checkpoint(name: str, folder: Path) -> Checkpoint:
    """Resolves a model; a SAM model without weights on this machine gets random ones, in ``folder``."""
    network = _network_without_weights(name)
    if not network:
        return Checkpoint(name, name)
    path = folder / f"{network}.pt"
    if not path.exists():
        save_seeded(network, path)
    return Checkpoint(name, str(path), random=True)


def seeded_network(network: str, seed: int = 0) -> Any:
    """Returns the network of a ``SamArchitecture``, by name, with random weights determined by the seed.

    A freshly initialised network is close to constant (zero biases, zero position encodings), so noise is
    added to every parameter and every batch-norm statistic. The masks are noise, but every part of the
    network contributes to them, and their logits have the magnitude of a trained network's.
    """
    from samdesk.engine.runtime.imports import import_torch
    from samdesk.engine.ultralytics import build_network

    import_torch()
    import torch

    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        module = build_network(network)
        for key, parameter in module.named_parameters():
            _scatter(key, parameter)
        for key, buffer in module.named_buffers():
            if key.endswith("running_mean"):
                buffer.normal_(0.0, 0.1)
            elif key.endswith("running_var"):
                buffer.uniform_(0.5, 1.5)
    return module.eval()


def save_seeded(network: str, path: Path, seed: int = 0) -> None:
    """Writes ``seeded_network`` to ``path`` in the checkpoint format of its family."""
    state = dict(seeded_network(network, seed).state_dict())

    import torch

    torch.save({"model": state} if architecture(network).is_sam2 else state, path)


def _scatter(key: str, parameter: Any) -> None:
    """Adds noise to one parameter, scaled so that the logits reach a few units."""
    import torch

    if key.endswith("weight") and parameter.dim() >= 2 and "embed" not in key and "token" not in key:
        fan_in = parameter[0].numel() if "output_upscaling" not in key else parameter.shape[0]
        if "iou_prediction_head.layers.2" in key:
            fan_in *= 50  # predicted IoU stays near its bias, in 0..1
        gain = _GAIN_MASK if "hypernetworks" in key or "output_upscaling" in key else _GAIN
        parameter.normal_(0.0, gain / fan_in**0.5)
    elif parameter.numel() < 2 or float(parameter.std()) < 1e-3:  # bias, norm weight, position encoding
        parameter.add_(torch.randn_like(parameter) * 0.1)
    if key.endswith("iou_prediction_head.layers.2.bias"):
        parameter.copy_(torch.tensor([0.7, 0.6, 0.8, 0.5]))


def _network_without_weights(name: str) -> str:
    """Returns the architecture of a SAM model of the registry whose weights are missing; else ""."""
    known = registry.spec(name)
    if known is None or weights.find(name) is not None:
        return ""
    stem = known.name.removesuffix(".pt")
    return stem if any(row.name == stem for row in ARCHITECTURES) else ""
