"""Only regular files are opened: a named pipe, a device or a socket would be waited for."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from samdesk.base import atomic
from samdesk.base.hashing import hash_file
from samdesk.base.regular import check_regular, open_regular, read_bytes, read_text

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files in folders")


@pytest.fixture
def short_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of a socket has 107 bytes at most."""
    monkeypatch.chdir(tmp_path)
    return Path()


@posix
def identity(path: Path) -> tuple[int, ...]:
    """What a file is, whenever it was looked at."""
    found = os.lstat(path)
    return found.st_ino, found.st_mode, found.st_size, found.st_mtime_ns


@pytest.mark.parametrize("kind", ["pipe", "linked pipe", "socket", "device", "folder"])
def test_nothing_but_a_regular_file_is_opened(short_folder: Path, kind: str) -> None:
    path, words = short_folder / "x.jpg", {"pipe": "named pipe", "linked pipe": "named pipe"}.get(kind, kind)
    if kind == "folder":
        path.mkdir()
    elif kind == "socket":
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(path))
        server.close()
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "linked pipe":
        os.mkfifo(short_folder / "pipe")
        path.symlink_to("pipe")
    else:
        os.mkfifo(path)
    before = identity(path)
    for read in (open_regular, check_regular, read_bytes, read_text, hash_file):
        with pytest.raises(OSError, match=words):
            read(path)
    with pytest.raises(OSError, match=words):
        atomic.write_bytes(path, b"x")
    assert identity(path) == before
    assert not list(short_folder.glob(".*.tmp"))


def test_a_regular_file_and_a_link_to_one_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbf0 1\n")
    assert read_bytes(path) == b"\xef\xbb\xbf0 1\n"
    assert read_text(path) == "0 1\n"
    if sys.platform != "win32":
        (tmp_path / "b.txt").symlink_to("a.txt")
        assert read_text(tmp_path / "b.txt") == "0 1\n"
    with pytest.raises(FileNotFoundError):
        read_bytes(tmp_path / "c.txt")


def test_no_more_than_the_limit_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(bytes(2 << 20))
    assert len(read_bytes(path, 2 << 20)) == 2 << 20
    with pytest.raises(OSError, match="larger than 1 MB"):
        read_bytes(path, 1 << 20)
