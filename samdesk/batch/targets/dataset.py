"""Auto-annotate without a window: which images, where the labels go, and the run itself."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from samdesk.base.jobs import CancelToken
from samdesk.batch.pipeline import Annotator, ImageProblem, RunStopped, dry_run, run
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.batch.report import BatchSummary, DryRun, ProgressReport
from samdesk.batch.targets.documents import DocumentTarget
from samdesk.dataset.dataset import Dataset
from samdesk.dataset.store.database import StoreError
from samdesk.domain.annotation import RunId
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import Edit, Transaction
from samdesk.domain.geometry.types import RgbImage
from samdesk.domain.labels import LabelSet
from samdesk.images.reader import IMAGE_SUFFIXES, ImageError, read_image, scan

STORE = Path(".samdesk") / "dataset.db"


@dataclass(frozen=True)
class Job:
    """A run that was asked for.

    Attributes:
        plan: What it shall do.
        get_annotator: Loads the models; called only when there is something to do.
        say: Told what the user should know at once.
        progress: Told after every image.
        cancel: Looked at between images.
    """

    plan: AutoAnnotatePlan
    get_annotator: Callable[[], Annotator]
    say: Callable[[str], None]
    progress: ProgressReport | None
    cancel: CancelToken


@dataclass(frozen=True)
class Images:
    """The images of a run: ``keys`` are paths relative to ``root``."""

    root: Path
    keys: tuple[ImageKey, ...]


def find_images(data: str | Path) -> Images:
    """The images that a folder, a file or a pattern ("photos/*.jpg") names; ``ValueError`` if none."""
    path = Path(os.path.abspath(data))  # noqa: PTH100 - resolve() would follow links, absolute() keeps ".."
    if path.is_dir():
        images = Images(path, tuple(scan(path)))
    elif path.is_file():
        images = Images(path.parent, (ImageKey(path.name),))
    elif any(c in str(data) for c in "*?["):
        images = _matching(path)
    else:
        raise ValueError(f"there is no folder or file {path}")
    if not images.keys:
        raise ValueError(f"there are no images in {path} (known: {', '.join(sorted(IMAGE_SUFFIXES))})")
    return images


def _matching(pattern: Path) -> Images:
    fixed = next(p for p in pattern.parents if not any(c in str(p) for c in "*?["))
    found = fixed.glob(str(pattern.relative_to(fixed)))
    files = sorted(p for p in found if p.is_file() and p.suffix.lower() in IMAGE_SUFFIXES)
    return Images(fixed, tuple(ImageKey(p.relative_to(fixed).as_posix()) for p in files))


def find_dataset(images: Images) -> Images | None:
    """The same images as keys of the samdesk dataset they belong to; None if they are in none.

    The store is in the folder itself, or in one of the two above it (``dataset/images/train``).
    """
    root = images.root.resolve()
    for folder in (root, *root.parents[:2]):
        if (folder / STORE).is_file():
            inside = root.relative_to(folder)
            return Images(folder, tuple(ImageKey((inside / k).as_posix()) for k in images.keys))
    return None


def run_on_dataset(images: Images, job: Job) -> BatchSummary:
    """One undoable run in a dataset's store.

    Raises:
        StoreError: The dataset is in use, or cannot be read or written.
        EngineError: A model cannot be had.
        Cancelled: Before anything was done.
        RunStopped: The dataset cannot be read any further.
    """
    dataset = Dataset.open(images.root)
    try:
        _pass_on(dataset, job)
        if dataset.read_only:
            raise StoreError(f"{images.root} is open in another samdesk: close it, or give an output folder")
        if dataset.in_memory:
            raise StoreError(f"{images.root} cannot be written to: give an output folder")
        documents = _DatasetDocuments(dataset)
        known = set(dataset.keys)
        keys = tuple(k for k in images.keys if k in known)
        target = DocumentTarget(keys, documents, reader(images.root), job.plan.existing)
        todo = dry_run(target, job.cancel)
        if not todo.annotate:
            return nothing_to_do(todo, str(images.root))
        annotator = job.get_annotator()
        names = annotator.models.detector.names
        label_ids = job.plan.label_ids(names, _ensure_labels(dataset, job.plan, names))
        run_id = dataset.begin_run("Auto-annotate")
        try:
            target = replace(target, label_ids=label_ids, run_id=run_id)
            summary = run(target, annotator, todo, progress=job.progress, cancel=job.cancel)
        finally:
            dataset.end_run(run_id)
            _pass_on(dataset, job)
        return replace(summary, output=str(images.root), run_id=run_id)
    finally:
        dataset.close()


def _pass_on(dataset: Dataset, job: Job) -> None:
    """A label file that waits for the user's choice, a line that cannot be read: nobody else tells."""
    for notice in dataset.notices():
        job.say(notice.message)


def _ensure_labels(dataset: Dataset, plan: AutoAnnotatePlan, names: Sequence[str]) -> LabelSet:
    before = dataset.labels
    labels = plan.labels_for(names, before)
    if labels != before:
        text = f"Add {len(labels) - len(before)} labels"
        dataset.commit(Transaction(text, labels=labels, labels_before=before))
    return labels


class _DatasetDocuments:
    """A dataset as the documents of a run; its errors become the run's."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset

    def load(self, key: ImageKey) -> ImageDocument:
        """The document as it is now."""
        try:
            return self._dataset.load(key)
        except ImageError as error:
            raise ImageProblem(str(error)) from error
        except StoreError as error:
            raise RunStopped(str(error)) from error

    def commit_run(self, run_id: RunId, key: ImageKey, edit: Edit) -> bool:
        """Saves an edit of the run."""
        try:
            return self._dataset.commit_run(run_id, key, edit)
        except StoreError as error:
            raise RunStopped(str(error)) from error


def nothing_to_do(todo: DryRun, output: str) -> BatchSummary:
    """The summary of a run that needs no model."""
    return BatchSummary(skipped=todo.skipped, failed=todo.failed, output=output)


def reader(root: Path) -> Callable[[ImageKey], RgbImage]:
    """Reads images by key, from any thread; ``ImageProblem`` in words."""

    def read(key: ImageKey) -> RgbImage:
        try:
            return read_image(root / key)
        except ImageError as error:
            raise ImageProblem(str(error)) from error
        except OSError as error:
            raise ImageProblem(f"{root / key}: {error.strerror or error}") from error

    return read
