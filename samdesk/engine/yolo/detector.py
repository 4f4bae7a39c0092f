"""Ultralytics detection and segmentation models as detectors."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from samdesk.base.errors import first_line
from samdesk.domain.geometry.types import RgbImage
from samdesk.engine import ultralytics
from samdesk.engine.models.info import network_info
from samdesk.engine.protocols import Detection, EngineError, ModelInfo
from samdesk.engine.runtime.device import precision_for, translate_torch_errors
from samdesk.engine.yolo.family import ID

_TASKS = ("detect", "segment")


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
        if self._predictor is None:
            self._predictor = ultralytics.detection_predictor(self._model, self._device)
        with translate_torch_errors("Detecting objects", self._device):
            results = self._model.predict(
                [np.ascontiguousarray(image[..., ::-1]) for image in images],  # Ultralytics takes BGR
                conf=conf,
                iou=iou,
                imgsz=imgsz,
                max_det=max_det,
                classes=None if classes is None else list(classes),
                device=self._device,
                predictor=self._predictor,
                verbose=False,
                save=False,
                retina_masks=False,
                **ultralytics.half_precision(self._half),
            )
        return [_detections(result) for result in results]


def _detections(result: Any) -> list[Detection]:
    rows = result.boxes.data.float().cpu().numpy()
    found = [
        Detection(float(x0), float(y0), float(x1), float(y1), float(score), int(class_id))
        for x0, y0, x1, y1, score, class_id in rows
    ]
    return sorted(found, key=lambda d: -d.score)


def load_checkpoint(path: Path) -> Any:
    """Loads Ultralytics' ``YOLO`` from a detection or segmentation checkpoint, a pickle.

    Raises:
        EngineError: It is damaged, or of another kind.
    """
    try:
        model = ultralytics.load_yolo(path)
    except (
        pickle.UnpicklingError,
        RuntimeError,
        EOFError,
        OSError,
        KeyError,
        AttributeError,
        TypeError,
        ValueError,
        ImportError,
        NotImplementedError,
    ) as error:
        raise EngineError(
            f"{path} cannot be loaded as a YOLO model: {first_line(error)}. "
            "Choose an Ultralytics detection or segmentation checkpoint."
        ) from error
    if isinstance(model.model, str):  # an exported model (ONNX, TensorRT...) is only opened on use
        raise EngineError(f"{path} is an exported model. Choose the .pt checkpoint it was made from.")
    if model.task not in _TASKS:
        raise EngineError(
            f"{path} is a YOLO model for {model.task!r}, not for detection or segmentation. Choose another."
        )
    return model
