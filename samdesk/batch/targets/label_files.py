"""Auto-annotate into a folder of label files, as Ultralytics does it: no store, no window."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from samdesk.base.boundary import LeadsOutsideError
from samdesk.base.jobs import CancelToken
from samdesk.batch.find import FoundObject, to_annotation
from samdesk.batch.merge import HAS_ANNOTATIONS, is_duplicate
from samdesk.batch.pipeline import AutoAnnotateJob, Run, annotate_images
from samdesk.batch.plan import AutoAnnotatePlan, Existing
from samdesk.batch.report import BatchSummary, DryRun
from samdesk.batch.targets.base import ImageProblem, RunStopped, Stored, sort_out
from samdesk.batch.targets.file_class_names import ClassNames, detector_class_names, join_class_names
from samdesk.batch.targets.label_folder import LabelFolder
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.geometry.types import RgbImage
from samdesk.domain.labels import LabelId, LabelSet
from samdesk.formats.base import ParsedLabels
from samdesk.images.reader import read_image
from samdesk.images.sources import ImageSet

CHANGED_SINCE_RUN = "its label file was not written by an earlier run, or was changed since"


def annotate_files(
    images: ImageSet, output: Path | None, job: AutoAnnotateJob, run: Run = annotate_images
) -> BatchSummary:
    """Auto-annotates images into label files.

    Args:
        images: The images.
        output: Where the label files go, as Ultralytics writes them: class ids are the detector's. None:
            where the trainer and the window look for them, with the class ids of the dataset's data.yaml,
            to which missing names are added.
        job: What to do.
        run: Does it; what it stores may come from elsewhere than from models.

    Raises:
        LabelFolderError: Another run writes to the folder, or it cannot be written to.
        EngineError: A model is unavailable.
        ValueError: The plan names classes the detector does not have.
    """
    if output is None:
        folder, names = LabelFolder.of_trainer(images.root, images.keys), join_class_names
    else:
        folder, names = LabelFolder(output, images.keys), detector_class_names
    with folder.locked():
        return run(FileTarget(images, folder, job.plan.existing, job.notice, names), job)


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
        existing: What happens to images that have a label file.
        notice: Called with messages for the user about class names.
        labels_for: Returns the labels of the files and stores their names.
    """

    images: ImageSet
    folder: LabelFolder
    existing: Existing
    notice: Callable[[str], None]
    labels_for: ClassNames

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
        owner = self.folder.owner(key)
        if owner != key:
            raise ImageProblem(
                f"{key}: its label file {self.folder.path(key)} is that of {owner}: rename one"
            )
        if self.existing == "add" or not self.folder.path(key).exists():
            return None
        if self.existing == "skip":
            return HAS_ANNOTATIONS
        try:
            return None if self.folder.from_run(key) else CHANGED_SINCE_RUN
        except OSError as error:
            raise ImageProblem(f"{self.folder.path(key)} cannot be read: {error.strerror}") from error

    def read(self, key: ImageKey) -> RgbImage:
        """Reads an image."""
        return read_image(self.images.path(key))

    @contextmanager
    def begin(self, plan: AutoAnnotatePlan, class_names: Sequence[str]) -> Iterator[FileWriter]:
        """Stores the class names; on leaving, notes which files the run wrote."""
        if self.folder.problem:
            self.notice(self.folder.problem)
        labels, label_ids = self.labels_for(self.images, plan, class_names, self.notice)
        try:
            yield FileWriter(self.folder, self.existing, labels, label_ids)
        finally:
            with suppress(OSError):  # without the record a later "replace" only skips more
                self.folder.save_manifest()


@dataclass(frozen=True)
class FileWriter:
    """Writes the results of a run as label files.

    Attributes:
        folder: The label files.
        existing: What happens to images that have a label file.
        labels: The labels; a label's index is the class id in the files.
        label_ids: Detector class id -> label.
        run_id: None: there is no store.
    """

    folder: LabelFolder
    existing: Existing
    labels: LabelSet
    label_ids: Mapping[int, LabelId]
    run_id: None = None

    def fail(self, key: ImageKey, message: str) -> None:
        """Nothing is noted about images that failed."""

    def store(self, key: ImageKey, hw: tuple[int, int], found: Sequence[FoundObject]) -> Stored:
        """Writes the image's label file; it is empty where nothing was found."""
        height, width = hw
        annotations = tuple(to_annotation(f, self.label_ids[f.detection.class_id]) for f in found)
        text, report = self.folder.format.write(ImageDocument(key, width, height, annotations), self.labels)
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
            raise RunStopped(f"{self.folder.path(key)} cannot be written: {error.strerror}.") from error
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
        known = [(line.class_id, line.region) for line in existing.lines]
        # Compared as they will be read back, so that repeating the run adds nothing.
        fresh = self.folder.format.parse(text, width, height).lines
        lines = text.splitlines()
        new = [lines[f.line - 1] for f in fresh if not is_duplicate(f.class_id, f.region, known)]
        if new and existing.lines and existing.detection:
            # Box lines among polygons would be read as polygons of two vertices by the trainer.
            raise ImageProblem(f"{path} holds boxes, not polygons: give another output folder")
        start = before if not before or before.endswith("\n") else before + "\n"
        return "".join([start, *(f"{line}\n" for line in new)]) if new else before, len(new)
