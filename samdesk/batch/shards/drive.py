"""What all drivers of a run in shards share: how it begins, which shards are left, progress and summary."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from samdesk.base.hashing import hash_bytes
from samdesk.base.jobs import CancelToken
from samdesk.base.rate import Rate
from samdesk.base.text import counted
from samdesk.batch.pipeline import ignore
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.batch.report import ImageFailure
from samdesk.batch.shards.errors import ShardsError
from samdesk.batch.shards.folder import Folder
from samdesk.batch.shards.manifest import SHARD_SIZE, Manifest, list_images, write_manifest
from samdesk.batch.shards.model_files import model_files
from samdesk.batch.shards.run_file import RUN_FILE, ShardedRun, check_same, read_run
from samdesk.batch.shards.worker import SHARDS, Order, ShardResult, shard_file


@dataclass(frozen=True)
class ShardsRequest:
    """A run in shards as it was requested.

    Attributes:
        source: The images; see ``list_images``.
        output: Path or URL of the folder of the results.
        plan: What to do with them.
        shard_size: Images of a shard; None: as the run has it, 1,000 at first.
        threads: Threads of each worker on a CPU; None: as the run has it, ``default_threads`` at first.
        default_threads: See there.
        trust: Let model files run code that they hold.
    """

    source: str
    output: str
    plan: AutoAnnotatePlan
    shard_size: int | None = None
    threads: int | None = None
    default_threads: int = 1
    trust: bool = False


@dataclass(frozen=True)
class ShardsProgress:
    """The progress of a driver.

    Attributes:
        done: Images finished, by this driver and before.
        total: Images of the run, or of this part of it.
        objects: Objects found by this driver.
        failed: Images that failed.
        rate: Images per second, of all workers together; 0.0 before the first.
        seconds_left: Estimate; None before the first.
        finished: The shard just finished; None: none.
    """

    done: int
    total: int
    objects: int
    failed: int
    rate: float
    seconds_left: float | None
    finished: ShardResult | None = None


@dataclass(frozen=True)
class ShardsSummary:
    """The result of a driver.

    Attributes:
        images: Images it has finished.
        objects: Objects found on them.
        empty: How many of the images have none.
        failed: How many of them failed, and why.
        shards: Shards it has finished.
        left: Shards that are not done, of those it was to do.
        errors: Why shards were not done.
        cancelled: The user stopped it.
        models: The models, for the user.
        seconds: Its duration, with loading the models.
    """

    images: int
    objects: int
    empty: int
    failed: tuple[ImageFailure, ...]
    shards: int
    left: int
    errors: tuple[str, ...]
    cancelled: bool
    models: str
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether all shards are done, and no image of them failed."""
        return not (self.failed or self.left or self.cancelled)

    @property
    def text(self) -> str:
        """One line for the user."""
        parts = [f"{counted(self.objects, 'object')} on {counted(self.images, 'image')}"]
        if self.empty:
            parts.append(f"{self.empty:,} with nothing found")
        if self.failed:
            parts.append(f"{len(self.failed):,} failed")
        if self.left:
            parts.append(f"{counted(self.left, 'shard')} left")
        return ", ".join(parts)


@dataclass(frozen=True)
class DriverCallbacks:
    """The callbacks of a driver.

    Attributes:
        notice: Called at once with messages for the user.
        progress: Called while it works.
        failed: Called for every image that failed, when its shard is done.
        cancel: Stops it; finished shards are kept.
    """

    notice: Callable[[str], None] = ignore
    progress: Callable[[ShardsProgress], None] = ignore
    failed: Callable[[ImageFailure], None] = ignore
    cancel: CancelToken = field(default_factory=CancelToken)


@dataclass(frozen=True)
class Beginning:
    """A run that has begun.

    Attributes:
        order: What its workers need to know.
        manifest: Its images.
        shards: The shards that are to be done.
        todo: Those of them that are not done.
        left_out: Images whose names no table can hold.
    """

    order: Order
    manifest: Manifest
    shards: Sequence[int]
    todo: tuple[int, ...]
    left_out: tuple[str, ...] = ()

    @property
    def images(self) -> int:
        """The number of images of all its shards."""
        return sum(map(self.manifest.size, self.shards))

    def part(self, part: int, parts: int) -> Beginning:
        """The part ``part`` of ``parts``, from 1: every ``parts``-th shard."""
        mine = self.shards[part - 1 :: parts]
        kept = set(mine)
        return replace(self, shards=mine, todo=tuple(shard for shard in self.todo if shard in kept))


