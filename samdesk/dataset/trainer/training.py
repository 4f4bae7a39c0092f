"""Checks how a dataset would train, and fixes its data.yaml."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from samdesk.base import atomic
from samdesk.dataset.conflicts import copy_before_replacing
from samdesk.dataset.dataset import Dataset
from samdesk.dataset.store.errors import StoreError
from samdesk.dataset.trainer.facts import TrainingFacts, read_content
from samdesk.dataset.trainer.fix import TrainingReport, YamlFix, report
from samdesk.dataset.trainer.paths import training_paths
from samdesk.domain.document import ImageKey
from samdesk.domain.review import ImageReview
from samdesk.formats.yolo.yaml_keys import edited
from samdesk.images.reader import trainer_drops

CHECK_SECONDS = 5.0
"""The longest time for reading the headers of annotated images."""


def training_facts(dataset: Dataset) -> TrainingFacts:
    """A query: what the checks need to know. Lists the folders of the label files and opens none of them."""
    stored = dataset.core.rows.images(None)
    in_files = set(dataset.core.documents.only_in_files(dataset.keys))
    annotated, unreviewed = [], []
    for key in dataset.keys:
        image = stored.get(key)
        if key in in_files or (image is not None and image.count):
            annotated.append(key)
        elif image is None or image.review is ImageReview.UNREVIEWED:
            unreviewed.append(key)
    facts = dataset.training
    # While samdesk does not know what the file's names mean, no fix writes others.
    names = () if dataset.core.names.conflict else dataset.labels.names or facts.names
    return replace(facts, names=names, annotated=tuple(annotated), unreviewed=tuple(unreviewed))


def check_training(facts: TrainingFacts, stopped: Callable[[], bool] = lambda: False) -> TrainingReport:
    """Reads data.yaml and the headers of annotated images and runs all checks; not for the main thread.

    Args:
        facts: Of ``training_facts``.
        stopped: Whether the result is no longer wanted.
    """
    dropped, unchecked = _dropped(facts, facts.annotated, stopped)
    content = read_content(facts.file, facts.folder)
    return report(replace(facts, dropped=dropped, unchecked=unchecked).with_content(content))


def fix_data_yaml(dataset: Dataset, fix: YamlFix) -> None:
    """A query: applies a fix to data.yaml. The file as it was is kept in "replaced" beside the store.

    Raises:
        StoreError: The dataset is read-only, or data.yaml cannot be written.
    """
    dataset.core.check_writable()
    file = dataset.core.names.path
    try:
        boundary = dataset.core.files.boundary
        text = boundary.read(file).decode("utf-8-sig")
        copy_before_replacing(dataset.core, file)
        atomic.write_text(boundary.real_path(file), edited(text, fix.changed, fix.removed))
        training_paths(dataset.folder, dataset.keys, dataset.survey.run_outputs).write_listing(boundary)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise StoreError(f"{file} cannot be written: {reason or error}.") from error


def _dropped(
    facts: TrainingFacts, keys: Sequence[ImageKey], stopped: Callable[[], bool]
) -> tuple[dict[ImageKey, str], int]:
    end = time.monotonic() + CHECK_SECONDS
    found: dict[ImageKey, str] = {}
    for number, key in enumerate(keys):
        if stopped() or time.monotonic() > end:
            return found, len(keys) - number
        reason = trainer_drops(Path(facts.image(key)))
        if reason:
            found[key] = reason
    return found, 0
