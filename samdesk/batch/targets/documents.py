"""The images of a dataset as the target of a run: nothing on images edited by hand is ever changed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from samdesk.base.errors import UserError, typed_line
from samdesk.base.jobs import Cancelled, CancelToken
from samdesk.batch.box_masks import BoxMasks, reason_to_skip_boxes
from samdesk.batch.concepts import PlannedExample
from samdesk.batch.find import FoundObject, to_annotation
from samdesk.batch.merge import EDITED, reason_to_skip, run_edit, skip_reason
from samdesk.batch.plan import AutoAnnotatePlan, Existing
from samdesk.batch.report import DryRun, SkippedImage
from samdesk.batch.run_record import record_of
from samdesk.batch.targets.base import ImageProblem, RunStopped, Stored, sort_out
from samdesk.batch.targets.reading import REPLACED, ImageReads
from samdesk.dataset.change import RunEdit
from samdesk.dataset.runs.annotated import AnnotatedImage
from samdesk.dataset.runs.record import RunImage, RunRecord
from samdesk.domain.annotation import Annotation, AnnotationId, RunId
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import Edit
from samdesk.domain.geometry.types import RgbImage
from samdesk.domain.labels import LabelId
from samdesk.engine.concepts.concept import Exemplar
from samdesk.engine.protocols import ModelInfo
from samdesk.images.errors import ImageError

log = logging.getLogger(__name__)

Locked: TypeAlias = Callable[[], frozenset[AnnotationId]]

RUN_TEXT = "Auto-annotate"
"""The text of a run in the undo menu."""


class RunStore(Protocol):
    """The dataset's store as a run uses it: open in this thread, or behind the storage thread.

    ``ImageError`` means that one image cannot be processed, any other error that none can.
    """

    def annotated(self, keys: Sequence[ImageKey]) -> Mapping[ImageKey, AnnotatedImage]:
        """Returns those of some images that have annotations or were edited by hand."""

    def load(self, key: ImageKey) -> ImageDocument:
        """Returns the current document of an image."""

    def begin_run(
        self, text: str, record: RunRecord, keys: Sequence[ImageKey], names: Iterable[str]
    ) -> RunId:
        """Opens a run over images, which may use labels of these names."""

    def resume_run(self, run_id: RunId) -> object:
        """Opens a run again."""

    def run_images(self, run_id: RunId) -> Sequence[RunImage]:
        """Returns what has become of each image of a run."""

    def commit_run(self, run_id: RunId, key: ImageKey, edit: RunEdit, labels: Sequence[str]) -> bool:
        """Makes an edit of the run durable, made from the document as it is then.

        Labels of these names are added where the edit uses them. Returns False if the user has edited the
        image meanwhile, or if there is no edit.
        """

    def note_image(
        self, run_id: RunId, key: ImageKey, state: Literal["skipped", "failed"], message: str
    ) -> None:
        """Notes that an image was skipped or failed."""

    def end_run(self, run_id: RunId) -> object:
        """Closes the run: from here on it is one step that can be undone."""


@dataclass(frozen=True)
class DatasetTarget:
    """Images of a dataset as the target of a run.

    Attributes:
        keys: The images, in order; of a run that is resumed, those of that run are taken.
        run_store: Where their documents are loaded from and saved to.
        reads: Reads them.
        existing: What happens to images that have annotations.
        output: Where the labels are, for the user.
        resumes: The run that goes on; None: a new one.
        boxes: The run makes masks of the boxes that are there.
        replaces: The run whose annotations are replaced; "": those of all.
        locked: Returns the annotations that the user has locked; called by the store as it saves an edit.
        edited: Images edited by hand get new objects, too.
    """

    keys: Sequence[ImageKey]
    run_store: RunStore
    reads: ImageReads
    existing: Existing
    output: str = ""
    resumes: RunId | None = None
    boxes: bool = False
    replaces: str = ""
    locked: Locked = frozenset
    edited: bool = False

    def dry_run(self, cancel: CancelToken | None = None) -> DryRun:
        """Determines which images a run skips, and why, without loading them."""
        with _run_errors():
            keys = self.keys if self.resumes is None else self._left(self.resumes)
            found = self.run_store.annotated(keys)
        nothing = AnnotatedImage(0)

        def skipped(key: ImageKey) -> str | None:
            image = found.get(key, nothing)
            if self.boxes:
                return reason_to_skip_boxes(image.count, image.review)
            return reason_to_skip(
                image.count, image.review, image.from_run, self.existing, edited=self.edited
            )

        return sort_out(keys, skipped, cancel)

    def read(self, key: ImageKey) -> RgbImage:
        """Reads an image."""
        return self.reads.read(key)

    def example(self, example: PlannedExample) -> Exemplar:
        """The exemplar of a plan's example."""
        return self.reads.example(example)

    def document(self, key: ImageKey) -> ImageDocument:
        """Loads the document of an image."""
        with _run_errors():
            return self.run_store.load(key)

    def finish(self, todo: DryRun) -> RunId | None:
        """Notes what the run that goes on skips, and ends it."""
        if self.resumes is None:
            return None
        self._reopen(self.resumes, todo.skipped)
        self.run_store.end_run(self.resumes)
        return self.resumes

    @contextmanager
    def begin(
        self,
        plan: AutoAnnotatePlan,
        class_names: Sequence[str],
        keys: Sequence[ImageKey] = (),
        models: Sequence[ModelInfo] = (),
    ) -> Iterator[DatasetWriter]:
        """Opens a run in the store; on leaving, the run becomes one undo step."""
        names = plan.label_names(class_names)
        if self.resumes is None:
            record = record_of(plan, models)
            run_id = self.run_store.begin_run(RUN_TEXT, record, keys, dict.fromkeys(names.values()))
        else:
            run_id = self.resumes
            self._reopen(run_id, self.dry_run().skipped)
        try:
            yield DatasetWriter(
                self.run_store,
                run_id,
                names,
                self.existing,
                self.reads,
                self.boxes,
                self.replaces,
                self.locked,
                self.edited,
            )
        finally:
            self.run_store.end_run(run_id)

    def _reopen(self, run_id: RunId, skipped: Iterable[SkippedImage]) -> None:
        self.run_store.resume_run(run_id)
        for image in skipped:
            self.run_store.note_image(run_id, image.key, "skipped", image.reason)

    def _left(self, run_id: RunId) -> list[ImageKey]:
        """The images of a run that are to be done, and those that have failed."""
        known = set(self.keys)
        images = self.run_store.run_images(run_id)
        return [image.key for image in images if image.state in ("todo", "failed") and image.key in known]


