"""A tiny dataset of squares and discs, for real trainings of a segmentation model."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from samdesk.base.cv import cv2

NAMES = ("square", "disc")
SIDE = 64


def shapes_dataset(folder: Path, count: int, *, split: bool = True, side: int = SIDE, seed: int = 0) -> Path:
    """Images in ``images``, label files in ``labels`` and a data.yaml; the last quarter is for validation."""
    random = np.random.default_rng(seed)
    (folder / "images").mkdir(parents=True)
    (folder / "labels").mkdir()
    for number in range(count):
        image = random.integers(90, 130, (side, side, 3)).astype(np.uint8)
        lines = []
        for class_id, corners in ((0, 4), (1, 24)):
            radius = random.uniform(0.15, 0.24) * side
            center = random.uniform(radius, side - radius, 2)
            turn = np.linspace(0, 2 * np.pi, corners, endpoint=False) + np.pi / 4
            outline = center + radius * np.stack([np.cos(turn), np.sin(turn)], 1)
            cv2.fillPoly(image, [outline.astype(np.int32)], ((40, 60, 220), (60, 220, 60))[class_id])
            values = " ".join(f"{value:.5f}" for value in (outline / side).clip(0, 1).ravel())
            lines.append(f"{class_id} {values}\n")
        cv2.imwrite(str(folder / "images" / f"{number:03}.png"), image)
        (folder / "labels" / f"{number:03}.txt").write_text("".join(lines))
    images = [f"./images/{number:03}.png\n" for number in range(count)]
    cut = count - max(count // 4, 1)
    names = "names:\n  0: square\n  1: disc\n"
    if split:
        (folder / "train.txt").write_text("".join(images[:cut]))
        (folder / "val.txt").write_text("".join(images[cut:]))
        (folder / "data.yaml").write_text(f"train: train.txt\nval: val.txt\n{names}")
    else:
        (folder / "data.yaml").write_text(f"train: images\nval: images\n{names}")
    return folder
