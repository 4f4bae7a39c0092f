"""Queries of an open dataset, one function each; ``StorageClient.ask`` runs them on the storage thread."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias, TypeVar

import shapely

from samdesk.base.bulk import breathing
from samdesk.base.errors import UserError
from samdesk.dataset.dataset import Dataset
from samdesk.dataset.runs.record import RunImage, RunInfo
from samdesk.dataset.store.rows import StoredImage
from samdesk.dataset.types import FoundOutline, ImageError, ImageSummary
from samdesk.domain.annotation import Annotation, AnnotationId, RunId
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import Transaction, relabel
from samdesk.domain.labels import LabelId
from samdesk.domain.review import ImageReview
from samdesk.domain.split import Split
from samdesk.images.reader import read_size

MOST_OUTLINES = 100
"""Annotations of one question, so that a save never waits long."""

T = TypeVar("T")

_SUMMARIES = 5000
"""Images summarised at once: 100,000 take a second."""

Query: TypeAlias = Callable[[Dataset], T]
"""Reads something from a dataset. May raise ``UserError``."""


def summaries(dataset: Dataset, keys: Sequence[ImageKey] | None = None) -> list[ImageSummary]:
    """Returns size, annotation counts and review state of images: the rows of the image list.

    Args:
        dataset: The dataset.
        keys: Images on screen: for those not in the store, the image header and the label file are read.
            None: all images, without reading any file.
    """
    stored = dataset.core.rows.images(keys)
    for key in keys or ():
        if key not in stored:
            dataset.core.documents.probe(key)
    return _summaries(dataset, dataset.keys if keys is None else keys, stored)


def known_summaries(dataset: Dataset, start: int) -> list[ImageSummary]:
    """Returns ``summaries`` of the next images from a place on, without reading any file; []: no more."""
    keys = dataset.keys[start : start + _SUMMARIES]
    return _summaries(dataset, keys, dataset.core.rows.images(keys))


def _summaries(
    dataset: Dataset, keys: Sequence[ImageKey], stored: Mapping[ImageKey, StoredImage]
) -> list[ImageSummary]:
    documents = dataset.core.documents
    splits = dataset.core.rows.splits.of(keys)
    result = []
    for key in keys:
        image, problem = stored.get(key), documents.problems.get(key)
        if image is None:
            width, height = documents.sizes.get(key, (None, None))
            lines = documents.line_count(key)
            result.append(ImageSummary(key, width, height, lines, problem=problem, split=splits.get(key)))
        else:
            size = image.width, image.height
            result.append(
                ImageSummary(
                    key,
                    *size,
                    image.count,
                    image.pending,
                    image.review,
                    problem,
                    image.flagged,
                    splits.get(key),
                )
            )
    return result


def early_document(dataset: Dataset, key: ImageKey) -> ImageDocument | None:
    """Returns the document of an image while a long change is being saved, perhaps as before that.

    Nothing is changed or remembered, unlike by ``Dataset.load``; None: only that can read it.
    """
    try:
        return dataset.core.documents.early(key, read_size(dataset.path(key)))
    except (UserError, OSError):
        return None


def label_usage(dataset: Dataset) -> dict[LabelId, int]:
    """Returns the number of annotations per label.

    Those of label files never loaded are included, rejected ones are not.
    """
    return _usage(dataset, dataset.core.documents.only_in_files(dataset.keys))


def _usage(dataset: Dataset, unread: list[ImageKey]) -> dict[LabelId, int]:
    documents = dataset.core.documents
    labels = documents.labels.labels
    result = {label.id: 0 for label in labels}
    result.update(dataset.core.rows.usage())
    for label_id, count in dataset.core.rows.rejected_usage().items():
        result[label_id] -= count
    for key in breathing(unread, "Counting labels", dataset.core.breathe):
        for class_id, count in documents.class_counts(key).items():
            if 0 <= class_id < len(labels):
                result[labels[class_id].id] += count
    return result


def label_usage_within(dataset: Dataset, seconds: float) -> dict[LabelId, int] | None:
    """Returns ``label_usage``, or None after about this many seconds: ask again, it goes on where it was.

    The first count of a dataset reads every label file that is not in the store; saving waits for one part.
    """
    if not dataset.core.documents.count_more(dataset.keys, seconds):
        return None
    return _usage(dataset, dataset.core.documents.counted())


def splits(dataset: Dataset, keys: Sequence[ImageKey] | None = None) -> dict[ImageKey, Split]:
    """Returns the splits of those images that are in one; ``keys``: of these images only."""
    rows = dataset.core.rows.splits
    if keys is not None:
        return rows.of(keys)
    stored = rows.all()
    return {key: stored[key] for key in dataset.keys if key in stored}


def not_accepted(dataset: Dataset, keys: Sequence[ImageKey]) -> tuple[ImageKey, ...]:
    """Returns those of some images that the user has not accepted as a whole. Reads no file."""
    stored = dataset.core.rows.images(None)
    accepted = {key for key, image in stored.items() if image.review is ImageReview.ACCEPTED}
    return tuple(key for key in keys if key not in accepted)


def runs(dataset: Dataset) -> tuple[RunInfo, ...]:
    """Returns the auto-annotate runs, the newest first."""
    return dataset.core.history.journal.infos()


def run_images(dataset: Dataset, run_id: RunId) -> tuple[RunImage, ...]:
    """Returns what has become of each image of a run, in the order of the run."""
    return dataset.runs.images(run_id)


def plan_relabel(dataset: Dataset, old: LabelId, new: LabelId) -> Transaction:
    """Returns the transaction that gives every annotation of one label another label. Saves nothing."""
    documents = dataset.core.documents
    class_id = documents.labels.index(old)
    unread = [key for key in documents.only_in_files(dataset.keys) if documents.class_counts(key)[class_id]]
    edits = []
    found = dataset.core.rows.images_with(old) + unread
    for key in breathing(found, "Finding annotations", dataset.core.breathe):
        try:
            document = documents.get(key)
        except ImageError:
            continue  # without its size the label file cannot be read; saving reports it
        edit = relabel(document, [a.id for a in document.all_annotations if a.label_id == old], new)
        if edit:
            edits.append((key, edit))
    text = f"Change {documents.labels.get(old).name} to {documents.labels.get(new).name}"
    return Transaction(text, tuple(edits))


def outlines(
    dataset: Dataset, wanted: Sequence[tuple[ImageKey, AnnotationId]], detail: int
) -> dict[AnnotationId, FoundOutline | None]:
    """Returns annotations, rejected ones too, as they are now; None for one that is not there.

    Args:
        dataset: The dataset.
        wanted: At most ``MOST_OUTLINES`` annotations with their images.
        detail: Pixels that the longer side of an annotation is shown with: vertices that cannot be told apart
            then are left out.
    """
    images = dataset.core.rows.images(list({key for key, _ in wanted}))
    result: dict[AnnotationId, FoundOutline | None] = {}
    for key, annotation_id in wanted[:MOST_OUTLINES]:
        image = images.get(key)
        if image is not None:
            size = image.width, image.height
            found = dataset.core.rows.annotation(key, annotation_id, size)
        else:
            document = early_document(dataset, key)
            size = (1, 1) if document is None else (document.width, document.height)
            found = None if document is None else document.find(annotation_id)
        result[annotation_id] = None if found is None else _outline(found, size, detail)
    return result


def _outline(annotation: Annotation, size: tuple[int, int], detail: int) -> FoundOutline:
    region = annotation.region
    x0, y0, x1, y1 = region.bounds
    bounds = math.floor(x0), math.floor(y0), math.ceil(x1), math.ceil(y1)
    tolerance = max(x1 - x0, y1 - y0) / max(detail, 1) / 2
    simple = shapely.simplify(region, tolerance, preserve_topology=False)
    rings = shapely.get_rings(shapely.get_parts(region if simple.is_empty else simple))
    return FoundOutline(
        annotation.label_id,
        annotation.review,
        size,
        bounds,
        tuple(shapely.get_coordinates(ring) for ring in rings),
    )
