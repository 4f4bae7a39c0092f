"""Flint's detector: Ultralytics' YOLO11n with weights from a safetensors file.

File format "flint-1": tensors ``yolo.<key>`` are the network's state dict (fp16, batch norms not folded,
without their counters); the metadata has "names", a JSON list of class names by class id, and "yolo", the
variant of the network. Other tensors, such as those of the prompt head, are ignored. No code in the file is
ever run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samdesk.base import json_file
from samdesk.base.errors import first_line
from samdesk.base.places import flint_weights
from samdesk.engine import ultralytics
from samdesk.engine.checkpoints.sealed import check_file
from samdesk.engine.protocols import Detector, EngineError
from samdesk.engine.runtime.imports import import_torch
from samdesk.engine.yolo.detector import YoloDetector
from samdesk.engine.yolo.self_test import find_fault

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = "flint-1"
PREFIX = "yolo."
VARIANT = "yolo11n"
COUNTER = "num_batches_tracked"
"""Suffix of state dict keys that are not stored: only training uses them."""

_CHOOSE = "Choose a Flint weights file."


@dataclass(frozen=True, eq=False)
class YoloWeights:
    """The detector's weights in a file.

    Attributes:
        tensors: By state dict key, fp16, on the CPU.
        names: Class names by class id.
    """

    tensors: Mapping[str, Tensor]
    names: tuple[str, ...]


def load_flint_detector(
    path: Path, device: str, precision: str, *, title: str = "Flint detector"
) -> Detector:
    """Loads the detector of a Flint weights file.

    Args:
        path: A file in the format "flint-1".
        device: A name that ``engine.runtime.device.resolve`` returns.
        precision: "auto", "fp32", "fp16" or "bf16" (which runs in fp32).
        title: Display name.

    Raises:
        EngineError: The file is missing, damaged, or has no detector.
        OutOfMemory: The device is out of memory.
    """
    model = build_yolo(read_yolo(path), str(path))
    fault = "" if path == flint_weights().resolve() else find_fault(model.model)  # its hash was checked
    if fault:
        raise EngineError(f"{path} cannot be used as a detector: {fault}. {_CHOOSE}")
    return YoloDetector(path, device, precision, model=model, model_title=title)


def read_yolo(path: Path) -> YoloWeights:
    """Reads the detector's tensors and class names from a Flint weights file.

    Raises:
        EngineError: The file is missing, damaged, or has no detector.
    """
    import_torch()
    from safetensors import SafetensorError, safe_open

    try:
        check_file(path)
        with safe_open(path, framework="pt") as file:
            names = _names(path, file.metadata() or {})
            tensors = {
                key.removeprefix(PREFIX): file.get_tensor(key).clone()
                for key in file.keys()  # noqa: SIM118 - not a mapping
                if key.startswith(PREFIX)
            }
    except FileNotFoundError as error:
        raise EngineError(f"The file {path} does not exist. {_CHOOSE}") from error
    except (SafetensorError, OSError, ValueError) as error:
        raise EngineError(
            f"{path} cannot be read as Flint weights: {first_line(error)}. It may be incomplete. {_CHOOSE}"
        ) from error
    return YoloWeights(tensors, names)


def build_yolo(weights: YoloWeights, source: str) -> Any:
    """Builds Ultralytics' ``YOLO`` with these weights, in fp32 on the CPU, in evaluation mode.

    Args:
        weights: Weights from ``read_yolo``.
        source: Name of their file, for error messages.

    Raises:
        EngineError: They do not fit the network.
    """
    yolo = ultralytics.build_yolo(VARIANT, weights.names)
    expected = {k: v for k, v in yolo.model.state_dict().items() if not k.endswith(COUNTER)}
    _check_tensors(source, weights.tensors, expected)
    yolo.model.load_state_dict({k: weights.tensors[k].float() for k in expected}, strict=False)
    return yolo


def _names(path: Path, metadata: Mapping[str, str]) -> tuple[str, ...]:
    """Checks the metadata of a file and returns its class names."""
    if metadata.get("format") != FORMAT:
        actual = metadata.get("format") or "none"
        raise EngineError(
            f"{path} is not a Flint weights file (format {actual!r}, expected {FORMAT!r}). {_CHOOSE}"
        )
    if metadata.get("yolo") != VARIANT:
        actual = metadata.get("yolo") or "none"
        raise EngineError(f"{path} has no supported detector ({actual!r}, expected {VARIANT!r}). {_CHOOSE}")
    try:
        names = json_file.parse(metadata.get("names", ""))
    except ValueError:
        names = None
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise EngineError(f"{path} has no class names for its detector. {_CHOOSE}")
    return tuple(names)


def _check_tensors(source: str, tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    problems = [
        ("missing", [k for k in expected if k not in tensors]),
        ("unknown", [k for k in tensors if k not in expected]),
        (
            "with a wrong shape",
            [k for k in expected if k in tensors and tensors[k].shape != expected[k].shape],
        ),
        ("not floating point", [k for k in tensors if not tensors[k].is_floating_point()]),
    ]
    faults = [f"{len(keys)} {problem} ({_first_keys(keys)})" for problem, keys in problems if keys]
    if faults:
        raise EngineError(f"{source} does not fit {VARIANT}: {'; '.join(faults)}. {_CHOOSE}")


def _first_keys(keys: Sequence[str]) -> str:
    return ", ".join(keys[:2]) + (", ..." if len(keys) > 2 else "")
