"""Temporary files that a crash has left are removed, those of living writers never."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from samdesk.base import atomic
from samdesk.base.disk import durable, temporaries

LEFT = ".a.txt.0123456789abcdef.tmp"

locks_of_posix = pytest.mark.skipif(os.name == "nt", reason="locks of POSIX")

KILLED = """
import os, sys
from pathlib import Path
from samdesk.base.disk import temporaries
path, handle = temporaries.create(Path(sys.argv[1]), 0o600)
print(path.name, flush=True)
sys.stdin.read()
"""


@locks_of_posix
def test_what_a_killed_writer_has_left_is_removed_and_what_a_living_one_writes_is_not(tmp_path: Path) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path / "a.txt")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )  # fmt: skip
    assert writer.stdout is not None
    with writer:
        name = writer.stdout.readline().strip()
        temporaries.clear(tmp_path)
        alive = [p.name for p in tmp_path.iterdir()]
        writer.kill()
        writer.wait(30)
        temporaries.clear(tmp_path)
    assert alive == [name]
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_being_written_survives_a_clearing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync = os.fsync

    def clear_meanwhile(handle: int) -> None:
        sync(handle)
        temporaries.clear(tmp_path)

    monkeypatch.setattr(os, "fsync", clear_meanwhile)
    atomic.write_text(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("name", ["notes.tmp", ".a.tmp", ".a.0123.tmp", ".a.0123456789ABCDEF.tmp", "a.txt"])
def test_files_of_others_stay(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    temporaries.clear(tmp_path, tmp_path / "no folder")
    assert (tmp_path / name).read_text() == "mine"


@locks_of_posix
def test_folders_pipes_and_links_of_such_a_name_stay(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("mine")
    (tmp_path / LEFT).symlink_to(target)
    (tmp_path / LEFT.replace("a", "b", 1)).mkdir()
    os.mkfifo(tmp_path / LEFT.replace("a", "c", 1))
    temporaries.clear(tmp_path)
    assert len(list(tmp_path.iterdir())) == 4
    assert target.read_text() == "mine"


def test_without_locks_its_age_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(temporaries, "_lock", lambda handle: None)
    new, old = tmp_path / LEFT, tmp_path / LEFT.replace("a", "b", 1)
    new.touch()
    old.touch()
    long_ago = new.stat().st_mtime - temporaries.OLD_S - 60
    os.utime(old, (long_ago, long_ago))
    temporaries.clear(tmp_path)
    assert list(tmp_path.iterdir()) == [new]


@locks_of_posix
def test_new_folders_are_synced_in_theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    sync = os.fsync

    def record(handle: int) -> None:
        synced.append(os.path.relpath(Path(f"/proc/self/fd/{handle}").readlink(), tmp_path))
        sync(handle)

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("needs /proc")
    monkeypatch.setattr(os, "fsync", record)
    atomic.write_bytes(tmp_path / "labels" / "train" / "a.txt", b"", sync=False)
    assert synced[:2] == [".", "labels"]
    assert len(synced) == 3
    assert synced[2].startswith("labels/train/.a.txt.")


@locks_of_posix
def test_the_cache_of_the_drive_is_written_too_where_fsync_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """macOS: once for files that are written together; plain fsync on disks that have no such call."""
    import fcntl

    calls: list[str] = []
    monkeypatch.setattr(durable, "full_sync_command", lambda: 51)
    monkeypatch.setattr(fcntl, "fcntl", lambda handle, command: calls.append(f"full {command}"))
    monkeypatch.setattr(os, "fsync", lambda handle: calls.append("fsync"))
    atomic.write_bytes(tmp_path / "a.txt", b"", sync=False)
    assert calls == ["fsync"]
    atomic.write_bytes(tmp_path / "a.txt", b"")
    assert calls == ["fsync", "full 51", "full 51"]

    def refuse(handle: int, command: int) -> None:
        raise OSError(25, "Inappropriate ioctl for device")

    monkeypatch.setattr(fcntl, "fcntl", refuse)
    calls.clear()
    atomic.write_bytes(tmp_path / "a.txt", b"")
    assert calls == ["fsync", "fsync"]
