"""Checkpoints that run code when Python opens them: the code makes a file, so that a test can see it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any


class Payload:
    """Runs a program when it is unpickled, which writes a file.

    Args:
        marker: The file.
    """

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return subprocess.call, ([sys.executable, "-c", f"open({str(self.marker)!r}, 'w')"],)


def with_payload(checkpoint: Any, marker: Path) -> Any:
    """The dictionary of a checkpoint with a payload beside its weights."""
    return {**checkpoint, "opt": Payload(marker)}


def save_with_payload(source: Path, target: Path, marker: Path) -> Path:
    """Writes a copy of a checkpoint that works, and runs code when it is opened."""
    import torch

    checkpoint = torch.load(source, map_location="cpu", weights_only=False)
    target.parent.mkdir(parents=True, exist_ok=True)
    torch.save(with_payload(checkpoint, marker), target)
    return target
