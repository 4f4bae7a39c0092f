"""``python -m tests.faults.run_kills``: kills auto-annotate runs at random moments and resumes each.

The label files at the end are those of a run without kills, byte for byte; no image is done twice; and at any
time each label file is missing or complete.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from samdesk.dataset import queries
from samdesk.dataset.dataset import Dataset
from samdesk.domain.document import ImageDocument
from tests.faults import run_session
from tests.helpers.make import photo

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Outcome:
    """What was seen.

    Attributes:
        kills: Processes killed.
        runs: Runs that came to their end.
        images: Images that were reported as stored before a kill.
        torn: Label files that were seen with other content than that of the end.
    """

    kills: int = 0
    runs: int = 0
    images: int = 0
    torn: list[str] = field(default_factory=list)


def make_images(folder: Path, count: int) -> None:
    """Images with two objects each; every seventh shows nothing, and one is damaged."""
    for number in range(count):
        path = folder / "images" / f"{number:03}.png"
        photo(path, seed=number)
        if number % 7 == 3:
            Image.new("RGB", (320, 240), (90, 90, 90)).save(path)
    (folder / "images" / f"{count // 2:03}x.png").write_bytes(b"no image")


def label_files(folder: Path) -> dict[str, bytes]:
    """The label files, by name. One that is just being replaced is there all the time."""
    return {path.name: path.read_bytes() for path in (folder / "labels").glob("[0-9]*.txt")}


def kill_runs(folder: Path, kills: int, count: int, rng: random.Random) -> Outcome:
    """Starts runs over copies of some images, and kills and resumes them until there were so many kills."""
    outcome = Outcome()
    whole = folder / "whole"
    make_images(whole, count)
    start = Path(shutil.copytree(whole, folder / "start"))
    run_session.annotate(whole, lambda _: None)
    wanted, names = label_files(whole), (whole / "data.yaml").read_text()
    assert len(wanted) == count
    while outcome.kills < kills:
        work = Path(shutil.copytree(start, folder / f"run {outcome.runs}"))
        stored: Counter[str] = Counter()
        with watched(work, wanted, outcome):
            while not one_session(work, stored, outcome, rng, kill=outcome.kills < kills):
                check_store(work, stored)
        outcome.runs += 1
        assert outcome.torn == []
        assert label_files(work) == wanted
        assert (work / "data.yaml").read_text() == names
        assert max(stored.values()) == 1, stored.most_common(3)
        check_end(work, whole)
        shutil.rmtree(work)
    return outcome


def one_session(
    folder: Path, stored: Counter[str], outcome: Outcome, rng: random.Random, *, kill: bool
) -> bool:
    """Runs a session, which may be killed. Returns whether it came to its end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.run_session", str(folder)],
        stdout=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert process.stdout is not None
    with process.stdout:
        lines = [process.stdout.readline()]
        killer = threading.Timer(rng.uniform(0, 0.6), process.kill)
        if kill:
            killer.start()
        lines += process.stdout.readlines()
    killer.cancel()
    process.wait(30)
    whole = [line.split() for line in lines if line.endswith("\n")]
    assert whole[0][0] == "open", lines
    for line in whole[1:]:
        if line[0].startswith("images/") and "x" not in line[0]:
            stored[line[0]] += 1
    if whole[-1] == ["ended"]:
        return True
    assert process.returncode == -9, process.returncode
    outcome.kills += 1
    outcome.images = max(outcome.images, sum(stored.values()))
    return False


@contextmanager
def watched(folder: Path, wanted: dict[str, bytes], outcome: Outcome) -> Iterator[None]:
    """Reads all label files again and again meanwhile."""
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.01):
            outcome.torn += [name for name, data in label_files(folder).items() if data != wanted[name]]

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def check_store(folder: Path, stored: Counter[str]) -> None:
    """After a kill: what was reported as stored is there, the run is interrupted, and is one step."""
    with closing(Dataset.open(folder)) as dataset:
        runs = queries.runs(dataset)
        assert len(runs) <= 1, runs
        if not runs:
            assert not stored
            return
        (run,) = runs
        images = {image.key: image.state for image in queries.run_images(dataset, run.id)}
        assert [key for key in stored if images[key] != "done"] == []  # type: ignore[index]
        assert run.state == (
            "interrupted" if run.counts.todo else "done" if run.state == "done" else run.state
        )
        done = [entry.do.text for entry in dataset.history()[0]]
        assert done == (["Auto-annotate"] if run.counts.done else [])
        assert dataset.conflicts == frozenset()


def check_end(folder: Path, whole: Path) -> None:
    """At the end the store has what one without kills has, and one undo takes all of it back."""
    with closing(Dataset.open(folder)) as dataset, closing(Dataset.open(whole)) as other:
        (run,), (wanted,) = queries.runs(dataset), queries.runs(other)
        assert (run.state, run.counts) == (wanted.state, wanted.counts)
        assert dataset.labels.names == other.labels.names
        assert [len(a.annotations) for a in _documents(dataset)] == [
            len(a.annotations) for a in _documents(other)
        ]
        dataset.undo()
        assert not any(document.annotations for document in _documents(dataset))
        assert dataset.labels.names == ()
        while dataset.unfinished:
            dataset.advance(1)
        assert label_files(folder) == {}


def _documents(dataset: Dataset) -> list[ImageDocument]:
    return [dataset.load(key) for key in dataset.keys if "x" not in key]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.run_kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--images", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="samdesk-kills-") as name:
        outcome = kill_runs(Path(name), options.kills, options.images, random.Random(options.seed))
    print(f"{outcome.kills} kills in {outcome.runs} runs, each resumed: label files as without, none torn.")


if __name__ == "__main__":
    main()
