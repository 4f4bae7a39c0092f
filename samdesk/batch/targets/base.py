"""The interface of a run to its images and to the store or label files that receive its results."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from samdesk.base.errors import UserError
from samdesk.base.jobs import CancelToken
from samdesk.batch.concepts import PlannedExample
from samdesk.batch.find import FoundObject
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.batch.report import DryRun, ImageFailure, SkippedImage
from samdesk.domain.annotation import RunId
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.geometry.types import RgbImage
from samdesk.engine.concepts.concept import Exemplar
from samdesk.engine.protocols import ModelInfo


class ImageProblem(UserError):  # noqa: N818 - the run continues
    """One image cannot be processed; the run continues with the next."""

    code = "batch-image"


class RunStopped(UserError):  # noqa: N818 - a stop, not a fault
    """The run cannot continue: the disk is full, the store cannot be read, ..."""

    code = "batch-run"


@dataclass(frozen=True)
class Stored:
    """The result of storing one image's objects.

    Attributes:
        added: How many annotations were added.
        skipped: Why the image was skipped although the dry run included it; "" if it was not.
        note: Anything worth reporting about the image, "" for nothing.
    """

    added: int = 0
    skipped: str = ""
    note: str = ""


def sort_out(
    keys: Iterable[ImageKey], skip_reason: Callable[[ImageKey], str | None], cancel: CancelToken | None
) -> DryRun:
    """A dry run that asks for the reason to skip each image; one whose answer is an error has failed."""
    annotate: list[ImageKey] = []
    skipped: list[SkippedImage] = []
    failed: list[ImageFailure] = []
    for key in keys:
        if cancel is not None:
            cancel.check()
        try:
            reason = skip_reason(key)
        except RunStopped:
            raise
        except UserError as error:
            failed.append(ImageFailure(key, str(error)))
            continue
        if reason is None:
            annotate.append(key)
        else:
            skipped.append(SkippedImage(key, reason))
    return DryRun(tuple(annotate), tuple(skipped), tuple(failed))


class RunWriter(Protocol):
    """Stores the results of one run. Called from the run's own thread."""

    @property
    def run_id(self) -> RunId | None:
        """The run in the dataset's store, None without a store."""

    def store(self, key: ImageKey, hw: tuple[int, int], found: Sequence[FoundObject]) -> Stored:
        """Stores the objects found in an image (maybe none).

        Args:
            key: The image.
            hw: Its height and width, pixels.
            found: The objects.

        Raises:
            UserError: The image cannot be processed; ``RunStopped``: nor can any other.
        """

    def fail(self, key: ImageKey, message: str) -> None:
        """Notes that an image failed, and why. Raises ``RunStopped``."""


class Target(Protocol):
    """The images of a run and where their annotations go. All but ``read`` is called from its own thread."""

    @property
    def output(self) -> str:
        """Where the labels are, for the user."""

    @property
    def keys(self) -> Sequence[ImageKey]:
        """All images, in the order they are processed."""

    def dry_run(self, cancel: CancelToken | None = None) -> DryRun:
        """Determines what a run would do, without a model. Raises ``Cancelled``, ``RunStopped``."""

    def read(self, key: ImageKey) -> RgbImage:
        """Reads an image; called from another thread. Raises ``UserError``."""

    def example(self, example: PlannedExample) -> Exemplar:
        """The exemplar of a plan's example. Raises ``UserError`` if it cannot be had."""

    def document(self, key: ImageKey) -> ImageDocument | None:
        """What an image is annotated with, for a run on boxes that are there. Raises as ``RunWriter.store``.

        None: it is not known.
        """

    def finish(self, todo: DryRun) -> RunId | None:
        """Ends the run that goes on, if there is one, with nothing to annotate; returns it.

        Args:
            todo: What the dry run found.

        Raises:
            StoreError: The run cannot be written to the store.
        """

    def begin(
        self,
        plan: AutoAnnotatePlan,
        class_names: Sequence[str],
        keys: Sequence[ImageKey] = (),
        models: Sequence[ModelInfo] = (),
    ) -> AbstractContextManager[RunWriter]:
        """Begins a run, once its models are loaded; leaving the context ends it.

        Args:
            plan: What the run does.
            class_names: The detector's class names by class id.
            keys: The images to annotate, as the dry run found.
            models: The one that finds the objects, then the one that draws the masks.

        Raises:
            StoreError: The run cannot be written to the store.
            Cancelled: The run was cancelled before it began.
        """
