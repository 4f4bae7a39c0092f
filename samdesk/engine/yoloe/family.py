"""The row of Ultralytics' YOLOE in the registry of model families."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from samdesk.engine.models.weights_file import WeightsFile
from samdesk.engine.protocols import Detector, ModelInfo, PromptKind

if TYPE_CHECKING:
    from samdesk.engine.yoloe.detector import PromptedDetector
    from samdesk.engine.yoloe.predictor import YoloePredictor

ID = "yoloe"
ANSWERS = frozenset({PromptKind.TEXT, PromptKind.EXEMPLAR})
_CLASSES = frozenset({"ultralytics.nn.tasks YOLOESegModel", "ultralytics.nn.tasks YOLOEModel"})
_OWN_CLASSES = frozenset({"lrpc", "is_fused"})
"""Attributes of networks that have been given classes for good: those find their own, as any YOLO does."""
TEXT_ENCODERS = {"mobileclip": "mobileclip_blt.ts", "mobileclip2": "mobileclip2_b.ts"}
"""What a checkpoint calls the text encoder that it was trained with -> the file of that."""
_SIDE = 640


def recognise(file: WeightsFile) -> bool:
    """Whether a checkpoint holds a pickled YOLOE that can be prompted."""
    return bool(_CLASSES & file.names) and not _OWN_CLASSES & file.names


def load_detector(path: Path, device: str, precision: str) -> Detector:
    """See ``models.load.load_detector``; it makes a ``ConceptPredictor``, which is to be prompted first."""
    from samdesk.engine.yoloe.checkpoint import load_network
    from samdesk.engine.yoloe.predictor import YoloePredictor

    return YoloePredictor(path, device, precision, load_network(path))


def describe(model: YoloePredictor | PromptedDetector) -> ModelInfo:
    """Returns the model's info with the GFLOPs of an image of 640 pixels."""
    from samdesk.engine import ultralytics

    _, _, gflops = ultralytics.network_facts(model.network, _SIDE)
    return replace(model.info, gflops=gflops)


def text_encoder_name(text_model: object) -> str:
    """The name of the file with a network's text encoder; "" if samdesk cannot read that kind.

    Args:
        text_model: The network's attribute of that name ("mobileclip:blt"); older networks have none.
    """
    return TEXT_ENCODERS.get((str(text_model) or "mobileclip:blt").partition(":")[0], "")
