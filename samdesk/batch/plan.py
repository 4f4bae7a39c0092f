"""Auto-annotate one image: detect, give every box to SAM, make annotations. No files, no threads.

Each mask keeps the class of its own box, whatever its score, and there is one annotation for each
detection; what may happen to annotations that are there already is decided here too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from samdesk.domain.annotation import Annotation, ReviewState, RunId, Source, new_annotation_id
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import Edit, Placed
from samdesk.domain.geometry.regions import clip, from_box, iou, is_drawable
from samdesk.domain.geometry.types import Region, RgbImage
from samdesk.domain.labels import LabelId, LabelSet
from samdesk.domain.prompts import BoxPrompt, PromptSet
from samdesk.engine.protocols import Detection, Detector, EngineError, Predictor

Existing: TypeAlias = Literal["skip", "add", "replace"]
EXISTING: tuple[Existing, ...] = ("skip", "add", "replace")

DUPLICATE_IOU = 0.5
"""Two regions of one label that overlap this much are the same object."""

TOUCHED = "a person worked on it"
HAS_ANNOTATIONS = "has annotations already"
NOT_FROM_A_RUN = "its annotations were not made by an earlier run"


@dataclass(frozen=True)
class AutoAnnotatePlan:
    """What an auto-annotate run shall do. ``ValueError`` (in words) if a number makes no sense.

    Attributes:
        det_model: Detector, name or path ("flint" for the one in the box).
        sam_model: Predictor, name or path ("flint" likewise).
        device: "cuda:0", "mps", "cpu" or "" for the best there is.
        precision: "auto", "fp32", "fp16" or "bf16".
        conf: Least detector confidence, 0..1.
        iou: Boxes of a class that overlap more than this are one object (NMS), 0..1.
        imgsz: The longer side that images have for the detector, pixels.
        max_det: Most detections an image.
        classes: The detector's class ids to use; None: all.
        mapping: Pairs (detector class name, label name). A class that is not named keeps its own name;
            one that is mapped to "" is not used.
        existing: What happens to images that have annotations: they are skipped, or added to without
            duplicates, or what an earlier run made (and no person changed) is replaced. An image that
            a person worked on is never changed.
        keys: The images to do; None: all of the dataset.
    """

    det_model: str = "yolov8x.pt"
    sam_model: str = "sam_b.pt"
    device: str = ""
    precision: str = "auto"
    conf: float = 0.25
    iou: float = 0.45
    imgsz: int = 640
    max_det: int = 300
    classes: tuple[int, ...] | None = None
    mapping: tuple[tuple[str, str], ...] = ()
    existing: Existing = "skip"
    keys: tuple[ImageKey, ...] | None = None

    def __post_init__(self) -> None:
        for name, value in (("conf", self.conf), ("iou", self.iou)):
            if not 0.0 <= value <= 1.0:
                raise ValueError(f"{name} must be between 0 and 1, not {value:g}")
        for name, number in (("imgsz", self.imgsz), ("max_det", self.max_det)):
            if number < 1:
                raise ValueError(f"{name} must be 1 or more, not {number}")
        if self.classes is not None and (not self.classes or min(self.classes) < 0):
            raise ValueError(f"classes must be class ids, 0 or more, not {list(self.classes)}")
        if self.existing not in EXISTING:
            raise ValueError(f"existing must be one of {', '.join(EXISTING)}, not {self.existing!r}")

    def used_classes(self, names: Sequence[str]) -> tuple[int, ...]:
        """The detector's class ids this run uses. ``ValueError`` for an id the detector does not have."""
        chosen = range(len(names)) if self.classes is None else self.classes
        unknown = [i for i in chosen if i >= len(names)]
        if unknown:
            raise ValueError(f"the detector has classes 0 to {len(names) - 1}, not {unknown}")
        return tuple(i for i in chosen if self._label_name(names, i))

    def labels_for(self, names: Sequence[str], labels: LabelSet) -> LabelSet:
        """``labels`` with those at the end that this run needs and that are not there yet."""
        for i in self.used_classes(names):
            name = self._label_name(names, i)
            if labels.find(name) is None:
                labels = labels.add(name)
        return labels

    def label_ids(self, names: Sequence[str], labels: LabelSet) -> dict[int, LabelId]:
        """The label of every class this run uses; ``labels`` has them all (``labels_for``)."""
        found = {i: labels.find(self._label_name(names, i)) for i in self.used_classes(names)}
        return {i: label.id for i, label in found.items() if label is not None}

    def _label_name(self, names: Sequence[str], class_id: int) -> str:
        own = " ".join(names[class_id].split()) or f"class_{class_id}"
        return " ".join(dict(self.mapping).get(names[class_id], own).split())


