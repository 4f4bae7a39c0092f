"""Flint's weights file: safetensors, never a pickle.

Format "flint-1" (see ``detector``): ``yolo.*`` is YOLO11n unchanged, ``head.*`` the prompt head, and
``encoder.*`` the difference between the prompt network's encoder and YOLO11n's with batch norms folded.
Values are fp16; ``encoder.*`` and the head's large convolutions are quantised to int8 (``NAME.levels``)
with one step size per output channel (``NAME.step``). ``arrays`` reads it without torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samdesk.base.errors import first_line
from samdesk.engine.checkpoints.sealed import seal
from samdesk.engine.flint.arrays import ENCODER, HEAD, LEVELS, STEP, YOLO, dequantised, part, read_parts
from samdesk.engine.flint.detector import FORMAT, VARIANT, YoloWeights, build_yolo, read_yolo
from samdesk.engine.protocols import EngineError
from samdesk.engine.runtime.imports import import_torch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from samdesk.engine.flint.network import FlintNetwork

_LARGE = 100_000
"""Tensors of the head with at least this many values are quantised to int8."""


def load_network(path: Path, shipped: Path | None = None) -> FlintNetwork:
    """Loads the prompt network of a file, fp32, on the CPU, in evaluation mode.

    Args:
        path: A Flint weights file.
        shipped: File to take the encoder from if ``path`` has a taught head only; None: the built-in one.

    Raises:
        EngineError: The file is missing, damaged, or has no prompt network.
    """
    import_torch()
    from samdesk.engine.flint.network import FlintNetwork, build_encoder, load_head

    arrays, whole, source = read_parts(path, shipped)
    yolo = build_yolo(read_yolo(source), str(source)).model
    try:
        encoder = build_encoder(yolo)
        add_encoder_delta(encoder, _tensors(part(whole, ENCODER)))
        network = FlintNetwork(encoder, load_head(_tensors(part(arrays, HEAD))))
    except (RuntimeError, KeyError, ValueError, TypeError, IndexError) as error:
        raise EngineError(
            f"{path} has no supported Flint network: {first_line(error)}. Choose a Flint weights file."
        ) from error
    return network.eval().requires_grad_(False)


def yolo_tensors(weights: YoloWeights) -> dict[str, Tensor]:
    """Returns the tensors of YOLO11n as stored in a file."""
    return {YOLO + name: value for name, value in weights.tensors.items()}


def head_tensors(network: FlintNetwork) -> dict[str, Tensor]:
    """Returns the tensors of the prompt head as stored in a file."""
    tensors: dict[str, Tensor] = {}
    for name, value in network.head.state_dict().items():
        tensors |= _quantise(HEAD + name, value) if value.numel() >= _LARGE else {HEAD + name: _half(value)}
    return tensors


def encoder_delta(network: FlintNetwork, yolo: Any) -> dict[str, Tensor]:
    """Returns the difference between a network's encoder and that of YOLO11n, as stored in a file.

    Args:
        network: The trained network.
        yolo: The YOLO11n it was initialised from; it is not changed.
    """
    import copy

    from samdesk.engine.flint.network import build_encoder

    base = dict(build_encoder(copy.deepcopy(yolo)).named_parameters())
    tensors: dict[str, Tensor] = {}
    for name, value in network.encoder.named_parameters():
        tensors |= _quantise(ENCODER + name, value - base[name])
    return tensors


def add_encoder_delta(encoder: Any, delta: Mapping[str, Tensor]) -> None:
    """Adds ``encoder_delta``, in fp32, to the encoder of YOLO11n in place; does nothing without tensors."""
    import torch

    if delta:
        with torch.no_grad():
            for name, value in encoder.named_parameters():
                value.add_(delta[name])


def write_weights(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Writes a Flint weights file. ``metadata`` needs "names", a JSON list of class names."""
    from safetensors.torch import save

    contiguous = {k: v.contiguous() for k, v in tensors.items()}
    path.write_bytes(seal(save(contiguous, {"format": FORMAT, "yolo": VARIANT, **metadata})))


def _tensors(arrays: Mapping[str, NDArray[np.generic]]) -> dict[str, Tensor]:
    """Torch tensors, in fp32 where they were quantised."""
    import torch

    return {name: torch.from_numpy(value) for name, value in dequantised(arrays).items()}


def _half(value: Tensor) -> Tensor:
    return value.detach().cpu().half()


def _quantise(name: str, value: Tensor) -> dict[str, Tensor]:
    """Quantises a tensor to int8, symmetric, with 127 steps to each output channel's largest magnitude."""
    import torch

    rows = value.detach().cpu().float().reshape(value.shape[0], -1)
    step = (rows.abs().amax(dim=1) / 127).half()
    levels = (rows / step.float().clamp(min=1e-12)[:, None]).round().clamp(-127, 127)
    return {name + LEVELS: levels.to(torch.int8).reshape(value.shape), name + STEP: step}
