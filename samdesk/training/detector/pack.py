"""Writes detector weights as a safetensors file in the format of ``engine.flint.detector``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samdesk.base import atomic
from samdesk.engine.checkpoints.sealed import seal
from samdesk.engine.flint.detector import COUNTER, FORMAT, PREFIX, VARIANT

if TYPE_CHECKING:
    from torch import Tensor


def network_tensors(network: Any) -> dict[str, Tensor]:
    """The tensors of an unfused YOLO network to write: ``yolo.<key>``, fp16, on the CPU."""
    state: dict[str, Tensor] = network.state_dict()
    return {
        PREFIX + key: value.detach().cpu().half().contiguous().clone()
        for key, value in state.items()
        if not key.endswith(COUNTER)
    }


def write_detector(path: Path, tensors: Mapping[str, Tensor], names: Sequence[str]) -> None:
    """Writes a file that contains a detector only, atomically.

    Args:
        path: The file; its folder is created.
        tensors: The result of ``network_tensors``.
        names: Class names by class id.

    Raises:
        OSError: The file could not be written.
    """
    from safetensors.torch import save

    atomic.write_bytes(path, seal(save(dict(tensors), metadata(names))))


def metadata(names: Sequence[str]) -> dict[str, str]:
    """The safetensors metadata of the detector in a file of Flint weights."""
    return {"format": FORMAT, "yolo": VARIANT, "names": json.dumps(list(names), ensure_ascii=False)}
