"""The journal's record of a run: its plan as JSON, and back; its models with the hashes of their files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from samdesk.base.hashing import hash_file
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.dataset.runs.record import RunModel, RunRecord
from samdesk.engine.protocols import ModelInfo

_PURPOSES = ("detector", "predictor")


def record_of(plan: AutoAnnotatePlan, models: Sequence[ModelInfo] = ()) -> RunRecord:
    """Returns the record of a run.

    Args:
        plan: What it does; its images are in the journal already.
        models: The one that finds the objects, then the one that draws the masks.
    """
    purposes = _PURPOSES if len(models) > 1 else _PURPOSES[-1:]
    return RunRecord(plan.parameters(), tuple(map(_model, purposes, models)))


def plan_of(record: RunRecord) -> AutoAnnotatePlan:
    """Returns the plan of a run that is to be resumed, without its images. Raises ``ValueError``."""
    return AutoAnnotatePlan.from_parameters(record.parameters)


def changed_models(record: RunRecord, models: Sequence[ModelInfo]) -> list[str]:
    """Returns the names of the models of a record whose files have another content by now."""
    now = {model.name: model.sha256 for model in record_of(AutoAnnotatePlan(), models).models}
    return [m.name for m in record.models if m.sha256 and now.get(m.name, m.sha256) != m.sha256]


def _model(purpose: str, info: ModelInfo) -> RunModel:
    return RunModel(purpose, info.name, _sha256(info), info.device, info.precision)


def _sha256(info: ModelInfo) -> str:
    try:
        return hash_file(Path(info.path)) if info.path else info.sha256
    except OSError:
        return info.sha256
