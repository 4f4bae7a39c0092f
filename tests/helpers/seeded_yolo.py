"""A YOLO11n with seeded random weights, in a file of Flint weights. No real weights are needed to run it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from samdesk.engine.ultralytics import build_yolo
from samdesk.training.detector.pack import network_tensors, write_detector


def seeded_yolo(names: Sequence[str], seed: int = 0) -> Any:
    """Ultralytics' ``YOLO`` around a YOLO11n whose weights are fp16 numbers; it sees objects everywhere."""
    import torch

    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        yolo = build_yolo("yolo11n", names)
        for key, buffer in yolo.model.named_buffers():
            if key.endswith("running_mean"):
                buffer.normal_(0.0, 0.1)
            elif key.endswith("running_var"):
                buffer.uniform_(0.5, 1.5)
        for branch in yolo.model.model[-1].cv3:
            branch[-1].weight.normal_(0.0, 1.0)
            branch[-1].bias.zero_()
        state = {
            key: value.half().to(value.dtype) if value.is_floating_point() else value
            for key, value in yolo.model.state_dict().items()
        }
        yolo.model.load_state_dict(state)
    return yolo


def save_seeded_yolo(path: Path, names: Sequence[str], seed: int = 0) -> Path:
    """Writes ``seeded_yolo`` to ``path`` as Flint weights."""
    write_detector(path, network_tensors(seeded_yolo(names, seed).model), names)
    return path
