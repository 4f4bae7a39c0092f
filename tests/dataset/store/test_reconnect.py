"""A disk that refused writing for a moment while the store was opened."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from samdesk.dataset.dataset import Dataset
from samdesk.dataset.store import database
from samdesk.dataset.types import StoreError
from tests.dataset.dataset_kit import draw, photos, with_labels


class ReadOnlyDisk:
    """Connections are what SQLite falls back to where the disk refuses writing: read-only."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.refuses = True
        self._connect = database._connect
        monkeypatch.setattr(database, "_connect", self)

    def __call__(self, name: str, uri: bool = False) -> sqlite3.Connection:
        return self._connect(name.replace("mode=rw", "mode=ro") if self.refuses else name, uri)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    photos(tmp_path, "a.png", "b.png")
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "cat")
    dataset.close()
    return tmp_path


def test_the_next_edit_is_saved_once_the_disk_takes_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every save failed until a restart, although the disk had long worked again."""
    disk = ReadOnlyDisk(monkeypatch)
    dataset = Dataset.open(folder)
    with pytest.raises(StoreError, match="read-only"):
        draw(dataset, dataset.keys[0])
    disk.refuses = False
    draw(dataset, dataset.keys[0])
    draw(dataset, dataset.keys[1])
    assert len(dataset.history()[0]) == 3
    dataset.close()
    again = Dataset.open(folder)
    assert [len(again.load(key).annotations) for key in again.keys] == [1, 1]
    assert again.notices() == []
    again.close()


def test_what_another_program_has_saved_meanwhile_is_not_written_over(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = ReadOnlyDisk(monkeypatch)
    dataset = Dataset.open(folder)
    disk.refuses = False
    other = database.Store.open(folder / ".samdesk" / "dataset.db")
    with other.transaction():
        other.execute("UPDATE settings SET value=value")
    other.close()
    with pytest.raises(StoreError):
        draw(dataset, dataset.keys[0])
    assert len(dataset.history()[0]) == 1
    dataset.close()
