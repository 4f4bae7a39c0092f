"""``python -m tests.faults.import_kills FOLDER``: imports killed at random moments, resumed or undone.

After each kill every label file is the one before the import or the one after it; once the dataset is opened,
every image has all of its new annotations or none, as its label file says. A resumed import ends with the
files of one without kills, and an undone one with those before, byte for byte.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

from samdesk.dataset import queries
from samdesk.dataset.dataset import Dataset
from samdesk.domain.annotation import Source
from samdesk.domain.document import ImageKey
from samdesk.exchange.importing.plan import ImportPlan
from samdesk.exchange.importing.session import import_into, resume_into
from tests.dataset.dataset_kit import draw, files, photos, with_labels
from tests.faults.kill import killed_at

IMAGES = 150
NEW = 3
"""Annotations that are imported on an image."""


def make(folder: Path) -> tuple[Path, Path]:
    """A dataset, every third image of which has an annotation, and a COCO file about all images."""
    data, source = folder / "data", folder / "coco.json"
    keys = photos(data, *(f"{number:03}.png" for number in range(IMAGES)))
    with closing(Dataset.open(data)) as dataset:
        with_labels(dataset, "car")
        for key in keys[::3]:
            draw(dataset, key)
    annotations = [
        {
            "id": 1 + image * NEW + n,
            "image_id": image + 1,
            "category_id": 1 + n % 2,
            "iscrowd": 0,
            "segmentation": [[x := 3 + 17 * n, 25, x + 15, 25, x + 15, 44, x, 44]],
        }
        for image in range(IMAGES)
        for n in range(NEW)
    ]
    content = {
        "images": [{"id": n + 1, "file_name": key, "width": 64, "height": 48} for n, key in enumerate(keys)],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "car"}, {"id": 2, "name": "dog"}],
    }
    source.write_text(json.dumps(content))
    return data, source


def bring_in(data: str, source: str) -> None:
    """Imports in this process."""
    with closing(Dataset.open(Path(data))) as dataset:
        import_into(dataset, [Path(source)], ImportPlan())


def imported(dataset: Dataset) -> set[ImageKey]:
    """The images with imported annotations; an image has all of them, or none."""
    counts = {
        key: sum(a.source is Source.IMPORT for a in dataset.load(key).annotations) for key in dataset.keys
    }
    assert set(counts.values()) <= {0, NEW}, Counter(counts.values())
    return {key for key, count in counts.items() if count}


def undo_import(dataset: Dataset) -> None:
    """Undoes the import, if it is the newest step."""
    imports = {run.id for run in queries.runs(dataset) if run.is_import}
    done, _ = dataset.history()
    if done and done[-1].do.run_id in imports:
        assert dataset.undo() is not None


def campaign(folder: Path, kills: int, seed: int = 0) -> Counter[str]:
    """Kills imports; what they left, and what was done then."""
    rng, seen = random.Random(seed), Counter[str]()
    data, source = make(folder)
    before = files(data)
    began = time.perf_counter()
    bring_in(str(data), str(source))
    took = time.perf_counter() - began
    after = files(data)
    with closing(Dataset.open(data)) as dataset:
        undo_import(dataset)
    assert files(data) == before
    for number in range(kills):
        killed_at(
            "tests.faults.import_kills", "bring_in", str(data), str(source), after=rng.uniform(0, 1.1 * took)
        )
        for name, content in files(data).items():
            assert content in (before.get(name), after.get(name)), f"{name} is neither old nor new"
        with closing(Dataset.open(data)) as dataset:
            whole = imported(dataset)
            kind = "nothing" if not whole else "all" if len(whole) == IMAGES else "some"
            seen[f"left {kind} of the import"] += 1
        there = files(data)
        for key in dataset.keys:  # once it is closed, label files say what the store does
            name = str(Path(key).with_suffix(".txt"))
            assert there.get(name) == (after if key in whole else before).get(name), key
        if number % 2 == 0:
            with closing(Dataset.open(data)) as dataset:
                if any(run.is_import and run.can_resume for run in queries.runs(dataset)[:1]):
                    resume_into(dataset)
                    assert len(imported(dataset)) == IMAGES
                    seen["resumed"] += 1
                    whole = set(dataset.keys)
            if len(whole) == IMAGES:
                assert files(data) == after
        with closing(Dataset.open(data)) as dataset:
            undo_import(dataset)
            assert not imported(dataset)
        assert files(data) == before
        seen["undone"] += 1
    return seen


def main() -> None:
    """Prints what the kills have left."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.import_kills", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for what, count in campaign(options.folder, options.kills, options.seed).items():
        print(f"{count} kills: {what}")


if __name__ == "__main__":
    main()
