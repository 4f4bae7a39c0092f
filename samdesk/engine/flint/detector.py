"""Flint's detector: Ultralytics' YOLO11n with weights from a file of plain tensors.

The file is safetensors in the format "flint-1": tensors ``yolo.<key>`` for the state of the network
(fp16, batch norms not folded, without the counters of its batch norms), and in its metadata "names", a
JSON list of class names by class id, and "yolo", the variant of the network. What else the file holds,
such as the prompt head, is left alone. Nothing that is in such a file is ever run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samdesk.engine import ultralytics
from samdesk.engine.protocols import Detector, EngineError
from samdesk.engine.runtime.imports import import_torch
from samdesk.engine.yolo.detector import YoloDetector

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = "flint-1"
PREFIX = "yolo."
VARIANT = "yolo11n"
COUNTER = "num_batches_tracked"
"""The last part of the keys that are left out of a file: they only matter to a training."""

_CHOOSE = "Choose a file of Flint weights."


@dataclass(frozen=True, eq=False)
class YoloWeights:
    """The detector's part of a file.

    Attributes:
        tensors: By key of the network's state, fp16, on the CPU.
        names: Class names by class id.
    """

    tensors: Mapping[str, Tensor]
    names: tuple[str, ...]


def load_flint_detector(
    path: Path, device: str, precision: str, *, title: str = "Flint detector"
) -> Detector:
    """The detector of a file of Flint weights.

    Args:
        path: A file in the format "flint-1".
        device: As ``engine.device.resolve`` gives it.
        precision: "auto", "fp32", "fp16" or "bf16" (which it runs in fp32).
        title: What users see.

    Raises:
        EngineError: The file is not there, broken, or holds no detector; in words.
        OutOfMemory: It does not fit on the device.
    """
    model = build_yolo(read_yolo(path), str(path))
    return YoloDetector(path, device, precision, model=model, model_title=title)


def read_yolo(path: Path) -> YoloWeights:
    """The detector's tensors and class names in a file of Flint weights.

    Raises:
        EngineError: The file is not there, broken, or holds no detector; in words.
    """
    import_torch()
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            names = _names(path, file.metadata() or {})
            found = {
                key.removeprefix(PREFIX): file.get_tensor(key).clone()
                for key in file.keys()  # noqa: SIM118 - it is no mapping
                if key.startswith(PREFIX)
            }
    except FileNotFoundError as error:
        raise EngineError(f"There is no file {path}. {_CHOOSE}") from error
    except (SafetensorError, OSError, ValueError) as error:
        raise EngineError(
            f"{path} cannot be read as Flint weights: {_first_line(error)}. It may be cut short. {_CHOOSE}"
        ) from error
    return YoloWeights(found, names)


def build_yolo(weights: YoloWeights, whose: str) -> Any:
    """Ultralytics' ``YOLO`` with these weights, in fp32 on the CPU, in evaluation mode.

    Args:
        weights: Of ``read_yolo``.
        whose: The file they are from, for the message.

    Raises:
        EngineError: They do not fit the network; in words.
    """
    yolo = ultralytics.build_yolo(VARIANT, weights.names)
    wanted = {k: v for k, v in yolo.model.state_dict().items() if not k.endswith(COUNTER)}
    _check(whose, weights.tensors, wanted)
    yolo.model.load_state_dict({k: weights.tensors[k].float() for k in wanted}, strict=False)
    return yolo


def _names(path: Path, metadata: Mapping[str, str]) -> tuple[str, ...]:
    """The class names in a file's metadata, once it is known to be one of ours."""
    if metadata.get("format") != FORMAT:
        there = metadata.get("format") or "none"
        raise EngineError(
            f"{path} holds no Flint weights ({FORMAT!r} is expected, {there!r} found). {_CHOOSE}"
        )
    if metadata.get("yolo") != VARIANT:
        there = metadata.get("yolo") or "none"
        raise EngineError(
            f"{path} holds no detector that is known here ({there!r}, not {VARIANT!r}). {_CHOOSE}"
        )
    try:
        names = json.loads(metadata.get("names", ""))
    except ValueError:
        names = None
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise EngineError(f"{path} does not say which classes its detector finds. {_CHOOSE}")
    return tuple(names)


def _check(whose: str, found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> None:
    faults = [
        ("tensors missing", [k for k in wanted if k not in found]),
        ("unknown", [k for k in found if k not in wanted]),
        ("of another shape", [k for k in wanted if k in found and found[k].shape != wanted[k].shape]),
        ("not of numbers", [k for k in found if not found[k].is_floating_point()]),
    ]
    words = [f"{len(keys)} {word} ({_some(keys)})" for word, keys in faults if keys]
    if words:
        raise EngineError(f"{whose} does not fit {VARIANT}: {'; '.join(words)}. {_CHOOSE}")


def _some(keys: Sequence[str]) -> str:
    return ", ".join(keys[:2]) + (", ..." if len(keys) > 2 else "")


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200].rstrip(".") if lines else type(error).__name__
