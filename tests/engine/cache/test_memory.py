"""The embedding cache in memory."""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from samdesk.domain.geometry.types import Frame
from samdesk.engine.cache.memory import MIB, ImageStamp, MemoryCache, model_key, to_device
from samdesk.engine.embedding import Embedding
from samdesk.engine.protocols import ModelInfo


@dataclass(frozen=True)
class Tensor:
    """Behaves like a tensor as far as the cache looks."""

    device: str

    def to(self, device: str) -> Tensor:
        if device == "broken":
            raise RuntimeError("CUDA out of memory")
        return Tensor(device)


@dataclass(frozen=True)
class Features:
    main: Tensor
    more: tuple[Tensor, ...]
    shape: tuple[int, int] = (64, 64)


def stamp(name: str, size: int = 1) -> ImageStamp:
    return ImageStamp(name, 1, size)


def embedding(device: str = "cuda:0", nbytes: int = 100) -> Embedding:
    data = Features(Tensor(device), (Tensor(device),))
    return Embedding("m", (10, 20), Frame(0, 0, 20), data, nbytes)


def place_of(cache: MemoryCache, name: str) -> str:
    found = cache.find(stamp(name), "m")
    return found.place if found is not None else "nowhere"


def device_of(kept: Embedding | None) -> str:
    assert kept is not None
    return str(kept.data.main.device)


def test_the_least_recently_used_is_evicted_first() -> None:
    cache = MemoryCache(0, 300)
    for name in "abc":
        cache.put(stamp(name), "m", embedding("cpu"), "cpu")
    assert cache.get(stamp("a"), "m") is not None
    cache.put(stamp("d"), "m", embedding("cpu"), "cpu")
    assert [n for n in "abcd" if cache.get(stamp(n), "m") is not None] == ["a", "c", "d"]
    assert cache.host_bytes == 300


def test_what_exceeds_the_device_moves_to_the_host_and_back() -> None:
    cache = MemoryCache(200, 1000)
    for name in "abc":
        cache.put(stamp(name), "m", embedding(), "cuda:0")
    assert (cache.device_bytes, cache.host_bytes) == (200, 100)
    assert device_of(cache.get(stamp("a"), "m")) == "cuda:0"
    assert (cache.device_bytes, cache.host_bytes) == (200, 100)  # b made room


def test_find_returns_where_it_was() -> None:
    cache = MemoryCache(200, 1000)
    for name in "abc":
        cache.put(stamp(name), "m", embedding(), "cuda:0")
    cache.put(stamp("d"), "m", embedding("cpu"), "cpu")
    assert [place_of(cache, n) for n in "cadx"] == ["device", "host", "host", "nowhere"]
    assert place_of(cache, "a") == "device", "what came from the host to_device to the top"


def test_shrink_empties_the_device_and_evicts_nothing() -> None:
    cache = MemoryCache(400, 1000)
    for name in "abc":
        cache.put(stamp(name), "m", embedding(), "cuda:0")
    cache.shrink()
    assert (cache.device_bytes, cache.host_bytes, len(cache)) == (0, 300, 3)
    for name in "abc":
        assert cache.get(stamp(name), "m") is not None
    assert cache.device_bytes == 200  # half the budget is left


def test_no_room_on_the_device_is_a_miss() -> None:
    cache = MemoryCache(0, 1000)
    cache.put(stamp("a"), "m", embedding(), "broken")
    assert cache.get(stamp("a"), "m") is None


def test_a_changed_file_and_another_model_are_other_entries() -> None:
    cache = MemoryCache(0, 1000)
    cache.put(stamp("a"), "m", embedding("cpu"), "cpu")
    assert cache.get(stamp("a", size=2), "m") is None
    assert cache.get(stamp("a"), "other") is None
    cache.put(stamp("a", size=2), "m", embedding("cpu"), "cpu")
    assert len(cache) == 1  # the old state of the file is removed
    cache.put(stamp("a", size=2), "other", embedding("cpu"), "cpu")
    assert len(cache) == 2


def test_a_smaller_budget_takes_effect_at_once() -> None:
    cache = MemoryCache(0, 1000)
    for name in "abc":
        cache.put(stamp(name), "m", embedding("cpu"), "cpu")
    cache.set_budget(0, 100)
    assert len(cache) == 1
    assert cache.get(stamp("c"), "m") is not None


def test_an_embedding_larger_than_the_budget_is_not_cached() -> None:
    cache = MemoryCache(50, 50)
    cache.put(stamp("a"), "m", embedding(nbytes=60), "cuda:0")
    assert len(cache) == 0


def test_the_key_has_device_and_precision() -> None:
    def info(device: str, precision: str) -> ModelInfo:
        return ModelInfo("sam_b.pt", "SAM b", device, device, precision, sha256="1f")

    keys = {model_key(info(d, p)) for d in ("cpu", "cuda:0") for p in ("fp32", "fp16")}
    assert len(keys) == 4


def test_the_stamp_follows_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"1")
    before = ImageStamp.of(path)
    assert ImageStamp.of(path) == before
    path.write_bytes(b"12")
    assert ImageStamp.of(path) != before
    with pytest.raises(OSError, match="gone"):
        ImageStamp.of(tmp_path / "gone")


def test_real_tensors_move_and_the_embedding_stays_as_it_was() -> None:
    torch = pytest.importorskip("torch")
    data: Any = {"a": torch.ones(2), "b": [torch.zeros(1), 3], "c": np.ones(2)}
    kept = Embedding("m", (1, 1), Frame(0, 0, 1), data, 12)
    away = to_device(kept, "meta")
    assert away.data["a"].device.type == "meta"
    assert away.data["b"][1] == 3
    assert kept.data["a"].device.type == "cpu"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems' heaps cannot be asked")
def test_a_smaller_budget_returns_memory_to_the_system() -> None:
    torch = pytest.importorskip("torch")
    process, cache = psutil.Process(), MemoryCache(0, 400 * MIB)
    freed = [torch.ones(16 * MIB // 4) for _ in range(2)]  # from now on glibc keeps such blocks in its heap
    del freed
    for i in range(75):
        data = torch.ones(4 * MIB // 4)
        cache.put(stamp(str(i)), "m", Embedding("m", (1, 1), Frame(0, 0, 1), data, 4 * MIB), "cpu")
    del data
    before = process.memory_info().rss
    cache.set_budget(0, 20 * MIB)
    for thread in threading.enumerate():
        if thread.name == "release-memory":
            thread.join(30)
    assert before - process.memory_info().rss > 250 * MIB
    assert cache.host_bytes == 20 * MIB
