"""``python -m tests.faults.split_kills FOLDER``: splits killed at random moments, each over an earlier one.

Once the dataset is opened after a kill, its splits, their lists and data.yaml are all those before or all
those after.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

from samdesk.dataset import queries
from samdesk.dataset.dataset import Dataset
from samdesk.exchange.access import DirectAccess
from samdesk.exchange.splits.splitting import SplitOptions, assign_plan, plan_split
from tests.dataset.dataset_kit import draw, files, photos, with_labels
from tests.faults.kill import killed_at

IMAGES = 300


def make(folder: Path) -> Path:
    """A dataset of which every third image has an annotation."""
    keys = photos(folder / "data", *(f"{number:03}.png" for number in range(IMAGES)))
    with closing(Dataset.open(folder / "data")) as dataset:
        with_labels(dataset, "car")
        for key in keys[::3]:
            draw(dataset, key)
    return folder / "data"


def divide(data: str, seed: str) -> None:
    """Splits anew in this process."""
    with closing(Dataset.open(Path(data))) as dataset:
        ratios = {"train": 0.8, "val": 0.2} if seed == "0" else {"train": 0.5, "val": 0.3, "test": 0.2}
        options = SplitOptions(ratios, seed=int(seed), keep=False, near_duplicates=False)  # type: ignore[arg-type]
        assign_plan(dataset, plan_split(DirectAccess(dataset), dataset.folder, options))


def state(data: Path) -> tuple[object, dict[str, bytes]]:
    """The splits, as they are when the dataset was opened, and the files once it is closed."""
    with closing(Dataset.open(data)) as dataset:
        splits = dict(queries.splits(dataset))
    return splits, files(data)


def campaign(folder: Path, kills: int, seed: int = 0) -> Counter[str]:
    """Kills splits; how many left the old state and the new one."""
    rng, seen = random.Random(seed), Counter[str]()
    data = make(folder)
    known = {}
    for which in "01":
        began = time.perf_counter()
        divide(str(data), which)
        took = time.perf_counter() - began
        known[which] = state(data)
    assert known["0"] != known["1"]
    there = "1"
    for _ in range(kills):
        wanted = "0" if there == "1" else "1"
        killed_at("tests.faults.split_kills", "divide", str(data), wanted, after=rng.uniform(0, 1.1 * took))
        found = state(data)
        assert found in (known["0"], known["1"]), "splits, lists and data.yaml disagree"
        seen["the old splits" if found == known[there] else "the new splits"] += 1
        there = "0" if found == known["0"] else "1"
    return seen


def main() -> None:
    """Prints what the kills have left."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.split_kills", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for what, count in campaign(options.folder, options.kills, options.seed).items():
        print(f"{count} kills left {what}")


if __name__ == "__main__":
    main()
