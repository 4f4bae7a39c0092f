"""How import, export, splits and checks reach the dataset: directly, or through the storage thread."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from samdesk.dataset.change import RunEdit
from samdesk.dataset.dataset import Dataset
from samdesk.dataset.queries import Query
from samdesk.dataset.runs.record import RunInfo, RunRecord, RunState
from samdesk.dataset.types import StoreError
from samdesk.domain.annotation import RunId
from samdesk.domain.document import ImageKey
from samdesk.domain.split import Split

T = TypeVar("T")


def check_writable(dataset: Dataset) -> None:
    """Raises ``StoreError`` if what is changed in an open dataset would be refused, or lost at its end."""
    if dataset.read_only:
        raise StoreError(
            f"{dataset.folder} is open in another samdesk.", next="Close it there, or do it there."
        )
    if dataset.in_memory:
        raise StoreError(f"{dataset.folder} cannot be written to, so nothing was changed.")


class DatasetAccess(Protocol):
    """A dataset for work in the background. Each call may wait for the storage thread.

    Ask for a bounded number of images at a time: saving waits as long as a question takes.
    """

    def ask_now(self, query: Query[T]) -> T:
        """Returns the answer to a question. Raises what the question raises."""

    def begin_run(
        self,
        text: str,
        record: RunRecord | None = None,
        keys: Sequence[ImageKey] = (),
        names: Iterable[str] = (),
    ) -> RunId:
        """As ``Dataset.begin_run``."""

    def commit_run(self, run_id: RunId, key: ImageKey, edit: RunEdit, labels: Sequence[str] = ()) -> bool:
        """As ``Dataset.commit_run``."""

    def begin_import(
        self, text: str, record: RunRecord, keys: Sequence[ImageKey], names: Sequence[str],
        colors: Mapping[str, str],
    ) -> RunId:  # fmt: skip
        """As ``Runs.begin_import``."""

    def commit_images(
        self, run_id: RunId, edits: Sequence[tuple[ImageKey, RunEdit]], labels: Sequence[str] = ()
    ) -> Mapping[ImageKey, str]:
        """As ``Runs.commit_images``."""

    def note_image(
        self, run_id: RunId, key: ImageKey, state: Literal["skipped", "failed"], message: str
    ) -> None:
        """Notes that an image of a run was skipped or failed."""

    def resume_run(self, run_id: RunId) -> RunInfo:
        """As ``Dataset.resume_run``."""

    def end_run(self, run_id: RunId, state: RunState | None = None) -> object:
        """As ``Dataset.end_run``."""

    def end_import(self, run_id: RunId, splits: Mapping[ImageKey, Split]) -> object:
        """Ends an import and puts images into splits, as ``Runs.end``."""


@dataclass(frozen=True)
class DirectAccess:
    """A dataset that was opened by this thread."""

    dataset: Dataset

    def ask_now(self, query: Query[T]) -> T:
        """Returns the answer to a question."""
        return query(self.dataset)

    def begin_run(
        self,
        text: str,
        record: RunRecord | None = None,
        keys: Sequence[ImageKey] = (),
        names: Iterable[str] = (),
    ) -> RunId:
        """As ``Dataset.begin_run``."""
        return self.dataset.begin_run(text, record, keys, names)

    def commit_run(self, run_id: RunId, key: ImageKey, edit: RunEdit, labels: Sequence[str] = ()) -> bool:
        """As ``Dataset.commit_run``."""
        return self.dataset.commit_run(run_id, key, edit, labels)

    def begin_import(
        self, text: str, record: RunRecord, keys: Sequence[ImageKey], names: Sequence[str],
        colors: Mapping[str, str],
    ) -> RunId:  # fmt: skip
        """As ``Runs.begin_import``."""
        return self.dataset.runs.begin_import(text, record, keys, names, colors)

    def commit_images(
        self, run_id: RunId, edits: Sequence[tuple[ImageKey, RunEdit]], labels: Sequence[str] = ()
    ) -> Mapping[ImageKey, str]:
        """As ``Runs.commit_images``."""
        return self.dataset.runs.commit_images(run_id, edits, labels)

    def note_image(
        self, run_id: RunId, key: ImageKey, state: Literal["skipped", "failed"], message: str
    ) -> None:
        """Notes that an image of a run was skipped or failed."""
        self.dataset.runs.note(run_id, key, state, message)

    def resume_run(self, run_id: RunId) -> RunInfo:
        """As ``Dataset.resume_run``."""
        return self.dataset.resume_run(run_id)

    def end_run(self, run_id: RunId, state: RunState | None = None) -> object:
        """As ``Dataset.end_run``."""
        return self.dataset.end_run(run_id, state)

    def end_import(self, run_id: RunId, splits: Mapping[ImageKey, Split]) -> object:
        """Ends an import and puts images into splits, as ``Runs.end``."""
        return self.dataset.runs.end(run_id, None, splits)
