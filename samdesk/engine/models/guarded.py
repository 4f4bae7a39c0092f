"""Models of other packages, guarded: what they are given is checked before, what they return afterwards.

An exception of any kind, and a result that no detector or predictor may return, is an ``EngineError`` that
names the package, so it costs the image it was about and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from samdesk.base.errors import UserError, typed_line
from samdesk.base.jobs import Cancelled, Pause, no_pause
from samdesk.base.plugins import Plugin
from samdesk.domain.geometry.types import FloatArray, Frame, RgbImage
from samdesk.domain.prompts import MaskCandidate, PromptSet
from samdesk.engine.embedding import Embedding
from samdesk.engine.models import results
from samdesk.engine.prompt_check import check_coordinates, check_prompts
from samdesk.engine.protocols import (
    DetectedMask,
    Detection,
    Detector,
    EngineError,
    MaskDetector,
    ModelInfo,
    OutOfMemory,
    Predictor,
    Replicable,
    check_image,
)

T = TypeVar("T")

_DETECTOR = ("info", "names", "detect")
_PREDICTOR = ("info", "encode", "predict", "predict_boxes", "predict_points")


@dataclass(frozen=True)
class GuardedCalls:
    """Calls what a package provides, and turns its faults into ``EngineError``s that name it."""

    plugin: Plugin

    def call(self, doing: str, work: Callable[[], T]) -> T:
        """Calls a function of the package.

        Args:
            doing: The activity, for the message ("finding objects").
            work: The function.

        Raises:
            Cancelled: The function raised it.
            OutOfMemory: There is too little memory.
            EngineError: It raised anything else, also ``SystemExit``.
        """
        try:
            return work()
        except (Cancelled, KeyboardInterrupt):
            raise
        except BaseException as error:
            raise self._in_words(doing, error) from error

    def check(self, fault: str) -> None:
        """Raises ``EngineError`` if there is a fault."""
        if fault:
            raise EngineError(f"{self._name} returned what no model may: {fault}.", next=self._next)

    def refuse(self, reason: str) -> EngineError:
        """An error about what the package provides, which "is" or "has" something."""
        return EngineError(f"{self._name} {reason}.", next=self._next)

    @property
    def _name(self) -> str:
        return f"{self.plugin.name!r} of the package {self.plugin.owner}"

    @property
    def _next(self) -> str:
        return f"Update {self.plugin.owner}, or choose another model."

    def _in_words(self, doing: str, error: BaseException) -> EngineError:
        if isinstance(error, (OutOfMemory, MemoryError)) or type(error).__name__ == "OutOfMemoryError":
            return OutOfMemory(f"{self._name} ran out of memory while {doing}.")
        if isinstance(error, UserError):
            what, next_ = f"{self._name}: {error.what}", error.next or self._next
            return EngineError(what, where=error.where, next=next_)
        return EngineError(f"{self._name} failed while {doing} ({typed_line(error)}).", next=self._next)


def guarded_detector(model: object, plugin: Plugin) -> Detector:
    """What a package returned as a detector, guarded. Raises ``EngineError`` if it is none."""
    calls = GuardedCalls(plugin)
    _check_members(calls, model, _DETECTOR, "detector")
    detector = cast("Detector", model)
    if calls.call("naming its methods", lambda: isinstance(model, MaskDetector)):
        return _GuardedMaskDetector(cast("MaskDetector", model), calls)
    return _GuardedDetector(detector, calls)


def guarded_predictor(model: object, plugin: Plugin) -> Predictor:
    """What a package returned as a predictor, guarded. Raises ``EngineError`` if it is none."""
    calls = GuardedCalls(plugin)
    _check_members(calls, model, _PREDICTOR, "predictor")
    return _guarded_predictor(cast("Predictor", model), calls)


def _guarded_predictor(predictor: Predictor, calls: GuardedCalls) -> Predictor:
    if calls.call("naming its methods", lambda: isinstance(predictor, Replicable)):
        return _GuardedReplicable(predictor, calls)
    return _GuardedPredictor(predictor, calls)


def _check_members(calls: GuardedCalls, model: object, members: Sequence[str], kind: str) -> None:
    missing = calls.call(
        "naming its methods", lambda: next((name for name in members if not hasattr(model, name)), "")
    )
    if missing:
        raise calls.refuse(f"is {type(model).__name__}, which is no {kind}: it has no {missing!r}")


def _info(model: Detector | Predictor, calls: GuardedCalls) -> ModelInfo:
    """The model's info under the name it is chosen by; its version stands for the hash of its weights."""
    info = calls.call("describing itself", lambda: model.info)
    calls.check(results.info_fault(info))
    package = calls.plugin.origin
    return replace(
        info,
        name=calls.plugin.name,
        title=info.title.strip() or calls.plugin.name,
        sha256=info.sha256 or package,
        path="",
        family="",
        package=package,
    )


