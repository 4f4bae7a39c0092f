"""Reads the weights of Flint's prompt network as numpy arrays, without torch; ``weights`` has the format."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from samdesk.base.errors import first_line
from samdesk.base.places import flint_weights
from samdesk.engine.checkpoints.sealed import check_file
from samdesk.engine.flint.metadata import read_metadata
from samdesk.engine.protocols import EngineError

Arrays: TypeAlias = dict[str, NDArray[Any]]

YOLO, HEAD, ENCODER = "yolo.", "head.", "encoder."
"""Prefixes of a file's tensors."""
ENCODER_KEY = "encoder"
"""Metadata key of a taught head: ``hash_encoder`` of the encoder it was trained on."""
LEVELS, STEP = ".levels", ".step"
"""Suffixes of a tensor's int8 values and of their step sizes."""
_BN_EPS = 1e-3
"""Ultralytics' epsilon of batch normalisation."""


def read_arrays(path: Path) -> Arrays:
    """Reads all tensors of a safetensors file. Raises ``EngineError``."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        check_file(path)
        return load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise EngineError(
            f"{path} cannot be read as Flint weights: {first_line(error)}. Choose a Flint weights file."
        ) from error


def read_parts(path: Path, shipped: Path | None = None) -> tuple[Arrays, Arrays, Path]:
    """Reads the tensors of a prompt network.

    Args:
        path: A Flint weights file.
        shipped: File to take the encoder from if ``path`` has a taught head only; None: the built-in one.

    Returns:
        The tensors of the file with the head, those of the file with the encoder, and that file.

    Raises:
        EngineError: A file is missing or damaged, or the head was taught with another encoder.
    """
    arrays = read_arrays(path)
    source = path if has_encoder(arrays) else shipped or flint_weights()
    if source == path:
        return arrays, arrays, source
    whole = read_arrays(source)
    if read_metadata(path).get(ENCODER_KEY, "") not in ("", hash_encoder(whole)):
        raise EngineError(
            f"{path} was taught with another version of Flint and does not fit this one. Teach again."
        )
    return arrays, whole, source


def network_arrays(path: Path, shipped: Path | None = None) -> Arrays:
    """The weights of a prompt network, fp32, by their names in ``FlintNetwork``.

    Batch normalisations are folded into the convolutions before them. Arguments and errors are those of
    ``read_parts``; weights that are missing are not noticed here.
    """
    arrays, whole, _source = read_parts(path, shipped)
    try:
        return _network_arrays(arrays, whole)
    except (KeyError, ValueError, AttributeError) as error:  # a tensor is missing, or of a wrong shape
        raise EngineError(
            f"{path} has no supported Flint network: {first_line(error)}. Choose a Flint weights file."
        ) from error


def _network_arrays(arrays: Arrays, whole: Arrays) -> Arrays:
    weights = {
        name.replace("model.", "layers.", 1): value for name, value in _folded(part(whole, YOLO)).items()
    }
    for name, delta in dequantised(part(whole, ENCODER)).items():
        weights[name] = weights.get(name, 0) + delta.astype(np.float32)
    found = {f"encoder.{name}": value for name, value in weights.items()}
    return found | {
        HEAD + name: value.astype(np.float32) for name, value in dequantised(part(arrays, HEAD)).items()
    }


def part(arrays: Mapping[str, NDArray[Any]], prefix: str) -> Arrays:
    """The tensors whose names begin with a prefix, by the rest of their names."""
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}


def has_encoder(arrays: Mapping[str, NDArray[Any]]) -> bool:
    """Whether a file has an encoder, not only a taught head."""
    return any(name.startswith(YOLO) for name in arrays)


def encoder_hash(path: Path) -> str:
    """The hash of the encoder that a file's head was trained on; "" if unknown."""
    arrays = read_arrays(path)
    return hash_encoder(arrays) if has_encoder(arrays) else read_metadata(path).get(ENCODER_KEY, "")


def hash_encoder(arrays: Mapping[str, NDArray[Any]]) -> str:
    """Identifies the encoder of a file."""
    digest = hashlib.sha256()
    for name in sorted(n for n in arrays if n.startswith((YOLO, ENCODER))):
        digest.update(name.encode() + np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()[:16]


def dequantised(arrays: Mapping[str, NDArray[Any]]) -> Arrays:
    """Restores tensors that are stored as int8 in fp32; all others are returned unchanged."""
    restored: Arrays = {}
    for name, value in arrays.items():
        if name.endswith(LEVELS):
            plain = name.removesuffix(LEVELS)
            step = arrays[plain + STEP].astype(np.float32)
            restored[plain] = value.astype(np.float32) * step.reshape(-1, *[1] * (value.ndim - 1))
        elif name.removesuffix(STEP) + LEVELS not in arrays:
            restored[name] = value
    return restored


def _folded(yolo: Mapping[str, NDArray[Any]]) -> Arrays:
    """Folds each batch normalisation of a YOLO network into the convolution before it."""
    folded: Arrays = {}
    for name in yolo:
        block, end, _ = name.rpartition(".conv.weight")
        if not end or f"{block}.bn.weight" not in yolo:
            continue
        gamma, beta, mean, variance = (
            yolo[f"{block}.bn.{what}"].astype(np.float32)
            for what in ("weight", "bias", "running_mean", "running_var")
        )
        scale = gamma / np.sqrt(variance + np.float32(_BN_EPS))
        folded[f"{block}.conv.weight"] = yolo[name].astype(np.float32) * scale.reshape(-1, 1, 1, 1)
        folded[f"{block}.conv.bias"] = beta - mean * scale
    return folded
