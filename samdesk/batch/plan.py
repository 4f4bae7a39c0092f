"""The plan of an auto-annotate run: models, thresholds, classes, and what happens to annotated images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from samdesk.domain.document import ImageKey
from samdesk.domain.labels import LabelId, LabelSet

Existing: TypeAlias = Literal["skip", "add", "replace"]
EXISTING: tuple[Existing, ...] = ("skip", "add", "replace")


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
