"""Masks for the boxes in label files: they go to files of their own, and the boxes stay as they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from samdesk.base.boundary import LeadsOutsideError
from samdesk.base.jobs import CancelToken
from samdesk.base.text import counted
from samdesk.batch.box_masks import NO_BOXES, masks_edit
from samdesk.batch.concepts import PlannedExample
from samdesk.batch.find import FoundObject
from samdesk.batch.merge import HAS_ANNOTATIONS
from samdesk.batch.pipeline import AutoAnnotateJob
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.batch.report import DryRun
from samdesk.batch.sources.boxes import boxes_of
from samdesk.batch.targets.base import ImageProblem, RunStopped, Stored, sort_out
from samdesk.batch.targets.label_folder import LabelFolder
from samdesk.domain.annotation import Annotation, AnnotationId, Source, new_annotation_id, new_run_id
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.geometry.types import RgbImage
from samdesk.domain.labels import Label, LabelId, LabelSet
from samdesk.engine.concepts.concept import Exemplar
from samdesk.engine.protocols import ModelInfo
from samdesk.images.reader import read_image, read_size
from samdesk.images.sources import ImageSet

SUFFIX = "-segment"
"""Of the folder for the masks, beside the "labels" folder with the boxes."""
_MOST_CLASSES = 10_000
_LABELS = "labels"


def masks_folder(boxes: Path) -> Path:
    """The folder for the masks of the boxes in a folder of label files."""
    parts = list(boxes.parts)
    if _LABELS not in parts:
        return boxes / f"{_LABELS}{SUFFIX}"
    place = len(parts) - 1 - parts[::-1].index(_LABELS)
    parts[place] += SUFFIX
    return Path(*parts)


@dataclass(frozen=True)
class BoxFile:
    """A label file with boxes.

    Attributes:
        document: Its lines as annotations, in their order.
        outlines: The lines that are no boxes, as they are.
    """

    document: ImageDocument
    outlines: dict[AnnotationId, str]


@dataclass(frozen=True)
class BoxFileTarget:
    """Images with boxes in label files as the target of a run that makes masks of them.

    Attributes:
        images: The images.
        boxes: The label files with the boxes; they are only read.
        folder: The label files with the masks, in another folder, with the same class ids.
        job: The run.
    """

    images: ImageSet
    boxes: LabelFolder
    folder: LabelFolder
    job: AutoAnnotateJob
    _read: dict[ImageKey, BoxFile] = field(default_factory=dict)
    """Those of the images that are being worked on."""

    @property
    def output(self) -> str:
        """The folder of the masks."""
        return str(self.folder.folder)

    @property
    def keys(self) -> Sequence[ImageKey]:
        """All images, in order."""
        return self.images.keys

    def dry_run(self, cancel: CancelToken | None = None) -> DryRun:
        """Determines which images a run skips, and why."""
        return sort_out(self.keys, self._skip_reason, cancel)

    def _skip_reason(self, key: ImageKey) -> str | None:
        clash = self.boxes.clash(key) or self.folder.clash(key)
        if clash:
            raise ImageProblem(clash)
        if not self.boxes.path(key).exists():
            return NO_BOXES
        if not self.folder.path(key).exists():
            return None
        try:
            again = self.job.plan.existing == "replace" and self.folder.from_run(key)
        except OSError as error:
            raise ImageProblem(f"{self.folder.path(key)} cannot be read: {error.strerror}") from error
        return None if again else HAS_ANNOTATIONS

    def finish(self, todo: DryRun) -> None:
        """There is no run that goes on."""

    def read(self, key: ImageKey) -> RgbImage:
        """Reads an image."""
        return read_image(self.images.path(key))

    def example(self, example: PlannedExample) -> Exemplar:
        """A run that makes masks of boxes looks for nothing."""
        raise ImageProblem(f"{example.key} is no example for masks of boxes")

    def document(self, key: ImageKey) -> ImageDocument:
        """Reads the boxes of an image. Raises ``ImageProblem``."""
        width, height = read_size(self.images.path(key))
        path = self.boxes.path(key)
        try:
            text = self.boxes.read(key) or ""
        except OSError as error:
            raise ImageProblem(f"{path} cannot be read: {error.strerror}") from error
        parsed = self.boxes.format.parse(text, width, height)
        if parsed.problems:
            problem = parsed.problems[0]
            raise ImageProblem(f"{path} line {problem.line}: {problem.message}")
        if any(line.class_id >= _MOST_CLASSES for line in parsed.lines):
            raise ImageProblem(f"{path} has class ids of {_MOST_CLASSES:,} or more")
        annotations = tuple(
            Annotation(new_annotation_id(), LabelId(str(line.class_id)), line.region, Source.IMPORT)
            for line in parsed.lines
        )
        document = ImageDocument(key, width, height, annotations)
        boxes = {box.replaces for box in boxes_of(document)}
        rows = text.splitlines()
        outlines = {
            a.id: rows[line.line - 1]
            for a, line in zip(annotations, parsed.lines, strict=True)
            if a.id not in boxes
        }
        self._read[key] = BoxFile(document, outlines)
        return document

    @contextmanager
    def begin(
        self,
        plan: AutoAnnotatePlan,
        class_names: Sequence[str],
        keys: Sequence[ImageKey] = (),
        models: Sequence[ModelInfo] = (),
    ) -> Iterator[BoxFileWriter]:
        """Prepares the record of what is written."""
        if self.folder.problem:
            self.job.notice(self.folder.problem)
        with suppress(OSError):  # without the record a later "replace" only skips more
            self.folder.begin()
        yield BoxFileWriter(self.folder, self._read)


@dataclass(frozen=True)
class BoxFileWriter:
    """Writes the label files of the masks.

    Attributes:
        folder: The label files.
        read: The files with the boxes.
        run_id: None: there is no store.
    """

    folder: LabelFolder
    read: dict[ImageKey, BoxFile]
    run_id: None = None

    def fail(self, key: ImageKey, message: str) -> None:
        """Nothing is noted about images that failed."""
        self.read.pop(key, None)

    def store(self, key: ImageKey, hw: tuple[int, int], found: Sequence[FoundObject]) -> Stored:
        """Writes the image's label file: its lines in their order, with masks in place of boxes."""
        file = self.read.pop(key)
        if len(file.outlines) == len(file.document.annotations):
            return Stored(skipped=NO_BOXES)
        edit = masks_edit(file.document, found, new_run_id(), "skip")
        masked, _ = edit.apply(file.document)
        drawn = tuple(a for a in masked.annotations if a.id not in file.outlines)
        text, report = self.folder.format.write(replace(masked, annotations=drawn), _labels(masked))
        lines = file.outlines | dict(zip((a.id for a in report.annotations), text.splitlines(), strict=True))
        text = "".join(f"{lines[a.id]}\n" for a in masked.annotations if a.id in lines)
        try:
            self.folder.write(key, text, from_run=True)
        except LeadsOutsideError as error:
            raise ImageProblem(f"{self.folder.path(key)} is left alone: {error.strerror}") from error
        except OSError as error:
            raise RunStopped(f"{self.folder.path(key)} cannot be written: {error.strerror}.") from error
        left = len(drawn) - len(edit.put)
        notes = [f"{counted(left, 'box', 'boxes')} without a mask"] if left else []
        return Stored(added=len(edit.put), note="; ".join([*notes, *report.lossy]))


def _labels(document: ImageDocument) -> LabelSet:
    """Labels whose places are the class ids of the file."""
    count = max((int(a.label_id) for a in document.annotations), default=-1) + 1
    return LabelSet(tuple(Label(LabelId(str(i)), f"class_{i}", "#808080") for i in range(count)))
