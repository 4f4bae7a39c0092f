"""A file that is not samdesk's store, or not all of it, is refused in words before SQLite may write to it."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from samdesk.dataset.dataset import Dataset
from samdesk.dataset.readonly import open_read_only
from samdesk.dataset.store.database import Store
from samdesk.dataset.store.errors import DamagedError, StoreError
from samdesk.dataset.store.migrations import VERSION
from tests.dataset.dataset_kit import photos

DATA = Path(__file__).parents[2] / "data"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The store of a dataset."""
    photos(tmp_path, "a.png")
    file = tmp_path / ".samdesk" / "dataset.db"
    Store.open(file).close()
    return file


def everything(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def refused(path: Path) -> str:
    """Opens a dataset in each way; returns the message. The store and its folder are as before."""
    before = everything(path.parent)
    with pytest.raises(StoreError) as error:
        Dataset.open(path.parent.parent)
    changed = everything(path.parent) != before
    assert not changed
    with pytest.raises(StoreError), open_read_only(path.parent.parent):
        pass
    with pytest.raises(StoreError):
        Store.open(path, read_only=True)
    changed = path.read_bytes() != before[path.name]
    assert not changed
    assert str(path) in error.value.what
    return str(error.value)


@pytest.mark.parametrize("data", [b"", b"\0", b"S" * 4096, b"SQLite format 3\0" + bytes(4)])
def test_a_file_without_a_database_is_damaged_and_not_a_new_store(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    assert "is damaged (it is " in refused(path)


def test_the_database_of_another_program_is_not_changed(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "places.sqlite"
    other.parent.mkdir()
    with closing(sqlite3.connect(other)) as connection:
        connection.executescript("CREATE TABLE places (url TEXT); PRAGMA user_version=4;")
    before = everything(other.parent)
    path.unlink()
    path.symlink_to(other)
    assert "not samdesk's" in refused(path)
    changed = everything(other.parent) != before
    assert not changed


def test_a_store_that_is_cut_is_damaged_whatever_its_size(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("samdesk.dataset.store.database._CHECK_BYTES", 0)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "(cut off at " in refused(path)


def test_a_header_with_another_encoding_is_damaged(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[59] = 2  # UTF-16: every name would be another one
    path.write_bytes(data)
    assert "no header of a store" in refused(path)


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        (
            "CREATE TRIGGER gone AFTER INSERT ON annotations BEGIN DELETE FROM annotations; END",
            "trigger 'gone'",
        ),
        ("CREATE VIEW seen AS SELECT * FROM images", "view 'seen'"),
        ("CREATE TABLE more (x)", "table 'more'"),
        ("DROP INDEX log_undone", "index 'log_undone'"),
        ("ALTER TABLE labels ADD COLUMN x DEFAULT 1", "table 'labels'"),
        (
            "DROP TABLE images; CREATE VIEW images AS WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n+1"
            " FROM t) SELECT n AS key, 1 AS width FROM t",
            "view 'images'",
        ),
    ],
)
def test_a_schema_with_parts_from_elsewhere_is_refused(path: Path, sql: str, named: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(f"PRAGMA foreign_keys=OFF; {sql}")
    assert f"has a {named} that samdesk has not made" in refused(path)


@pytest.mark.parametrize("version", range(1, VERSION))
def test_every_migration_ends_in_the_newest_schema(tmp_path: Path, version: int) -> None:
    file = tmp_path / "dataset.db"
    shutil.copy(DATA / f"v{version}" / "photos" / ".samdesk" / "dataset.db", file)
    Store.open(file).close()
    Store.open(file).close()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TRIGGER late AFTER INSERT ON settings BEGIN DELETE FROM settings; END")
    with pytest.raises(DamagedError, match="trigger 'late'"):
        Store.open(file)


def test_an_old_store_with_a_trigger_is_refused_before_it_is_migrated(tmp_path: Path) -> None:
    file = tmp_path / "dataset.db"
    shutil.copy(DATA / "v1" / "photos" / ".samdesk" / "dataset.db", file)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TRIGGER early AFTER UPDATE ON log BEGIN DELETE FROM log; END")
    before = file.read_bytes()
    with pytest.raises(DamagedError, match="trigger 'early'"):
        Store.open(file)
    changed = file.read_bytes() != before
    assert not changed
    assert [p.name for p in tmp_path.iterdir()] == ["dataset.db"]
