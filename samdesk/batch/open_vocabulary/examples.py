"""The concepts of a run with the examples that a dataset has of their labels."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from samdesk.base.jobs import CancelToken
from samdesk.batch.concepts import PlannedConcept, PlannedExample
from samdesk.dataset.dataset import Dataset
from samdesk.dataset.examples.examples import LabelExample, examples

FEW = 5
"""Examples of a label that is looked for without words, unless the user chooses another number."""
_INDEXED_S = 0.1
"""Seconds for which label files are indexed between two looks for a cancel."""


def planned(example: LabelExample) -> PlannedExample:
    """An example of a label as a plan has it."""
    return PlannedExample(example.image, example.box)


def wanted(concept: PlannedConcept, count: int | None) -> int:
    """How many examples a concept gets; ``count``: as the user chose, None: ``FEW`` where it has no words."""
    return count if count is not None else 0 if concept.texts else FEW


def with_examples(
    dataset: Dataset,
    concepts: Sequence[PlannedConcept],
    count: int | None = None,
    cancel: CancelToken | None = None,
) -> tuple[PlannedConcept, ...]:
    """The concepts with accepted annotations of their labels added as examples.

    A concept whose label the dataset does not have stays as it is.

    Args:
        dataset: The dataset.
        concepts: What a run looks for.
        count: See ``wanted``.
        cancel: Cancels it.

    Raises:
        Cancelled: It was cancelled.
        StoreError: The store cannot be read.
    """
    labels = {c.label: known.id for c in concepts if (known := dataset.labels.match(c.label)) is not None}
    most = max((wanted(c, count) for c in concepts), default=0)
    chosen = examples(dataset, tuple(dict.fromkeys(labels.values())), most, cancel) if most else {}
    result = []
    for concept in concepts:
        found = chosen.get(labels[concept.label], ()) if concept.label in labels else ()
        more = tuple(map(planned, found[: wanted(concept, count)]))
        result.append(replace(concept, examples=(*concept.examples, *more)))
    return tuple(result)


def with_examples_of(
    folder: Path, concepts: Sequence[PlannedConcept], count: int | None, cancel: CancelToken
) -> tuple[PlannedConcept, ...]:
    """``with_examples`` of a dataset that is not open, once all of its annotations are known."""
    with closing(Dataset.open(folder)) as dataset:
        index_all(dataset, cancel)
        return with_examples(dataset, concepts, count, cancel)


def index_all(dataset: Dataset, cancel: CancelToken) -> None:
    """Reads all label files that were not read yet: all annotations are known then. Raises ``Cancelled``."""
    dataset.indexing.want()
    while dataset.indexing.pending:
        cancel.check()
        dataset.indexing.advance(_INDEXED_S)
