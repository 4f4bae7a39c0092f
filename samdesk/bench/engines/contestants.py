"""The engines to compare: Flint, MobileSAM, GrabCut, and any model by name or path."""

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
DEFAULT_ENGINES = (registry.FLINT, "mobile_sam.pt", GRABCUT)


@dataclass(frozen=True)
class Engine:
    """One engine of the comparison.

    Attributes:
        name: The name or path given by the user.
        load: Loads a new predictor; None: the engine has only a detector.
        load_detector: Loads a new detector; None: the engine has only a predictor.
        random: Whether its weights are random: its times are valid, its masks are noise.
    """

    name: str
    load: Callable[[], Predictor] | None
    load_detector: Callable[[], Detector] | None = None
    random: bool = False


def engines(
    names: Sequence[str], detector: str, device: str, precision: str, folder: Path
) -> tuple[Engine, ...]:
    """Returns the engines of these names; no model is loaded yet.

    A name that is no model raises ``EngineError`` when the engine is loaded.

    Args:
        names: "flint", "grabcut", SAM models by name or path. A SAM model of the registry whose weights
            are not on this machine is measured with random ones.
        detector: A further engine: a detector by name or path; "": none.
        device: As in ``load_predictor``; GrabCut runs on the CPU.
        precision: As in ``load_predictor``.
        folder: Where checkpoints with random weights are written.
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
    """Returns whether a predictor's file has a detector: Flint's does, one with a trained head does not."""
    path = weights.find(name)
    if path is None or not metadata.is_flint(path):
        return False
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            return any(key.startswith(PREFIX) for key in file.keys())  # noqa: SIM118 - it is no mapping
    except (SafetensorError, OSError):
        return False  # loading the predictor raises an EngineError
