"""Label files: their paths, their content, and the documents made from them."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from samdesk.base import atomic
from samdesk.base.boundary import Boundary, name_problem
from samdesk.base.disk import letter_case
from samdesk.dataset.labels.lines import NO_KEY, content_hash, line_keys, numbered_lines
from samdesk.dataset.store.errors import RefusedError
from samdesk.dataset.store.rows import FileState
from samdesk.dataset.store.serial import regions_to_bytes
from samdesk.domain.annotation import Annotation, AnnotationId, Source
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.labels import LabelSet, class_name
from samdesk.formats.class_ids import class_id_limit
from samdesk.formats.label_format import LabelFormat, label_format
from samdesk.formats.label_lines import LineProblem, ParsedLabels
from samdesk.formats.yolo.inset import TRAIN_SIZE

BAD_LINES = "bad-lines"
CHANGED = "changed-outside"
DAMAGED = "damaged"
"""The annotations in the store are damaged."""
DAMAGED_ALONE = "damaged-alone"
"""As ``DAMAGED``, of an image that has no label file."""
TRAIN_SIZE_SETTING = "train_size"
"""The setting of the dataset that says for which training size lines are written."""
_SHOWN = 80
"""Characters of a line that a problem quotes."""


@dataclass(frozen=True)
class ImportedDocument:
    """A document imported from a label file.

    Attributes:
        document: The annotations of the lines that could be read.
        labels: The label set, with labels appended for class ids without a name.
        file: The state of the file, for the store.
        problems: The lines that could not be read.
        boxes: The file holds boxes instead of outlines.
        keypoints: The file holds boxes with keypoints.
        mixed: The file holds boxes and outlines.
    """

    document: ImageDocument
    labels: LabelSet
    file: FileState
    problems: tuple[LineProblem, ...] = ()
    boxes: bool = False
    keypoints: bool = False
    mixed: bool = False


@dataclass
class LabelFiles:
    """The label files of a dataset.

    Attributes:
        folder: The dataset's folder, with links resolved as the trainer does.
        keys: Its images.
        boundary: Where they may be.
        format: Their format.
        keypoint_values: Values after the box in a line with keypoints, by data.yaml; 0: no keypoints.
        train_size: Longer side of the images as the trainer sees them, pixels: for lines that are written.
        declared: Number of classes that data.yaml or the store had on opening.
        folds_case: Whether names that differ only in letter case are one file; None: found out.
    """

    folder: Path
    keys: Sequence[ImageKey]
    boundary: Boundary
    format: LabelFormat = field(default_factory=label_format)
    keypoint_values: int = 0
    train_size: int = TRAIN_SIZE
    declared: int = 0
    folds_case: bool | None = None
    _owners: dict[str, dict[str, ImageKey]] = field(default_factory=dict, repr=False)
    """By the folder of label files."""
    _sharing: dict[str, list[ImageKey]] | None = field(default=None, repr=False)
    _places: dict[str, tuple[str, str]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Finds out what was not given."""
        if self.folds_case is None:
            self.folds_case = letter_case.folds_case(self.folder)

    def set_images(self, keys: Sequence[ImageKey]) -> None:
        """Replaces the list of images."""
        self.keys, self._owners, self._sharing = keys, {}, None

    def path(self, key: ImageKey) -> Path:
        """Returns the label file of an image, by the rule of the Ultralytics trainer; it may not exist.

        Raises:
            RefusedError: As ``check``.
        """
        self.check(key)
        return Path(self._path(key))

    def name(self, key: ImageKey) -> str:
        """Returns what messages call the label file of an image, whatever its key is."""
        return self._path(key)

    def check(self, key: ImageKey) -> None:
        """Raises ``RefusedError`` if a key is none of a file in the dataset, but leads out of it."""
        problem = name_problem(key)
        if problem:
            raise RefusedError(
                f"The store names an image {key!r}, which is left alone: {problem}.",
                next="samdesk never stores such a name: do not trust this dataset.",
            )

    def write(self, key: ImageKey, content: bytes | None) -> Path:
        """Replaces an image's label file atomically, or removes it; its name is not made durable.

        Returns:
            The folder of the file.

        Raises:
            OSError: It could not be written; its old content is intact.
        """
        path = self.boundary.real_path(self.path(key))
        if content is None:
            path.unlink(missing_ok=True)
        else:
            atomic.write_bytes(path, content, sync=False)
        return path.parent

    def owner(self, key: ImageKey) -> ImageKey:
        """Returns the image whose labels the file holds: of those that share one, the first.

        Names of such images differ by suffix only, or by letter case where the disk takes them for one.
        """
        place = self._folded(self._place(key.rpartition("/")[0])[0])
        if place not in self._owners:
            owners: dict[str, ImageKey] = {}
            for other in self._together().get(place, ()):
                owners.setdefault(self._folded(self._path(other)), other)
            self._owners[place] = owners
        return self._owners[place].get(self._folded(self._path(key)), key)

    def _together(self) -> dict[str, list[ImageKey]]:
        """The images by the folder of their label files."""
        if self._sharing is None:
            sharing: dict[str, list[ImageKey]] = {}
            folders: dict[str, list[ImageKey]] = {}
            for key in self.keys:
                folder = key[: max(key.rfind("/"), 0)]
                group = folders.get(folder)
                if group is None:
                    place = self._folded(self._place(folder)[0])
                    group = folders[folder] = sharing.setdefault(place, [])
                group.append(key)
            self._sharing = sharing
        return self._sharing

    def read(self, key: ImageKey) -> bytes | None:
        """Returns the content of an image's label file; None if there is none. Raises ``OSError``."""
        if self.owner(key) != key:
            return None
        try:
            return self.boundary.read(self.path(key))
        except (FileNotFoundError, NotADirectoryError):
            return None

    def existing(
        self, keys: Iterable[ImageKey], folders: dict[str, set[str]] | None = None
    ) -> list[ImageKey]:
        """Returns those images that have a label file. Lists each folder once and opens no file.

        Args:
            keys: The images.
            folders: The names in folders listed before; those listed now are added.
        """
        folders = {} if folders is None else folders
        result = []
        for key in keys:
            folder, name = os.path.split(self._path(key))
            if folder not in folders:
                folders[folder] = {self._folded(other) for other in _names(folder)}
            if self._folded(name) in folders[folder] and self.owner(key) == key:
                result.append(key)
        return result

    def folders(self) -> Iterator[Path]:
        """Yields the folder of each label file that there is or may be; one may come again."""
        last = ""
        for key in self.keys:
            folder = os.path.dirname(self._path(key))  # noqa: PTH120 - of 100,000 keys
            if folder != last:
                last = folder
                yield Path(folder)

    def parse(
        self, key: ImageKey, size: tuple[int, int], data: bytes | None, labels: LabelSet
    ) -> ImportedDocument:
        """Returns the document that a label file's content describes; an empty one for no file.

        The same content gives the same annotation ids, so an edit made before a restart still fits.
        """
        found = self.look(key, size, data, labels)
        if data is None:
            return found
        annotations = found.document.annotations
        bad = {problem.line for problem in found.problems}
        keys = iter(line_keys(annotations))
        each = (NO_KEY if number in bad else next(keys) for number, _ in numbered_lines(data))
        state = FileState(
            content_hash(data),
            BAD_LINES if found.problems else None,
            data,
            digest(found.document, found.labels),
            b"".join(each),
        )
        return replace(found, file=state)

    def look(
        self, key: ImageKey, size: tuple[int, int], data: bytes | None, labels: LabelSet
    ) -> ImportedDocument:
        """``parse`` without the state of the file, in three quarters of the time."""
        width, height = size
        if data is None:
            return ImportedDocument(ImageDocument(key, width, height), labels, FileState())
        text = data.decode("utf-8", errors="replace")
        parsed = self.format.parse(text, width, height, self.keypoint_values)
        parsed = _plausible(parsed, text, self.class_id_limit(labels))
        labels = with_classes(labels, max((line.class_id for line in parsed.lines), default=-1) + 1)
        regions = regions_to_bytes(line.region for line in parsed.lines)
        annotations = tuple(
            Annotation(
                id=_stable_id(key, line.line, line.class_id, region),
                label_id=labels.labels[line.class_id].id,
                region=line.region,
                source=Source.IMPORT,
            )
            for line, region in zip(parsed.lines, regions, strict=True)
        )
        document = ImageDocument(key, width, height, annotations)
        mixed = parsed.outlines and (parsed.detection or parsed.keypoints)
        return ImportedDocument(
            document, labels, FileState(), parsed.problems, parsed.detection, parsed.keypoints, mixed
        )

    def class_id_limit(self, labels: LabelSet) -> int:
        """Returns the class id from which on a line is a problem; labels named by class id do not count."""
        own = (i + 1 for i in reversed(range(len(labels))) if labels.labels[i].name != class_name("", i))
        return class_id_limit(max(self.declared, next(own, 0)))

    def count_classes(self, data: bytes | None) -> Counter[int]:
        """Returns the number of lines per class id of a label file's content; empty for no file."""
        return Counter() if data is None else self.format.count_classes(data)

    def _folded(self, path: str) -> str:
        return letter_case.folded(path, folds_case=bool(self.folds_case))

    def _path(self, key: ImageKey) -> str:
        slash = key.rfind("/")
        folder, suffix = self._place(key[: max(slash, 0)])
        dot = key.rfind(".", slash + 2)
        return f"{folder}{key[slash + 1 : dot] if dot > 0 else key[slash + 1 :]}{suffix}"

    def _place(self, folder: str) -> tuple[str, str]:
        """Where the label files of a folder of images are, with a separator, and their suffix."""
        known = self._places.get(folder)
        if known is None:
            inner = f"{folder.replace('/', os.sep)}{os.sep}" if folder else ""
            path = self.format.label_path(f"{self.folder}{os.sep}{inner}{_STEM}.jpg")
            place, _, suffix = path.rpartition(_STEM)
            known = self._places[folder] = place, suffix
        return known


