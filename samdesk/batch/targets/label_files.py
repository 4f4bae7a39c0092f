"""Auto-annotate into a folder of label files, as Ultralytics does it: no store, no window."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from samdesk.base.boundary import LeadsOutsideError
from samdesk.base.errors import reason
from samdesk.base.jobs import CancelToken
from samdesk.batch.concepts import PlannedExample
from samdesk.batch.find import FoundObject, to_annotation
from samdesk.batch.merge import HAS_ANNOTATIONS
from samdesk.batch.pipeline import AutoAnnotateJob, Run, annotate_images
from samdesk.batch.plan import AutoAnnotatePlan, Existing, ObjectsFrom
from samdesk.batch.report import BatchSummary, DryRun
from samdesk.batch.targets.base import ImageProblem, RunStopped, Stored, sort_out
from samdesk.batch.targets.box_files import BoxFileTarget, masks_folder
from samdesk.batch.targets.file_class_names import FileLabels, folder_labels, joined_labels
from samdesk.batch.targets.label_folder import LabelFolder, trainers_folder
from samdesk.batch.targets.reading import ImageReads
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.geometry.types import RgbImage
from samdesk.domain.same_object import PROPOSED_IOU, KnownRegions
from samdesk.engine.concepts.concept import Exemplar
from samdesk.engine.protocols import ModelInfo
from samdesk.formats.label_lines import ParsedLabels
from samdesk.images.sources import ImageSet

_ALL_FAIL = frozenset({errno.ENOSPC, errno.EROFS, errno.EIO, getattr(errno, "EDQUOT", errno.ENOSPC)})
"""Errors of one label file that all others will have, too."""
CHANGED_SINCE_RUN = "its label file was not written by an earlier run, or was changed since"


@dataclass(frozen=True)
class FilePlace:
    """Where the label files of images without a store go.

    Attributes:
        images: The images.
        output: Their folder; None: where the trainer and the window look for them.
        own_ids: If nothing names classes, those of the detector keep their ids, as in Ultralytics' function;
            otherwise only classes that are found get one.
    """

    images: ImageSet
    output: Path | None = None
    own_ids: bool = False

    def text(self, objects_from: ObjectsFrom) -> str:
        """Where the labels go, for the user."""
        folder = self._folder()
        return str((self._folder_of_masks(folder) if objects_from == "boxes" else folder).folder)

    def annotate(self, job: AutoAnnotateJob, run: Run = annotate_images) -> BatchSummary:
        """Auto-annotates the images; ``run``: see ``LabelPlace``.

        Raises:
            LabelFolderError: Another run writes to the folder, or it cannot be written to.
            EngineError: A model is unavailable.
            ValueError: The plan names classes the detector does not have.
        """
        folder = self._folder(self.images.keys)
        if job.plan.objects_from == "boxes":
            return self._masks_of_boxes(folder, job, run)
        with folder.locked():
            return run(FileTarget(self.images, folder, job, own_ids=self.own_ids), job)

    def _masks_of_boxes(self, folder: LabelFolder, job: AutoAnnotateJob, run: Run) -> BatchSummary:
        """Makes masks of the boxes in the label files where the trainer looks, in a folder beside them."""
        boxes = LabelFolder.beside(self.images.root, self.images.keys)
        folder = self._folder_of_masks(folder, self.images.keys)
        with folder.locked():
            return run(BoxFileTarget(self.images, boxes, folder, job), job)

    def _folder_of_masks(self, folder: LabelFolder, keys: Sequence[ImageKey] = ()) -> LabelFolder:
        """A folder beside the boxes, unless the user has named another one than theirs."""
        boxes = LabelFolder.beside(self.images.root, ()).folder
        if folder.folder != boxes:
            return folder
        return LabelFolder(masks_folder(boxes), keys, images=self.images.root)

    def _folder(self, keys: Sequence[ImageKey] = ()) -> LabelFolder:
        root, output = self.images.root, self.output
        if output is None or os.path.realpath(output) == os.path.realpath(trainers_folder(root.resolve())):
            return LabelFolder.beside(root, keys)
        return LabelFolder(output, keys, images=root)


def _leads_outside(path: Path, error: LeadsOutsideError) -> ImageProblem:
    return ImageProblem(
        f"{path} is left alone: {error.strerror}",
        next="Allow it in samdesk's window, or give an output folder.",
    )


@dataclass(frozen=True)
class FileTarget:
    """Images without a store as the target of a run: one label file each.

    Attributes:
        images: The images.
        folder: Their label files.
        job: The run.
        own_ids: See ``FilePlace``.
        reads: Reads the images.
    """

    images: ImageSet
    folder: LabelFolder
    job: AutoAnnotateJob
    own_ids: bool = False
    reads: ImageReads = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "reads", ImageReads(self.images.root))

    @property
    def output(self) -> str:
        """The label folder."""
        return str(self.folder.folder)

    @property
    def keys(self) -> Sequence[ImageKey]:
        """All images, in order."""
        return self.images.keys

    def dry_run(self, cancel: CancelToken | None = None) -> DryRun:
        """Determines which images a run skips, and why."""
        return sort_out(self.keys, self._skip_reason, cancel)

    def _skip_reason(self, key: ImageKey) -> str | None:
        clash = self.folder.clash(key)
        if clash:
            raise ImageProblem(clash)
        existing = self.job.plan.existing
        if existing == "add" or not self.folder.path(key).exists():
            return None
        if existing == "skip":
            return HAS_ANNOTATIONS
        try:
            return None if self.folder.from_run(key) else CHANGED_SINCE_RUN
        except OSError as error:
            raise ImageProblem(f"{self.folder.path(key)} cannot be read: {error.strerror}") from error

    def finish(self, todo: DryRun) -> None:
        """There is no run that goes on."""

    def read(self, key: ImageKey) -> RgbImage:
        """Reads an image."""
        return self.reads.read(key)

    def example(self, example: PlannedExample) -> Exemplar:
        """The exemplar of a plan's example."""
        return self.reads.example(example)

    def document(self, key: ImageKey) -> None:
        """Not known: see ``BoxFileTarget``."""

    @contextmanager
    def begin(
        self,
        plan: AutoAnnotatePlan,
        class_names: Sequence[str],
        keys: Sequence[ImageKey] = (),
        models: Sequence[ModelInfo] = (),
    ) -> Iterator[FileWriter]:
        """Finds the class ids; on leaving, says where the class names are and what a training would miss."""
        notice = self.job.notice
        if self.folder.problem:
            notice(self.folder.problem)
        with suppress(OSError):  # without the record a later "replace" only skips more
            self.folder.begin()
        yaml = None
        if self.folder.of_trainer:
            labels, yaml = joined_labels(self.images, plan, class_names, own_ids=self.own_ids)
        else:
            labels = folder_labels(self.folder.folder, self.images, plan, class_names, notice)
        try:
            yield FileWriter(self.folder, plan.existing, labels, self.reads)
        finally:
            if labels.written:
                notice(f"Class names are in {labels.path}.")
        for message in yaml.notices(labels.labels.names, self.images) if yaml else ():
            notice(message)


