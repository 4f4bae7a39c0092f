"""Does shards: loads the models once, runs the pipeline over the images of one shard after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property

from samdesk.base.errors import UserError
from samdesk.base.jobs import CancelToken
from samdesk.batch.concepts import PlannedExample
from samdesk.batch.find import FoundObject
from samdesk.batch.models import Annotator, Loaders
from samdesk.batch.pipeline import AutoAnnotateJob, ignore, run
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.batch.report import BatchProgress, DryRun, ImageFailure
from samdesk.batch.shards.errors import ShardsError
from samdesk.batch.shards.folder import Folder
from samdesk.batch.shards.manifest import Manifest, ManifestEntry
from samdesk.batch.shards.model_files import model_files
from samdesk.batch.shards.reading import read_entry
from samdesk.batch.shards.rows import ImageResult, ShardFacts, to_parquet
from samdesk.batch.shards.run_file import ShardedRun
from samdesk.batch.targets.base import Stored
from samdesk.domain.document import ImageKey
from samdesk.domain.geometry.types import RgbImage
from samdesk.engine.concepts.concept import Exemplar
from samdesk.engine.protocols import ModelInfo

SHARDS = "shards"
"""The folder of the shards' files, in the output folder."""

_FEW = 3
"""So many images of a shard may fail in the models before it is taken for a fault of the machine."""


@dataclass(frozen=True)
class Order:
    """What a worker needs to know; it is sent to other machines.

    Attributes:
        output: Where results go.
        run: The run.
        plan: Its plan, with the device and the models' paths on this machine.
        trust: Let model files run code that they hold.
    """

    output: Folder
    run: ShardedRun
    plan: AutoAnnotatePlan
    trust: bool = False


@dataclass(frozen=True)
class ShardResult:
    """The result of a shard.

    Attributes:
        shard: Its number.
        images: How many images it has.
        objects: Objects found.
        empty: Images with nothing found.
        failed: Images that failed.
        error: Why the shard was not done; "" if it was.
        fatal: No other shard can be done either: a model is missing, ...
        was_done: Its file was there already.
        models: The models, for the user.
    """

    shard: int
    images: int = 0
    objects: int = 0
    empty: int = 0
    failed: tuple[ImageFailure, ...] = ()
    error: str = ""
    fatal: bool = False
    was_done: bool = False
    models: str = ""


def shard_file(shard: int) -> str:
    """The name of the file of a shard, in the output folder."""
    return f"{SHARDS}/{shard:06d}.parquet"


class ShardWorker:
    """Does the shards of a run, one after another.

    Args:
        order: The run.
        loaders: Load the models, when the first shard is begun.
        notice: Called with messages for the user.
        cancel: Ends the shard at work, of which nothing is kept then.
    """

    def __init__(
        self, order: Order, loaders: Loaders, notice: Callable[[str], None], cancel: CancelToken
    ) -> None:
        self._order, self._loaders = order, loaders
        self._notice, self._cancel = notice, cancel

    def work(self, shard: int, progress: Callable[[BatchProgress], None] = ignore) -> ShardResult:
        """Does one shard, unless its file is there.

        Raises:
            Cancelled: ``cancel`` was cancelled; nothing was written.
        """
        try:
            if self._order.output.has(shard_file(shard)):
                return ShardResult(shard, self._manifest.size(shard), was_done=True)
            annotator = self._annotator
        except (UserError, ValueError, FileNotFoundError) as error:
            return ShardResult(shard, error=str(error), fatal=True)
        try:
            return self._annotate(shard, annotator, progress)
        except UserError as error:
            return ShardResult(shard, error=str(error))

    @cached_property
    def _manifest(self) -> Manifest:
        return Manifest(self._order.output.read(self._order.run.manifest))

    @cached_property
    def _annotator(self) -> Annotator:
        order = self._order
        annotator = self._loaders.annotator(order.plan, self._notice)
        wrong = [
            name
            for (name, here), (_, wanted) in zip(model_files(order.plan), order.run.models, strict=True)
            if here != wanted
        ]
        if wrong:
            raise ShardsError(
                f"The file of {wrong[0]} on this machine is not the one that the run began with.",
                next="Copy that to all machines.",
            )
        return annotator

    @cached_property
    def _facts(self) -> ShardFacts:
        models = self._annotator.models
        loaded = [model for model in (models.detector, models.predictor) if model is not None]
        described = tuple(
            (name, sha256, model.info.precision)
            for (name, sha256), model in zip(self._order.run.models, loaded, strict=True)
        )
        return ShardFacts(self._order.run.digest, self._annotator.source.names, described)

    def _annotate(
        self, shard: int, annotator: Annotator, progress: Callable[[BatchProgress], None]
    ) -> ShardResult:
        target = ShardTarget(self._manifest.entries(shard))
        job = AutoAnnotateJob(
            self._order.plan, self._loaders, notice=self._notice, progress=progress, cancel=self._cancel
        )
        with target.begin(self._order.plan, self._facts.names) as writer:
            summary = run(target, writer, annotator, target.dry_run(), job)
        self._cancel.check()
        if summary.stopped:
            raise ShardsError(summary.stopped)
        _check_models_work(target, writer)
        results = [writer.results[key] for key in target.keys]
        self._order.output.write(shard_file(shard), to_parquet(results, self._facts))
        return ShardResult(
            shard,
            len(results),
            sum(len(result.found) for result in results),
            sum(not result.found and not result.failure for result in results),
            tuple(ImageFailure(result.key, result.failure) for result in results if result.failure),
            models=" + ".join(_described(info) for info in dict.fromkeys(annotator.infos)),
        )


