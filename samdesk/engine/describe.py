"""Model information that takes time to find out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from samdesk.engine import ultralytics_door
from samdesk.engine.protocols import Detector, ModelInfo, Predictor
from samdesk.engine.sam_prompts import INPUT_SIDE

_YOLO_SIDE = 640


def describe(model: Predictor | Detector) -> ModelInfo:
    """``model.info`` with the GFLOPs of one image at the model's input size, where they can be counted.

    For a SAM network that is the image encoder at 1024 pixels; for YOLO the network at 640, as
    Ultralytics' ``model.info()`` counts. Takes up to some seconds.
    """
    from samdesk.engine.sam_predictor import SamPredictor
    from samdesk.engine.yolo import YoloDetector

    if isinstance(model, YoloDetector):
        layers, parameters, gflops = ultralytics_door.network_facts(model.network, _YOLO_SIDE)
        return replace(model.info, layers=layers, parameters=parameters, gflops=gflops)
    if isinstance(model, SamPredictor):
        return replace(model.info, gflops=_encoder_gflops(model.network.module.image_encoder))
    return model.info


def _encoder_gflops(encoder: Any) -> float | None:
    """Counted on a copy without numbers: nothing is computed."""
    import copy

    import torch
    from torch.utils.flop_counter import FlopCounterMode

    try:
        shadow = copy.deepcopy(encoder).to("meta").eval()
        image = torch.empty(
            (1, 3, INPUT_SIDE, INPUT_SIDE), device="meta", dtype=next(shadow.parameters()).dtype
        )
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            shadow(image)
    except (RuntimeError, NotImplementedError, TypeError):
        return None  # an operation that has no shadow form
    return float(counter.get_total_flops()) / 1e9
