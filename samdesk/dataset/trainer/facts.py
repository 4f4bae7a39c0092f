"""What the checks of a dataset's training know: its images, data.yaml, and how the trainer reads it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from samdesk.dataset.links import boundary_of
from samdesk.dataset.trainer.paths import LISTING, SplitPaths, TrainingPaths, training_paths
from samdesk.dataset.trainer.reading import TrainerReading, read_as_trainer
from samdesk.domain.document import ImageKey
from samdesk.formats.yolo.yaml_keys import read_mapping
from samdesk.images.sources import Survey


@dataclass(frozen=True)
class TrainingFacts:
    """A dataset as far as its training is concerned.

    Attributes:
        folder: The dataset, with links resolved.
        survey: Its image files.
        file: Its data.yaml, which need not exist.
        names: Class names by class id.
        content: Keys and values of data.yaml; None: there is none, or it cannot be read.
        reading: What the trainer makes of it.
        annotated: The images with annotations or a label file.
        unreviewed: The images that have neither and were not accepted.
        dropped: Annotated image -> why the trainer drops it.
        unchecked: How many annotated images there was no time for.
    """

    folder: Path
    survey: Survey
    file: Path
    names: tuple[str, ...] = ()
    content: Mapping[Any, Any] | None = None
    reading: TrainerReading = field(default_factory=TrainerReading)
    annotated: tuple[ImageKey, ...] = ()
    unreviewed: tuple[ImageKey, ...] = ()
    dropped: Mapping[ImageKey, str] = field(default_factory=dict)
    unchecked: int = 0

    def with_content(self, content: Mapping[Any, Any] | None, *, listed: bool = False) -> TrainingFacts:
        """The facts with another content of data.yaml.

        Args:
            content: Its keys and values.
            listed: The list of images that ``planned`` may name is taken as written.
        """
        paths = self.paths
        lists = {paths.root / LISTING: paths.listing} if listed and LISTING in paths.splits.values() else {}
        reading = TrainerReading() if content is None else read_as_trainer(content, self.file, lists)
        return replace(self, content=content, reading=reading)

    def image(self, key: str) -> str:
        """The path of an image, with the system's separators."""
        return f"{self.folder}{os.sep}{key.replace('/', os.sep)}"

    @cached_property
    def paths(self) -> TrainingPaths:
        """The paths that samdesk would write into a new data.yaml."""
        return training_paths(self.folder, self.survey.keys, self.survey.run_outputs)

    @property
    def planned(self) -> SplitPaths:
        """``paths`` relative to the folder of data.yaml."""
        return self.paths.relative_to(self.file.parent)

    @property
    def unsplit(self) -> bool:
        """Whether data.yaml trains and validates on the same images."""
        places = self.reading.places
        return "train" in places and places["train"] == places.get("val")


def read_content(file: Path, folder: Path) -> dict[Any, Any] | None:
    """The keys and values of data.yaml; None if it does not exist or cannot be read, which others report.

    Args:
        file: The file.
        folder: The dataset, with links resolved.
    """
    try:
        return read_mapping(boundary_of(folder).real_path(file))
    except (OSError, ValueError):
        return None