class ShardTarget:
    """The images of a shard as the target of a run: the results are kept until all are there.

    Attributes:
        keys: The images, in order.
        was_read: Those that could be read.
        output: Nothing: the worker writes the file.
    """

    output = ""

    def __init__(self, entries: Sequence[ManifestEntry]) -> None:
        self._entries = {ImageKey(entry.key): entry for entry in entries}
        self.keys = tuple(self._entries)
        self.was_read: set[ImageKey] = set()

    def dry_run(self, cancel: CancelToken | None = None) -> DryRun:
        """All images are annotated."""
        return DryRun(self.keys)

    def finish(self, todo: DryRun) -> None:
        """There is no run that goes on."""

    def read(self, key: ImageKey) -> RgbImage:
        """Reads an image."""
        image = read_entry(self._entries[key])
        self.was_read.add(key)
        return image

    def example(self, example: PlannedExample) -> Exemplar:
        """A shard has no dataset, so a run in shards looks for words only."""
        raise ShardsError(f"A run in shards has no examples, such as {example.key}.", next="Use words.")

    def document(self, key: ImageKey) -> None:
        """Not known to a shard."""
        raise ShardsError("A shard has images only, and no boxes.", next="Choose another source of objects.")

    @contextmanager
    def begin(
        self,
        plan: AutoAnnotatePlan,
        class_names: Sequence[str],
        keys: Sequence[ImageKey] = (),
        models: Sequence[ModelInfo] = (),
    ) -> Iterator[ShardWriter]:
        """Returns what keeps the results."""
        yield ShardWriter()


@dataclass(frozen=True)
class ShardWriter:
    """Keeps the results of a shard.

    Attributes:
        results: Those that are there.
        run_id: None: there is no store.
    """

    results: dict[ImageKey, ImageResult] = field(default_factory=dict)
    run_id: None = None

    def store(self, key: ImageKey, hw: tuple[int, int], found: Sequence[FoundObject]) -> Stored:
        """Keeps the objects of an image."""
        self.results[key] = ImageResult(key, hw, tuple(found))
        return Stored(added=len(found))

    def fail(self, key: ImageKey, message: str) -> None:
        """Keeps why an image failed."""
        self.results[key] = ImageResult(key, failure=message)


def _check_models_work(target: ShardTarget, writer: ShardWriter) -> None:
    """Raises ``ShardsError`` if most images that could be read failed: a GPU that has gone, ...

    As results they would stay for ever.
    """
    failures = [writer.results[key].failure for key in target.keys if key in target.was_read]
    failures = [failure for failure in failures if failure]
    if len(failures) > max(_FEW, len(target.was_read) // 2):
        raise ShardsError(f"The models failed on {len(failures)} images: {failures[0]}")


def _described(info: ModelInfo) -> str:
    return f"{info.title} on {info.device_title} ({info.precision})"


def worker_of(order: Order, notice: Callable[[str], None], cancel: CancelToken) -> ShardWorker:
    """A worker with the engine's own models."""
    return ShardWorker(order, Loaders.real(notice, cancel, trust=order.trust), notice, cancel)