@dataclass(frozen=True)
class DatasetWriter:
    """Stores a run's results in a dataset.

    Attributes:
        run_store: The store.
        run_id: The open run.
        label_names: Detector class id -> name of its label.
        existing: What happens to images that have annotations.
        reads: Read the images.
        boxes: The objects are masks of boxes that are there.
        replaces: As of ``DatasetTarget``.
        locked: Likewise.
        edited: Likewise.
    """

    run_store: RunStore
    run_id: RunId
    label_names: Mapping[int, str]
    existing: Existing
    reads: ImageReads
    boxes: bool = False
    replaces: str = ""
    locked: Locked = frozenset
    edited: bool = False
    _label_ids: dict[str, LabelId] = field(default_factory=dict)
    """Of the labels as the store last had them."""

    def fail(self, key: ImageKey, message: str) -> None:
        """Notes that an image failed."""
        with _run_errors():
            self.run_store.note_image(self.run_id, key, "failed", message)

    def store(self, key: ImageKey, hw: tuple[int, int], found: Sequence[FoundObject]) -> Stored:
        """Saves the objects of an image as one edit of the run."""
        self.reads.check(key)
        if self.boxes:
            return self._store_masks(key, found)
        named = [(f, self.label_names[f.detection.class_id]) for f in found]
        names = tuple(dict.fromkeys(name for _, name in named))
        with _run_errors():
            document = self.run_store.load(key)
            if (document.height, document.width) != hw:
                raise ImageProblem(f"{key}: {REPLACED}")
            rule = _Rule(self.existing, self.replaces, self.locked, self.edited)
            merge = _Merge(document, named, self.run_id, rule, self._label_ids)
            # An empty edit is saved too: an image without objects gets its empty label file.
            if merge.reason is not None or not self.run_store.commit_run(self.run_id, key, merge, names):
                reason = merge.reason or EDITED
                self.run_store.note_image(self.run_id, key, "skipped", reason)
                return Stored(skipped=reason)
        self._label_ids.update(merge.ids)
        return Stored(added=len(merge.edit.put))

    def _store_masks(self, key: ImageKey, found: Sequence[FoundObject]) -> Stored:
        masks = BoxMasks(found, self.run_id, self.existing, self.locked)
        with _run_errors():
            if not self.run_store.commit_run(self.run_id, key, masks, ()):
                reason = masks.reason or EDITED
                self.run_store.note_image(self.run_id, key, "skipped", reason)
                return Stored(skipped=reason)
        return Stored(added=masks.count)


