"""``python -m tests.faults.export_kills FOLDER``: exports killed at random moments, each over an earlier one.

After each kill the folder holds the earlier export or the new one, whole; after one more export nothing
else is left beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from samdesk.dataset.dataset import Dataset
from samdesk.domain.document import ImageKey
from samdesk.exchange.access import DirectAccess
from samdesk.exchange.exporting.plan import ExportPlan
from samdesk.exchange.exporting.run import export
from tests.dataset.dataset_kit import draw, photos, with_labels
from tests.exchange.exporting.small_format import SMALL

IMAGES = 40
_LONGEST_S = 60.0
_LINE = """
import sys
from pathlib import Path
from tests.faults.export_kills import write
print("ready", flush=True)
write(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
sys.stdin.read()
"""
SIZES = 32, 48
"""Of the images of the two exports, whose label files differ."""


def make(folder: Path) -> Path:
    """A dataset of small images with an annotation each."""
    keys = photos(folder / "data", *(f"{number}.jpg" for number in range(IMAGES)))
    with closing(Dataset.open(folder / "data")) as dataset:
        with_labels(dataset, "car")
        for key in keys:
            draw(dataset, ImageKey(key))
    return folder / "data"


def write(data: Path, out: Path, size: int) -> None:
    """Exports the dataset in this process."""
    with closing(Dataset.open(data)) as dataset:
        plan = ExportPlan("small", resize=size)
        export(DirectAccess(dataset), plan, out, overwrite=True, row=SMALL, processes=0)


def start(data: Path, out: Path, size: int) -> subprocess.Popen[str]:
    """Starts an export in a process of its own, and waits until it is about to begin."""
    process = subprocess.Popen(
        [sys.executable, "-c", _LINE, str(data), str(out), str(size)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def kill_after(process: subprocess.Popen[str], seconds: float) -> None:
    """Kills an export some time after it has begun."""
    time.sleep(seconds)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate("", _LONGEST_S)


def which(out: Path) -> int:
    """The size of the export in a folder, all of whose files are there and are of this size."""
    size = int(json.loads((out / "export-report.json").read_text())["plan"]["resize"])
    line = {32: "0 5 4 15 11.5", 48: "0 7.5 6 22.5 17.25"}[size]
    for number in range(IMAGES):
        assert (out / f"{number}.txt").read_text() == line
        assert (out / "images" / f"{number}.jpg").stat().st_size > 0
    assert len(list(out.iterdir())) == IMAGES + 5
    return size


def campaign(folder: Path, kills: int, seed: int = 0) -> tuple[int, int, int]:
    """Kills exports; how many left the old export, the new one, and something beside it."""
    rng = random.Random(seed)
    data, out = make(folder), folder / "out"
    write(data, out, SIZES[0])
    began = time.perf_counter()
    write(data, out, SIZES[0])
    took = time.perf_counter() - began
    there, old, new, beside = SIZES[0], 0, 0, 0
    for _ in range(kills):
        wanted = next(size for size in SIZES if size != there)
        kill_after(start(data, out, wanted), rng.uniform(0, 1.3 * took))
        found = which(out)
        old, new = old + (found == there), new + (found == wanted)
        beside += len(list(folder.iterdir())) > len(("data", "out"))
        there = found
    write(data, out, there)
    assert sorted(path.name for path in folder.iterdir()) == ["data", "out"]
    return old, new, beside


def main() -> None:
    """Prints what the kills have left."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.export_kills", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    old, new, beside = campaign(options.folder, options.kills, options.seed)
    print(f"{old} kills left the earlier export, {new} the new one")
    print(f"{beside} left something beside it that the next export has removed")


if __name__ == "__main__":
    main()