def begin(request: ShardsRequest) -> Beginning:
    """Begins a run, or goes on with the one in the output folder.

    A run that goes on has the images that were listed when it began.

    Raises:
        ShardsError: The output holds another run, or something cannot be read or written.
        ValueError: There are no images.
    """
    _check(request)
    output = Folder(request.output)
    found = read_run(output)
    left_out: tuple[str, ...] = ()
    if found is None:
        found, left_out = _create(request, output)
    check_same(found, _wanted(request, found), output)
    manifest = read_manifest(output, found)
    output.clear_temporaries(SHARDS)
    done = output.names(SHARDS)
    todo = tuple(i for i in range(found.shards) if shard_file(i).rpartition("/")[2] not in done)
    order = Order(output, found, request.plan, request.trust)
    return Beginning(order, manifest, range(found.shards), todo, left_out)


def _check(request: ShardsRequest) -> None:
    if request.plan.objects_from == "boxes":
        raise ShardsError(
            "Boxes that are there already are in a dataset, which a run in shards does not read.",
            next="Use a detector, or annotate the dataset itself.",
        )
    for name, value in (("shard size", request.shard_size), ("number of threads", request.threads)):
        if value is not None and value < 1:
            raise ValueError(f"the {name} must be 1 or more, not {value}")


def _create(request: ShardsRequest, output: Folder) -> tuple[ShardedRun, tuple[str, ...]]:
    """Writes manifest and ``run.json``; another driver may do so at the same time."""
    listing = list_images(request.source)
    size = request.shard_size or SHARD_SIZE
    data, images = write_manifest(listing.entries, size)
    run = ShardedRun(
        source=_source(request),
        images=images,
        shards=-(-images // size),
        shard_size=size,
        threads=request.threads or request.default_threads,
        manifest=f"manifest-{hash_bytes(data)[:16]}.parquet",
        plan=request.plan,
        models=model_files(request.plan),
    )
    output.write(run.manifest, data)
    if not output.create(RUN_FILE, run.to_bytes()):
        run = read_run(output) or run
    return run, listing.left_out


def _wanted(request: ShardsRequest, found: ShardedRun) -> ShardedRun:
    return replace(
        found,
        source=_source(request),
        shard_size=request.shard_size or found.shard_size,
        threads=request.threads or found.threads,
        plan=request.plan,
        models=model_files(request.plan),
    )


def _source(request: ShardsRequest) -> str:
    return request.source if "://" in request.source else os.path.abspath(request.source)  # noqa: PTH100


def read_manifest(output: Folder, run: ShardedRun) -> Manifest:
    """The manifest of a run. Raises ``ShardsError`` if it is missing or damaged."""
    try:
        data = output.read(run.manifest)
    except FileNotFoundError as error:
        raise ShardsError(f"{run.manifest} is missing in {output.url}.") from error
    if hash_bytes(data)[:16] not in run.manifest:
        raise ShardsError(f"{run.manifest} in {output.url} is damaged.")
    return Manifest(data)


class ShardTally:
    """Counts what the workers of a driver have done and reports its progress.

    Args:
        beginning: The run.
        callbacks: Called with progress and failures.
    """

    def __init__(self, beginning: Beginning, callbacks: DriverCallbacks) -> None:
        self._callbacks = callbacks
        self._rate = Rate(min_interval=0.5)
        self._rate.step(0)
        self._total = beginning.images
        self._before = self._total - sum(map(beginning.manifest.size, beginning.todo))
        self._todo = len(beginning.todo)
        self._most = self._skipped = self._images = self._objects = self._empty = self._shards = 0
        self._failed: list[ImageFailure] = []
        self._models = ""
        self.errors: list[str] = []

    def finish(self, result: ShardResult) -> None:
        """Counts a shard that is done."""
        self._shards += 1
        if result.was_done:
            self._skipped += result.images
        else:
            self._images += result.images
            self._objects += result.objects
            self._empty += result.empty
            self._failed += result.failed
            self._models = result.models or self._models
            for failure in result.failed:
                self._callbacks.failed(failure)
        self.report(0, result)

    def report(self, at_work: int, finished: ShardResult | None = None) -> None:
        """Reports the progress.

        Args:
            at_work: Images finished of shards that are not.
            finished: The shard just finished.
        """
        made = self._most = max(self._most, self._images + at_work)  # answers of workers may be old
        self._rate.step(made)
        done = self._before + self._skipped + made
        self._callbacks.progress(
            ShardsProgress(
                done,
                self._total,
                self._objects,
                len(self._failed),
                self._rate.per_second,
                self._rate.seconds(self._total - done),
                finished,
            )
        )

    def summary(self, seconds: float, cancelled: bool) -> ShardsSummary:
        """The counts."""
        left = self._todo - self._shards
        return ShardsSummary(
            self._images,
            self._objects,
            self._empty,
            tuple(self._failed),
            self._shards,
            left,
            tuple(self.errors),
            cancelled and left > 0,
            self._models,
            seconds,
        )
