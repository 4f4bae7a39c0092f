"""Fixtures of the inference thread."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from tests.workers.inference.client_helpers import A, Desk, make_images, running_client


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[Desk]:
    """No model is loaded and no image is on screen."""
    with running_client(make_images(tmp_path)) as desk:
        yield desk


@pytest.fixture
def ready(desk: Desk) -> Desk:
    """A model is loaded and image A is encoded."""
    desk.client.load("gated.pt")
    desk.show(A)
    return desk
