"""Model information that takes time to find out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from samdesk.engine import ultralytics
from samdesk.engine.protocols import Detector, ModelInfo, Predictor
from samdesk.engine.sam.prompts import INPUT_SIDE

_YOLO_SIDE = 640


def describe(model: Predictor | Detector) -> ModelInfo:
    """``model.info`` with the GFLOPs of one image at the model's input size, where they can be counted.

    For a SAM network that is the image encoder at 1024 pixels; for Flint its look at a whole photo, 640
    pixels; for YOLO the network at 640, as Ultralytics' ``model.info()`` counts. Takes up to some seconds.
    """
    from samdesk.engine.flint.predictor import WHOLE, FlintPredictor
    from samdesk.engine.sam.predictor import SamPredictor
    from samdesk.engine.yolo.detector import YoloDetector

    if isinstance(model, YoloDetector):
        layers, parameters, gflops = ultralytics.network_facts(model.network, _YOLO_SIDE)
        return replace(model.info, layers=layers, parameters=parameters, gflops=gflops)
    if isinstance(model, SamPredictor):
        encoder = ultralytics.build_network(model.kind).image_encoder
        return replace(model.info, gflops=_gflops(encoder, "forward", INPUT_SIDE))
    if isinstance(model, FlintPredictor):
        return replace(model.info, gflops=_gflops(model.network, "embed", WHOLE))
    return model.info


def _gflops(network: Any, work: str, side: int) -> float | None:
    """What one of a network's methods costs, counted on a copy without numbers: nothing is computed."""
    import copy

    import torch
    from torch.utils.flop_counter import FlopCounterMode

    try:
        shadow = copy.deepcopy(network).to("meta").eval()
        image = torch.empty((1, 3, side, side), device="meta", dtype=next(shadow.parameters()).dtype)
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            getattr(shadow, work)(image)
    except (RuntimeError, NotImplementedError, TypeError):
        return None  # an operation that has no shadow form
    return float(counter.get_total_flops()) / 1e9