@dataclass(frozen=True)
class FoundObject:
    """One detection with its mask.

    Attributes:
        detection: What the detector said: box, class, score.
        region: The mask, image pixels; the box itself where SAM gave nothing. Never empty.
        mask_score: SAM's predicted IoU; 0.0 where SAM gave nothing.
        empty_mask: SAM gave nothing.
    """

    detection: Detection
    region: Region
    mask_score: float
    empty_mask: bool = False


def find_objects(
    image: RgbImage,
    detector: Detector,
    predictor: Predictor,
    plan: AutoAnnotatePlan,
    class_ids: Sequence[int] | None = None,
) -> list[FoundObject]:
    """Everything the detector finds in an image, highest score first, each with a mask of its own.

    Args:
        image: (H, W, 3) uint8 RGB.
        detector: Finds the boxes and their classes.
        predictor: Draws one mask a box; it is not asked where nothing was found.
        plan: Thresholds and sizes.
        class_ids: The classes to use, None for all.

    Raises:
        EngineError: A model failed.
    """
    height, width = image.shape[:2]
    answers = detector.detect(
        [image],
        conf=plan.conf,
        iou=plan.iou,
        imgsz=plan.imgsz,
        max_det=plan.max_det,
        classes=class_ids,
    )
    boxed = [(d, clip(from_box(d.x0, d.y0, d.x1, d.y1), width, height)) for d in answers[0]]
    boxed = [(d, box) for d, box in boxed if is_drawable(box)]  # a box of no area shows no object
    if not boxed:
        return []
    xyxy = np.array([(d.x0, d.y0, d.x1, d.y1) for d, _ in boxed], dtype=np.float32)
    masks = predictor.predict_boxes(predictor.encode(image), xyxy)
    if len(masks) != len(boxed):
        raise EngineError(f"{predictor.info.title} gave {len(masks)} masks for {len(boxed)} boxes")
    found = []
    for (detection, box), mask in zip(boxed, masks, strict=True):
        region = mask.region()
        if is_drawable(region):
            found.append(FoundObject(detection, region, float(mask.score)))
        else:
            found.append(FoundObject(detection, box, 0.0, empty_mask=True))
    return found


def to_annotation(found: FoundObject, label_id: LabelId, run_id: RunId | None = None) -> Annotation:
    """The annotation of a found object: a machine's, so it waits for a person's review."""
    box = found.detection
    return Annotation(
        id=new_annotation_id(),
        label_id=label_id,
        region=found.region,
        source=Source.YOLO_SAM,
        review=ReviewState.PENDING,
        detector_score=box.score,
        mask_score=found.mask_score,
        prompts=PromptSet(box=BoxPrompt(box.x0, box.y0, box.x1, box.y1)),
        run_id=run_id,
    )


def skip_reason(document: ImageDocument, existing: Existing) -> str | None:
    """Why a run leaves this image alone; None: it may annotate it."""
    if document.touched or document.done:
        return TOUCHED
    if not document.annotations or existing == "add":
        return None
    if existing == "skip":
        return HAS_ANNOTATIONS
    return None if any(a.run_id is not None for a in document.annotations) else NOT_FROM_A_RUN


def run_edit(document: ImageDocument, fresh: Iterable[Annotation], existing: Existing) -> Edit:
    """What a run does to an image: the new annotations come, without duplicates of those that stay.

    With "replace" those that an earlier run made go (a person's change takes the run id away).
    """
    goes = [a.id for a in document.annotations if existing == "replace" and a.run_id is not None]
    stays = [a for a in document.annotations if a.id not in goes]
    known = [(a.label_id, a.region) for a in stays]
    put = tuple(Placed(a) for a in fresh if not is_duplicate(a.label_id, a.region, known))
    return Edit(drop=tuple(goes), put=put)


def is_duplicate(label: object, region: Region, known: Iterable[tuple[object, Region]]) -> bool:
    """Whether one of the (label, region) pairs is the same object: same label, IoU of 0.5 or more."""
    return any(
        label == other_label and _boxes_meet(region, other) and iou(region, other) >= DUPLICATE_IOU
        for other_label, other in known
    )


def _boxes_meet(a: Region, b: Region) -> bool:
    """Cheap test before the exact areas."""
    ax0, ay0, ax1, ay1 = a.bounds
    bx0, by0, bx1, by1 = b.bounds
    return bool(ax0 <= bx1 and bx0 <= ax1 and ay0 <= by1 and by0 <= ay1)
