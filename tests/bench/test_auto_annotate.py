"""Rows of whole runs: a stand-in for a device is used in the pipeline and one image after another."""

from __future__ import annotations

from pathlib import Path

from samdesk.bench.auto_annotate.device import StandInDevice, time_on_device
from samdesk.bench.auto_annotate.sides import LOOP, PIPELINE
from tests.helpers.make import photo


def test_networks_on_the_device_wait_for_each_other() -> None:
    device = StandInDevice()
    device.hold(2.0)
    assert device.held_s >= 0.002


def test_the_pipeline_writes_the_same_as_the_loop(tmp_path: Path) -> None:
    for i in range(6):
        photo(tmp_path / "images" / f"{i}.png", seed=i)
    pipeline, loop = (time_on_device(tmp_path / "images", tmp_path, 12.0, how) for how in (PIPELINE, LOOP))
    assert 0 < loop.busy < 1
    assert pipeline.image_ms > 0
    written = [
        {path.name: path.read_bytes() for path in (tmp_path / f"device_{how}").glob("?.txt")}
        for how in (PIPELINE, LOOP)
    ]
    assert len(written[0]) == 6
    assert written[0] == written[1]
