"""Ultralytics detection and segmentation models as detectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from samdesk.base.errors import first_line
from samdesk.domain.geometry.types import RgbImage
from samdesk.engine import ultralytics
from samdesk.engine.checkpoints.read import read_checkpoint
from samdesk.engine.models.info import network_info
from samdesk.engine.protocols import Detection, EngineError, ModelInfo
from samdesk.engine.runtime.device import precision_for, translate_torch_errors
from samdesk.engine.yolo.family import ID
from samdesk.engine.yolo.self_test import find_fault, find_odd_structure

_TASKS = ("detect", "segment")
_ALL_TASKS = (*_TASKS, "classify", "pose", "obb", "semantic", "depth")
_EXPORTED = (
    ".onnx", ".engine", ".torchscript", ".ts", ".mlpackage", ".mlmodel", ".pb", ".tflite", ".xml",
    ".yaml", ".yml",
)  # fmt: skip
"""Some of these are programs; none is opened."""


class YoloDetector:
    """A ``Detector`` around Ultralytics' ``YOLO``. Used by one thread at a time."""

    def __init__(
        self, path: Path, device: str, precision: str = "auto", *, model: Any = None, model_title: str = ""
    ) -> None:
        """Moves a model to a resolved device.

        Args:
            path: The file with its weights.
            device: As ``runtime.device.resolve`` returns it.
            precision: "auto", "fp32", "fp16" or "bf16" (which Ultralytics runs in fp32).
            model: Ultralytics' ``YOLO`` with the weights of ``path``; None: ``path`` is its checkpoint.
            model_title: For users; "": the stem of the file's name.

        Raises:
            EngineError: The file is damaged, or not a detection or segmentation model.
        """
        self._model = load_checkpoint(path) if model is None else model
        self._device = device
        self._predictor: Any = None
        wanted = precision_for(device, precision)
        self._half = wanted == "fp16"
        with translate_torch_errors(f"Loading {path.name}", device):
            self._model.to(device)
        self._info = network_info(
            self._model.model,
            path,
            device,
            "fp16" if self._half else "fp32",
            title=model_title or path.stem,
            family=ID,
        )

    @property
    def info(self) -> ModelInfo:
        """Properties of the model; GFLOPs are only counted by ``families.describe``."""
        return self._info

    @property
    def network(self) -> Any:
        """The torch module."""
        return self._model.model

    @property
    def names(self) -> tuple[str, ...]:
        """Class names by class id; a gap in the ids is called "class_7"."""
        names = self._model.names
        return tuple(str(names.get(i, f"class_{i}")) for i in range(max(names, default=-1) + 1))

    def detect(
        self,
        images: Sequence[RgbImage],
        *,
        conf: float = 0.25,
        iou: float = 0.45,
        imgsz: int = 640,
        max_det: int = 300,
        classes: Sequence[int] | None = None,
    ) -> list[list[Detection]]:
        """Detects the objects of each image, highest score first.

        Args:
            images: (H, W, 3) uint8 RGB, any sizes.
            conf: Minimum confidence.
            iou: IoU above which the less confident of two boxes of a class is dropped.
            imgsz: Longest side of the network's input, pixels.
            max_det: Maximum detections per image.
            classes: Class ids to detect; None: all.

        Raises:
            OutOfMemory: The device is full.
            EngineError: The model failed.
        """
        if not images or (classes is not None and not len(classes)):
            return [[] for _ in images]
        found: list[list[Detection]] = [[] for _ in images]
        # Ultralytics pads images of several sizes to squares: what it finds would depend on the other images.
        for same in by_size(images):
            batch = [images[i] for i in same]
            for i, one in zip(same, self._predict(batch, conf, iou, imgsz, max_det, classes), strict=True):
                found[i] = detections(one)
        return found

    def _predict(
        self,
        images: Sequence[RgbImage],
        conf: float,
        iou: float,
        imgsz: int,
        max_det: int,
        classes: Sequence[int] | None,
    ) -> list[Any]:
        """Runs the network on images of one size and returns Ultralytics' ``Results``."""
        if self._predictor is None:
            self._predictor = ultralytics.detection_predictor(self._model, self._device)
        results: list[Any]
        with translate_torch_errors("Detecting objects", self._device):
            results = self._model.predict(
                [np.ascontiguousarray(image[..., ::-1]) for image in images],  # Ultralytics takes BGR
                conf=conf,
                iou=iou,
                imgsz=imgsz,
                max_det=max_det,
                classes=None if classes is None else list(classes),
                agnostic_nms=False,  # Ultralytics turns it on for files named after YOLOE
                device=self._device,
                predictor=self._predictor,
                verbose=False,
                save=False,
                retina_masks=False,
                **ultralytics.half_precision(self._half),
            )
        return results


def by_size(images: Sequence[RgbImage]) -> list[list[int]]:
    """The indices of the images, those of one height and width together."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for i, image in enumerate(images):
        groups.setdefault(image.shape, []).append(i)
    return list(groups.values())


def detections(result: Any) -> list[Detection]:
    """The boxes of Ultralytics' ``Results``, highest score first."""
    rows = result.boxes.data.float().cpu().numpy()
    found = [
        Detection(float(x0), float(y0), float(x1), float(y1), float(score), int(class_id))
        for x0, y0, x1, y1, score, class_id in rows
    ]
    return sorted(found, key=lambda d: -d.score)


def load_checkpoint(path: Path) -> Any:
    """Loads Ultralytics' ``YOLO`` from a detection or segmentation checkpoint.

    Raises:
        UntrustedFileError: It holds code, and the user has not permitted it.
        EngineError: It is damaged, or of another kind.
    """
    if path.suffix.lower() in _EXPORTED:
        raise EngineError(f"{path} is an exported model. Choose the .pt checkpoint it was made from.")
    content = read_checkpoint(path)
    try:
        model = ultralytics.load_yolo(path, usable(path, content))
        fault = find_fault(model.model)
    except EngineError:
        raise
    except Exception as error:  # third-party code on a network whose every attribute comes from the file
        raise _no_yolo(path, first_line(error)) from error
    if fault:
        raise _no_yolo(path, fault)
    if model.task not in _TASKS:
        raise EngineError(
            f"{path} is a YOLO model for {str(model.task)!r}, not for detection or segmentation. "
            "Choose another."
        )
    return model


def usable(path: Path, checkpoint: Any) -> dict[str, Any]:
    """The part of a checkpoint that makes a detector: its network, and two of its training arguments.

    Raises ``EngineError`` if it holds no network, or a damaged one.
    """
    from torch import nn

    content = checkpoint if isinstance(checkpoint, Mapping) else {"model": checkpoint}
    network = content.get("ema") or content.get("model")
    network = getattr(network, "model", network) if not isinstance(network, nn.Module) else network
    if not isinstance(network, nn.Module):
        raise _no_yolo(path, "it holds no network")
    fault = find_odd_structure(network)
    if fault:
        raise _no_yolo(path, fault)
    arguments = content.get("train_args")
    arguments = arguments if isinstance(arguments, Mapping) else {}
    kept = {key: arguments[key] for key in ("imgsz", "single_cls") if type(arguments.get(key)) in (int, bool)}
    if arguments.get("task") in _ALL_TASKS:
        kept["task"] = arguments["task"]
    return {"model": network, "train_args": kept}


def _no_yolo(path: Path, reason: str) -> EngineError:
    return EngineError(
        f"{path} cannot be loaded as a YOLO model: {reason}. "
        "Choose an Ultralytics detection or segmentation checkpoint."
    )
