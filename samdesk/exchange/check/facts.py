"""What the checks know: of some images with their annotations and label files, and of the whole dataset."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samdesk.dataset.trainer.facts import TrainingFacts
from samdesk.domain.annotation import AnnotationId
from samdesk.domain.document import ImageKey
from samdesk.domain.labels import LabelId, LabelSet
from samdesk.domain.split import Split
from samdesk.exchange.check.overlaps import close_pairs
from samdesk.formats.label_lines import LineProblem


@dataclass(frozen=True)
class LabelText:
    """A label file.

    Attributes:
        path: The file, relative to the dataset's folder or absolute.
        exists: Whether there is one.
        problem: Why it cannot be read; "": it can.
        own: samdesk has written all of it.
        changed: It does not say what samdesk last read or wrote.
        problems: Its bad lines.
        crossing: Its lines whose outline crosses itself, as it is in the file.
        outside: Its lines with values outside 0..1 that are clipped.
        boxes: Whether it has boxes.
        outlines: Whether it has outlines.
        keypoints: Whether it has boxes with keypoints.
        highest: The highest class id; -1: none.
        ids: The annotations of the lines that cross themselves or lie outside.
    """

    path: str
    exists: bool = False
    problem: str = ""
    own: bool = True
    changed: bool = False
    problems: tuple[LineProblem, ...] = ()
    crossing: tuple[int, ...] = ()
    outside: tuple[int, ...] = ()
    boxes: bool = False
    outlines: bool = False
    keypoints: bool = False
    highest: int = -1
    ids: Mapping[int, AnnotationId] = field(default_factory=dict)


@dataclass(frozen=True)
class CheckedImage:
    """An image with what is known of its file and its label file.

    Attributes:
        key: The image.
        problem: Why it cannot be read; "": it can.
        size: Of the EXIF-rotated image, pixels; None: unknown.
        annotated_size: The size it had when it was annotated; None: it is not in the store.
        orientation: Of EXIF, 1 to 8.
        swapped: Whether that swaps width and height.
        dropped: Why the trainer drops it; "": it does not.
        review: Its review state, as the store has it.
        count: Number of its annotations.
        text: Its label file.
        damaged: Number of annotations in the store that cannot be read.
    """

    key: ImageKey
    problem: str = ""
    size: tuple[int, int] | None = None
    annotated_size: tuple[int, int] | None = None
    orientation: int = 1
    swapped: bool = False
    dropped: str = ""
    review: str = "unreviewed"
    count: int = 0
    text: LabelText = LabelText("")
    damaged: int = 0


@dataclass(frozen=True, eq=False)
class Instances:
    """The annotations of some images, one after another; those of an image stand together.

    Attributes:
        owner: (N,) int: the number of the image of each.
        ids: Their ids.
        labels: Their labels.
        regions: (N,) regions, pixels.
        areas: (N,) pixels.
        bounds: (N, 4) x0, y0, x1, y1, pixels.
        pending: (N,) bool: not reviewed.
    """

    owner: NDArray[np.int64]
    ids: list[AnnotationId]
    labels: list[LabelId]
    regions: NDArray[np.object_]
    areas: NDArray[np.float64]
    bounds: NDArray[np.float64]
    pending: NDArray[np.bool_]

    @cached_property
    def pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """``overlaps.close_pairs`` of them, which several checks ask for."""
        return close_pairs(self.owner, self.areas, self.bounds, self.regions)


@dataclass(frozen=True, eq=False)
class ImageBatch:
    """Some images.

    Attributes:
        images: The images.
        instances: Their annotations.
    """

    images: tuple[CheckedImage, ...]
    instances: Instances


@dataclass(eq=False)
class CheckFacts:
    """What is known of the whole dataset. What is counted is complete after the last batch.

    Attributes:
        folder: The dataset, with links resolved.
        keys: Its images.
        training: What the trainer makes of it.
        labels: Its labels.
        declared: Number of classes that data.yaml names, or the dataset has.
        splits: The split of images; empty: there are none.
        shares: Image -> the image whose label file it would have, too.
        train_size: Longer side of the images as the trainer sees them, pixels.
        files_hold: What label files hold: "all", "not-rejected" or "accepted".
        orphans: Label files without an image, relative to the folder or absolute.
        listed: Split -> images that a list names and that are missing.
        identical: Groups of images with the same content.
        similar: Groups of images that look alike; None: pixels are not looked at.
        used: Number of annotations of each label.
        in_split: The same by split.
        boxes: Images whose label file has boxes only.
        outlines: Number of label files with outlines.
        pending: Number of annotations that are not reviewed, and of their images.
    """

    folder: Path
    keys: tuple[ImageKey, ...]
    training: TrainingFacts
    labels: LabelSet = field(default_factory=LabelSet)
    declared: int = 0
    splits: Mapping[ImageKey, Split] = field(default_factory=dict)
    shares: Mapping[ImageKey, ImageKey] = field(default_factory=dict)
    train_size: int = 640
    files_hold: str = "all"
    orphans: tuple[str, ...] = ()
    listed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    identical: tuple[tuple[ImageKey, ...], ...] = ()
    similar: tuple[tuple[ImageKey, ...], ...] | None = None
    used: Counter[LabelId] = field(default_factory=Counter)
    in_split: dict[Any, Counter[LabelId]] = field(default_factory=lambda: defaultdict(Counter))
    boxes: list[ImageKey] = field(default_factory=list)
    outlines: int = 0
    dropped: dict[ImageKey, str] = field(default_factory=dict)

    def name(self, label_id: LabelId) -> str:
        """The name of a label, for messages."""
        return self.labels.get(label_id).name if label_id in self.labels else "an unknown label"

    def count(self, batch: ImageBatch) -> None:
        """Adds what a batch says to the totals."""
        instances = batch.instances
        self.used.update(instances.labels)
        if self.splits:
            splits = [self.splits.get(image.key) for image in batch.images]
            for owner, label in zip(instances.owner.tolist(), instances.labels, strict=True):
                self.in_split[splits[owner]][label] += 1
        for image in batch.images:
            if image.text.outlines or (image.text.own and image.count):
                self.outlines += 1
            elif image.text.boxes:
                self.boxes.append(image.key)
            if image.dropped and image.count:
                self.dropped[image.key] = image.dropped
