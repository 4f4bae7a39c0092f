"""Plays the annotator on images with ground truth: from an auto-annotate run and from nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from samdesk.base.jobs import CancelToken
from samdesk.batch.find import to_annotation
from samdesk.batch.merge import run_edit
from samdesk.batch.models import find_objects
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.batch.sources.base import SourceImage
from samdesk.batch.sources.detector import DetectorSource
from samdesk.bench.effort.annotator import SimulatedAnnotator
from samdesk.bench.effort.mask_session import MaskModel
from samdesk.bench.effort.mouse import Mouse
from samdesk.bench.effort.truth import TruthImage
from samdesk.bench.effort.workspace import ALL_TOOLS, TODAYS_TOOLS, ToolSet, Workspace
from samdesk.domain.annotation import AnnotationId, new_run_id
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.geometry.types import RgbImage
from samdesk.domain.labels import LabelId
from samdesk.engine.protocols import Detector, Predictor
from samdesk.images.reader import read_image

STARTS = ("auto-annotated", "empty")


@dataclass(frozen=True)
class ImageEffort:
    """What one image took.

    Attributes:
        key: The image.
        start: One of ``STARTS``.
        tools: Name of the toolbox.
        objects: Number of objects asked for.
        spent: Gestures by kind of correction.
        unfinished: Objects that did not become right.
    """

    key: str
    start: str
    tools: str
    objects: int
    spent: Counter[str]
    unfinished: int


@dataclass(frozen=True)
class Played:
    """All that was played.

    Attributes:
        efforts: One for each image, start and toolbox.
        proposals: The auto-annotate run: each image with its document.
    """

    efforts: tuple[ImageEffort, ...]
    proposals: tuple[tuple[TruthImage, ImageDocument], ...]


def play(
    images: Sequence[TruthImage],
    detector: Detector,
    predictor: Predictor,
    plan: AutoAnnotatePlan,
    progress: Callable[[int, int], None],
    cancel: CancelToken,
    toolboxes: Sequence[ToolSet] = (ALL_TOOLS, TODAYS_TOOLS),
) -> Played:
    """Plays every image with each toolbox from each start; stops between two images if cancelled.

    Raises:
        UserError: An image cannot be read, or a model failed.
    """
    efforts: list[ImageEffort] = []
    proposals: list[tuple[TruthImage, ImageDocument]] = []
    for done, truth in enumerate(images):
        if cancel.cancelled:
            break
        progress(done, len(images))
        image = read_image(truth.path)
        proposed = auto_annotated(truth, image, detector, predictor, plan)
        proposals.append((truth, proposed))
        efforts += _play_image(truth, image, proposed, predictor, toolboxes)
    progress(len(proposals), len(images))
    return Played(tuple(efforts), tuple(proposals))


def auto_annotated(
    truth: TruthImage, image: RgbImage, detector: Detector, predictor: Predictor, plan: AutoAnnotatePlan
) -> ImageDocument:
    """The document of an image after an auto-annotate run."""
    source = DetectorSource(detector, plan, plan.used_classes(detector.names))
    found = find_objects(source, predictor, SourceImage(ImageKey(truth.key), image))
    run_id = new_run_id()
    fresh = [to_annotation(f, LabelId(detector.names[f.detection.class_id]), run_id) for f in found]
    empty = _empty(truth)
    return run_edit(empty, fresh, "add").apply(empty)[0]


def _play_image(
    truth: TruthImage,
    image: RgbImage,
    proposed: ImageDocument,
    predictor: Predictor,
    toolboxes: Sequence[ToolSet],
) -> Iterator[ImageEffort]:
    model = MaskModel(predictor, predictor.encode(image))
    for start, document in zip(STARTS, (proposed, _empty(truth)), strict=True):
        for tools in toolboxes:
            ids = count()
            work = Workspace(document, tools, lambda ids=ids: AnnotationId(f"new-{next(ids)}"))  # type: ignore[misc]
            annotator = SimulatedAnnotator(truth, work, model, Mouse(truth.key, truth.image_hw))
            annotator.work()
            yield ImageEffort(
                truth.key, start, tools.name, len(truth.objects), work.spent, annotator.unfinished
            )


def _empty(truth: TruthImage) -> ImageDocument:
    return ImageDocument(ImageKey(truth.key), truth.image_hw[1], truth.image_hw[0])