@dataclass(frozen=True)
class FileWriter:
    """Writes the results of a run as label files.

    Attributes:
        folder: The label files.
        existing: What happens to images that have a label file.
        labels: The class ids of the detector's classes.
        reads: Read the images.
        run_id: None: there is no store.
    """

    folder: LabelFolder
    existing: Existing
    labels: FileLabels
    reads: ImageReads
    run_id: None = None

    def fail(self, key: ImageKey, message: str) -> None:
        """Nothing is noted about images that failed."""

    def store(self, key: ImageKey, hw: tuple[int, int], found: Sequence[FoundObject]) -> Stored:
        """Writes the image's label file; it is empty where nothing was found."""
        height, width = hw
        self.reads.check(key)
        for class_id in sorted({f.detection.class_id for f in found}):  # new ones in the detector's order
            self.labels.label_id(class_id)
        annotations = tuple(to_annotation(f, self.labels.label_id(f.detection.class_id)) for f in found)
        document = ImageDocument(key, width, height, annotations)
        text, report = self.folder.format.write(document, self.labels.labels)
        added, from_run = report.count, True
        before = self._before(key) if self.existing == "add" else None
        if before is not None:
            from_run = self.folder.from_run(key)
            text, added = self._merged(key, before, text, self.folder.format.parse(before, width, height), hw)
        try:
            if text != before:
                self.folder.write(key, text, from_run=from_run)
        except LeadsOutsideError as error:
            raise _leads_outside(self.folder.path(key), error) from error
        except OSError as error:
            message = f"{self.folder.path(key)} cannot be written: {reason(error)}"
            if error.errno in _ALL_FAIL:
                raise RunStopped(f"{message}.") from error
            raise ImageProblem(message) from error
        return Stored(added=added, note="; ".join(report.lossy))

    def _before(self, key: ImageKey) -> str | None:
        try:
            return self.folder.read(key)
        except OSError as error:
            raise ImageProblem(f"{self.folder.path(key)} cannot be read: {error.strerror}") from error

    def _merged(
        self, key: ImageKey, before: str, text: str, existing: ParsedLabels, hw: tuple[int, int]
    ) -> tuple[str, int]:
        """The file's text with the new lines that are no duplicates appended, and their number."""
        height, width = hw
        path = self.folder.path(key)
        if existing.problems:
            problem = existing.problems[0]
            raise ImageProblem(f"{path} line {problem.line}: {problem.message}; the file is left unchanged")
        known = KnownRegions(
            PROPOSED_IOU, ((line.class_id, line.region) for line in existing.lines), as_boxes=True
        )
        # Compared as they will be read back, so that repeating the run adds nothing.
        fresh = self.folder.format.parse(text, width, height).lines
        lines = text.splitlines()
        new = [lines[f.line - 1] for f in fresh if not known.holds(f.class_id, f.region)]
        if new and existing.lines and existing.detection:
            # Box lines among polygons would be read as polygons of two vertices by the trainer.
            raise ImageProblem(f"{path} holds boxes, not polygons: give another output folder")
        start = before if not before or before.endswith("\n") else before + "\n"
        return "".join([start, *(f"{line}\n" for line in new)]) if new else before, len(new)
