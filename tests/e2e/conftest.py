from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from samdesk.app import Services
from samdesk.engine.models.load import load_predictor
from tests.helpers.desk import Person, photos

Arrive = Callable[..., Person]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three drawn photos."""
    return photos(tmp_path / "photos")


@pytest.fixture
def arrive(qtbot: QtBot, qapp: QApplication) -> Iterator[Arrive]:
    """Someone sits down at a new window; all leave at the end."""
    people: list[Person] = []

    def sit_down(services: Services | None = None) -> Person:
        people.append(Person(qtbot, qapp, services))
        return people[-1]

    yield sit_down
    for person in people:
        person.predictor.encoding.open()
        person.predictor.decoding.open()
        person.leave()


@pytest.fixture
def real() -> Services:
    """The engine's own predictors, loaded once, so that no one waits for an import at the window."""
    load_predictor("flint", "cpu")
    return Services(load_predictor=load_predictor)


@pytest.fixture
def person(arrive: Arrive, folder: Path) -> Person:
    """Someone with the drawn photos open; a click is answered by a disc around it."""
    someone = arrive()
    someone.open(folder)
    return someone
