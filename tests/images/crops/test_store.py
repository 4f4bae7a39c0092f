"""Crops on disk: kept within a budget, and given up when the file is damaged or cannot be written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from samdesk.images.crops.store import CropStore, clear_crops, crop_key

VIEW = (0.0, 0.0, 20.0, 20.0)


def crop(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (60, 40, 3), dtype=np.uint8)


def key(number: int) -> bytes:
    return number.to_bytes(16, "big")


def test_crops_and_features_come_back(tmp_path: Path) -> None:
    path = tmp_path / "cache" / "crops.db"
    store = CropStore(path)
    flat = np.full((30, 40, 3), (200, 90, 10), np.uint8)
    store.keep({key(1): flat})
    store.keep_features({key(1): np.linspace(-1, 1, 8, dtype=np.float32)})
    store.close()
    again = CropStore(path)
    found = again.crops([key(1), key(2)])
    assert list(found) == [key(1)]
    assert np.abs(found[key(1)].astype(int) - flat).max() <= 3
    assert np.allclose(again.features([key(1)], 8)[key(1)], np.linspace(-1, 1, 8), atol=1e-3)
    assert again.features([key(1)], 9) == {}  # of another model
    again.close()


def test_the_oldest_go_when_the_budget_is_full(tmp_path: Path) -> None:
    budget = 200_000
    store = CropStore(tmp_path / "crops.db", budget)
    for number in range(100):
        store.keep({key(number): crop(number)})
    kept = store.crops([key(n) for n in range(100)])
    assert key(99) in kept
    assert key(0) not in kept
    store.close()
    assert (tmp_path / "crops.db").stat().st_size < 2 * budget


def test_a_damaged_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "crops.db"
    path.write_bytes(b"not a database" * 100)
    store = CropStore(path)
    assert store.crops([key(1)]) == {}
    store.keep({key(1): crop(1)})
    assert key(1) in store.crops([key(1)])
    store.close()


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = CropStore(tmp_path / "file" / "crops.db")
    store.keep({key(1): crop(1)})
    assert store.crops([key(1)]) == {}


def test_a_changed_file_has_another_key(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    assert crop_key(path, VIEW, 160) is None
    path.write_bytes(b"1")
    first = crop_key(path, VIEW, 160)
    assert first == crop_key(path, VIEW, 160)
    assert first != crop_key(path, (0.0, 0.0, 20.0, 21.0), 160)
    path.write_bytes(b"12")
    assert first != crop_key(path, VIEW, 160)


def test_clearing_frees_the_disk(tmp_path: Path) -> None:
    store = CropStore(tmp_path / "crops.db")
    store.keep({key(1): crop(1)})
    store.close()
    assert clear_crops(tmp_path / "crops.db") > 0
    assert list(tmp_path.iterdir()) == []
    assert clear_crops(tmp_path / "crops.db") == 0


@pytest.mark.parametrize("count", [0, 1, 1200])
def test_many_are_read_at_once(tmp_path: Path, count: int) -> None:
    store = CropStore(tmp_path / "crops.db")
    features = {key(n): np.full(4, 0.5, np.float32) for n in range(count)}
    store.keep_features(features)
    assert len(store.features(list(features), 4)) == count
    store.close()
