"""One decode a file, a byte budget, and files that change."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from samdesk.images.cache import ImageCache
from samdesk.images.errors import ImageError


class Reader:
    """Counts the reads; blocks while its gate is closed."""

    def __init__(self) -> None:
        self.reads: list[str] = []
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()

    def __call__(self, path: Path, _partial: object) -> np.ndarray:
        self.reads.append(path.name)
        self.entered.set()
        assert self.gate.wait(10)
        if path.name.startswith("bad"):
            raise ImageError(path, "broken")
        return np.zeros((10, 10, 3), np.uint8)


def test_two_threads_share_one_decode(tmp_path: Path) -> None:
    reader = Reader()
    reader.gate.clear()
    cache = ImageCache(10_000, reader)
    got: list[np.ndarray] = []
    threads = [threading.Thread(target=lambda: got.append(cache.get(tmp_path / "a"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert reader.entered.wait(10)
    assert not cache.has(tmp_path / "a")
    reader.gate.set()
    for thread in threads:
        thread.join(10)
    assert reader.reads == ["a"]
    assert len(got) == 4
    assert all(image is got[0] for image in got)
    assert not got[0].flags.writeable


def test_oldest_go_first(tmp_path: Path) -> None:
    reader = Reader()
    cache = ImageCache(600, reader)  # two of 300 bytes
    for name in ("a", "b", "a", "c"):
        cache.get(tmp_path / name)
    assert [cache.has(tmp_path / n) for n in "abc"] == [True, False, True]
    cache.set_budget(0)
    assert [cache.has(tmp_path / n) for n in "abc"] == [False, False, True]


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    reader = Reader()
    cache = ImageCache(10_000, reader)
    path = tmp_path / "a"
    path.write_bytes(b"1")
    cache.get(path)
    path.write_bytes(b"22")
    cache.get(path)
    assert reader.reads == ["a", "a"]


def test_a_failure_is_raised_and_not_kept(tmp_path: Path) -> None:
    reader = Reader()
    cache = ImageCache(10_000, reader)
    for _ in range(2):
        with pytest.raises(ImageError, match="broken"):
            cache.get(tmp_path / "bad")
    assert reader.reads == ["bad", "bad"]
