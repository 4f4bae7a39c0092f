"""The estimated duration of a training."""

from __future__ import annotations

from pathlib import Path

from samdesk.training.record.taught_record import DETECTOR, MASKS, TaughtRecord, TaughtWeights
from samdesk.training.teach.estimate import estimate_seconds
from tests.helpers.flint_files import weights_file


def test_the_estimate_follows_the_last_training(tmp_path: Path) -> None:
    taught = TaughtRecord.read(tmp_path)
    usual = estimate_seconds(MASKS, 20, taught, cores=2)
    assert estimate_seconds(MASKS, 20, taught, cores=16) < usual
    assert estimate_seconds(DETECTOR, 400, taught, 2) > estimate_seconds(DETECTOR, 20, taught, 2)
    weights = weights_file(tmp_path / "w.safetensors", "head.a")
    taught.add(TaughtWeights("", MASKS, 1.0, (), 15, 5, 100.0), weights)
    taught = TaughtRecord.read(tmp_path)
    assert estimate_seconds(MASKS, 20, taught, cores=2) == 100.0
    assert estimate_seconds(MASKS, 40, taught, cores=2) == 200.0
    assert estimate_seconds(MASKS, 10, taught, cores=2) == 100.0
