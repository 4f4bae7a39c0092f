"""A killed export leaves the old folder or the new one; more: ``python -m tests.faults.export_kills``."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.faults.export_kills import campaign


@pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9")
def test_a_killed_export_leaves_the_old_folder_or_the_new_one(tmp_path: Path) -> None:
    old, new, _ = campaign(tmp_path, 1, seed=1)
    assert old + new == 1
