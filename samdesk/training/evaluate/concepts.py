"""Average precision of a model with an open vocabulary: prompted with words, and with 1, 5 and 20 examples.

The examples are on training images, and what is found is measured on held-out images. All ways of prompting
are measured for the same labels, so that they can be compared.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from time import perf_counter

import numpy as np

from samdesk.base.hashing import hash_file
from samdesk.base.jobs import CancelToken
from samdesk.dataset.examples.choosing import Candidate, chosen
from samdesk.engine.checkpoints.trusted import UntrustedFileError, trusting
from samdesk.engine.concepts.concept import Concept, Exemplar, ExemplarImage
from samdesk.engine.protocols import ConceptPredictor, Detection, MaskDetector, TextsUnavailable
from samdesk.images.reader import read_image
from samdesk.training.evaluate.average_precision import CONF, MAX_DET, NMS_IOU, class_precision
from samdesk.training.samples import Instance, TrainingImage

COUNTS = (1, 5, 20)
"""Examples of a label that are measured."""
IOUS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
"""COCO's: AP is the mean over them."""


@dataclass(frozen=True)
class LabelPrecision:
    """How well a label is found.

    Attributes:
        label: Its name.
        ap: Average precision of its boxes, the mean over ``IOUS``, 0..1.
        ap50: The same at an IoU of 0.5.
        examples: How many it was prompted with; there may be fewer than wanted.
    """

    label: str
    ap: float
    ap50: float
    examples: int


@dataclass(frozen=True)
class WayPrecision:
    """How well all labels are found, prompted in one way.

    Attributes:
        way: "words", or "5 examples".
        labels: Each label; empty: it could not be measured.
        problem: Why it could not, for the user.
        prompting_s: Seconds that prompting took.
        seconds: Seconds for all images.
    """

    way: str
    labels: tuple[LabelPrecision, ...] = ()
    problem: str = ""
    prompting_s: float = 0.0
    seconds: float = 0.0

    @property
    def ap(self) -> float:
        """Mean over the labels, 0..1; not a number if it could not be measured."""
        return float(np.mean([one.ap for one in self.labels])) if self.labels else math.nan

    @property
    def ap50(self) -> float:
        """Likewise at an IoU of 0.5."""
        return float(np.mean([one.ap50 for one in self.labels])) if self.labels else math.nan


@dataclass(frozen=True)
class FindMaterial:
    """What a model is prompted with and measured on.

    Attributes:
        names: Class names by class id.
        train: Images whose instances may be examples.
        held_out: Others, on which everything is annotated.
    """

    names: tuple[str, ...]
    train: tuple[TrainingImage, ...]
    held_out: tuple[TrainingImage, ...]

    @cached_property
    def measured(self) -> tuple[dict[int, list[Exemplar]], tuple[str, ...]]:
        """The labels that are measured with their examples, and the names of those that have none."""
        occur = sorted({one.label for image in self.held_out for one in image.instances})
        found = {label: self._exemplars(label) for label in occur}
        without = tuple(self.names[label] for label, some in found.items() if not some)
        return {label: some for label, some in found.items() if some}, without

    def _exemplars(self, label: int) -> list[Exemplar]:
        candidates, images = [], {}
        for place, image in enumerate(self.train):
            own = [one for one in image.instances if one.label == label and not one.region.is_empty]
            for one in own:
                candidates.append(_candidate(image, one, own, place / len(self.train)))
                images[image.key] = image
        best = islice(chosen(candidates), max(COUNTS))
        return [Exemplar(_exemplar_image(images[c.image]), c.box) for c in best]


