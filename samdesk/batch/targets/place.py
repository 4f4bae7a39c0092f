"""Where the labels of a run go: the store of the dataset that the images belong to, else label files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from samdesk.batch.pipeline import AutoAnnotateJob, Run, annotate_images
from samdesk.batch.plan import ObjectsFrom
from samdesk.batch.report import BatchSummary
from samdesk.batch.targets.dataset import DatasetPlace, find_dataset, known_runs
from samdesk.batch.targets.label_files import FilePlace
from samdesk.dataset.runs.record import RunInfo
from samdesk.domain.search import parse
from samdesk.images.sources import ImageSet, find_images, union


class LabelPlace(Protocol):
    """Where the labels of some images go."""

    @property
    def images(self) -> ImageSet:
        """The images, as they are named there."""

    def text(self, objects_from: ObjectsFrom) -> str:
        """The place of a run with objects from this source, for the user."""

    def annotate(self, job: AutoAnnotateJob, run: Run = annotate_images) -> BatchSummary:
        """Auto-annotates the images.

        Args:
            job: What to do.
            run: Does it; what it stores may come from elsewhere than from models.

        Raises:
            StoreError: The dataset is in use, or cannot be read or written.
            LabelFolderError: Another run writes to the folder, or it cannot be written to.
            EngineError: A model is unavailable.
            ValueError: The plan names classes the detector does not have.
        """


def place_of(images: ImageSet, output: Path | None, default: Path | None = None) -> LabelPlace:
    """Finds where the labels go.

    Args:
        images: The images.
        output: Label files with the detector's class ids go to this folder; None: to the dataset.
        default: As ``output``, for images that belong to no dataset with a store; None: where the trainer
            and the window look for them, with the class ids of the dataset's data.yaml.
    """
    if output is None:
        dataset = find_dataset(images)
        if dataset is not None:
            return DatasetPlace(dataset)
        output = default
    return FilePlace(images, output, own_ids=output is not None)


def resumable(data: Sequence[str]) -> tuple[LabelPlace, RunInfo]:
    """Finds the newest run of a dataset that has images left, and where it goes on.

    Args:
        data: The dataset's folder.

    Raises:
        ValueError: There is none.
        StoreError: The dataset cannot be read.
    """
    place = place_of_all(data, None)
    if not isinstance(place, DatasetPlace):
        raise ValueError(
            f"{place.images.root} has no store: run the same command again without --resume, and it goes on"
        )
    root = place.images.root
    found = next((run for run in known_runs(root) if run.can_resume and not run.is_import), None)
    if found is None:
        raise ValueError(f"there is no run to resume in {root}: 'samdesk runs' lists them")
    return replace(place, resumes=found.id), found


def place_of_all(data: Sequence[str], output: Path | None, search: str = "") -> LabelPlace:
    """Finds where the labels of several folders, images or patterns go.

    Args:
        data: As for ``find_images``.
        output: As for ``place_of``.
        search: Only images that this search of the dataset finds; blank: all.

    Raises:
        ValueError: There are no images, or they do not belong together; the search needs a dataset.
        SearchError: The search makes no sense.
    """
    sets = [find_images(one) for one in data]
    images = union(sets)
    if output is None and len({place.root for place in map(find_dataset, sets) if place}) > 1:
        raise ValueError("the images belong to several datasets: annotate one after the other")
    place = place_of(images, output)
    if not search.strip():
        return place
    if not isinstance(place, DatasetPlace):
        raise ValueError(f"a search needs a samdesk dataset: open {images.root} in the window first")
    return replace(place, search=parse(search))
