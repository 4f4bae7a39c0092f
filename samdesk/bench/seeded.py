"""Real networks with random weights, for times where the trained weights are not at hand."""

from __future__ import annotations

from pathlib import Path


def save_seeded(network: str, path: Path) -> None:
    """Writes a checkpoint with random weights, the same ones each time.

    Args:
        network: One of ``ultralytics_door.NETWORKS``.
        path: The file to write.
    """
    from samdesk.engine.gentle import import_torch
    from samdesk.engine.ultralytics_door import build_network

    import_torch()
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        torch.save(build_network(network).state_dict(), path)
