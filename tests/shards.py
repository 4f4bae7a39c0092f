"""Measures runs in shards, by hand: ``python -m tests.shards FOLDER [--model mobile_sam.pt] [--kills 20]``.

FOLDER has the images. Checked are: the same files from one process, two Ray workers and three parts; random
``kill -9`` of workers and drivers, each resumed, with no finished shard opened again; two drivers on one
output; and what 100,000 images cost with which there is nothing to do.
"""

from __future__ import annotations

import argparse
import ctypes
import hashlib
import os
import random
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

_OPENED = 0x20
_NOT_BLOCKING = 0x800


class Opened:
    """Which files of a folder are opened, by any process (Linux)."""

    def __init__(self, folder: Path) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._handle = self._libc.inotify_init1(_NOT_BLOCKING)
        folder.mkdir(parents=True, exist_ok=True)
        self._libc.inotify_add_watch(self._handle, os.fsencode(folder), _OPENED)

    def names(self) -> set[str]:
        """Those opened since it was made."""
        found = set()
        while True:
            try:
                data = os.read(self._handle, 1 << 20)
            except BlockingIOError:
                return found
            at = 0
            while at < len(data):
                size = struct.unpack_from("I", data, at + 12)[0]
                found.add(data[at + 16 : at + 16 + size].rstrip(b"\0").decode())
                at += 16 + size

    def close(self) -> None:
        os.close(self._handle)


class Runs:
    """Runs over a folder of images with one model."""

    def __init__(self, images: Path, detector: str, model: str, work: Path, size: int) -> None:
        self._images, self._work = images, work
        self._options = ["--det-model", detector, "--sam-model", model]
        self._options += ["--shard-size", str(size), "--threads", "1", "--device", "cpu"]

    def output(self, name: str) -> Path:
        return self._work / name

    def start(self, name: str, *options: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "samdesk", "annotate", str(self._images)]
        command += ["--out", str(self.output(name)), *self._options, *options]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run(self, name: str, *options: str) -> float:
        """Runs to the end; returns seconds."""
        started = time.perf_counter()
        process = self.start(name, *options)
        text, _ = process.communicate()
        if process.returncode:
            raise SystemExit(f"{' '.join(options)}: exit code {process.returncode}\n{text}")
        return time.perf_counter() - started

    def digest(self, name: str) -> str:
        """The digest of all files of an output."""
        files = sorted(path for path in self.output(name).rglob("*") if path.is_file())
        text = "\n".join(f"{f.name} {hashlib.sha256(f.read_bytes()).hexdigest()}" for f in files)
        return f"{len(files)} files, {hashlib.sha256(text.encode()).hexdigest()[:12]}"


def same_everywhere(runs: Runs) -> str:
    """One process, two Ray workers, three parts."""
    seconds = {"one process": runs.run("local")}
    seconds["two Ray workers"] = runs.run("ray", "--cluster", "local", "--workers", "2")
    seconds["three parts"] = sum(runs.run("parts", "--shard", f"{k}/3") for k in (3, 1, 2))
    digests = {name: runs.digest(name) for name in ("local", "ray", "parts")}
    for name, taken in seconds.items():
        print(f"{name}: {taken:.1f} s")
    print(f"the same files: {digests}")
    assert len(set(digests.values())) == 1, digests
    return digests["local"]


def two_drivers(runs: Runs, expected: str) -> None:
    """Two drivers on one output at once."""
    both = [runs.start("both") for _ in range(2)]
    done = [process.communicate()[0].strip().splitlines()[-1] for process in both]
    assert [process.returncode for process in both] == [0, 0], done
    assert runs.digest("both") == expected
    print(f"two drivers: the same files; {done}")


def kills(runs: Runs, count: int, expected: str, seed: int) -> None:
    """Kills workers and drivers, each time at another moment, and resumes."""
    chance, killed, attempt = random.Random(seed), {"worker": 0, "driver": 0}, 0
    while sum(killed.values()) < count:
        attempt += 1
        name, finished = f"kill{attempt}", False
        while not finished:
            shards = runs.output(name) / "shards"
            before = {p.name for p in shards.glob("*.parquet")} if shards.exists() else set()
            watch = Opened(shards)
            process = runs.start(name, "--cluster", "local", "--workers", "2")
            while process.poll() is None and sum(killed.values()) < count:
                time.sleep(chance.uniform(1.0, 9.0))
                if process.poll() is None:
                    kill_one(process, chance, killed)
            process.communicate()
            again = before & watch.names()
            watch.close()
            assert not again, f"finished shards were opened again: {again}"
            finished = process.returncode == 0
            assert finished or process.returncode == -signal.SIGKILL, process.returncode
        assert runs.digest(name) == expected, f"{name}: {runs.digest(name)}"
        print(f"run {attempt}: the same files after {killed}", flush=True)


def kill_one(process: subprocess.Popen[str], chance: random.Random, killed: dict[str, int]) -> None:
    """Kills a worker of a driver, or the driver itself."""
    try:
        family = psutil.Process(process.pid).children(recursive=True)
        workers = [child for child in family if child.name().startswith("ray::ShardActor")]
        if workers and chance.random() < 0.6:
            chance.choice(workers).kill()
            killed["worker"] += 1
        else:
            process.kill()
            killed["driver"] += 1
            process.wait()
            psutil.wait_procs(family, timeout=30)
    except psutil.NoSuchProcess:
        pass


def overhead(count: int) -> None:
    """What images cost with which there is nothing to do: none is found, and then all are done."""
    import numpy as np
    import pyarrow
    import pyarrow.parquet

    from samdesk.batch.plan import AutoAnnotatePlan
    from samdesk.batch.shards import worker
    from samdesk.batch.shards.drive import DriverCallbacks, ShardsRequest, begin
    from samdesk.batch.shards.local import drive_here
    from tests.helpers.finding import ColourDetector, ColourModels

    blank = np.zeros((8, 8, 3), np.uint8)
    with tempfile.TemporaryDirectory() as folder, replaced(worker, "read_entry", lambda _entry: blank):
        rows = {
            "key": [f"{i:06}.jpg" for i in range(count)],
            "path": [f"/x/{i:06}.jpg" for i in range(count)],
        }
        pyarrow.parquet.write_table(pyarrow.table(rows), f"{folder}/list.parquet")
        plan = AutoAnnotatePlan("colour.pt", "inner.pt")
        request = ShardsRequest(f"{folder}/list.parquet", f"{folder}/out", plan)
        with replaced(ColourDetector, "detect", lambda _self, images, **_: [[] for _ in images]):
            for what in ("nothing found", "all done"):
                started = time.perf_counter()
                beginning = begin(request)
                begun = time.perf_counter()
                drive_here(beginning, DriverCallbacks(), ColourModels().loaders)
                taken = time.perf_counter() - begun
                print(
                    f"{count:,} images, {what}: begun in {begun - started:.2f} s, "
                    f"then {taken:.1f} s, {1000 * taken / count:.4f} ms an image"
                )


@contextmanager
def replaced(owner: object, name: str, value: object) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--detector", default="flint")
    parser.add_argument("--model", default="flint")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--size", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--overhead", type=int, default=0, help="images for the measurement of the overhead")
    given = parser.parse_args(arguments)
    if given.overhead:
        overhead(given.overhead)
    if given.folder is not None:
        with tempfile.TemporaryDirectory() as work:
            runs = Runs(given.folder, given.detector, given.model, Path(work), given.size)
            expected = same_everywhere(runs)
            two_drivers(runs, expected)
            kills(runs, given.kills, expected, given.seed)


if __name__ == "__main__":
    main()
