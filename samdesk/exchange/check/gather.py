"""Gathers what the checks need to know, a few hundred images at a time; reads headers and label files."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import shapely

from samdesk.base.boundary import Boundary
from samdesk.base.bulk import in_parts
from samdesk.base.jobs import CancelToken
from samdesk.dataset import queries
from samdesk.dataset.background.raw_images import RawImage, RawImages, raw_images
from samdesk.dataset.dataset import Dataset
from samdesk.dataset.labels.files import LabelFiles, with_classes
from samdesk.dataset.store import wkb
from samdesk.dataset.store.serial import regions_to_bytes
from samdesk.dataset.trainer.facts import TrainingFacts, read_content
from samdesk.dataset.trainer.training import training_facts
from samdesk.domain.annotation import AnnotationId
from samdesk.domain.document import ImageKey
from samdesk.domain.labels import LabelId, LabelSet
from samdesk.domain.review import AnnotationReview
from samdesk.domain.split import SPLITS, Split
from samdesk.exchange.access import DatasetAccess
from samdesk.exchange.check.facts import CheckedImage, CheckFacts, ImageBatch, Instances
from samdesk.exchange.check.label_text import read_label_text
from samdesk.exchange.processes.pool import WorkPool, default_processes
from samdesk.images.errors import ImageError
from samdesk.images.reader import examine_image

AT_ONCE = 500
"""Images of one question, so that a save never waits long."""
TRAIN_SIZE = 640
_FOR_EACH = 50
"""Images in one question to a process."""


@dataclass(frozen=True)
class Opening:
    """What a check asks the dataset at first.

    Attributes:
        folder: The dataset, with links resolved.
        keys: Its images.
        training: What its training depends on.
        labels: Its labels.
        declared: Number of classes that data.yaml names, else that the dataset has.
        splits: The split of images, as the store has it.
        boundary: Where its files may be.
        keypoint_values: Values after the box in a line with keypoints.
        folds_case: Whether names that differ only in letter case are one file.
        classes: ``LabelFiles.declared``.
        max_pixels: Larger images are not opened.
        train_size: Longer side of the images as the trainer sees them, pixels.
        files_hold: What label files hold.
        unread: Number of images that are not in the store: their label files are read.
    """

    folder: Path
    keys: tuple[ImageKey, ...]
    training: TrainingFacts
    labels: LabelSet
    declared: int
    splits: Mapping[ImageKey, Split]
    boundary: Boundary
    keypoint_values: int
    folds_case: bool
    classes: int
    max_pixels: int
    train_size: int
    files_hold: str
    unread: int


def opening(dataset: Dataset) -> Opening:
    """A query: what a check has to know before it reads images."""
    core = dataset.core
    size = dataset.settings_get("train_size") or ""
    return Opening(
        folder=dataset.folder,
        keys=dataset.keys,
        training=training_facts(dataset),
        labels=dataset.labels,
        declared=len(core.names.found) or core.files.declared,
        splits=queries.splits(dataset),
        boundary=core.files.boundary,
        keypoint_values=core.files.keypoint_values,
        folds_case=bool(core.files.folds_case),
        classes=core.files.declared,
        max_pixels=core.documents.max_pixels,
        train_size=int(size) if size.isdecimal() and int(size) > 0 else TRAIN_SIZE,
        files_hold=dataset.settings_get("label_files_hold") or "all",
        unread=max(0, len(dataset.keys) - core.rows.count_images()),
    )


def facts_of(opened: Opening) -> CheckFacts:
    """Returns what is known before images are read: splits, data.yaml, shared label files."""
    training = opened.training.with_content(read_content(opened.training.file, opened.folder))
    files = label_files(opened)
    shares = {key: owner for key in opened.keys if (owner := files.owner(key)) != key}
    return CheckFacts(
        folder=opened.folder,
        keys=opened.keys,
        training=training,
        labels=opened.labels,
        declared=opened.declared,
        splits=opened.splits or _splits_by_file(training, opened.keys),
        shares=shares,
        train_size=opened.train_size,
        files_hold=opened.files_hold,
        listed=_missing_of_lists(training, opened.keys),
    )


def label_files(opened: Opening) -> LabelFiles:
    """Returns the label files of a dataset for another thread than the storage thread."""
    return LabelFiles(
        opened.folder,
        opened.keys,
        opened.boundary,
        keypoint_values=opened.keypoint_values,
        declared=opened.classes,
        folds_case=opened.folds_case,
    )


def _splits_by_file(training: TrainingFacts, keys: Sequence[ImageKey]) -> dict[ImageKey, Split]:
    """The splits by data.yaml, where it has several."""
    places = training.reading.places
    if len(places) < 2 or training.unsplit:
        return {}
    result: dict[ImageKey, Split] = {}
    for key in keys:
        image = training.image(key)
        found = next((s for s in SPLITS if s in places and places[s].path(image) is not None), None)
        if found is not None:
            result[key] = found
    return result


def _missing_of_lists(training: TrainingFacts, keys: Sequence[ImageKey]) -> dict[str, tuple[str, ...]]:
    """Split -> the images that its list names and that do not exist."""
    known: set[str] = set()
    result = {}
    for split, places in training.reading.places.items():
        if not places.listed:
            continue
        known = known or {training.image(key) for key in keys}
        gone = [path for path in sorted(places.listed) if path not in known and not os.path.lexists(path)]
        if gone:
            result[split] = tuple(gone)
    return result


@dataclass(eq=False)
class Gatherer:
    """Reads the images of a dataset in batches.

    Attributes:
        access: The dataset.
        opened: What it said at first.
        files: Its label files, for this thread.
        labels: Its labels, with those that label files add.
        sizes: Bytes of a file -> the images of that many bytes, to find those that are the same.
    """

    access: DatasetAccess
    opened: Opening
    files: LabelFiles
    labels: LabelSet
    sizes: dict[int, list[ImageKey]] = field(default_factory=dict)

    @classmethod
    def of(cls, access: DatasetAccess, opened: Opening) -> Gatherer:
        """Returns one that begins with the first image."""
        return cls(access, opened, label_files(opened), opened.labels)

    def batches(self, processes: int | None = None) -> Iterator[ImageBatch]:
        """Yields all images, ``AT_ONCE`` at a time; processes read those that are not in the store."""
        asked: deque[tuple[Sequence[ImageKey], RawImages, int]] = deque()

        def questions() -> Iterator[list[ImageKey]]:
            for keys in in_parts(self.opened.keys, AT_ONCE):
                raw = self.access.ask_now(partial(raw_images, keys=keys))
                lists = list(in_parts([key for key in keys if key not in raw.images], _FOR_EACH)) or [[]]
                asked.append((keys, raw, len(lists)))
                yield from lists

        work = ReadingWork(label_files(self.opened), self.opened.labels, self.opened.max_pixels)
        if processes is None:
            processes = default_processes(self.opened.unread)
        with WorkPool[ImageKey, ReadImage](work, processes) as pool:
            answers = pool.answers(questions(), CancelToken())
            read: list[ReadImage] = []
            count = 0
            for answer in answers:
                read += answer
                count += 1
                if count == asked[0][2]:
                    keys, raw, _ = asked.popleft()
                    yield self._batch(keys, raw, {one.image.key: one for one in read})
                    read, count = [], 0

    def _batch(
        self, keys: Sequence[ImageKey], raw: RawImages, read: Mapping[ImageKey, ReadImage]
    ) -> ImageBatch:
        if len(raw.labels) > len(self.labels):
            self.labels = raw.labels
        rows = _InstanceRows()
        images = []
        for number, key in enumerate(keys):
            stored = raw.images.get(key)
            images.append(
                self._read(number, read[key], rows)
                if stored is None
                else self._stored(number, key, stored, rows)
            )
        return ImageBatch(tuple(images), rows.instances())

    def _stored(self, number: int, key: ImageKey, stored: RawImage, rows: _InstanceRows) -> CheckedImage:
        """An image that is in the store."""
        image, file_bytes = _examine(self.opened.folder / key, key, self.opened.max_pixels)
        self._note_size(key, file_bytes)
        image = replace(image, annotated_size=(stored.width, stored.height), review=stored.review)
        text, parsed = read_label_text(self.files, key, image.size, stored, self.labels)
        if parsed is not None:
            self.labels = parsed.labels
        damaged = rows.add_stored(number, stored)
        return replace(image, text=text, count=len(stored.annotations), damaged=damaged)

    def _read(self, number: int, read: ReadImage, rows: _InstanceRows) -> CheckedImage:
        """An image that is not."""
        self._note_size(read.image.key, read.file_bytes)
        self.labels = with_classes(self.labels, read.classes)
        rows.add_read(number, read, self.labels)
        return read.image

    def _note_size(self, key: ImageKey, file_bytes: int | None) -> None:
        if file_bytes is not None:
            self.sizes.setdefault(file_bytes, []).append(key)


@dataclass(frozen=True)
class ReadImage:
    """An image that is not in the store, with what its label file holds.

    Attributes:
        image: The image.
        file_bytes: Of its file; None: it cannot be read.
        classes: Labels that there are to be at least.
        ids: Of its annotations.
        class_ids: Of each.
        regions: Of each, as well-known binary, pixels.
    """

    image: CheckedImage
    file_bytes: int | None
    classes: int = 0
    ids: tuple[AnnotationId, ...] = ()
    class_ids: tuple[int, ...] = ()
    regions: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class ReadingWork:
    """Reads images that are not in the store; in the processes of a check.

    Attributes:
        files: Label files.
        labels: The label set.
        max_pixels: Larger images are not opened.
    """

    files: LabelFiles
    labels: LabelSet
    max_pixels: int

    def answer(self, questions: Sequence[ImageKey]) -> list[ReadImage]:
        """Returns what becomes of each image."""
        return [self._read(key) for key in questions]

    def _read(self, key: ImageKey) -> ReadImage:
        image, file_bytes = _examine(self.files.folder / key, key, self.max_pixels)
        text, parsed = read_label_text(self.files, key, image.size, None, self.labels)
        if parsed is None:
            return ReadImage(replace(image, text=text), file_bytes)
        annotations, labels = parsed.document.annotations, parsed.labels
        return ReadImage(
            replace(image, text=text, count=len(annotations)),
            file_bytes,
            len(labels),
            tuple(annotation.id for annotation in annotations),
            tuple(labels.index(annotation.label_id) for annotation in annotations),
            tuple(regions_to_bytes(annotation.region for annotation in annotations)),
        )


def _examine(path: Path, key: ImageKey, max_pixels: int) -> tuple[CheckedImage, int | None]:
    """An image by its header, and the size of its file."""
    try:
        header = examine_image(path, max_pixels=max_pixels)
        file_bytes = path.stat().st_size
    except ImageError as error:
        return CheckedImage(key, problem=error.reason), None
    except OSError:
        return CheckedImage(key, problem="it is gone"), None
    size = header.width, header.height
    return CheckedImage(key, "", size, None, header.orientation, header.swapped, header.dropped), file_bytes


@dataclass(eq=False)
class _InstanceRows:
    """The annotations of a batch, one list for each column."""

    owner: list[int] = field(default_factory=list)
    ids: list[AnnotationId] = field(default_factory=list)
    labels: list[LabelId] = field(default_factory=list)
    regions: list[bytes] = field(default_factory=list)
    pending: list[bool] = field(default_factory=list)

    def add_stored(self, number: int, stored: RawImage) -> int:
        """Adds the annotations of an image in the store. Returns how many are damaged."""
        damaged = 0
        for row in stored.annotations:
            try:
                wkb.check(row.region)
            except wkb.NotARegionError:
                damaged += 1
                continue
            self.owner.append(number)
            self.ids.append(row.id)
            self.labels.append(row.label_id)
            self.regions.append(row.region)
            self.pending.append(row.review == AnnotationReview.PENDING.value)
        return damaged

    def add_read(self, number: int, read: ReadImage, labels: LabelSet) -> None:
        """Adds the annotations of a label file."""
        self.owner += [number] * len(read.ids)
        self.ids += read.ids
        self.labels += [labels.labels[class_id].id for class_id in read.class_ids]
        self.regions += read.regions
        self.pending += [False] * len(read.ids)

    def instances(self) -> Instances:
        """Decodes the regions, all at once."""
        regions = np.empty(len(self.regions), dtype=object)
        regions[:] = self.regions
        with np.errstate(all="ignore"):  # a NaN that signals
            regions = shapely.from_wkb(regions, on_invalid="ignore")
        missing = np.array([region is None for region in regions], dtype=bool)
        if missing.any():
            regions[missing] = shapely.MultiPolygon()
        with np.errstate(all="ignore"):
            areas = np.nan_to_num(shapely.area(regions)).astype(np.float64)
            bounds = np.nan_to_num(shapely.bounds(regions)).astype(np.float64)
        return Instances(
            np.array(self.owner, dtype=np.int64),
            self.ids,
            self.labels,
            regions,
            areas.reshape(-1),
            bounds.reshape(-1, 4),
            np.array(self.pending, dtype=bool),
        )