class _GuardedDetector:
    """A detector of another package."""

    def __init__(self, detector: Detector, calls: GuardedCalls) -> None:
        self._detector, self._calls = detector, calls
        self._info = _info(detector, calls)
        names = calls.call("naming its classes", lambda: detector.names)
        calls.check(results.names_fault(names))
        self._names = tuple(names)

    @property
    def info(self) -> ModelInfo:
        """Properties of the model."""
        return self._info

    @property
    def names(self) -> tuple[str, ...]:
        """Class names by class id."""
        return self._names

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
        """See ``Detector.detect``. What is beyond the thresholds is dropped, and the rest sorted."""
        given = [_read_only(image) for image in images]
        if not given:
            return []
        found = self._calls.call(
            "finding objects",
            lambda: self._detector.detect(
                given, conf=conf, iou=iou, imgsz=imgsz, max_det=max_det, classes=classes
            ),
        )
        self._calls.check(results.detections_fault(found, given, self._names))
        return [
            [
                _inside(d, image)
                for d in sorted(some, key=lambda d: -d.score)
                if d.score >= conf and (classes is None or d.class_id in classes)
            ][:max_det]
            for some, image in zip(found, given, strict=True)
        ]


class _GuardedMaskDetector(_GuardedDetector):
    """A segmentation model of another package."""

    def __init__(self, detector: MaskDetector, calls: GuardedCalls) -> None:
        super().__init__(detector, calls)
        self._segmenter = detector

    def segment(
        self,
        images: Sequence[RgbImage],
        *,
        conf: float = 0.25,
        iou: float = 0.45,
        imgsz: int = 640,
        max_det: int = 300,
        classes: Sequence[int] | None = None,
    ) -> list[list[DetectedMask]]:
        """See ``MaskDetector.segment``. What is beyond the thresholds is dropped, and the rest sorted."""
        given = [_read_only(image) for image in images]
        if not given:
            return []
        found = self._calls.call(
            "segmenting objects",
            lambda: self._segmenter.segment(
                given, conf=conf, iou=iou, imgsz=imgsz, max_det=max_det, classes=classes
            ),
        )
        self._calls.check(results.masks_fault(found, given, self._names))
        return [
            [
                DetectedMask(_inside(m.detection, image), m.region, float(m.stability))
                for m in sorted(some, key=lambda m: -m.detection.score)
                if m.detection.score >= conf and (classes is None or m.detection.class_id in classes)
            ][:max_det]
            for some, image in zip(found, given, strict=True)
        ]


