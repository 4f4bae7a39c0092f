"""``python -m tests.faults.run_scale``: a run over 10,000 small images with stand-in models, and its undo.

Prints the memory of the process and the rate for each tenth of the run, the longest time without a pause
during undo and redo, and how long each took.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from itertools import pairwise
from pathlib import Path

from PIL import Image

from samdesk.batch.pipeline import AutoAnnotateJob
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.batch.report import BatchProgress
from samdesk.batch.targets.dataset import DatasetPlace
from samdesk.dataset import queries
from samdesk.dataset.dataset import Dataset
from samdesk.dataset.runs.annotated import annotated_images
from samdesk.images.sources import ImageSet, scan
from tests.helpers.finding import ColourModels
from tests.helpers.make import photo

PLAN = AutoAnnotatePlan("colour.pt", "inner.pt")
_KINDS = 20


def make_images(folder: Path, count: int) -> None:
    """Images with two objects each; every tenth shows nothing."""
    for kind in range(_KINDS):
        path = photo(folder / "kinds" / f"{kind}.jpg", seed=kind)
        if kind % 10 == 9:
            Image.new("RGB", (320, 240), (90, 90, 90)).save(path)
    (folder / "data" / "images").mkdir(parents=True)
    for number in range(count):
        os.link(folder / "kinds" / f"{number % _KINDS}.jpg", folder / "data" / "images" / f"{number:06}.jpg")


def resident_mb() -> float:
    """Resident memory of this process."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


class Pauses:
    """A ``Breathe`` that keeps the longest time between two calls, and the progress it was given."""

    def __init__(self) -> None:
        self.longest = 0.0
        self.what: dict[str, tuple[int, int]] = {}
        self._last = time.monotonic()

    def __call__(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        self.longest, self._last = max(self.longest, now - self._last), now
        self.what[what] = done, total


def run(folder: Path, count: int) -> None:
    """A run with its memory and rate."""
    marks: list[tuple[int, float, float, float]] = []

    def progress(now: BatchProgress) -> None:
        if now.done % max(1, count // 10) == 0:
            marks.append((now.done, time.monotonic(), time.process_time(), resident_mb()))

    summary = DatasetPlace(ImageSet(folder, tuple(scan(folder)))).annotate(
        AutoAnnotateJob(PLAN, ColourModels().loaders, progress=progress)
    )
    print(summary.text)
    assert summary.ok
    for (n0, t0, c0, _), (n1, t1, c1, memory) in pairwise(marks):
        rate, cpu = (n1 - n0) / (t1 - t0), (c1 - c0) / (n1 - n0) * 1e3
        print(f"  {n1:7,} images: {rate:6.1f} per second, {cpu:5.2f} ms of CPU an image, {memory:4.0f} MB")
    warm = marks[2:] if len(marks) > 4 else marks
    print(f"  memory after warm-up: {max(m for *_, m in warm) - warm[0][-1]:+.0f} MB")


def timed(what: str, dataset: Dataset, change: Callable[[], object]) -> None:
    """Runs a change, then writes the label files, and prints how long both took."""
    pauses = Pauses()
    dataset.core.breathe = pauses
    start = time.monotonic()
    pauses._last = start
    assert change() is not None
    saved, parts = time.monotonic(), 0.0
    while dataset.core.unfinished:
        before = time.monotonic()
        dataset.core.advance(0.02)
        parts = max(parts, time.monotonic() - before)
    end = time.monotonic()
    print(
        f"{what}: {saved - start:.1f} s in one transaction (longest without a pause {pauses.longest:.2f} s), "
        f"then label files {end - saved:.1f} s (longest part {parts:.2f} s); {end - start:.1f} s in all"
    )
    print("  " + "; ".join(f"{name} {done + 1}/{total}" for name, (done, total) in pauses.what.items()))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.run_scale", description=__doc__)
    parser.add_argument("--images", type=int, default=10_000)
    count = parser.parse_args().images
    with tempfile.TemporaryDirectory(prefix="samdesk-scale-") as name:
        make_images(Path(name), count)
        folder = Path(name) / "data"
        run(folder, count)
        with closing(Dataset.open(folder)) as dataset:
            before = time.monotonic()
            found = annotated_images(dataset, dataset.keys)
            print(f"dry run of {count:,} images: {time.monotonic() - before:.2f} s, {len(found):,} annotated")
            (info,) = queries.runs(dataset)
            assert info.counts.done == count
            annotations = sum(image.count for image in found.values())
            assert annotations == info.counts.annotations
            labels = folder / "labels"
            lines = sum(len(path.read_bytes().splitlines()) for path in labels.glob("*.txt"))
            assert lines == annotations
            timed("undo", dataset, dataset.undo)
            assert not list(labels.glob("*.txt"))
            timed("redo", dataset, dataset.redo)
            assert sum(len(path.read_bytes().splitlines()) for path in labels.glob("*.txt")) == lines


if __name__ == "__main__":
    main()
