"""The row of Ultralytics' YOLO in the registry of model families."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from samdesk.engine.models.weights_file import WeightsFile
from samdesk.engine.protocols import Detector, ModelInfo
from samdesk.engine.yoloe import family as yoloe

if TYPE_CHECKING:
    from samdesk.engine.yolo.detector import YoloDetector

ID = "yolo"
_SIDE = 640


def recognise(file: WeightsFile) -> bool:
    """Whether a checkpoint holds a pickled Ultralytics network with classes of its own."""
    return any(name.startswith("ultralytics.nn.") for name in file.names) and not yoloe.recognise(file)


def load_detector(path: Path, device: str, precision: str) -> Detector:
    """See ``models.load.load_detector``."""
    from samdesk.engine.yolo.detector import YoloDetector, load_checkpoint
    from samdesk.engine.yolo.segmenter import YoloSegmenter

    model = load_checkpoint(path)
    kind = YoloSegmenter if model.task == "segment" else YoloDetector
    return kind(path, device, precision, model=model)


def describe(detector: YoloDetector) -> ModelInfo:
    """Returns the model's info with layers, parameters and GFLOPs at 640 pixels.

    They are counted as by Ultralytics' ``model.info()``.
    """
    from samdesk.engine import ultralytics

    layers, parameters, gflops = ultralytics.network_facts(detector.network, _SIDE)
    return replace(detector.info, layers=layers, parameters=parameters, gflops=gflops)
