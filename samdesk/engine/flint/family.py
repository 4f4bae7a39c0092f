"""The row of Flint in the registry of model families. A file has a predictor, a detector, or both."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from samdesk.base.places import flint_weights
from samdesk.engine.flint import metadata
from samdesk.engine.flint.metadata import class_names
from samdesk.engine.models.weights_file import WeightsFile
from samdesk.engine.protocols import Detector, ModelInfo, Predictor, PromptKind

if TYPE_CHECKING:
    from samdesk.engine.flint.predictor import FlintPredictor
    from samdesk.engine.yolo.detector import YoloDetector

__all__ = ["ANSWERS", "ID", "class_names", "describe", "load", "load_detector", "recognise"]

ID = "flint"
ANSWERS = frozenset({PromptKind.POINT, PromptKind.BOX, PromptKind.MASK, PromptKind.WHOLE_IMAGE})


def recognise(file: WeightsFile) -> bool:
    """Returns whether a file has Flint weights, by its suffix."""
    return metadata.is_flint(file.path)


def load(path: Path, device: str, precision: str) -> Predictor:
    """See ``models.load.load_predictor``."""
    from samdesk.engine.runtime.device import precision_for, translate_torch_errors
    from samdesk.engine.runtime.imports import import_torch

    import_torch()
    import torch

    from samdesk.engine.flint.predictor import FlintPredictor
    from samdesk.engine.flint.weights import load_network
    from samdesk.engine.models.info import network_info

    precision = precision_for(device, precision)
    network = load_network(path, flint_weights())
    with translate_torch_errors(f"Loading {path.name}", device):
        network.to(device).to(memory_format=torch.channels_last)
    name, title = (ID, "Flint") if _is_built_in(path) else (path.name, path.name)
    title = metadata.title(path, title)
    info = network_info(network, path, device, precision, title=title, family=ID, name=name, answers=ANSWERS)
    return FlintPredictor(network, info)


def load_detector(path: Path, device: str, precision: str) -> Detector:
    """See ``models.load.load_detector``."""
    from samdesk.engine.flint.detector import load_flint_detector

    title = metadata.title(path, "Flint detector" if _is_built_in(path) else path.name)
    return load_flint_detector(path, device, precision, title=title)


def describe(model: FlintPredictor | YoloDetector) -> ModelInfo:
    """Returns the model's info with its GFLOPs: the encoder at 640 pixels, or the YOLO network."""
    from samdesk.engine.flint.predictor import WHOLE_SIDE
    from samdesk.engine.runtime.flops import count_gflops

    return replace(model.info, gflops=count_gflops(model.network, "embed", WHOLE_SIDE))


def _is_built_in(path: Path) -> bool:
    return path == flint_weights().resolve()
