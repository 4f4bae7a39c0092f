"""An auto-annotate run over the documents of a dataset: what a person touched is never changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from samdesk.batch.pipeline import RunStopped, Stored
from samdesk.batch.plan import TOUCHED, Existing, FoundObject, run_edit, skip_reason, to_annotation
from samdesk.domain.annotation import RunId
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import Edit
from samdesk.domain.geometry.types import RgbImage
from samdesk.domain.labels import LabelId


class Documents(Protocol):
    """Where documents are. Both raise ``ImageProblem`` (this image) or ``RunStopped`` (no use going on)."""

    def load(self, key: ImageKey) -> ImageDocument:
        """The document as it is now."""

    def commit_run(self, run_id: RunId, key: ImageKey, edit: Edit) -> bool:
        """Makes a run's edit durable; False if a person touched the image meanwhile."""


@dataclass(frozen=True)
class DocumentTarget:
    """A dataset as the target of a run.

    Attributes:
        image_keys: The images, in order.
        documents: Where they are loaded and saved.
        read_image: Reads one, from any thread; raises ``ImageProblem``.
        existing: What happens to images that have annotations.
        label_ids: The label of each of the detector's classes; not needed for a dry run.
        run_id: The run; not needed for a dry run.
    """

    image_keys: Sequence[ImageKey]
    documents: Documents
    read_image: Callable[[ImageKey], RgbImage]
    existing: Existing
    label_ids: Mapping[int, LabelId] = field(default_factory=dict)
    run_id: RunId | None = None

    def images(self) -> Sequence[ImageKey]:
        """All images, in order."""
        return self.image_keys

    def skip_reason(self, key: ImageKey) -> str | None:
        """Why this image is left alone, None if it is not."""
        return skip_reason(self.documents.load(key), self.existing)

    def read(self, key: ImageKey) -> RgbImage:
        """The image."""
        return self.read_image(key)

    def put(self, key: ImageKey, hw: tuple[int, int], found: Sequence[FoundObject]) -> Stored:
        """Saves what was found as one edit of the run."""
        if self.run_id is None:
            raise RunStopped("the run was not begun")
        document = self.documents.load(key)
        # The image may have changed since the dry run: the user goes on working meanwhile.
        reason = skip_reason(document, self.existing)
        if reason is not None:
            return Stored(skipped=reason)
        fresh = [to_annotation(f, self.label_ids[f.detection.class_id], self.run_id) for f in found]
        edit = run_edit(document, fresh, self.existing)
        # An empty edit is saved too: "looked at, nothing there" gets its empty label file.
        if not self.documents.commit_run(self.run_id, key, edit):
            return Stored(skipped=TOUCHED)
        return Stored(added=len(edit.put))
