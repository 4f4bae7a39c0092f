"""A detector and a predictor for drawn images (``make.photo``), and a real YOLO with random weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from samdesk.base.cv import cv2
from samdesk.base.jobs import Pause, no_pause
from samdesk.batch.find import DetectedBox
from samdesk.batch.models import Loaders
from samdesk.dataset.runs.annotated import AnnotatedImage
from samdesk.domain.document import ImageDocument
from samdesk.domain.geometry.regions import from_box
from samdesk.domain.geometry.types import BoolArray, FloatArray, Frame, RgbImage
from samdesk.domain.prompts import MaskCandidate, PromptSet
from samdesk.engine.embedding import Embedding
from samdesk.engine.protocols import Detection, EngineError, ModelInfo, predict_each_point

NAMES = ("ellipse", "nothing", "box")


class ColourDetector:
    """Finds the red ellipse (class 0) and the blue rectangle (class 2) of a drawn image."""

    def __init__(self, device: str = "cpu", before: Callable[[int], None] | None = None) -> None:
        self.device = device
        self.before = before or (lambda _: None)
        self.calls = 0
        self.names: tuple[str, ...] = NAMES

    @property
    def info(self) -> ModelInfo:
        return ModelInfo("colour.pt", "Colours", self.device, self.device.upper(), "fp32")

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
        self.calls += 1
        self.before(self.calls)
        answers = []
        for image in images:
            r, b = image[..., 0].astype(int), image[..., 2].astype(int)
            found = [*_boxes(r - b > 100, 0.9, 0), *_boxes(b - r > 100, 0.6, 2)]
            kept = [d for d in found if d.score >= conf and (classes is None or d.class_id in classes)]
            answers.append(kept[:max_det])
        return answers


def _boxes(mask: BoolArray, score: float, class_id: int) -> list[Detection]:
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    boxes = [stats[i] for i in range(1, count) if stats[i][4] > 50]
    return [
        Detection(float(x), float(y), float(x + w), float(y + h), score, class_id) for x, y, w, h, _ in boxes
    ]


def detected(
    x0: float, y0: float, x1: float, y1: float, score: float = 0.9, class_id: int = 0
) -> DetectedBox:
    """A box as a source of objects gives it."""
    return DetectedBox(Detection(x0, y0, x1, y1, score, class_id), from_box(x0, y0, x1, y1))


class InnerPredictor:
    """Fills each box except a margin; cycles through ``scores``; boxes in ``empty`` get no mask."""

    def __init__(
        self, device: str = "cpu", scores: Sequence[float] = (0.95,), empty: Sequence[int] = ()
    ) -> None:
        self.device = device
        self.scores = scores
        self.empty = empty
        self.encoded = 0

    @property
    def info(self) -> ModelInfo:
        return ModelInfo("inner.pt", "Inner", self.device, self.device.upper(), "fp32")

    def encode(self, image: RgbImage, *, view: Frame | None = None, pause: Pause = no_pause) -> Embedding:
        self.encoded += 1
        height, width = image.shape[:2]
        return Embedding("inner", (height, width), Frame(0, 0, float(max(height, width))), None, 0)

    def predict(
        self, embedding: Embedding, prompts: PromptSet, *, multimask: bool = True
    ) -> list[MaskCandidate]:
        raise NotImplementedError

    def predict_points(self, embedding: Embedding, points: FloatArray) -> Iterator[list[MaskCandidate]]:
        return predict_each_point(self, embedding, points)

    def predict_boxes(self, embedding: Embedding, boxes: FloatArray) -> list[MaskCandidate]:
        cell = embedding.frame.side / 256
        centre = (np.arange(256) + 0.5) * cell
        masks = []
        for i, (x0, y0, x1, y1) in enumerate(boxes):
            inside = np.minimum.outer(
                np.minimum(centre - y0, y1 - centre), np.minimum(centre - x0, x1 - centre)
            )
            logits = np.full((256, 256), -10.0) if i in self.empty else np.clip(inside - 2, -10, 10)
            masks.append(
                MaskCandidate(
                    logits.astype(np.float32),
                    embedding.frame,
                    image_hw=embedding.image_hw,
                    score=self.scores[i % len(self.scores)],
                    stability=1.0,
                )
            )
        return masks


class ColourModels:
    """Loaders of "colour.pt" and "inner.pt", which are also the defaults."""

    def __init__(
        self,
        before: Callable[[int], None] | None = None,
        scores: Sequence[float] = (0.95,),
        gpu: bool = False,
    ) -> None:
        self.asked: list[tuple[str, str]] = []
        self.detectors: list[ColourDetector] = []
        self.predictors: list[InnerPredictor] = []
        self._before = before
        self._scores = scores
        self._gpu = gpu

    @property
    def loaders(self) -> Loaders:
        return Loaders(self.detector, self.predictor, lambda: "inner.pt", lambda: "colour.pt")

    def detector(self, name: str, device: str, precision: str) -> ColourDetector:
        self.asked.append((name, device))
        if name not in ("colour.pt", "yolov8x.pt"):
            raise EngineError(f"{name!r} is neither a known model nor a file.")
        self.detectors.append(ColourDetector(self._device(device), self._before))
        return self.detectors[-1]

    def predictor(self, name: str, device: str, precision: str) -> InnerPredictor:
        self.asked.append((name, device))
        if name != "inner.pt":
            raise EngineError(f"The weights of {name} are not on this machine.")
        self.predictors.append(InnerPredictor(self._device(device), self._scores))
        return self.predictors[-1]

    def _device(self, device: str) -> str:
        return device or ("cuda:0" if self._gpu else "cpu")


def annotated(document: ImageDocument) -> AnnotatedImage:
    """What the store would say of an image before a run."""
    from_run = any(a.is_untouched for a in document.annotations)
    return AnnotatedImage(len(document.annotations), document.review, from_run)


def seeded_yolo(folder: Path) -> Path:
    """Saves a real YOLO11n with random weights, which detects noise with confidences of about 1e-5."""
    import torch

    from samdesk.engine.ultralytics import import_ultralytics

    path = folder / "seeded_yolo11n.pt"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = import_ultralytics().YOLO("yolo11n.yaml", task="detect")
        model.save(str(path))
    return path


def seeded_yolo_seg(folder: Path) -> Path:
    """Saves a real YOLO11n-seg with random weights, which finds objects with smooth masks everywhere."""
    import torch

    from samdesk.engine.ultralytics import import_ultralytics

    path = folder / "seeded_yolo11n-seg.pt"
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        yolo = import_ultralytics().YOLO("yolo11n-seg.yaml", task="segment")
        for name, buffer in yolo.model.named_buffers():
            if name.endswith("running_mean"):
                buffer.normal_(0.0, 0.1)
            elif name.endswith("running_var"):
                buffer.uniform_(0.5, 1.5)
        head = yolo.model.model[-1]
        for classes, masks in zip(head.cv3, head.cv4, strict=True):
            classes[-1].weight.normal_(0.0, 1.0)
            classes[-1].bias.zero_()
            masks[-1].bias.normal_(0.0, 5.0)
        enlarged = head.proto.upsample.weight
        enlarged.copy_(enlarged.mean((2, 3), keepdim=True))
        last = head.proto.cv3.bn
        yolo.model.eval()
        last.momentum = 1.0  # the prototypes of this image are as often below 0 as above
        last.train()
        yolo.model(torch.from_numpy(blocks(160, 160).transpose(2, 0, 1)[None].copy()).float() / 255)
        last.eval()
        yolo.save(str(path))
    return path


def blocks(height: int, width: int) -> RgbImage:
    """(height, width, 3) uint8: soft blocks of random colours."""
    colours = np.random.default_rng(0).integers(0, 255, (8, 12, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(colours, (width, height)), dtype=np.uint8)
