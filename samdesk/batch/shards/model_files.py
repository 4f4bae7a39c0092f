"""The models of a run in shards, before they are loaded: which files they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from samdesk.base.hashing import hash_file
from samdesk.base.places import expanded
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.batch.shards.errors import ShardsError
from samdesk.batch.sources.registry import source_row
from samdesk.engine.models import registry, weights
from samdesk.engine.models.load import default_detector, default_model
from samdesk.engine.models.plugins import DETECTORS, PREDICTORS, find_added
from samdesk.engine.runtime.device import cores


def model_files(plan: AutoAnnotatePlan) -> tuple[tuple[str, str], ...]:
    """Name and SHA-256 of the files of the plan's models; of one still to be downloaded, too.

    Those are the detector and, unless the detector draws the masks, the predictor. Of a plug-in, package and
    version stand for the hash.

    Raises:
        ShardsError: A file cannot be read.
    """
    found = []
    draws = source_row(plan.objects_from).draws
    models = ((DETECTORS, plan.det_model), (PREDICTORS, plan.sam_model))
    for group, name in models if draws else models[:1]:
        path, known = weights.find(name), registry.spec(name)
        try:
            sha256 = hash_file(path) if path is not None else known.sha256 if known is not None else ""
            added = find_added(group, name) if path is None and known is None else None
            sha256 = sha256 if added is None else added.origin
        except OSError as error:
            raise ShardsError(f"{path} cannot be read: {error.strerror}.") from error
        found.append((Path(name).name if weights.is_path(name) else name, sha256))
    return tuple(found)


def with_installed(
    plan: AutoAnnotatePlan, notice: Callable[[str], None], *, detector: bool, predictor: bool
) -> AutoAnnotatePlan:
    """The plan with the best installed models in place of those that are not on this machine.

    Paths become absolute: a worker may have another current folder.

    Args:
        plan: The plan.
        notice: Called with a message for each that is replaced.
        detector: The detector may be replaced.
        predictor: The predictor may be.
    """

    def installed(name: str, best: str, replaceable: bool) -> str:
        if weights.is_path(name):
            return str(expanded(name).absolute())
        if not replaceable or weights.find(name) is not None:
            return name
        notice(f"{name} is not on this machine; {best} is used instead.")
        return best

    return replace(
        plan,
        det_model=installed(plan.det_model, default_detector(), detector),
        sam_model=installed(
            plan.sam_model, default_model(), predictor and source_row(plan.objects_from).draws
        ),
    )


def shard_threads(most: int) -> int:
    """The number of threads of a worker on this machine: one for each core, at most ``most``."""
    return min(cores(), most)
