"""Images, annotations and edits for the tests of the dataset."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from shapely.geometry import MultiPolygon, box

from samdesk.dataset.dataset import Dataset
from samdesk.domain.annotation import Annotation, RunId, Source, new_annotation_id
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import Edit, Transaction, add, by_user
from samdesk.domain.labels import LabelId, LabelSet
from samdesk.domain.review import AnnotationReview

SIZE = (64, 48)


def photos(folder: Path, *names: str) -> list[ImageKey]:
    """Writes small images and returns their keys."""
    for i, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.full((SIZE[1], SIZE[0], 3), 40 * i % 256, np.uint8)
        Image.fromarray(pixels).save(path)
    return [ImageKey(name) for name in names]


def region(x: float = 10, y: float = 8, width: float = 20, height: float = 15) -> MultiPolygon:
    return MultiPolygon([box(x, y, x + width, y + height)])


def drawn(label_id: LabelId, x: float = 10, y: float = 8, **more: object) -> Annotation:
    return Annotation(new_annotation_id(), label_id, region(x, y), **more)  # type: ignore[arg-type]


def by_run(label_id: LabelId, run_id: RunId, x: float = 30) -> Annotation:
    return drawn(
        label_id, x, source=Source.YOLO_SAM, review=AnnotationReview.PENDING, run_id=run_id,
        detector_score=0.8, mask_score=0.9,
    )  # fmt: skip


def with_labels(dataset: Dataset, *names: str) -> LabelSet:
    """Adds labels to a dataset, as a step."""
    labels = dataset.labels
    for name in names:
        labels = labels.add(name)
    dataset.commit(Transaction("Add labels", labels=labels, labels_before=dataset.labels))
    return dataset.labels


def user(key: ImageKey, edit: Edit, text: str = "Edit") -> Transaction:
    return Transaction(text, ((key, by_user(edit, ImageDocument(key, 10, 10))),))


def draw(dataset: Dataset, key: ImageKey, x: float = 10, label: int = 0) -> Annotation:
    """Adds a box drawn by the user."""
    annotation = drawn(dataset.labels.labels[label].id, x)
    dataset.commit(user(key, add([annotation]), "Add"))
    return annotation


def content(document: ImageDocument) -> tuple[object, ...]:
    """All of a document but its revision."""
    return (
        document.key, document.width, document.height, document.annotations, document.review
    )  # fmt: skip


def files(folder: Path, *suffixes: str) -> dict[str, bytes]:
    """The files of a folder with these suffixes, by their path in it."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.suffix in (suffixes or (".txt", ".yaml")) and ".samdesk" not in path.parts
    }


SQUARE = "0.25 0.25 0.5 0.25 0.5 0.75 0.25 0.75"