@dataclass(frozen=True)
class _Rule:
    """What happens to annotations that are there; see ``DatasetTarget``."""

    existing: Existing
    replaces: str
    locked: Locked
    edited: bool


class _Merge:
    """The edit that adds a run's annotations to an image.

    The user keeps working during the run, so the image and the labels as they are when the edit is saved
    count. It is made in the run's thread, and again by the store if one has changed.

    Attributes:
        edit: The edit.
        reason: Why the image is skipped; None if it is not.
        ids: The labels it was made with, by name.
    """

    def __init__(
        self,
        document: ImageDocument,
        named: Sequence[tuple[FoundObject, str]],
        run_id: RunId,
        rule: _Rule,
        ids: Mapping[str, LabelId],
    ) -> None:
        self._named, self._run_id, self._rule = named, run_id, rule
        self._fresh: list[Annotation] = []
        self._document: ImageDocument | None = None
        self._locked: frozenset[AnnotationId] = frozenset()
        self.ids: Mapping[str, LabelId] = {}
        self.edit = Edit()
        self.reason = skip_reason(document, rule.existing, rule.replaces, edited=rule.edited)
        if all(name in ids for _, name in named):
            self._make(document, {name: ids[name] for _, name in named})

    def __call__(self, document: ImageDocument, ids: Mapping[str, LabelId]) -> Edit | None:
        """Returns the edit for the document that it is saved to; None to skip it."""
        if document is not self._document or ids != self.ids or self._rule.locked() != self._locked:
            self._make(document, ids)
        return self.edit if self.reason is None else None

    def _make(self, document: ImageDocument, ids: Mapping[str, LabelId]) -> None:
        if ids != self.ids or not self._fresh:
            self._fresh = [to_annotation(found, ids[name], self._run_id) for found, name in self._named]
        rule = self._rule
        self._document, self.ids, self._locked = document, ids, rule.locked()
        self.reason = skip_reason(document, rule.existing, rule.replaces, edited=rule.edited)
        self.edit = Edit()
        if self.reason is None:
            self.edit = run_edit(document, self._fresh, rule.existing, rule.replaces, self._locked)


@contextmanager
def _run_errors() -> Iterator[None]:
    """Turns errors of the store into ``RunStopped``: a store that fails for one image fails for the next."""
    try:
        yield
    except (ImageError, ImageProblem, RunStopped, Cancelled):
        raise
    except UserError as error:
        raise RunStopped(str(error)) from error
    except OSError as error:
        raise RunStopped(f"Saving the annotations failed: {error.strerror or error}.") from error
    except Exception as error:
        log.exception("unexpected error of the dataset's store")
        raise RunStopped(f"Unexpected error while saving the annotations: {typed_line(error)}.") from error
