"""Splits: which part of a dataset an image is used for."""

from __future__ import annotations

from typing import Literal, TypeAlias

Split: TypeAlias = Literal["train", "val", "test"]
"""Training, validation (while training), or test (after it), as in Ultralytics' data.yaml."""

SPLITS: tuple[Split, ...] = ("train", "val", "test")
