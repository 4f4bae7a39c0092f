"""Auto-annotate into a folder of label files, as Ultralytics does it: no store, no window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from samdesk.batch.pipeline import ImageProblem, RunStopped, Stored, dry_run, run
from samdesk.batch.plan import HAS_ANNOTATIONS, Existing, FoundObject, is_duplicate, to_annotation
from samdesk.batch.report import BatchSummary
from samdesk.batch.targets.dataset import Images, Job, nothing_to_do, reader
from samdesk.batch.targets.label_folder import LabelFolder
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.geometry.types import RgbImage
from samdesk.domain.labels import LabelSet
from samdesk.formats.base import ParsedLabels
from samdesk.formats.yolo import data_yaml

NOT_OURS = "its label file was not written by an earlier run, or was changed since"


def run_on_files(images: Images, output: Path, job: Job) -> BatchSummary:
    """Label files in ``output``; class ids are the detector's. Raises ``EngineError``, ``Cancelled``."""
    folder = LabelFolder(output, images.keys)
    target = FileTarget(images.keys, folder, reader(images.root), job.plan.existing)
    todo = dry_run(target, job.cancel)
    if not todo.annotate:
        return nothing_to_do(todo, str(output))
    annotator = job.get_annotator()
    names = annotator.models.detector.names
    _tell_of_names(images, output, names, job.say)
    try:
        target = replace(target, labels=class_labels(names))
        summary = run(target, annotator, todo, progress=job.progress, cancel=job.cancel)
    finally:
        with suppress(OSError):  # the labels are there; only "replace" knows less
            folder.save_manifest()
    return replace(summary, output=str(output))


@dataclass(frozen=True)
class FileTarget:
    """Images without a store as the target of a run: one label file each.

    Attributes:
        image_keys: The images, in order.
        folder: Their label files.
        read_image: Reads one, from any thread; raises ``ImageProblem``.
        existing: What happens to images that have a label file.
        labels: The detector's classes; not needed for a dry run.
    """

    image_keys: Sequence[ImageKey]
    folder: LabelFolder
    read_image: Callable[[ImageKey], RgbImage]
    existing: Existing
    labels: LabelSet = field(default_factory=LabelSet)

    def images(self) -> Sequence[ImageKey]:
        """All images, in order."""
        return self.image_keys

    def skip_reason(self, key: ImageKey) -> str | None:
        """Why this image is left alone, None if it is not."""
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
            return None if self.folder.ours(key) else NOT_OURS
        except OSError as error:
            raise ImageProblem(f"{self.folder.path(key)} cannot be read: {error.strerror}") from error

    def read(self, key: ImageKey) -> RgbImage:
        """The image."""
        return self.read_image(key)

    def put(self, key: ImageKey, hw: tuple[int, int], found: Sequence[FoundObject]) -> Stored:
        """Writes the image's label file; an empty one says that nothing is there."""
        height, width = hw
        annotations = tuple(to_annotation(f, self.labels.labels[f.detection.class_id].id) for f in found)
        text, report = self.folder.format.write(ImageDocument(key, width, height, annotations), self.labels)
        added, ours = report.count, True
        before = self._before(key) if self.existing == "add" else None
        if before is not None:
            ours = self.folder.ours(key)
            text, added = self._merged(key, before, text, self.folder.format.parse(before, width, height), hw)
        try:
            if text != before:
                self.folder.write(key, text, ours=ours)
        except OSError as error:
            raise RunStopped(f"{self.folder.path(key)} cannot be written: {error.strerror}") from error
        return Stored(added=added, note="; ".join(report.lossy))

    def _before(self, key: ImageKey) -> str | None:
        try:
            return self.folder.read(key)
        except OSError as error:
            raise ImageProblem(f"{self.folder.path(key)} cannot be read: {error.strerror}") from error

    def _merged(
        self, key: ImageKey, before: str, text: str, there: ParsedLabels, hw: tuple[int, int]
    ) -> tuple[str, int]:
        """The file's text with those new lines that are no duplicates, and how many they are."""
        height, width = hw
        path = self.folder.path(key)
        if there.problems:
            problem = there.problems[0]
            raise ImageProblem(f"{path} line {problem.line}: {problem.message}; the file is left as it is")
        known = [(line.class_id, line.region) for line in there.lines]
        # Compared as they will be read again, so that the same run adds nothing the second time.
        fresh = self.folder.format.parse(text, width, height).lines
        lines = text.splitlines()
        new = [lines[f.line - 1] for f in fresh if not is_duplicate(f.class_id, f.region, known)]
        if new and there.lines and there.detection:
            # Box lines among polygons would be read as polygons of two corners by the trainer.
            raise ImageProblem(f"{path} holds boxes, not polygons: give another output folder")
        start = before if not before or before.endswith("\n") else before + "\n"
        return "".join([start, *(f"{line}\n" for line in new)]) if new else before, len(new)


def class_labels(names: Sequence[str]) -> LabelSet:
    """Labels whose class ids are the detector's, also where it has nameless or equally named classes."""
    labels = LabelSet()
    for i, name in enumerate(names):
        name = " ".join(name.split()) or f"class_{i}"
        labels = labels.add(name if labels.find(name) is None else f"{name}_{i}")
    return labels


def _tell_of_names(images: Images, output: Path, names: Sequence[str], say: Callable[[str], None]) -> None:
    """Class ids mean nothing without names: says so where a data.yaml has others, writes a missing one."""
    there = data_yaml.read_names(images.root)
    if there is not None:
        if tuple(there.names) != tuple(names):
            say(f"{there.path} names other classes: the new labels carry the detector's class ids.")
    elif output == images.root.parent / "labels" and images.root.name == "images":
        path = images.root.parent / "data.yaml"
        with suppress(OSError):  # the labels matter more, and say it themselves if they cannot be written
            path.write_text(data_yaml.render(None, class_labels(names).names, "images"), encoding="utf-8")
            say(f"Class names are in {path}.")
