"""How long a teaching will take."""

from __future__ import annotations

from pathlib import Path

from samdesk.training.record.taught import DETECTOR, MASKS, Taught, Teaching
from samdesk.training.teach.expected import expected_seconds
from tests.helpers.flint_files import weights_file


def test_the_last_teaching_here_says_how_long(tmp_path: Path) -> None:
    taught = Taught.read(tmp_path)
    usual = expected_seconds(MASKS, 20, taught, cores=2)
    assert expected_seconds(MASKS, 20, taught, cores=16) < usual
    assert expected_seconds(DETECTOR, 400, taught, 2) > expected_seconds(DETECTOR, 20, taught, 2)
    weights = weights_file(tmp_path / "w.safetensors", "head.a")
    taught.add(Teaching("", MASKS, 1.0, (), 15, 5, 100.0), weights)
    taught = Taught.read(tmp_path)
    assert expected_seconds(MASKS, 20, taught, cores=2) == 100.0
    assert expected_seconds(MASKS, 40, taught, cores=2) == 200.0
    assert expected_seconds(MASKS, 10, taught, cores=2) == 100.0
