"""Reads the files of an import once: finds their images, puts the records on them, and counts."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from samdesk.base.jobs import CancelToken, Progress
from samdesk.dataset.dataset import Dataset
from samdesk.domain.document import ImageKey
from samdesk.domain.labels import LabelSet
from samdesk.domain.split import Split
from samdesk.exchange.access import DatasetAccess
from samdesk.exchange.importing.errors import ImportRefusedError
from samdesk.exchange.importing.files import ChosenFiles
from samdesk.exchange.importing.names import KnownImages, MatchRank
from samdesk.exchange.importing.placing import Coordinates, RecordPlacement, evidence, placement
from samdesk.exchange.importing.recognition import Recognised
from samdesk.exchange.importing.report import ProblemList
from samdesk.exchange.importing.spool import Spool
from samdesk.formats.base import DeclaredLabels, ImageRecord, ReadProblem
from samdesk.images.errors import ImageError
from samdesk.images.reader import StoredFrame, read_frame

_MANY_FILES = 20
"""Progress counts files from here on, else megabytes."""
_MOST_CLASSES = 10_000
_MIRRORED = (2, 3, 4)
"""Orientations that keep an image's size, so that a single record does not show what it refers to."""


@dataclass(frozen=True)
class DatasetFrame:
    """What an import needs to know of a dataset.

    Attributes:
        folder: Its folder.
        keys: Its images.
        labels: Its labels.
    """

    folder: Path
    keys: tuple[ImageKey, ...]
    labels: LabelSet


def dataset_frame(dataset: Dataset) -> DatasetFrame:
    """Returns what an import needs to know of a dataset; a query."""
    return DatasetFrame(dataset.folder, dataset.keys, dataset.labels)


@dataclass
class ImportSurvey:
    """What the files of an import hold, as far as it fits the dataset.

    Attributes:
        source: The files.
        frame: The dataset.
        spool: The records.
        problems: What cannot be imported.
        keys: The images that have records, in the order of the dataset.
        classes: Number of instances of each class, those included that the files only list.
        colors: ``#rrggbb`` of classes.
        class_images: Number of images of each class.
        shapes: Number of instances by class and shape.
        records: Number of records read, with those of unknown images.
        scaled: Images whose coordinates are those of another size.
        rotated: Images whose coordinates are those before rotation by EXIF.
        stored: All coordinates refer to images as they are stored: none with EXIF shows otherwise.
        splits: Number of images in each split.
        hashes: SHA-256 of each file.
        copyable: Files in the chosen folder, by names of images that the dataset lacks.
    """

    source: Recognised
    frame: DatasetFrame
    spool: Spool
    problems: ProblemList = field(default_factory=ProblemList)
    keys: tuple[ImageKey, ...] = ()
    classes: dict[str, int] = field(default_factory=dict)
    colors: dict[str, str] = field(default_factory=dict)
    class_images: Counter[str] = field(default_factory=Counter)
    shapes: Counter[tuple[str, str]] = field(default_factory=Counter)
    records: int = 0
    scaled: set[ImageKey] = field(default_factory=set)
    rotated: set[ImageKey] = field(default_factory=set)
    stored: bool = False
    mirrored: dict[ImageKey, int] = field(default_factory=dict)
    splits: Counter[Split] = field(default_factory=Counter)
    hashes: Mapping[str, str] = field(default_factory=dict)
    copyable: dict[str, str] = field(default_factory=dict)

    @property
    def instances(self) -> int:
        """The number of instances on images of the dataset."""
        return sum(self.classes.values())

    def orientation(self, key: ImageKey) -> int | None:
        """The orientation by which an image's coordinates are rotated that do not show it themselves."""
        return self.mirrored.get(key) if self.stored else None

    def close(self) -> None:
        """Frees the disk."""
        self.spool.close()


def survey_files(
    access: DatasetAccess,
    source: Recognised,
    coordinates: Coordinates = "auto",
    progress: Progress = lambda _done, _total: None,
    cancel: CancelToken | None = None,
) -> ImportSurvey:
    """Reads the files of an import. Nothing of the dataset is changed.

    Args:
        access: The dataset.
        source: The files.
        coordinates: What their coordinates refer to.
        progress: Called with files, or megabytes, read and in all.
        cancel: Ends it with ``Cancelled``.

    Raises:
        ImportRefusedError: The files hold more classes than a dataset can have.
        StoreError: The dataset cannot be read.
        Cancelled: It was cancelled.
    """
    found = ImportSurvey(source, access.ask_now(dataset_frame), Spool())
    try:
        _Reading(found, coordinates, progress, cancel or CancelToken()).run()
    except BaseException:
        found.close()
        raise
    return found


def progress_unit(source: Recognised) -> str:
    """What the progress of ``survey_files`` counts."""
    return "file" if len(source.names) >= _MANY_FILES else "MB"


