"""Makes a large dataset: images, annotations of auto-annotate runs and their decisions, and an undo log."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from shapely.geometry import MultiPolygon, Polygon

from samdesk.dataset.store.database import Store
from samdesk.dataset.store.history import History
from samdesk.dataset.store.rows import FileState, Rows
from samdesk.domain.annotation import Annotation, AnnotationId, RunId, Source
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import Edit, Placed, Transaction
from samdesk.domain.labels import LabelSet
from samdesk.domain.prompts import BoxPrompt, PromptSet
from samdesk.domain.review import AnnotationReview, ImageReview

Points: TypeAlias = NDArray[np.float64]

SIZE = (640, 480)
_LINKS = 10_000
"""Hard links to one file: file systems allow some ten thousand."""
_AT_ONCE = 2000
"""Images saved together."""
_VERTICES = 24
_CLASSES = 80
_RUNS = 4
_REVIEWS = (
    (AnnotationReview.PENDING, 0.6),
    (AnnotationReview.ACCEPTED, 0.28),
    (AnnotationReview.CORRECTED, 0.07),
    (AnnotationReview.REJECTED, 0.04),
    (AnnotationReview.FLAGGED, 0.01),
)
"""What was decided about the proposals, and how often."""


@dataclass(frozen=True)
class ScaleSize:
    """How large the dataset is.

    Attributes:
        images: Number of images, in folders of 1,000.
        annotations: Number of annotations, the same for each image.
        steps: Of the undo log.
    """

    images: int = 100_000
    annotations: int = 1_000_000
    steps: int = 10_000


def make_scale_dataset(
    folder: Path, size: ScaleSize, on_step: Callable[[int, int], None] = lambda _done, _total: None
) -> None:
    """Writes a dataset into a new folder: one small image under many names, and a store.

    The rows are those that the program itself writes for these annotations; there are no label files. Every
    size gives the same annotations every time. 1,000,000 annotations take some minutes and 1.5 GB.

    Args:
        folder: Must not exist.
        size: How large.
        on_step: Called with the progress.
    """
    folder.mkdir(parents=True)
    names = [f"part{n // 1000:03}/IMG_{n + 1}.jpg" for n in range(size.images)]
    _write_images(folder, names)
    (folder / ".samdesk").mkdir()
    labels = LabelSet.from_names(f"group{n % 8}/class {n:02}" for n in range(_CLASSES))
    store = Store.open(folder / ".samdesk" / "dataset.db")
    try:
        rows = Rows(store)
        with store.transaction():
            rows.write_labels(labels)
        by_values = "name LIKE 'facts_by_%' AND name NOT IN ('facts_by_image', 'facts_by_age')"
        indexes = store.rows(f"SELECT name, sql FROM sqlite_master WHERE {by_values}")
        for name, _ in indexes:  # made at the end: in order, they take a tenth of the time
            store.execute(f"DROP INDEX {name}")
        documents = _documents(names, max(1, size.annotations // size.images), labels)
        for start in range(0, size.images, _AT_ONCE):
            with store.transaction():
                for document in islice(documents, _AT_ONCE):
                    rows.insert(document, FileState())
            on_step(min(start + _AT_ONCE, size.images), size.images)
        for _, sql in indexes:
            store.execute(sql)
        _write_steps(store, rows, names, size.steps)
    finally:
        store.close()


def _write_images(folder: Path, names: list[str]) -> None:
    source = folder
    for number, name in enumerate(names):
        path = folder / name
        if number % 1000 == 0:
            path.parent.mkdir()
        if number % _LINKS == 0:
            Image.new("RGB", SIZE, (90, 120, 90)).save(path)
            source = path
            continue
        try:
            os.link(source, path)
        except OSError:  # a file system without hard links
            shutil.copyfile(source, path)


def _documents(names: list[str], count: int, labels: LabelSet) -> Iterator[ImageDocument]:
    rng = np.random.default_rng(0)
    shares = np.array([share for _, share in _REVIEWS])
    outline = _outline()
    for number, name in enumerate(names):
        scores = rng.beta((4, 8, 12), (2, 1.5, 1.2), (count, 3)).round(4).tolist()
        reviews = rng.choice(len(_REVIEWS), count, p=shares).tolist()
        kinds = np.minimum(rng.geometric(0.08, count) - 1, _CLASSES - 1).tolist()
        radius = np.exp(rng.uniform(np.log(4), np.log(120), (count, 2)))
        centre = rng.uniform((0, 0), SIZE, (count, 2))
        points = np.clip(centre[:, None] + radius[:, None] * outline, 0, SIZE).round(2)
        ids = rng.bytes(16 * count).hex()
        run = _run(number * _RUNS // len(names))
        annotations = tuple(
            Annotation(
                AnnotationId(ids[32 * i : 32 * i + 32]),
                labels.labels[kinds[i]].id,
                MultiPolygon([Polygon(_apart(points[i], centre[i]))]),
                Source.YOLO_SAM,
                _REVIEWS[reviews[i]][0],
                detector_score=scores[i][0],
                mask_score=scores[i][1],
                prompts=PromptSet((), _box(points[i])),
                run_id=run,
                stability=scores[i][2],
                model="yolo11n.pt + mobile_sam.pt" if number % 2 else "flint",
            )
            for i in range(count)
        )
        shown = tuple(a for a in annotations if a.review is not AnnotationReview.REJECTED)
        rejected = tuple(a for a in annotations if a.review is AnnotationReview.REJECTED)
        pending = any(a.review is AnnotationReview.PENDING for a in shown)
        review = ImageReview.UNREVIEWED if pending else ImageReview.ACCEPTED
        yield ImageDocument(ImageKey(name), *SIZE, shown, review, 1, rejected)


def _run(number: int) -> RunId:
    return RunId(f"{number:032x}")


def _box(points: Points) -> BoxPrompt:
    return BoxPrompt(*points.min(axis=0).tolist(), *points.max(axis=0).tolist())


def _outline() -> Points:
    """A wavy outline around the origin, (24, 2)."""
    turn = 2 * np.pi * np.arange(_VERTICES) / _VERTICES
    wave = 0.85 + 0.15 * np.sin(5 * turn)
    return np.column_stack([wave * np.cos(turn), wave * np.sin(turn)])


def _apart(points: Points, centre: Points) -> Points:
    """The outline; a small square where the border of the image has left nothing of it."""
    if np.ptp(points, axis=0).min() >= 1 and Polygon(points).is_valid:
        return points
    x, y = np.clip(centre, 3, np.array(SIZE) - 3)
    return np.array([[x - 2, y - 2], [x + 2, y - 2], [x + 2, y + 2], [x - 2, y + 2]])


def _write_steps(store: Store, rows: Rows, names: list[str], count: int) -> None:
    """Writes steps to the undo log, each of which has accepted an annotation."""
    history = History(store)
    with store.transaction():
        for number in range(_RUNS):
            run = _run(number)
            history.journal.begin(run, "Auto-annotate")
            history.add_to_run(run, ImageKey(names[0]), Edit(), Edit())
            history.end_run(run)
        for number in range(count):
            document = rows.read(ImageKey(names[number % len(names)]))
            assert document is not None
            after = document.annotations[0]
            before = replace(after, review=AnnotationReview.PENDING)
            do, undo = (((document.key, Edit(put=(Placed(a),))),) for a in (after, before))
            history.append(Transaction(f"Accept {number}", do), Transaction(f"Accept {number}", undo))
