"""Checkpoints of real SAM networks with seeded random weights, in the format of the released files.

Trained SAM weights are not available where the tests run; see ``samdesk.bench.seeded``.
"""

from __future__ import annotations

from pathlib import Path

from samdesk.bench.seeded import save_seeded as _save
from samdesk.bench.seeded import seeded_network

__all__ = ["save_seeded", "seeded_mobile_sam", "seeded_network", "seeded_sam2_tiny"]


def save_seeded(name: str, folder: Path, file_name: str = "", seed: int = 0) -> Path:
    """Saves ``seeded_network(name)`` in ``folder`` as ``file_name`` (default: ``name + ".pt"``)."""
    path = folder / (file_name or f"{name}.pt")
    _save(name, path, seed)
    return path


def seeded_mobile_sam(folder: Path, seed: int = 0) -> Path:
    """A MobileSAM checkpoint of 40 MB, ``mobile_sam.pt``, in ``folder``."""
    return save_seeded("mobile_sam", folder, seed=seed)


def seeded_sam2_tiny(folder: Path, seed: int = 0) -> Path:
    """A SAM 2 tiny checkpoint of 155 MB, ``sam2_t.pt``, in ``folder``."""
    return save_seeded("sam2_t", folder, seed=seed)
