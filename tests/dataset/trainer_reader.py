"""What the Ultralytics trainer itself makes of a data.yaml."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True)
class Trained:
    """What the trainer read.

    Attributes:
        error: Why it refused; "" if it did not.
        classes: Image, relative to data.yaml's folder -> class ids of its labels.
        names: Class names by class id.
    """

    error: str = ""
    classes: dict[str, list[int]] | None = None
    names: tuple[str, ...] = ()


def trained(yaml: Path, split: str = "train", **options: Any) -> Trained:
    """Reads a split as a segmentation training does."""
    pytest.importorskip("ultralytics")
    from ultralytics.data.dataset import YOLODataset
    from ultralytics.data.utils import check_det_dataset

    try:
        data = check_det_dataset(str(yaml), autodownload=False)
        for cache in Path(data["path"]).rglob("*.cache"):
            cache.unlink()
        found = YOLODataset(
            img_path=data[split], data=data, task="segment", imgsz=320, augment=False, **options
        )
    except Exception as error:  # noqa: BLE001 - whatever the trainer raises
        return Trained(f"{type(error).__name__}: {error}")
    classes = {
        Path(os.path.relpath(label["im_file"], yaml.parent)).as_posix(): label["cls"]
        .reshape(-1)
        .astype(int)
        .tolist()
        for label in found.labels
    }
    return Trained("", classes, tuple(data["names"].values()))
