"""Checkpoints that several test files of the engine share; made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.networks import seeded_mobile_sam


@pytest.fixture(scope="session")
def mobile_sam_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real MobileSAM checkpoint with seeded weights."""
    return seeded_mobile_sam(tmp_path_factory.mktemp("weights"))
