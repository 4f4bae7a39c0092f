"""The lock of a dataset lies beside its store: other users, homes, machines, and holders that died."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest

from samdesk.dataset import lock as lock_module
from samdesk.dataset.dataset import Dataset, StoreError
from samdesk.dataset.lock import DatasetLock, lock_path
from samdesk.dataset.store.database import Store, uri_of
from samdesk.domain.document import ImageKey
from tests.dataset.dataset_kit import draw, photos, with_labels

ROOT = Path(__file__).resolve().parents[2]

OTHER = """
import sys
from pathlib import Path
from samdesk.dataset.dataset import Dataset, StoreError
from tests.dataset.dataset_kit import draw, with_labels
dataset = Dataset.open(Path(sys.argv[1]))
print(dataset.read_only, dataset.in_memory, dataset.reason, flush=True)
sys.stdin.readline()
try:
    with_labels(dataset, "dog")
    draw(dataset, dataset.keys[0], 30)
    print("saved", flush=True)
except StoreError as error:
    print("refused", error, flush=True)
sys.stdin.readline()
dataset.close()
"""


class Other:
    """Another process with a home of its own that has the dataset open."""

    def __init__(self, folder: Path, home: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", OTHER, str(folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
            env={**os.environ, "SAMDESK_HOME": str(home), "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        self.opened = self._line()

    @property
    def number(self) -> int:
        return self._process.pid

    def go_on(self) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._line()

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


def test_two_processes_with_two_homes_never_write_to_one_dataset(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    (key,) = photos(folder, "a.png")
    other = Other(folder, tmp_path / "home of another user")
    try:
        assert other.opened.startswith("False False")
        mine = Dataset.open(folder)
        assert mine.read_only
        assert f"open in another samdesk (process {other.number})" in mine.reason
        with pytest.raises(StoreError, match="read-only"):
            with_labels(mine, "cat")
        mine.close()
        assert other.go_on() == "saved\n"
    finally:
        other.kill()
    after = Dataset.open(folder)  # a holder that was killed is not waited for
    assert not after.read_only
    assert len(after.load(key).annotations) == 1
    with_labels(after, "cat")
    draw(after, key)
    after.close()
    assert len((folder / "a.txt").read_text().splitlines()) == 2
    assert not (folder / ".samdesk" / "lock").exists()


def test_opening_and_closing_a_folder_leaves_nothing_in_it(tmp_path: Path) -> None:
    photos(tmp_path, "a.png")
    dataset = Dataset.open(tmp_path)
    assert json.loads((tmp_path / ".samdesk" / "lock").read_text())["process"] == os.getpid()
    dataset.close()
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def held_elsewhere(folder: Path, age: float) -> Path:
    """A lock file that another machine has left, renewed some seconds ago."""
    path = folder / ".samdesk" / "lock"
    path.parent.mkdir(exist_ok=True)
    holder = {"host": "studio", "kernel": "other", "process": 7, "token": "1"}
    path.write_text(json.dumps(holder))
    then = time.time() - age
    os.utime(path, (then, then))
    return path


@pytest.mark.parametrize("age", [0, lock_module.DEAD_AFTER_S / 2])
def test_a_holder_on_another_machine_that_renews_its_lock_is_alive(tmp_path: Path, age: float) -> None:
    photos(tmp_path, "a.png")
    path = held_elsewhere(tmp_path, age)
    before = path.read_bytes()
    dataset = Dataset.open(tmp_path)
    assert dataset.read_only
    assert "open in another samdesk (process 7 on studio)" in dataset.reason
    dataset.close()
    assert path.read_bytes() == before


def test_a_holder_on_another_machine_that_no_longer_renews_its_lock_is_dead(tmp_path: Path) -> None:
    photos(tmp_path, "a.png")
    held_elsewhere(tmp_path, lock_module.DEAD_AFTER_S + 5)
    dataset = Dataset.open(tmp_path)
    assert not dataset.read_only
    with_labels(dataset, "cat")
    dataset.close()


def test_one_that_was_taken_over_saves_nothing_more(tmp_path: Path) -> None:
    (key,) = photos(tmp_path, "a.png")
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "cat")
    held_elsewhere(tmp_path, 0)
    with pytest.raises(StoreError, match="was opened by another samdesk while this one did not answer"):
        draw(dataset, key)
    dataset.close()
    assert not (tmp_path / "a.txt").exists()
    assert json.loads((tmp_path / ".samdesk" / "lock").read_text())["host"] == "studio"


def test_the_lock_is_renewed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = DatasetLock(tmp_path, lock_path(tmp_path / "dataset.db"))
    assert lock.acquire() == ""
    os.utime(lock.path, (0, 0))
    lock.renew()
    assert lock.path.stat().st_mtime == 0
    monkeypatch.setattr(lock_module, "RENEWED_EVERY_S", 0)
    lock.renew()
    assert lock.path.stat().st_mtime > 0
    lock.release()
    assert not lock.path.exists()


def test_a_store_that_another_program_has_changed_is_not_written(tmp_path: Path) -> None:
    """As on a network drive without locks: nobody undoes the step of somebody else."""
    (key,) = photos(tmp_path, "a.png")
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "cat")
    draw(dataset, key)
    with closing(sqlite3.connect(tmp_path / ".samdesk" / "dataset.db")) as other:
        other.execute("UPDATE labels SET name='dog'")
        other.commit()
    with pytest.raises(StoreError, match="was changed by another program since it was opened here"):
        dataset.undo()
    with pytest.raises(StoreError, match="was changed by another program"):
        dataset.close()
    again = Dataset.open(tmp_path)
    assert again.labels.names == ("dog",)
    assert len(again.load(key).annotations) == 1
    again.close()


def test_a_folder_that_cannot_be_locked_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (key,) = photos(tmp_path, "a.png")

    def fail(_lock: DatasetLock) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(DatasetLock, "acquire", fail)
    dataset = Dataset.open(tmp_path)
    assert dataset.in_memory
    with_labels(dataset, "cat")
    draw(dataset, key)
    dataset.close()
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        (PureWindowsPath(r"C:\my data\x.db"), "file:///C:/my%20data/x.db"),
        (
            PureWindowsPath(r"\\nas\share\set\.samdesk\dataset.db"),
            "file:////nas/share/set/.samdesk/dataset.db",
        ),
        (PureWindowsPath("\\\\nas\\häuser\\50% #1?.db"), "file:////nas/h%C3%A4user/50%25%20%231%3F.db"),
        (PurePosixPath("/data/a b/x.db"), "file:///data/a%20b/x.db"),
    ],
)
def test_the_address_of_a_store_for_sqlite(path: PureWindowsPath, uri: str) -> None:
    assert uri_of(path) == uri


@pytest.mark.skipif(os.name == "nt", reason="// is no network share elsewhere")
def test_sqlite_opens_a_path_that_begins_with_two_slashes(tmp_path: Path) -> None:
    Store.open(tmp_path / "50% #1?.db").close()
    address = uri_of(PurePosixPath(f"/{tmp_path}/50% #1?.db"))
    with closing(sqlite3.connect(f"{address}?mode=ro", uri=True)) as c:
        assert c.execute("PRAGMA user_version").fetchone()[0] > 0


@pytest.mark.parametrize("call", ["mkdir", "replace", "unlink"])
def test_a_fault_during_the_first_save_is_over_with_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    (key,) = photos(tmp_path, "a.png")
    dataset = Dataset.open(tmp_path)
    opened = Store.open

    def fail(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        if call == "unlink":  # the file is made, cannot be opened, and cannot be removed either
            patch.setattr(Store, "open", fail)
            for suffix in ("", "-wal"):
                (tmp_path / ".samdesk" / f"dataset.db{suffix}").write_bytes(b"")
            (tmp_path / ".samdesk" / "dataset.db").unlink()
        else:
            patch.setattr(Path, call, fail)
        with pytest.raises((StoreError, OSError)):
            with_labels(dataset, "cat")
        if call == "unlink":
            (tmp_path / ".samdesk" / "dataset.db").write_bytes(b"half")
    assert Store.open == opened
    with_labels(dataset, "cat")
    draw(dataset, key)
    dataset.close()
    again = Dataset.open(tmp_path)
    assert len(again.load(key).annotations) == 1
    again.close()


def test_what_a_crash_has_left_is_removed_at_opening(tmp_path: Path) -> None:
    photos(tmp_path, "images/a.png", "images/more/b.png")
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "person")
    draw(dataset, ImageKey("images/a.png"), 5)
    dataset.close()
    store = tmp_path / ".samdesk"
    folders = (tmp_path, store, store / "replaced", tmp_path / "labels", tmp_path / "labels" / "more")
    left = [folder / ".a.txt.0123456789abcdef.tmp" for folder in folders]
    left += [store / "dataset.db.new", store / "dataset.v1.db.new", store / "dataset.db.new-journal"]
    others = [store / "other.db.new", tmp_path / "labels" / "notes.tmp"]
    for path in (*left, *others):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("0 0.5")
    dataset = Dataset.open(tmp_path)
    while dataset.unfinished:
        dataset.advance(0.02)
    assert [path for path in left if path.exists()] == []
    assert all(path.exists() for path in others)
    dataset.close()
