"""The split that is made at training time, if a dataset has none."""

from __future__ import annotations

import re
from pathlib import Path

from samdesk.base.text import counted
from samdesk.dataset.dataset import Dataset
from samdesk.domain.split import SPLITS
from samdesk.exchange.access import DirectAccess, check_writable
from samdesk.exchange.splits.splitting import SplitOptions, assign_plan, plan_split
from samdesk.training.fit.errors import FitError
from samdesk.training.fit.material import FitMaterial, read_fit_material

Ratio = tuple[float, float, float]


def parse_ratio(text: str) -> Ratio:
    """The shares of train, val and test in "80/20" or "70/20/10". Raises ``FitError``."""
    parts = re.fullmatch(r"\s*(\d{1,4})\s*/\s*(\d{1,4})\s*(?:/\s*(\d{1,4})\s*)?", text)
    shares = [int(part or 0) for part in parts.groups()] if parts else [0, 0, 0]
    if not shares[0] or not shares[1]:
        raise FitError(f"{text!r} is no split.", next="Write 80/20, or 70/20/10 with images for a test.")
    total = sum(shares)
    return shares[0] / total, shares[1] / total, shares[2] / total


def split_options(ratio: Ratio) -> SplitOptions:
    """How the images are divided: near-duplicates stay together, classes are spread evenly."""
    return SplitOptions({split: share for split, share in zip(SPLITS, ratio, strict=True) if share})


def ensure_split(folder: Path, ratio: str) -> str:
    """Makes a split if a dataset has none. Returns what was done, as a sentence; "": nothing.

    Raises:
        FitError: There are too few images.
        StoreError: It cannot be opened or written, or another samdesk has it open.
    """
    shares = parse_ratio(ratio)
    if not needs_split(read_fit_material(folder)):
        return ""
    dataset = Dataset.open(folder)
    try:
        check_writable(dataset)
        assign_plan(dataset, plan_split(DirectAccess(dataset), folder, split_options(shares)))
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