def evaluate_concepts(
    model: ConceptPredictor,
    material: FindMaterial,
    *,
    imgsz: int,
    cancel: CancelToken,
    on_image: Callable[[int, int], None],
    trust: bool = False,
) -> list[WayPrecision]:
    """Measures a model prompted with words and with ``COUNTS`` examples of each label.

    Args:
        model: The model.
        material: The images.
        imgsz: Longest side of the network's input, pixels.
        cancel: Checked before each image.
        on_image: Called after each image with how many are done, of all ways, and how many there are.
        trust: Let a file that words need run code that it holds.

    Raises:
        Cancelled: ``cancel`` was used.
        EngineError: The model failed.
        ImageError: An image cannot be read.
    """
    exemplars, _ = material.measured
    ways = [("words", 0), *((f"{n} example{'s' if n > 1 else ''}", n) for n in COUNTS)]
    total = len(ways) * len(material.held_out)
    result = []
    for number, (way, count) in enumerate(ways):
        concepts = [
            Concept(material.names[label], () if count else (material.names[label],), tuple(some[:count]))
            for label, some in exemplars.items()
        ]
        before = number * len(material.held_out)

        def done(images: int, before: int = before) -> None:
            on_image(before + images, total)

        def find(concepts: Sequence[Concept] = concepts) -> MaskDetector:
            return trusting(lambda: model.find(concepts, pause=cancel.check), trust)

        result.append(_measured(find, way, concepts, tuple(exemplars), material, imgsz, cancel, done))
    return result


def _measured(
    find: Callable[[], MaskDetector],
    way: str,
    concepts: Sequence[Concept],
    labels: Sequence[int],
    material: FindMaterial,
    imgsz: int,
    cancel: CancelToken,
    done: Callable[[int], None],
) -> WayPrecision:
    started = perf_counter()
    try:
        detector = find()
    except (TextsUnavailable, UntrustedFileError) as error:
        done(len(material.held_out))
        return WayPrecision(way, problem=str(error))
    prompted = perf_counter()
    found: list[list[Detection]] = []
    for image in material.held_out:
        cancel.check()
        pixels = [read_image(image.path)]
        found += detector.detect(pixels, conf=CONF, iou=NMS_IOU, imgsz=imgsz, max_det=MAX_DET)
        done(len(found))
    precisions = []
    for theirs, (ours, concept) in enumerate(zip(labels, concepts, strict=True)):
        by_iou = [class_precision(material.held_out, found, ours, theirs, iou) or 0.0 for iou in IOUS]
        precisions.append(
            LabelPrecision(concept.label, float(np.mean(by_iou)), by_iou[0], len(concept.exemplars))
        )
    return WayPrecision(way, tuple(precisions), "", prompted - started, perf_counter() - prompted)


def find_table(results: Sequence[WayPrecision]) -> str:
    """AP and AP50 by the way of prompting, as Markdown."""
    lines = [
        "| prompted with | AP | AP50 | examples a label | prompting | an image |",
        "|---|---|---|---|---|---|",
    ]
    notes = []
    for one in results:
        if not one.labels:
            lines.append(f"| {one.way} | - | - | - | - | - |")
            notes.append(f"Not measured with {one.way}: {one.problem}")
            continue
        examples = np.mean([label.examples for label in one.labels])
        lines.append(
            f"| {one.way} | {one.ap:.3f} | {one.ap50:.3f} | {examples:.1f} | {one.prompting_s:.2f} s |"
            f" {one.seconds:.2f} s |"
        )
    return "\n".join([*lines, *(["", *notes] if notes else [])])


def _candidate(image: TrainingImage, one: Instance, others: Sequence[Instance], place: float) -> Candidate:
    height, width = image.image_hw
    x0, y0, x1, y1 = box = one.region.bounds
    overlap = max((_shared(box, other.region.bounds) for other in others if other is not one), default=0.0)
    cut = x0 < 1 or y0 < 1 or x1 > width - 1 or y1 > height - 1
    return Candidate(image.key, box, (width, height), place, cut, overlap)


def _shared(a: Sequence[float], b: Sequence[float]) -> float:
    """The intersection of two boxes as a share of the smaller one, 0..1."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    smaller = min((a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1]))
    return width * height / smaller if width > 0 and height > 0 and smaller > 0 else 0.0


def _exemplar_image(image: TrainingImage) -> ExemplarImage:
    return ExemplarImage(image.key, hash_file(image.path), lambda: read_image(image.path))
