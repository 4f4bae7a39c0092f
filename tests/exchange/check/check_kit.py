"""A dataset with nothing wrong, and how to check it, for the tests of the checks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from samdesk.dataset.dataset import Dataset
from samdesk.exchange.access import DirectAccess
from samdesk.exchange.check.run import CheckChoice, run_checks
from samdesk.exchange.check.types import CheckReport
from tests.dataset.dataset_kit import SIZE

IMAGES = ("train/a", "train/b", "val/c", "val/d")
ALL_PIXELS = CheckChoice(pixels=True)


def square(x: float, y: float, width: float = 8, height: float = 8, class_id: int = 0) -> str:
    """A line with a rectangle, pixels of an image of ``SIZE``."""
    corners = ((x, y), (x + width, y), (x + width, y + height), (x, y + height))
    return f"{class_id} " + " ".join(f"{a / SIZE[0]:.6g} {b / SIZE[1]:.6g}" for a, b in corners)


LINES = [square(2 + 20 * (n % 3), 2 + 20 * (n // 3)) for n in range(6)]
"""Six objects that do not touch."""


def make(folder: Path) -> Path:
    """Writes four images in two splits, with six objects of one class on each."""
    for number, name in enumerate(IMAGES):
        path = folder / "images" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(number).integers(0, 255, (6, 8, 3), np.uint8)
        Image.fromarray(noise).resize(SIZE, Image.Resampling.BICUBIC).save(path)
        write_labels(folder, name, LINES)
    (folder / "data.yaml").write_text("train: images/train\nval: images/val\nnames: [cat]\n")
    return folder


def write_labels(folder: Path, name: str, lines: list[str]) -> Path:
    """Writes the label file of an image."""
    path = folder / "labels" / f"{name}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


@contextmanager
def opened(folder: Path) -> Iterator[Dataset]:
    """Opens a dataset."""
    dataset = Dataset.open(folder)
    try:
        yield dataset
    finally:
        dataset.close()


def check(dataset: Dataset, choice: CheckChoice = ALL_PIXELS) -> CheckReport:
    """Checks an open dataset."""
    return run_checks(DirectAccess(dataset), choice)


def check_folder(folder: Path, choice: CheckChoice = ALL_PIXELS) -> CheckReport:
    """Checks a dataset that is not open."""
    with opened(folder) as dataset:
        return check(dataset, choice)


def found(report: CheckReport) -> dict[str, int]:
    """The checks that have found something, and how much."""
    return {result.row.id: result.count for result in report.results}
