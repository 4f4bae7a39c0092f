from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from samdesk.app import Services
from samdesk.engine.models.load import load_predictor
from tests.helpers.desk import User, photos

OpenWindow = Callable[..., User]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of three drawn images."""
    return photos(tmp_path / "photos")


@pytest.fixture
def open_window(qtbot: QtBot, qapp: QApplication) -> Iterator[OpenWindow]:
    """Opens windows; all of them are closed at the end."""
    users: list[User] = []

    def make_user(services: Services | None = None) -> User:
        users.append(User(qtbot, qapp, services))
        return users[-1]

    yield make_user
    for user in users:
        user.predictor.encoding.open()
        user.predictor.decoding.open()
        user.close_window()


@pytest.fixture
def real() -> Services:
    """The engine's own predictors, loaded once, so that no one waits for an import at the window."""
    load_predictor("flint", "cpu")
    return Services(load_predictor=load_predictor)


@pytest.fixture
def user(open_window: OpenWindow, folder: Path) -> User:
    """A user with the drawn images open; a click predicts a disc around it."""
    user = open_window()
    user.open(folder)
    return user
