"""Two kills of an auto-annotate run; ``python -m tests.faults.run_kills`` makes 30."""

from __future__ import annotations

import random
from pathlib import Path

from tests.faults.run_kills import kill_runs


def test_a_killed_run_is_resumed_to_the_same_files(tmp_path: Path) -> None:
    outcome = kill_runs(tmp_path, 2, 30, random.Random(6))
    assert outcome.kills == 2