class _GuardedPredictor:
    """A predictor of another package. ``Embedding.data`` is the package's own ``Embedding``."""

    def __init__(self, predictor: Predictor, calls: GuardedCalls) -> None:
        self._predictor, self._calls = predictor, calls
        self._info = _info(predictor, calls)

    @property
    def info(self) -> ModelInfo:
        """Properties of the model."""
        return self._info

    def encode(self, image: RgbImage, *, view: Frame | None = None, pause: Pause = no_pause) -> Embedding:
        """See ``Predictor.encode``."""
        given = _read_only(image)
        view = view if self._info.views else None
        own = self._calls.call(
            "encoding the image", lambda: self._predictor.encode(given, view=view, pause=pause)
        )
        height, width = given.shape[:2]
        self._calls.check(results.embedding_fault(own, (height, width)))
        return Embedding(self._info.key, (height, width), own.frame, own, int(own.nbytes))

    def predict(
        self, embedding: Embedding, prompts: PromptSet, *, multimask: bool = True
    ) -> list[MaskCandidate]:
        """See ``Predictor.predict``."""
        check_prompts(prompts)
        own = self._own(embedding)
        if not prompts:
            return []
        most = results.MOST_CANDIDATES if multimask else 1
        found = self._calls.call(
            "drawing the mask", lambda: self._predictor.predict(own, prompts, multimask=multimask)
        )
        self._calls.check(results.candidates_fault(found, embedding.image_hw, most))
        return _best_first(found)

    def predict_boxes(self, embedding: Embedding, boxes: FloatArray) -> list[MaskCandidate]:
        """See ``Predictor.predict_boxes``."""
        check_coordinates(boxes, "box")
        own, corners = self._own(embedding), _rows(boxes, 4)
        if not len(corners):
            return []
        found = self._calls.call("drawing the masks", lambda: self._predictor.predict_boxes(own, corners))
        if not isinstance(found, list | tuple) or len(found) != len(corners):
            count = len(found) if isinstance(found, list | tuple) else type(found).__name__
            self._calls.check(f"it drew {count} masks in {len(corners)} boxes")
        self._calls.check(
            next((fault for one in found if (fault := results.candidate_fault(one, embedding.image_hw))), "")
        )
        return [_float32(one) for one in found]

    def predict_points(self, embedding: Embedding, points: FloatArray) -> Iterator[list[MaskCandidate]]:
        """See ``Predictor.predict_points``."""
        check_coordinates(points, "point")
        return self._decoded(embedding, self._own(embedding), _rows(points, 2))

    def _decoded(
        self, embedding: Embedding, own: Embedding, points: NDArray[np.float64]
    ) -> Iterator[list[MaskCandidate]]:
        doing = "drawing the masks"
        if not len(points):
            return
        answers = self._calls.call(doing, lambda: iter(self._predictor.predict_points(own, points)))
        for done in range(len(points)):
            found = self._calls.call(doing, lambda: next(answers, None))
            if found is None:
                self._calls.check(f"it drew masks of {done} points of {len(points)}")
            self._calls.check(results.candidates_fault(found, embedding.image_hw))
            yield _best_first(cast("Sequence[MaskCandidate]", found))

    def _own(self, embedding: Embedding) -> Embedding:
        if embedding.model != self._info.key or not isinstance(embedding.data, Embedding):
            raise EngineError(
                f"This image was encoded by {embedding.model}, not by {self._info.key}. Encode it again."
            )
        return embedding.data


class _GuardedReplicable(_GuardedPredictor):
    """A predictor of another package that several threads can use, each with a replica."""

    def replica(self, threads: int) -> Predictor:
        """See ``Replicable``."""
        predictor = cast("Replicable", self._predictor)
        found = self._calls.call("making a replica", lambda: predictor.replica(threads))
        _check_members(self._calls, found, _PREDICTOR, "predictor")
        return _guarded_predictor(found, self._calls)


def _read_only(image: RgbImage) -> RgbImage:
    """The image as a model of another package gets it: one that changes it in place raises ``ValueError``."""
    given: RgbImage = check_image(image).view()
    given.flags.writeable = False
    return given


def _inside(one: Detection, image: RgbImage) -> Detection:
    """The detection in Python's numbers, its box within the image."""
    height, width = image.shape[:2]
    x0, x1 = (min(max(float(x), 0.0), float(width)) for x in (one.x0, one.x1))
    y0, y1 = (min(max(float(y), 0.0), float(height)) for y in (one.y0, one.y1))
    return Detection(x0, y0, x1, y1, float(one.score), int(one.class_id))


def _best_first(found: Sequence[MaskCandidate]) -> list[MaskCandidate]:
    return [_float32(one) for one in sorted(found, key=lambda one: -one.score)]


def _float32(one: MaskCandidate) -> MaskCandidate:
    logits = one.logits if one.logits.dtype == np.float32 else one.logits.astype(np.float32)
    return replace(one, logits=logits, score=float(one.score), stability=float(one.stability))


def _rows(values: FloatArray, columns: int) -> NDArray[np.float64]:
    return np.array(values, np.float64).reshape(-1, columns)
