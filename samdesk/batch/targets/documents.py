"""The images of a dataset as the target of a run: images edited by hand are never changed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from samdesk.base.errors import UserError, typed_line
from samdesk.base.jobs import Cancelled, CancelToken
from samdesk.batch.find import FoundObject, to_annotation
from samdesk.batch.merge import EDITED, run_edit, skip_reason
from samdesk.batch.plan import AutoAnnotatePlan, Existing
from samdesk.batch.report import DryRun
from samdesk.batch.targets.base import RunStopped, Stored, sort_out
from samdesk.dataset.change import RunEdit
from samdesk.domain.annotation import Annotation, RunId
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import Edit
from samdesk.domain.geometry.types import RgbImage
from samdesk.domain.labels import LabelId, LabelSet
from samdesk.images.errors import ImageError

log = logging.getLogger(__name__)

RUN_TEXT = "Auto-annotate"
"""The text of a run in the undo menu."""


class RunStore(Protocol):
    """The dataset's store as a run uses it: open in this thread, or behind the storage thread.

    ``ImageError`` means that one image cannot be processed, any other error that none can.
    """

    def load(self, key: ImageKey) -> ImageDocument:
        """Returns the current document of an image."""

    def ensure_labels(self, plan: AutoAnnotatePlan, class_names: Sequence[str]) -> LabelSet:
        """Adds the labels that the run needs and returns the label set."""

    def begin_run(self, text: str) -> RunId:
        """Opens a run."""

    def commit_run(self, run_id: RunId, key: ImageKey, edit: RunEdit) -> bool:
        """Makes an edit of the run durable, made from the document as it is then.

        Returns False if the user has edited the image meanwhile, or if there is no edit.
        """

    def end_run(self, run_id: RunId) -> object:
        """Closes the run: from here on it is one step that can be undone."""


@dataclass(frozen=True)
class DatasetTarget:
    """Images of a dataset as the target of a run.

    Attributes:
        keys: The images, in order.
        run_store: Where their documents are loaded from and saved to.
        read_image: Reads one, from any thread; raises ``UserError``.
        existing: What happens to images that have annotations.
        output: Where the labels are, for the user.
    """

    keys: Sequence[ImageKey]
    run_store: RunStore
    read_image: Callable[[ImageKey], RgbImage]
    existing: Existing
    output: str = ""

    def dry_run(self, cancel: CancelToken | None = None) -> DryRun:
        """Determines which images a run skips, and why."""
        return sort_out(self.keys, self._skip_reason, cancel)

    def _skip_reason(self, key: ImageKey) -> str | None:
        with _run_errors():
            return skip_reason(self.run_store.load(key), self.existing)

    def read(self, key: ImageKey) -> RgbImage:
        """Reads an image."""
        return self.read_image(key)

    @contextmanager
    def begin(self, plan: AutoAnnotatePlan, class_names: Sequence[str]) -> Iterator[DatasetWriter]:
        """Adds the labels and opens a run in the store; on leaving, the run becomes one undo step."""
        labels = self.run_store.ensure_labels(plan, class_names)
        label_ids = plan.label_ids(class_names, labels)
        run_id = self.run_store.begin_run(RUN_TEXT)
        try:
            yield DatasetWriter(self.run_store, run_id, label_ids, self.existing)
        finally:
            self.run_store.end_run(run_id)


@dataclass(frozen=True)
class DatasetWriter:
    """Stores a run's results in a dataset.

    Attributes:
        run_store: The store.
        run_id: The open run.
        label_ids: Detector class id -> label.
        existing: What happens to images that have annotations.
    """

    run_store: RunStore
    run_id: RunId
    label_ids: Mapping[int, LabelId]
    existing: Existing

    def fail(self, key: ImageKey, message: str) -> None:
        """Nothing is noted about images that failed."""

    def store(self, key: ImageKey, hw: tuple[int, int], found: Sequence[FoundObject]) -> Stored:
        """Saves the objects of an image as one edit of the run."""
        with _run_errors():
            fresh = [to_annotation(f, self.label_ids[f.detection.class_id], self.run_id) for f in found]
            merge = _Merge(self.run_store.load(key), fresh, self.existing)
            # An empty edit is saved too: an image without objects gets its empty label file.
            if merge.reason is not None or not self.run_store.commit_run(self.run_id, key, merge):
                return Stored(skipped=merge.reason or EDITED)
        return Stored(added=len(merge.edit.put))


class _Merge:
    """The edit that adds a run's annotations to an image.

    The user keeps working during the run, so the image as it is when the edit is saved counts. It is made
    in the run's thread, and again by the store if the image has changed since it was loaded.

    Attributes:
        edit: The edit.
        reason: Why the image is skipped; None if it is not.
    """

    def __init__(self, document: ImageDocument, fresh: Sequence[Annotation], existing: Existing) -> None:
        self._fresh, self._existing = fresh, existing
        self._make(document)

    def __call__(self, document: ImageDocument) -> Edit | None:
        """Returns the edit for the document that it is saved to; None to skip it."""
        if document is not self._document:
            self._make(document)
        return self.edit if self.reason is None else None

    def _make(self, document: ImageDocument) -> None:
        self._document = document
        self.reason = skip_reason(document, self._existing)
        self.edit = Edit() if self.reason else run_edit(document, self._fresh, self._existing)


@contextmanager
def _run_errors() -> Iterator[None]:
    """Turns errors of the store into ``RunStopped``: a store that fails for one image fails for the next."""
    try:
        yield
    except (ImageError, RunStopped, Cancelled):
        raise
    except UserError as error:
        raise RunStopped(str(error)) from error
    except OSError as error:
        raise RunStopped(f"Saving the annotations failed: {error.strerror or error}.") from error
    except Exception as error:
        log.exception("unexpected error of the dataset's store")
        raise RunStopped(f"Unexpected error while saving the annotations: {typed_line(error)}.") from error
