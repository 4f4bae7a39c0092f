"""Flint's weights file: safetensors, never a pickle.

Format "flint-1" (see ``detector``): ``yolo.*`` is YOLO11n unchanged, ``head.*`` the prompt head, and
``encoder.*`` the difference between the prompt network's encoder and YOLO11n's with batch norms folded.
Values are fp16; ``encoder.*`` and the head's large convolutions are quantised to int8 (``NAME.levels``)
with one step size per output channel (``NAME.step``).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samdesk.base.errors import first_line
from samdesk.base.places import flint_weights
from samdesk.base.regular import check_regular
from samdesk.engine.flint.detector import FORMAT, PREFIX, VARIANT, YoloWeights, build_yolo, read_yolo
from samdesk.engine.flint.metadata import read_metadata
from samdesk.engine.protocols import EngineError
from samdesk.engine.runtime.imports import import_torch

if TYPE_CHECKING:
    from torch import Tensor

    from samdesk.engine.flint.network import FlintNetwork

_HEAD, _ENCODER = "head.", "encoder."
ENCODER_KEY = "encoder"
"""Metadata key of a taught head: ``encoder_hash`` of the encoder it was trained on."""
_LEVELS, _STEP = ".levels", ".step"
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

    tensors = read_tensors(path)
    source = path if _has_encoder(tensors) else shipped or flint_weights()
    whole = tensors if source == path else read_tensors(source)
    if source != path:
        _check_encoder(path, whole)
    yolo = build_yolo(read_yolo(source), str(source)).model
    try:
        encoder = build_encoder(yolo)
        add_encoder_delta(encoder, _part(whole, _ENCODER))
        network = FlintNetwork(encoder, load_head(_dequantise(_part(tensors, _HEAD))))
    except (RuntimeError, KeyError) as error:
        raise EngineError(
            f"{path} has no supported Flint network: {first_line(error)}. Choose a Flint weights file."
        ) from error
    return network.eval().requires_grad_(False)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Reads all tensors of a safetensors file. Raises ``EngineError``."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        check_regular(path)
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise EngineError(
            f"{path} cannot be read as Flint weights: {first_line(error)}. Choose a Flint weights file."
        ) from error


def encoder_hash(path: Path) -> str:
    """Returns the hash of the encoder that a file's head was trained on; "" if unknown."""
    tensors = read_tensors(path)
    return _hash_encoder(tensors) if _has_encoder(tensors) else read_metadata(path).get(ENCODER_KEY, "")


def yolo_tensors(weights: YoloWeights) -> dict[str, Tensor]:
    """Returns the tensors of YOLO11n as stored in a file."""
    return {PREFIX + name: value for name, value in weights.tensors.items()}


def head_tensors(network: FlintNetwork) -> dict[str, Tensor]:
    """Returns the tensors of the prompt head as stored in a file."""
    tensors: dict[str, Tensor] = {}
    for name, value in network.head.state_dict().items():
        tensors |= _quantise(_HEAD + name, value) if value.numel() >= _LARGE else {_HEAD + name: _half(value)}
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
        tensors |= _quantise(_ENCODER + name, value - base[name])
    return tensors


def add_encoder_delta(encoder: Any, tensors: Mapping[str, Tensor]) -> None:
    """Adds ``encoder_delta`` to the encoder of YOLO11n in place; does nothing without tensors."""
    import torch

    delta = _dequantise(tensors)
    if delta:
        with torch.no_grad():
            for name, value in encoder.named_parameters():
                value.add_(delta[name])


def write_weights(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Writes a Flint weights file. ``metadata`` needs "names", a JSON list of class names."""
    from safetensors.torch import save_file

    save_file(
        {k: v.contiguous() for k, v in tensors.items()},
        path,
        {"format": FORMAT, "yolo": VARIANT, **metadata},
    )


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _has_encoder(tensors: Mapping[str, Tensor]) -> bool:
    """Returns whether a file has an encoder, not only a taught head."""
    return any(name.startswith(PREFIX) for name in tensors)


def _check_encoder(path: Path, whole: Mapping[str, Tensor]) -> None:
    if read_metadata(path).get(ENCODER_KEY, "") not in ("", _hash_encoder(whole)):
        raise EngineError(
            f"{path} was taught with another version of Flint and does not fit this one. Teach again."
        )


def _hash_encoder(tensors: Mapping[str, Tensor]) -> str:
    import hashlib

    digest = hashlib.sha256()
    for name in sorted(n for n in tensors if n.startswith((PREFIX, _ENCODER))):
        digest.update(name.encode() + tensors[name].contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def _half(value: Tensor) -> Tensor:
    return value.detach().cpu().half()


def _quantise(name: str, value: Tensor) -> dict[str, Tensor]:
    """Quantises a tensor to int8, symmetric, with 127 steps to each output channel's largest magnitude."""
    import torch

    rows = value.detach().cpu().float().reshape(value.shape[0], -1)
    step = (rows.abs().amax(dim=1) / 127).half()
    levels = (rows / step.float().clamp(min=1e-12)[:, None]).round().clamp(-127, 127)
    return {name + _LEVELS: levels.to(torch.int8).reshape(value.shape), name + _STEP: step}


def _dequantise(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Restores the tensors of ``_quantise`` in fp32; all others are returned unchanged."""
    restored: dict[str, Tensor] = {}
    for name, value in tensors.items():
        if name.endswith(_LEVELS):
            plain = name.removesuffix(_LEVELS)
            step = tensors[plain + _STEP].float()
            restored[plain] = value.float() * step.reshape(-1, *[1] * (value.dim() - 1))
        elif name.removesuffix(_STEP) + _LEVELS not in tensors:
            restored[name] = value
    return restored
