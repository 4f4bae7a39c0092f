"""Auto-annotate into a samdesk dataset without a window: finds its store and opens it for one run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from samdesk.base.jobs import CancelToken
from samdesk.batch.open_vocabulary.examples import index_all
from samdesk.batch.pipeline import AutoAnnotateJob, Run, annotate_images
from samdesk.batch.plan import ObjectsFrom
from samdesk.batch.report import BatchSummary
from samdesk.batch.targets.documents import DatasetTarget
from samdesk.batch.targets.reading import ImageReads
from samdesk.dataset.change import RunEdit
from samdesk.dataset.dataset import Dataset
from samdesk.dataset.open import locate_store
from samdesk.dataset.queries import runs
from samdesk.dataset.runs.annotated import AnnotatedImage, annotated_images
from samdesk.dataset.runs.record import RunImage, RunInfo, RunRecord
from samdesk.dataset.search import find_images
from samdesk.dataset.store.errors import StoreError
from samdesk.dataset.trainer.training import check_training, training_facts
from samdesk.dataset.types import TRAINING
from samdesk.domain.annotation import RunId
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.search import Search
from samdesk.images.sources import ImageSet


def find_dataset(images: ImageSet) -> ImageSet | None:
    """Returns the same images as keys of the dataset they belong to; None if they belong to none.

    A dataset is the nearest folder at or above ``images.root`` that has a store, in the folder or wherever
    the user has moved it. Images in hidden folders below it are not part of it.
    """
    real = images.root.resolve()
    # The resolved path first; the given one for a folder that is linked into a dataset.
    for root in dict.fromkeys((real, images.root)):
        for folder in _candidates(root):
            if os.path.isfile(locate_store(folder)):  # noqa: PTH113 - False where a folder cannot be read
                inside = root.relative_to(folder)
                return ImageSet(folder, tuple(ImageKey((inside / key).as_posix()) for key in images.keys))
    return None


@dataclass(frozen=True)
class DatasetPlace:
    """The store of a dataset, as the place where the labels of some of its images go.

    Attributes:
        images: The dataset's folder and the images to annotate.
        search: Only those that it finds; None: all.
        resumes: The run that goes on with its own images, as far as they are among these; None: a new one.
    """

    images: ImageSet
    search: Search | None = None
    resumes: RunId | None = None

    def text(self, objects_from: ObjectsFrom) -> str:
        """The dataset, for the user."""
        return f"the dataset {self.images.root} (one Undo in the window reverts the run)"

    def annotate(self, job: AutoAnnotateJob, run: Run = annotate_images) -> BatchSummary:
        """Auto-annotates the images as one undoable run in the store; ``run``: see ``LabelPlace``.

        Raises:
            StoreError: The dataset is in use, or cannot be read or written.
            EngineError: A model is unavailable.
            ValueError: The plan names classes the detector does not have.
        """
        images = self.images
        dataset = Dataset.open(images.root)
        try:
            _forward_notices(dataset, job.notice)
            _check_writable(dataset, images.root)
            known = set(dataset.keys if self.search is None else _found(dataset, self.search, job.cancel))
            keys = tuple(key for key in images.keys if key in known)
            target = DatasetTarget(
                keys,
                _OpenStore(dataset),
                ImageReads(images.root),
                job.plan.existing,
                output=str(images.root),
                resumes=self.resumes,
                boxes=job.plan.objects_from == "boxes",
                replaces=job.plan.replaces,
                edited=job.plan.edited,
            )
            summary = run(target, job)
            for finding in check_training(training_facts(dataset)).findings:
                job.notice(finding.message)
            return summary
        finally:
            _forward_notices(dataset, job.notice)
            dataset.close()


def known_runs(folder: Path) -> tuple[RunInfo, ...]:
    """Returns the auto-annotate runs of a dataset, the newest first. Raises ``StoreError``."""
    dataset = Dataset.open(folder)
    try:
        return runs(dataset)
    finally:
        dataset.close()


def _found(dataset: Dataset, search: Search, cancel: CancelToken) -> tuple[ImageKey, ...]:
    """The images that a search finds, once all label files can be searched."""
    index_all(dataset, cancel)
    return find_images(dataset, search, cancel)


def _candidates(root: Path) -> Iterator[Path]:
    for folder in (root, *root.parents):
        yield folder
        if folder.name.startswith("."):
            return


def _check_writable(dataset: Dataset, folder: Path) -> None:
    if dataset.read_only:
        raise StoreError(
            f"{folder} is open in another samdesk.", next="Close it there, or give an output folder."
        )
    if dataset.in_memory:
        raise StoreError(f"{folder} cannot be written to.", next="Give an output folder.")


def _forward_notices(dataset: Dataset, notice: Callable[[str], None]) -> None:
    """Passes on label files in conflict, lines that cannot be read, and so on."""
    for found in dataset.notices():
        if found.kind != TRAINING:  # checked after the run
            notice(found.message)


@dataclass(frozen=True)
class _OpenStore:
    """A dataset that is open in this thread, as the ``RunStore`` of a run."""

    dataset: Dataset

    def load(self, key: ImageKey) -> ImageDocument:
        return self.dataset.load(key)

    def annotated(self, keys: Sequence[ImageKey]) -> Mapping[ImageKey, AnnotatedImage]:
        return annotated_images(self.dataset, keys)

    def begin_run(
        self, text: str, record: RunRecord, keys: Sequence[ImageKey], names: Iterable[str]
    ) -> RunId:
        return self.dataset.begin_run(text, record, keys, names)

    def resume_run(self, run_id: RunId) -> object:
        return self.dataset.resume_run(run_id)

    def run_images(self, run_id: RunId) -> Sequence[RunImage]:
        return self.dataset.runs.images(run_id)

    def commit_run(self, run_id: RunId, key: ImageKey, edit: RunEdit, labels: Sequence[str]) -> bool:
        return self.dataset.commit_run(run_id, key, edit, labels)

    def note_image(
        self, run_id: RunId, key: ImageKey, state: Literal["skipped", "failed"], message: str
    ) -> None:
        self.dataset.runs.note(run_id, key, state, message)

    def end_run(self, run_id: RunId) -> object:
        return self.dataset.end_run(run_id)
