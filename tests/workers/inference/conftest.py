"""Fixtures of the inference thread."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from tests.workers.inference.asking import A, Desk, begun, photos


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[Desk]:
    """With no model, and no image on screen."""
    with begun(photos(tmp_path)) as desk:
        yield desk


@pytest.fixture
def ready(desk: Desk) -> Desk:
    """With a model, and image A encoded."""
    desk.client.load("gated.pt")
    desk.show(A)
    return desk
