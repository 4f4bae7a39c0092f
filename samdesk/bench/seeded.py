"""Real networks with random weights, for times where the trained weights are not at hand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from samdesk.engine import registry, weights
from samdesk.engine.ultralytics_door import NETWORKS


@dataclass(frozen=True)
class Checkpoint:
    """What a model is loaded from.

    Attributes:
        name: What it was asked for by.
        source: Its file, or the name where ``load_predictor`` shall find it or say that it is not there.
        random: Its weights are random: its times are true, its masks are noise.
    """

    name: str
    source: str
    random: bool = False


def checkpoint(name: str, folder: Path) -> Checkpoint:
    """A model by name or path; a SAM whose weights are not here gets random ones, in ``folder``."""
    network = _network_without_weights(name)
    if not network:
        return Checkpoint(name, name)
    path = folder / f"{network}.pt"
    if not path.exists():
        save_seeded(network, path)
    return Checkpoint(name, str(path), random=True)


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


def _network_without_weights(name: str) -> str:
    """The network of a SAM of the table of models whose weights are not here; else ""."""
    known = registry.spec(name)
    if known is None or weights.find(name) is not None:
        return ""
    stem = known.name.removesuffix(".pt")
    return stem if stem in NETWORKS else ""
