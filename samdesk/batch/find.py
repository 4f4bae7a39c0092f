"""Finds the objects in one image: a detector gives boxes, SAM draws a mask in each. No files, no threads.

The stages are functions of their own (``detect``, ``draw_masks``, ``with_regions``); ``models.find_objects``
runs them one after another for one image. Each mask keeps the class of its own box, whatever its score, and
there is one object for each detection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from samdesk.base.jobs import Pause, no_pause
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.domain.annotation import Annotation, AnnotationId, RunId, Source, new_annotation_id
from samdesk.domain.geometry.regions import clip, from_box, is_drawable
from samdesk.domain.geometry.types import Frame, Region, RgbImage
from samdesk.domain.labels import LabelId
from samdesk.domain.prompts import BoxPrompt, MaskCandidate, PromptSet
from samdesk.domain.review import AnnotationReview
from samdesk.engine.embedding import Embedding
from samdesk.engine.protocols import BoxEncoder, Detection, Detector, EngineError, ModelInfo, Predictor


@dataclass(frozen=True)
class DetectedBox:
    """A detection and its box, clipped to the image.

    Attributes:
        detection: The detector's output: box, class, score.
        region: The box, image pixels; never empty.
        mask: The detector's own mask, image pixels; None: the predictor draws one.
        stability: Of its own mask, see ``DetectedMask``.
        view: The part of the image to encode for its mask; None: the whole image.
        replaces: The annotation whose region becomes the mask; None: it is a new object.
    """

    detection: Detection
    region: Region
    mask: Region | None = None
    view: Frame | None = None
    replaces: AnnotationId | None = None
    stability: float = 0.0


@dataclass(frozen=True)
class FoundObject:
    """One detection with its mask.

    Attributes:
        detection: The detector's output: box, class, score.
        region: The mask, image pixels; the box itself where SAM's mask is empty. Never empty.
        mask_score: SAM's predicted IoU; 0.0 where its mask is empty, None for the detector's own mask.
        stability: SAM's stability score; 0.0 where its mask is empty.
        empty_mask: The mask is empty.
        model: The models that found it, see ``proposed_by``.
        replaces: See ``DetectedBox``.
    """

    detection: Detection
    region: Region
    mask_score: float | None
    stability: float = 0.0
    empty_mask: bool = False
    model: str = ""
    replaces: AnnotationId | None = None


def detect(
    images: Sequence[RgbImage],
    detector: Detector,
    plan: AutoAnnotatePlan,
    class_ids: Sequence[int] | None = None,
) -> list[list[DetectedBox]]:
    """Runs the detector: the boxes of each image, highest score first. A box without area is dropped."""
    detected = detector.detect(
        images,
        conf=plan.conf,
        iou=plan.iou,
        imgsz=plan.imgsz,
        max_det=plan.max_det,
        classes=class_ids,
    )
    return [_clipped(found, image) for found, image in zip(detected, images, strict=True)]


def proposed_by(*models: ModelInfo) -> str:
    """Names the models of a proposal ("yolo11n.pt + mobile_sam.pt"); one that is both is named once."""
    return " + ".join(dict.fromkeys(model.name for model in models))


def draw_masks(
    predictor: Predictor, image: RgbImage, boxes: Sequence[DetectedBox], pause: Pause = no_pause
) -> list[MaskCandidate | None]:
    """Encodes an image, if any box needs it, and decodes one mask per box, in the order of the boxes.

    Args:
        predictor: Draws the masks.
        image: (H, W, 3) uint8 RGB.
        boxes: What was found on it.
        pause: See ``Pause``.

    Returns:
        None for a box that has a mask of its own.

    Raises:
        EngineError: The predictor failed or returned another number of masks.
        Cancelled: Raised by ``pause``.
    """
    masks: list[MaskCandidate | None] = [None] * len(boxes)
    by_view: dict[Frame | None, list[int]] = {}
    for i, box in enumerate(boxes):
        if box.mask is None:
            by_view.setdefault(box.view if predictor.info.views else None, []).append(i)
    for view, members in by_view.items():
        embedding = _encode(predictor, image, view, pause)
        pause()
        drawn = _decode(predictor, embedding, [boxes[i] for i in members])
        for i, mask in zip(members, drawn, strict=True):
            masks[i] = mask
    return masks


def with_regions(
    boxes: Sequence[DetectedBox], masks: Sequence[MaskCandidate | None], model: str = ""
) -> list[FoundObject]:
    """The objects of an image, with their masks as regions.

    Args:
        boxes: What was found.
        masks: Of ``draw_masks``.
        model: ``FoundObject.model`` of the results.
    """
    return [_found(box, mask, model) for box, mask in zip(boxes, masks, strict=True)]


def to_annotation(found: FoundObject, label_id: LabelId, run_id: RunId | None = None) -> Annotation:
    """The annotation of a found object; it is pending until the user reviews it."""
    box = found.detection
    return Annotation(
        id=new_annotation_id(),
        label_id=label_id,
        region=found.region,
        source=Source.YOLO_SAM,
        review=AnnotationReview.PENDING,
        detector_score=box.score,
        mask_score=found.mask_score,
        stability=found.stability,
        model=found.model,
        prompts=PromptSet(box=BoxPrompt(box.x0, box.y0, box.x1, box.y1)),
        run_id=run_id,
    )


def _clipped(detections: Sequence[Detection], image: RgbImage) -> list[DetectedBox]:
    height, width = image.shape[:2]
    boxes = [DetectedBox(d, clip(from_box(d.x0, d.y0, d.x1, d.y1), width, height)) for d in detections]
    return [box for box in boxes if is_drawable(box.region)]


def _encode(predictor: Predictor, image: RgbImage, view: Frame | None, pause: Pause) -> Embedding:
    if view is None and isinstance(predictor, BoxEncoder):
        return predictor.encode_for_boxes(image, pause=pause)
    return predictor.encode(image, view=view, pause=pause)


def _decode(predictor: Predictor, embedding: Embedding, boxes: Sequence[DetectedBox]) -> list[MaskCandidate]:
    corners = [(b.detection.x0, b.detection.y0, b.detection.x1, b.detection.y1) for b in boxes]
    masks = predictor.predict_boxes(embedding, np.array(corners, dtype=np.float32))
    if len(masks) != len(boxes):
        raise EngineError(f"{predictor.info.title} gave {len(masks)} masks for {len(boxes)} boxes")
    return masks


def _found(box: DetectedBox, mask: MaskCandidate | None, model: str) -> FoundObject:
    if mask is None:
        own = box.mask if box.mask is not None and is_drawable(box.mask) else None
        return FoundObject(
            box.detection,
            box.region if own is None else own,
            None,
            stability=0.0 if own is None else box.stability,
            empty_mask=own is None,
            model=model,
            replaces=box.replaces,
        )
    region = mask.region()
    if is_drawable(region):
        return FoundObject(
            box.detection,
            region,
            float(mask.score),
            stability=float(mask.stability),
            model=model,
            replaces=box.replaces,
        )
    return FoundObject(box.detection, box.region, 0.0, empty_mask=True, model=model, replaces=box.replaces)