def with_classes(labels: LabelSet, count: int) -> LabelSet:
    """Returns the label set with at least ``count`` labels; new ones are named by class id ("class_7")."""
    known = set(labels.names)
    names = []
    for class_id in range(len(labels), count):
        name = class_name("", class_id)
        while name in known:
            name += "_"
        names.append(name)
    return labels.extended(names) if names else labels


def digest(document: ImageDocument, labels: LabelSet, regions: Sequence[bytes] | None = None) -> str:
    """Returns the SHA-256 of the class ids and regions of a document, in order, hexadecimal.

    Args:
        document: The annotations.
        labels: Their labels.
        regions: What ``regions_to_bytes`` makes of their regions, if the caller has it.
    """
    if regions is None:
        regions = regions_to_bytes(annotation.region for annotation in document.annotations)
    result = hashlib.sha256()
    for annotation, region in zip(document.annotations, regions, strict=True):
        result.update(f"{labels.index(annotation.label_id)}:".encode())
        result.update(region)
    return result.hexdigest()


def _plausible(parsed: ParsedLabels, text: str, limit: int) -> ParsedLabels:
    """The lines of a label file with class ids below the limit; the others become problems."""
    if all(line.class_id < limit for line in parsed.lines):
        return parsed
    content = text.splitlines()
    beyond = [
        LineProblem(
            line.line,
            content[line.line - 1].strip()[:_SHOWN],
            f"the class id {line.class_id} is far beyond the class names: correct it, or add the names that "
            "are missing to data.yaml",
        )
        for line in parsed.lines
        if line.class_id >= limit
    ]
    problems = sorted((*parsed.problems, *beyond), key=lambda problem: problem.line)
    lines = tuple(line for line in parsed.lines if line.class_id < limit)
    return replace(parsed, lines=lines, problems=tuple(problems))


def _stable_id(key: ImageKey, line: int, class_id: int, region: bytes) -> AnnotationId:
    head = f"{key}\0{line}\0{class_id}\0".encode()
    return AnnotationId(hashlib.sha256(head + region).hexdigest()[:32])


_STEM = "image"


def _names(folder: str) -> set[str]:
    try:
        return {entry.name for entry in os.scandir(folder)}
    except OSError:
        return set()
