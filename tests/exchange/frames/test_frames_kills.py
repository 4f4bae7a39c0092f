"""A killed extraction leaves whole images only; more: ``python -m tests.faults.frames_kills``."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.faults.frames_kills import campaign


@pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9")
def test_a_killed_extraction_leaves_whole_images_and_goes_on(tmp_path: Path) -> None:
    assert campaign(tmp_path, 1, seed=1, frames=80)["resumed: the same bytes"] == 1
