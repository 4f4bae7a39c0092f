"""The models of a run in shards, before they are loaded: which files they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from samdesk.base.hashing import hash_file
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.batch.shards.errors import ShardsError
from samdesk.engine.models import registry, weights
from samdesk.engine.models.load import default_detector, default_model
from samdesk.engine.runtime.device import cores


def model_files(plan: AutoAnnotatePlan) -> tuple[tuple[str, str], ...]:
    """Name and SHA-256 of the files of the plan's detector and predictor; of one still to be downloaded, too.

    Raises:
        ShardsError: A file cannot be read.
    """
    found = []
    for name in (plan.det_model, plan.sam_model):
        path, known = weights.find(name), registry.spec(name)
        try:
            sha256 = hash_file(path) if path is not None else known.sha256 if known is not None else ""
        except OSError as error:
            raise ShardsError(f"{path} cannot be read: {error.strerror}.") from error
        found.append((Path(name).name if weights.is_path(name) else name, sha256))
    return tuple(found)


def with_installed(
    plan: AutoAnnotatePlan, notice: Callable[[str], None], *, detector: bool, predictor: bool
) -> AutoAnnotatePlan:
    """The plan with the best installed models in place of those that are not on this machine.

    Args:
        plan: The plan.
        notice: Called with a message for each that is replaced.
        detector: The detector may be replaced.
        predictor: The predictor may be.
    """

    def installed(name: str, best: str) -> str:
        if weights.find(name) is not None:
            return name
        notice(f"{name} is not on this machine; {best} is used instead.")
        return best

    return replace(
        plan,
        det_model=installed(plan.det_model, default_detector()) if detector else plan.det_model,
        sam_model=installed(plan.sam_model, default_model()) if predictor else plan.sam_model,
    )


def shard_threads(most: int) -> int:
    """The number of threads of a worker on this machine: one for each core, at most ``most``."""
    return min(cores(), most)
