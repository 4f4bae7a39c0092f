"""Flint's file of weights: plain tensors, never a pickle.

safetensors, "flint-1" (see ``detector``): ``yolo.*`` is YOLO11n as it came, ``head.*`` the prompt head,
and ``encoder.*`` how far the prompt network's copy of the encoder has moved from YOLO11n's with its batch
norms folded. Numbers are fp16; those of ``encoder.*`` and of the head's large convolutions are eight bits
each (``NAME.levels``) with a step an output channel (``NAME.step``).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samdesk.base.places import flint_weights
from samdesk.engine.flint.detector import FORMAT, PREFIX, VARIANT, YoloWeights, build_yolo, read_yolo
from samdesk.engine.flint.metadata import read_metadata
from samdesk.engine.protocols import EngineError
from samdesk.engine.runtime.imports import import_torch

if TYPE_CHECKING:
    from torch import Tensor

    from samdesk.engine.flint.network import FlintNetwork

_HEAD, _ENCODER = "head.", "encoder."
ENCODER_MARK = "encoder"
"""The word in a taught head's metadata that says which encoder it stands on."""
_LEVELS, _STEP = ".levels", ".step"
_LARGE = 100_000
"""A tensor of the head with so many numbers is kept in eight bits."""


def load_network(path: Path, shipped: Path | None = None) -> FlintNetwork:
    """The prompt network of a file, fp32, on the CPU, in evaluation mode.

    Args:
        path: A file of Flint weights.
        shipped: Where the encoder is from if ``path`` holds a taught head only; None: the file in the box.

    Raises:
        EngineError: The file is not there, broken, or holds no prompt network; in words.
    """
    import_torch()
    from samdesk.engine.flint.network import FlintNetwork, build_encoder, load_head

    tensors = read_tensors(path)
    source = path if _is_whole(tensors) else shipped or flint_weights()
    whole = tensors if source == path else read_tensors(source)
    if source != path:
        _check_encoder(path, whole)
    yolo = build_yolo(read_yolo(source), str(source)).model
    try:
        encoder = build_encoder(yolo)
        move_encoder(encoder, _part(whole, _ENCODER))
        network = FlintNetwork(encoder, load_head(_restored(_part(tensors, _HEAD))))
    except (RuntimeError, KeyError) as error:
        line = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise EngineError(
            f"{path} holds no Flint network that is known here: {line[:200]} Choose a file of Flint weights."
        ) from error
    return network.eval().requires_grad_(False)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a safetensors file. Raises ``EngineError``."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise EngineError(f"{path} cannot be read as Flint weights: {error}.") from error


def encoder_mark(path: Path) -> str:
    """Says which encoder a file's head stands on, its own or the one it was taught with; "" if unknown."""
    tensors = read_tensors(path)
    return _mark(tensors) if _is_whole(tensors) else read_metadata(path).get(ENCODER_MARK, "")


def yolo_tensors(weights: YoloWeights) -> dict[str, Tensor]:
    """YOLO11n as a file holds it."""
    return {PREFIX + name: value for name, value in weights.tensors.items()}


def head_tensors(network: FlintNetwork) -> dict[str, Tensor]:
    """The head as a file holds it."""
    found: dict[str, Tensor] = {}
    for name, value in network.head.state_dict().items():
        found |= _rounded(_HEAD + name, value) if value.numel() >= _LARGE else {_HEAD + name: _half(value)}
    return found


def encoder_tensors(network: FlintNetwork, yolo: Any) -> dict[str, Tensor]:
    """How far a network's encoder has moved from a YOLO11n's, as a file holds it.

    Args:
        network: The network trained.
        yolo: The YOLO11n it started from; it is not changed.
    """
    import copy

    from samdesk.engine.flint.network import build_encoder

    base = dict(build_encoder(copy.deepcopy(yolo)).named_parameters())
    found: dict[str, Tensor] = {}
    for name, value in network.encoder.named_parameters():
        found |= _rounded(_ENCODER + name, value - base[name])
    return found


def move_encoder(encoder: Any, tensors: Mapping[str, Tensor]) -> None:
    """Moves a YOLO11n's encoder by what ``encoder_tensors`` found; nothing without tensors."""
    import torch

    changes = _restored(tensors)
    if changes:
        with torch.no_grad():
            for name, value in encoder.named_parameters():
                value.add_(changes[name])


def write_weights(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Writes a file of Flint weights. ``metadata`` needs "names", a JSON list of class names."""
    from safetensors.torch import save_file

    save_file(
        {k: v.contiguous() for k, v in tensors.items()},
        path,
        {"format": FORMAT, "yolo": VARIANT, **metadata},
    )


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _is_whole(tensors: Mapping[str, Tensor]) -> bool:
    """Whether a file holds an encoder and not a taught head alone."""
    return any(name.startswith(PREFIX) for name in tensors)


def _check_encoder(path: Path, whole: Mapping[str, Tensor]) -> None:
    if read_metadata(path).get(ENCODER_MARK, "") not in ("", _mark(whole)):
        raise EngineError(
            f"{path} was taught with another version of Flint and does not fit this one. Teach again."
        )


def _mark(tensors: Mapping[str, Tensor]) -> str:
    import hashlib

    found = hashlib.sha256()
    for name in sorted(n for n in tensors if n.startswith((PREFIX, _ENCODER))):
        found.update(name.encode() + tensors[name].contiguous().numpy().tobytes())
    return found.hexdigest()[:16]


def _half(value: Tensor) -> Tensor:
    return value.detach().cpu().half()


def _rounded(name: str, value: Tensor) -> dict[str, Tensor]:
    """A tensor in eight bits, rounded to 127 steps up and down of each output channel's largest number."""
    import torch

    rows = value.detach().cpu().float().reshape(value.shape[0], -1)
    step = (rows.abs().amax(dim=1) / 127).half()
    levels = (rows / step.float().clamp(min=1e-12)[:, None]).round().clamp(-127, 127)
    return {name + _LEVELS: levels.to(torch.int8).reshape(value.shape), name + _STEP: step}


def _restored(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What ``_rounded`` has rounded as fp32, and all other tensors as they are."""
    found: dict[str, Tensor] = {}
    for name, value in tensors.items():
        if name.endswith(_LEVELS):
            plain = name.removesuffix(_LEVELS)
            step = tensors[plain + _STEP].float()
            found[plain] = value.float() * step.reshape(-1, *[1] * (value.dim() - 1))
        elif name.removesuffix(_STEP) + _LEVELS not in tensors:
            found[name] = value
    return found
