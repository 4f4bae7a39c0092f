"""Who is measured: Flint, MobileSAM, GrabCut, and any model by name or file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from samdesk.bench.seeded import checkpoint
from samdesk.engine.flint import metadata
from samdesk.engine.flint.detector import PREFIX
from samdesk.engine.models import registry, weights
from samdesk.engine.models.load import load_detector, load_predictor
from samdesk.engine.protocols import Detector, Predictor
from samdesk.training.evaluate.baselines import Baseline

GRABCUT = "grabcut"
USUAL = (registry.FLINT, "mobile_sam.pt", GRABCUT)


@dataclass(frozen=True)
class Engine:
    """One row of the comparison.

    Attributes:
        name: What it was asked for by.
        load: Gives its predictor anew; None: it only finds boxes.
        load_detector: Gives its detector anew; None: it only draws masks.
        random: Its weights are random: its times are true, its masks are noise.
    """

    name: str
    load: Callable[[], Predictor] | None
    load_detector: Callable[[], Detector] | None = None
    random: bool = False


def engines(
    names: Sequence[str], detector: str, device: str, precision: str, folder: Path
) -> tuple[Engine, ...]:
    """What is meant by these names.

    Args:
        names: "flint", "grabcut", SAM models by name or path. A SAM of the table of models whose weights
            are not on this machine is measured with random ones.
        detector: One more row, for a detector by name or path; "": none.
        device: As ``load_predictor`` takes it; GrabCut runs on the CPU.
        precision: Likewise.
        folder: Where checkpoints with random weights are put.

    Raises:
        EngineError: As soon as it is loaded, in words, where there is no such model.
    """
    found = [_engine(name, device, precision, folder) for name in dict.fromkeys(names)]
    if detector:
        found.append(Engine(detector, None, lambda: load_detector(detector, device, precision)))
    return tuple(found)


def _engine(name: str, device: str, precision: str, folder: Path) -> Engine:
    if name.lower() == GRABCUT:
        return Engine(GRABCUT, lambda: Baseline(cut=True))
    found = checkpoint(name, folder)
    finder = (lambda: load_detector(name, device, precision)) if _finds_boxes(name) else None
    return Engine(name, lambda: load_predictor(found.source, device, precision), finder, found.random)


def _finds_boxes(name: str) -> bool:
    """Whether a predictor's file holds a detector, too: Flint's does, one with a taught head does not."""
    path = weights.find(name)
    if path is None or not metadata.is_flint(path):
        return False
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            return any(key.startswith(PREFIX) for key in file.keys())  # noqa: SIM118 - it is no mapping
    except (SafetensorError, OSError):
        return False  # loading the predictor says it in words
