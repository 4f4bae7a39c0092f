"""The split that is made at training time, if a dataset has none."""

from __future__ import annotations

import random
import re
from pathlib import Path

from samdesk.base.text import counted
from samdesk.dataset.dataset import Dataset
from samdesk.dataset.plans import assign_splits
from samdesk.dataset.types import LogEntry
from samdesk.domain.document import ImageKey
from samdesk.domain.split import SPLITS, Split
from samdesk.training.fit.errors import FitError
from samdesk.training.fit.material import FitMaterial, read_fit_material

DEFAULT_RATIO = "80/20"
_SEED = 0

Ratio = tuple[float, float, float]


def parse_ratio(text: str) -> Ratio:
    """The shares of train, val and test in "80/20" or "70/20/10". Raises ``FitError``."""
    parts = re.fullmatch(r"\s*(\d{1,4})\s*/\s*(\d{1,4})\s*(?:/\s*(\d{1,4})\s*)?", text)
    shares = [int(part or 0) for part in parts.groups()] if parts else [0, 0, 0]
    if not shares[0] or not shares[1]:
        raise FitError(f"{text!r} is no split.", next="Write 80/20, or 70/20/10 with images for a test.")
    total = sum(shares)
    return shares[0] / total, shares[1] / total, shares[2] / total


def make_split(dataset: Dataset, ratio: Ratio) -> LogEntry:
    """Puts all images into splits, as one step that Undo takes back, which is returned: a query.

    Raises:
        StoreError: The dataset is read-only, or cannot be written.
    """
    stored = dataset.core.rows.images(None)
    in_files = set(dataset.core.documents.only_in_files(dataset.keys))
    if len(dataset.keys) < 2:
        raise FitError("One image cannot be split.", next="Annotate more images first.")
    annotated = [k for k in dataset.keys if k in in_files or (k in stored and stored[k].count)]
    others = sorted(set(dataset.keys) - set(annotated))
    found: dict[ImageKey, Split | None] = {**_dealt(annotated, ratio), **_dealt(others, ratio)}
    return dataset.commit_planned(lambda opened: assign_splits(opened, found, "Split the dataset"))


def ensure_split(folder: Path, ratio: str) -> str:
    """Makes a split if a dataset has none. Returns what was done, as a sentence; "": nothing.

    Raises:
        FitError: Another samdesk has the dataset open, or there are too few images.
        StoreError: It cannot be opened or written.
    """
    shares = parse_ratio(ratio)
    if not needs_split(read_fit_material(folder)):
        return ""
    dataset = Dataset.open(folder)
    try:
        if dataset.read_only:
            raise FitError(
                f"{folder} has no split, and is open in another samdesk.", next="Make one there, or close it."
            )
        make_split(dataset, shares)
    finally:
        dataset.close()
    images = read_fit_material(folder).images
    parts = ", ".join(f"{images[split]:,} {split}" for split in SPLITS if images.get(split))
    return f"The dataset had no split; one was made ({ratio.strip()}): {parts}."


def needs_split(material: FitMaterial) -> bool:
    """Whether a split has to be made. Raises ``FitError`` if there are too few annotated images for one."""
    if material.split:
        return False
    annotated = sum(material.annotated.values())
    if annotated < 2:
        raise FitError(
            f"{counted(annotated, 'image')} with annotations cannot be split into training and validation.",
            next="Annotate more images first.",
        )
    return True


def _dealt(keys: list[ImageKey], ratio: Ratio) -> dict[ImageKey, Split]:
    """Deals images to the splits at random, always the same way; of two or more both get one."""
    shuffled = sorted(keys)
    random.Random(_SEED).shuffle(shuffled)
    count = len(shuffled)
    val = min(max(round(ratio[1] * count), 1), max(count - 1, 0))
    test = min(round(ratio[2] * count), max(count - val - 1, 0))
    sizes: tuple[tuple[Split, int], ...] = (("val", val), ("test", test), ("train", count - val - test))
    names = [split for split, size in sizes for _ in range(size)]
    return dict(zip(shuffled, names, strict=True))
