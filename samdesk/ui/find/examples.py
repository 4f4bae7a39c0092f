"""LabelExamples: the examples that the dataset has of its labels, for the auto-annotate dialog."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QObject, QTimer

from samdesk.batch.open_vocabulary.examples import planned
from samdesk.dataset.dataset import Dataset
from samdesk.dataset.examples.examples import examples
from samdesk.ui.auto_annotate.concept_table import MOST_EXAMPLES
from samdesk.ui.auto_annotate.controller import BatchController, Examples
from samdesk.workers.storage.client import StorageClient

AGAIN_MS = 500
"""Until all annotations are indexed, examples are asked for again after this."""


@dataclass(frozen=True)
class KnownExamples:
    """The answer to a question for examples.

    Attributes:
        examples: Of each label.
        whole: All annotations of the dataset are known.
    """

    examples: Examples
    whole: bool


def known_examples(dataset: Dataset) -> KnownExamples:
    """Returns the best examples of each label of a dataset. Raises ``StoreError``."""
    labels = {label.id: label.name for label in dataset.labels.labels}
    found = examples(dataset, tuple(labels), MOST_EXAMPLES)
    by_name = {labels[label]: tuple(map(planned, some)) for label, some in found.items()}
    return KnownExamples(by_name, whole=not dataset.indexing.pending)


class LabelExamples(QObject):
    """Asks the store, again and again until all annotations are known or the dialog is closed."""

    def __init__(self, storage: StorageClient, batch: BatchController) -> None:
        super().__init__(batch)
        self._storage, self._batch = storage, batch
        batch.ask_examples = self.ask

    def ask(self, then: Callable[[Examples], None]) -> None:
        """Passes the examples of all labels to a function."""
        self._storage.ask(known_examples, partial(self._receive, then), doing="looking for examples")

    def _receive(self, then: Callable[[Examples], None], found: KnownExamples) -> None:
        then(found.examples)
        if not found.whole and self._batch.asking:
            QTimer.singleShot(AGAIN_MS, self, partial(self.ask, then))
