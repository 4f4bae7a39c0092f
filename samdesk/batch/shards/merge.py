"""Brings the results of a run in shards into a dataset: one run in its store, or label files without one."""

from __future__ import annotations

import time
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from samdesk.base.errors import UserError
from samdesk.base.rate import Rate
from samdesk.base.text import counted
from samdesk.batch.pipeline import AutoAnnotateJob, Tally, store_result
from samdesk.batch.report import BatchSummary
from samdesk.batch.shards.drive import read_manifest
from samdesk.batch.shards.errors import ShardsError
from samdesk.batch.shards.folder import Folder
from samdesk.batch.shards.manifest import Manifest
from samdesk.batch.shards.rows import ImageResult, ShardFacts, read_facts, read_results
from samdesk.batch.shards.run_file import RUN_FILE, ShardedRun, read_run
from samdesk.batch.shards.worker import SHARDS, shard_file
from samdesk.batch.stages import ImageWork
from samdesk.batch.targets.base import RunStopped, Target
from samdesk.batch.targets.place import place_of
from samdesk.domain.document import ImageKey
from samdesk.images.reader import read_size
from samdesk.images.sources import ImageSet, find_images


@dataclass(frozen=True)
class ShardResults:
    """The results of a run in shards.

    Attributes:
        output: Where they are.
        run: The run.
        manifest: Its images.
        shards: The shards that are done.
        facts: What one of their files says about the run.
    """

    output: Folder
    run: ShardedRun
    manifest: Manifest
    shards: tuple[int, ...]
    facts: ShardFacts

    @property
    def missing(self) -> int:
        """How many images are in shards that are not done."""
        return self.manifest.images - sum(map(self.manifest.size, self.shards))

    def image_keys(self) -> Iterator[str]:
        """The images of the shards that are done, in their order."""
        for shard in self.shards:
            yield from (entry.key for entry in self.manifest.entries(shard))

    def read(self, wanted: Container[str]) -> Iterator[ImageResult]:
        """The results of images, in their order, and of others that are in the same shards.

        Args:
            wanted: Their keys.

        Raises:
            ShardsError: A file is damaged, or of another run.
        """
        for shard in self.shards:
            if not any(entry.key in wanted for entry in self.manifest.entries(shard)):
                continue
            name = shard_file(shard)
            data = self.output.read(name)
            if read_facts(data, name).run != self.run.digest:
                raise ShardsError(
                    f"{name} in {self.output.url} is of another run than {RUN_FILE} there.",
                    next="Delete the file and run the command of that run again.",
                )
            yield from read_results(data, name)


def open_results(output: str) -> ShardResults:
    """Opens the results in an output folder.

    Raises:
        ShardsError: There are none, or they are damaged.
    """
    folder = Folder(output)
    run = read_run(folder)
    if run is None:
        raise ShardsError(f"There is no run in {output}: {RUN_FILE} is missing.")
    names = folder.names(SHARDS)
    shards = tuple(i for i in range(run.shards) if shard_file(i).rpartition("/")[2] in names)
    if not shards:
        raise ShardsError(f"No shard of the run in {output} is done yet.")
    first = shard_file(shards[0])
    return ShardResults(
        folder, run, read_manifest(folder, run), shards, read_facts(folder.read(first), first)
    )


def merge(results: ShardResults, dataset: Path, job: AutoAnnotateJob) -> BatchSummary:
    """Stores results in a dataset: in its store as one run that can be undone, or as label files.

    Images that the user has edited are skipped, and so are those whose size is not that of the results.

    Args:
        results: The results.
        dataset: The folder that the keys of the images are relative to.
        job: Its plan's ``existing`` says what becomes of images that have annotations.

    Raises:
        ShardsError: No image of the results is in the folder, or a file is damaged.
        StoreError: The dataset is in use, or cannot be read or written.
        ValueError: There are no images in the folder.
    """
    here = find_images(dataset)
    on_disk = set(here.keys)
    keys = tuple(ImageKey(key) for key in results.image_keys() if key in on_disk)
    if not keys:
        example = next(results.image_keys())
        raise ShardsError(
            f"No image of {results.output.url} is in {dataset} (such as {example}).",
            next="Give the folder that was annotated.",
        )
    _report_missing(results, len(keys), len(on_disk), dataset, job)
    job = replace(job, plan=replace(results.run.plan, existing=job.plan.existing))
    images = ImageSet(here.root, keys)
    place = place_of(images, None)
    names = dict(zip(place.images.keys, keys, strict=True))
    return place.annotate(job, _ShardMerge(results, images, names).store)


def _report_missing(
    results: ShardResults, found: int, on_disk: int, dataset: Path, job: AutoAnnotateJob
) -> None:
    absent, new = results.manifest.images - results.missing - found, on_disk - found - results.missing
    for count, what in (
        (results.missing, "image of the run is|images of the run are|not done yet"),
        (absent, f"image of the results is|images of the results are|not in {dataset}"),
        (new, f"image in {dataset} is|images in {dataset} are|not in the results"),
    ):
        if count > 0:
            one, several, rest = what.split("|")
            job.notice(f"{counted(count, one, several)} {rest}.")


@dataclass(frozen=True)
class _ShardMerge:
    """Stores results in a target.

    Attributes:
        results: The results.
        images: The images, by their key in the results.
        names: Key in the target -> key in the results.
    """

    results: ShardResults
    images: ImageSet
    names: Mapping[ImageKey, ImageKey]

    def store(self, target: Target, job: AutoAnnotateJob) -> BatchSummary:
        """See ``annotate_images``, whose place it takes."""
        todo = target.dry_run(job.cancel)
        for failure in todo.failed:
            job.failed(failure)
        job.counted(todo)
        if not todo.annotate:
            return BatchSummary(skipped=todo.skipped, failed=todo.failed, output=target.output)
        started, stopped, rate = time.perf_counter(), "", Rate()
        tally = Tally(todo, job, rate)
        wanted = {self.names[key]: key for key in todo.annotate}
        facts = self.results.facts
        with target.begin(job.plan, facts.names, todo.annotate, facts.infos) as writer:
            try:
                for result in self.results.read(wanted):
                    if job.cancel.cancelled:
                        break
                    key = wanted.get(result.key)
                    if key is not None:
                        tally.report(key, store_result(self._work(key, result), writer, tally))
            except (RunStopped, ShardsError) as error:
                stopped = str(error)
        return replace(
            tally.summary(),
            output=target.output,
            cancelled=job.cancel.cancelled and tally.done < len(todo.annotate) and not stopped,
            stopped=stopped,
            seconds=time.perf_counter() - started,
            run_id=writer.run_id,
        )

    def _work(self, key: ImageKey, result: ImageResult) -> ImageWork:
        problem = result.failure or self._size_problem(result)
        return ImageWork(key, hw=result.hw, found=list(result.found), problem=problem)

    def _size_problem(self, result: ImageResult) -> str:
        try:
            width, height = read_size(self.images.path(result.key))
        except UserError as error:
            return str(error)
        if (height, width) == result.hw:
            return ""
        was = f"{result.hw[1]} x {result.hw[0]}"
        return f"{result.key}: it is {width} x {height} pixels, and was {was} when it was annotated"
