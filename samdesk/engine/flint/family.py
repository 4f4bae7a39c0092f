"""The row of Flint in the registry of model families. A file has a predictor, a detector, or both."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samdesk.base.places import flint_weights
from samdesk.engine.flint import metadata
from samdesk.engine.flint.metadata import class_names
from samdesk.engine.models.weights_file import WeightsFile
from samdesk.engine.protocols import Detector, EngineError, ModelInfo, Predictor, PromptKind

if TYPE_CHECKING:
    from samdesk.engine.flint.predictor import FlintPredictor

__all__ = ["ANSWERS", "ID", "class_names", "describe", "load", "load_detector", "recognise"]

ID = "flint"
ANSWERS = frozenset({PromptKind.POINT, PromptKind.BOX, PromptKind.MASK, PromptKind.WHOLE_IMAGE})


def recognise(file: WeightsFile) -> bool:
    """Returns whether a file has Flint weights, by its suffix."""
    return metadata.is_flint(file.path)


def load(path: Path, device: str, precision: str) -> Predictor:
    """See ``models.load.load_predictor``."""
    from samdesk.engine.flint import graphs
    from samdesk.engine.flint.self_test import find_fault
    from samdesk.engine.runtime.device import precision_for

    precision = precision_for(device, precision)
    if device == "cpu" and precision == "fp32" and graphs.available():
        predictor = _load_graphs(path)
    else:
        predictor = load_on_torch(path, device, precision)
    fault = "" if _is_built_in(path) else find_fault(predictor)  # its hash was checked
    if fault:
        raise EngineError(f"{path} cannot be used: {fault}; it may be damaged. Choose a Flint weights file.")
    return predictor


def load_on_torch(path: Path, device: str, precision: str) -> FlintPredictor:
    """Loads the predictor of a file on torch, as ``load`` does for a GPU, bf16, or without ONNX Runtime.

    Args:
        path: A Flint weights file.
        device: As ``runtime.device.resolve`` returns it.
        precision: "fp32", "fp16" or "bf16".
    """
    from samdesk.engine.runtime.device import translate_torch_errors
    from samdesk.engine.runtime.imports import import_torch

    import_torch()
    import torch

    from samdesk.engine.flint.predictor import FlintPredictor
    from samdesk.engine.flint.torch_runtime import TorchRuntime
    from samdesk.engine.flint.weights import load_network
    from samdesk.engine.models.info import network_info

    network = load_network(path, flint_weights())
    with translate_torch_errors(f"Loading {path.name}", device):
        network.to(device).to(memory_format=torch.channels_last)
    info = network_info(network, path, device, precision, **_names(path))
    return FlintPredictor(TorchRuntime(network, device, precision), info)


def _load_graphs(path: Path) -> FlintPredictor:
    """Loads the predictor of a file on ONNX Runtime."""
    from samdesk.base.hashing import hash_file
    from samdesk.engine.flint.graphs import GraphRuntime
    from samdesk.engine.flint.predictor import FlintPredictor

    runtime = GraphRuntime(path)
    info = ModelInfo(
        device="cpu",
        device_title=runtime.device_title,
        precision="fp32",
        layers=runtime.layers,
        parameters=runtime.parameters,
        memory_bytes=4 * runtime.parameters,
        path=str(path),
        sha256=hash_file(path)[:16],
        **_names(path),
    )
    return FlintPredictor(runtime, info)


def _names(path: Path) -> dict[str, Any]:
    """What a predictor's ``ModelInfo`` says of its file."""
    name, title = (ID, "Flint") if _is_built_in(path) else (path.name, path.name)
    return {"name": name, "title": metadata.title(path, title), "family": ID, "answers": ANSWERS}


def load_detector(path: Path, device: str, precision: str) -> Detector:
    """See ``models.load.load_detector``."""
    from samdesk.engine.flint.detector import load_flint_detector

    title = metadata.title(path, "Flint detector" if _is_built_in(path) else path.name)
    return load_flint_detector(path, device, precision, title=title)


def describe(model: FlintPredictor) -> ModelInfo:
    """Returns the model's info with the GFLOPs of its encoder at 640 pixels."""
    return replace(model.info, gflops=model.runtime.count_gflops())


def _is_built_in(path: Path) -> bool:
    return path == flint_weights().resolve()
