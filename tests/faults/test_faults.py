"""A few kills and failing calls of every operation; ``python -m tests.faults`` does thousands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults import shim

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(bool(shim.missing()), reason=shim.missing() or "it can run")
def test_kills_and_failing_calls_lose_nothing_and_leave_nothing() -> None:
    command = [sys.executable, "-m", "tests.faults", "--kills", "4", "--failures", "4"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("| 4 | 4 |") == 11