class _Reading:
    """One pass over the files."""

    def __init__(
        self, found: ImportSurvey, coordinates: Coordinates, progress: Progress, cancel: CancelToken
    ) -> None:
        self.found, self.coordinates = found, coordinates
        self.progress, self.cancel = progress, cancel
        self.names = KnownImages(found.frame.keys)
        self.frames: dict[ImageKey, StoredFrame | str] = {}
        self.shown: Counter[str] = Counter()
        """Images by what their sizes show of the coordinates."""
        self.missing: defaultdict[str, list[str]] = defaultdict(list)
        source = found.source
        self.files = ChosenFiles(source.root, source.names, source.folders, self._size_of, self._check)
        self.total = 0
        self.by_files = progress_unit(source) == "file"
        self.seen: set[str] = set()

    def run(self) -> None:
        """Reads everything."""
        found, read = self.found, self.found.source.format.read
        assert read is not None
        self.total = len(found.source.names) if self.by_files else _megabytes(found.source)
        for item in read(self.files):
            self._check()
            if isinstance(item, ImageRecord):
                self._take(item)
            elif isinstance(item, DeclaredLabels):
                self._declare(item)
            elif isinstance(item, ReadProblem):
                found.problems.add("unreadable", item.file, item.record, item.message)
        if not (found.records or found.classes or found.problems.total):
            text = f"it holds nothing that is {found.source.format.title}"
            found.problems.add("unreadable", found.source.names[0], "", text)
        for key, gone in found.spool.rivals():
            names = " and ".join(f"“{name}”" for name in gone[:3])
            text = f"{names} would also be {key}, which another name fits better"
            found.problems.add("ambiguous", "", "", text)
        known = found.spool.keys()
        found.keys = tuple(key for key in found.frame.keys if key in known)
        found.stored = self.coordinates == "stored" or (
            self.coordinates == "auto" and self.shown["stored"] > 0 and not self.shown["upright"]
        )
        if found.stored:
            found.rotated |= found.mirrored.keys() & known
        found.hashes = self.files.finish_hashes()
        self._find_missing()

    def _check(self) -> None:
        self.cancel.check()
        done = len(self.files.hashes) if self.by_files else self.files.bytes_read >> 20
        self.progress(min(done, self.total), self.total)

    def _declare(self, item: DeclaredLabels) -> None:
        for place, name in enumerate(item.names):
            self._count_class(name, 0)
            if place < len(item.colors):
                self.found.colors.setdefault(name, item.colors[place])

    def _count_class(self, name: str, count: int) -> None:
        classes = self.found.classes
        if name not in classes and len(classes) >= _MOST_CLASSES:
            raise ImportRefusedError(
                f"The files have more than {_MOST_CLASSES:,} classes, which no dataset can have.",
                next="Is this the right format?",
            )
        classes[name] = classes.get(name, 0) + count

    def _take(self, record: ImageRecord) -> None:
        found = self.found
        found.records += 1
        match = self.names.find(record.name)
        if match.key is None:
            self._report_missing(record, match.rivals)
            return
        frame = self._frame(match.key)
        if isinstance(frame, str):
            found.problems.add("failed", record.file, "", f"{match.key} cannot be read: {frame}")
            return
        place = placement(record.width, record.height, frame, self.coordinates)
        if place is None:
            text = (
                f"its annotations are for {record.width} x {record.height} pixels, but {match.key} has "
                f"{frame.width} x {frame.height}"
            )
            found.problems.add("size", record.file, record.name, text)
            return
        self._note_placement(match.key, record, frame, place)
        found.spool.add(match.key, record, match.rank, place)
        self._count(record)

    def _note_placement(
        self, key: ImageKey, record: ImageRecord, frame: StoredFrame, place: RecordPlacement
    ) -> None:
        found, shown = self.found, evidence(record.width, record.height, frame)
        if shown is not None:
            self.shown[shown] += 1
        if place.rotates:
            found.rotated.add(key)
        elif frame.orientation in _MIRRORED or (frame.orientation != 1 and frame.width == frame.height):
            found.mirrored[key] = frame.orientation
        if place.scales:
            found.scaled.add(key)

    def _count(self, record: ImageRecord) -> None:
        found = self.found
        for instance in record.instances:
            self._count_class(instance.label, 1)
            found.shapes[instance.label, instance.shape] += 1
        found.class_images.update({instance.label for instance in record.instances})
        if record.split is not None:
            found.splits[record.split] += 1

    def _report_missing(self, record: ImageRecord, rivals: tuple[ImageKey, ...]) -> None:
        problems = self.found.problems
        if rivals:
            text = f"“{record.name}” may be any of {', '.join(rivals)}"
            problems.add("ambiguous", record.file, "", f"{text}: give its folder, too")
            return
        self.missing[record.name].append(record.file)
        problems.add("no image", record.file, "", f"the dataset has no image “{record.name}”")

    def _find_missing(self) -> None:
        """Looks in the chosen folder for images that the dataset lacks."""
        if not self.missing:
            return
        source, there = self.found.source, []
        for folder in source.folders:
            there += _images_below(folder, source.root, self.cancel.check)
        names = KnownImages(ImageKey(name) for name in there)
        for name in self.missing:
            match = names.find(name)
            if match.key is not None and match.rank > MatchRank.STEM:
                self.found.copyable[name] = match.key

    def _frame(self, key: ImageKey) -> StoredFrame | str:
        frame = self.frames.get(key)
        if frame is None:
            try:
                frame = read_frame(self.found.frame.folder / key)
            except ImageError as error:
                frame = error.reason
            self.frames[key] = frame
        return frame

    def _size_of(self, name: str) -> tuple[int, int] | None:
        match = self.names.find(name)
        frame = None if match.key is None else self._frame(match.key)
        return (frame.width, frame.height) if isinstance(frame, StoredFrame) else None


def _megabytes(source: Recognised) -> int:
    sizes = 0
    for name in source.names:
        try:
            sizes += os.stat(source.root / name).st_size  # noqa: PTH116
        except OSError:
            continue
    return max(1, sizes >> 20)


def _images_below(folder: Path, root: Path, check: Callable[[], None]) -> list[str]:
    from samdesk.images.sources import survey

    check()
    inside = Path(os.path.realpath(folder)).relative_to(root).as_posix()
    prefix = "" if inside == "." else f"{inside}/"
    return [prefix + key for key in survey(folder).keys]
