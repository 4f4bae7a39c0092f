"""Photos and thumbnails decoded beside the main thread."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Lock

import numpy as np
import pytest
from PIL import Image
from pytestqt.qtbot import QtBot

from samdesk.domain.document import ImageKey
from samdesk.domain.geometry.types import RgbImage
from samdesk.images.cache import ImageCache
from samdesk.images.partial import CoarseImage, PartialImage
from samdesk.images.reader import read_image
from samdesk.workers.failure import Failure
from samdesk.workers.images import ImageLoader
from samdesk.workers.thumbnails import ThumbnailLoader
from tests.helpers.gated import Gate, settle, spin_until

A, B, C = ImageKey("a.png"), ImageKey("b.png"), ImageKey("c.png")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i, key in enumerate((A, B, C)):
        Image.new("RGB", (400, 200), (50 * i, 10, 10)).save(tmp_path / key)
    (tmp_path / "bad.png").write_bytes(b"no image")
    return tmp_path


class Reader:
    """The real reader behind a gate, which notes what it read."""

    def __init__(self) -> None:
        self.gate = Gate()
        self.read: list[str] = []
        self.coarse: RgbImage | None = None
        self._lock = Lock()

    def __call__(self, path: Path, partial: PartialImage) -> RgbImage:
        with self._lock:
            self.read.append(path.name)
        if self.coarse is not None:
            partial.begin(400, 200)
            partial.set_coarse(self.coarse)
        self.gate.pass_through()
        return read_image(path, partial)


@pytest.fixture
def reader() -> Reader:
    return Reader()


@pytest.fixture
def loader(qtbot: QtBot, reader: Reader) -> Iterator[ImageLoader]:
    made = ImageLoader(ImageCache(10_000_000, reader))
    yield made
    reader.gate.open()
    assert made.stop()


def test_the_photo_asked_for_last_is_the_only_one_to_come(
    loader: ImageLoader, reader: Reader, folder: Path
) -> None:
    seen: list[str] = []
    loader.loaded.connect(lambda key, _rgb: seen.append(key))
    reader.gate.close()
    loader.load(A, folder / A)
    reader.gate.wait_for_arrival()
    loader.load(B, folder / B)
    loader.load(C, folder / C)
    reader.gate.wait_for_arrival()
    reader.gate.open()
    spin_until(lambda: bool(seen))
    settle()
    assert seen == [C]


def test_a_stale_decode_and_one_ahead_do_not_hold_up_the_photo_on_screen(
    loader: ImageLoader, reader: Reader, folder: Path
) -> None:
    seen: list[tuple[str, RgbImage]] = []
    loader.loaded.connect(lambda key, rgb: seen.append((key, rgb)))
    reader.gate.close()
    loader.preload([folder / A, folder / B])
    reader.gate.wait_for_arrival()
    assert reader.read == [A]  # one thread stays free
    loader.load(C, folder / C)
    reader.gate.wait_for_arrival()
    assert reader.read == [A, C]
    reader.gate.open()
    spin_until(lambda: bool(seen))
    assert seen[0][0] == C
    assert seen[0][1][0, 0].tolist() == [100, 10, 10]


def test_a_photo_decoded_ahead_is_not_decoded_again(
    loader: ImageLoader, reader: Reader, folder: Path
) -> None:
    seen: list[str] = []
    loader.loaded.connect(lambda key, _rgb: seen.append(key))
    reader.gate.close()
    loader.preload([folder / B])
    reader.gate.wait_for_arrival()
    loader.load(B, folder / B)
    reader.gate.open()
    spin_until(lambda: seen == [B])
    assert reader.read == [B]


def test_a_large_photo_is_seen_while_it_is_decoded(loader: ImageLoader, reader: Reader, folder: Path) -> None:
    seen: list[tuple[str, CoarseImage]] = []
    loaded: list[str] = []
    loader.coarse.connect(lambda key, coarse: seen.append((key, coarse)))
    loader.loaded.connect(lambda key, _rgb: loaded.append(key))
    reader.coarse = np.full((20, 40, 3), 90, np.uint8)
    reader.gate.close()
    loader.load(A, folder / A)
    spin_until(lambda: len(seen) > 1)
    assert {key for key, _coarse in seen} == {A}
    assert seen[0][1].size == (400, 200)
    assert seen[0][1].pixels is reader.coarse
    reader.gate.open()
    spin_until(lambda: loaded == [A])
    seen.clear()
    settle()
    assert seen == []


def test_a_thumbnail_of_a_photo_that_is_decoded_comes_from_it(
    loader: ImageLoader, reader: Reader, folder: Path
) -> None:
    thumbnails = ThumbnailLoader(40, lambda path, side: loader.cache.thumbnail(path, side, max_pixels=10**6))
    ready: list[tuple[str, RgbImage]] = []
    thumbnails.ready.connect(lambda key, rgb: ready.append((key, rgb)))
    reader.gate.close()
    loader.load(C, folder / C)
    reader.gate.wait_for_arrival()
    thumbnails.request([(C, folder / C)])
    reader.gate.open()
    spin_until(lambda: bool(ready))
    assert (ready[0][1].shape, ready[0][1][0, 0].tolist()) == ((20, 40, 3), [100, 10, 10])
    assert reader.read == [C]
    assert thumbnails.stop()


def test_a_bad_file_is_told_in_words_with_its_key(loader: ImageLoader, folder: Path) -> None:
    failures: list[Failure] = []
    loader.failed.connect(failures.append)
    loader.preload([folder / "bad.png"])
    loader.load(ImageKey("bad.png"), folder / "bad.png")
    spin_until(lambda: bool(failures))
    assert failures[0].key == "bad.png"
    assert "bad.png" in str(failures[0])
    assert "Unexpected" not in str(failures[0])


def test_thumbnails_in_view_come_before_those_asked_for_earlier(qtbot: QtBot, folder: Path) -> None:
    gate = Gate()
    order: list[str] = []

    def read(path: Path, side: int) -> RgbImage:
        order.append(path.name)
        gate.pass_through()
        return np.zeros((side, side, 3), np.uint8)

    thumbnails = ThumbnailLoader(32, read)
    ready: list[str] = []
    thumbnails.ready.connect(lambda key, _rgb: ready.append(key))
    gate.close()
    thumbnails.request([(ImageKey("first"), folder / "first")])
    gate.wait_for_arrival()
    thumbnails.request([(ImageKey(n), folder / n) for n in ("old1", "old2")])
    thumbnails.request([(ImageKey(n), folder / n) for n in ("new1", "new2", "old2")])
    gate.open()
    spin_until(lambda: len(ready) == 5)
    assert order == ["first", "new1", "new2", "old2", "old1"]
    assert thumbnails.stop()


def test_real_thumbnails_are_small_and_bad_files_are_told(qtbot: QtBot, folder: Path) -> None:
    thumbnails = ThumbnailLoader(40)
    ready: list[tuple[str, RgbImage]] = []
    failures: list[Failure] = []
    thumbnails.ready.connect(lambda key, rgb: ready.append((key, rgb)))
    thumbnails.failed.connect(failures.append)
    thumbnails.request([(A, folder / A), (ImageKey("bad.png"), folder / "bad.png")])
    spin_until(lambda: bool(ready) and bool(failures))
    assert ready[0][1].shape == (20, 40, 3)
    assert failures[0].key == "bad.png"
    assert thumbnails.stop()


def test_thumbnails_of_the_folder_before_do_not_come(qtbot: QtBot, folder: Path) -> None:
    gate = Gate()

    def read(path: Path, side: int) -> RgbImage:
        gate.pass_through()
        return np.zeros((1, 1, 3), np.uint8)

    thumbnails = ThumbnailLoader(32, read)
    ready: list[str] = []
    thumbnails.ready.connect(lambda key, _rgb: ready.append(key))
    gate.close()
    thumbnails.request([(A, folder / A), (B, folder / B)])
    gate.wait_for_arrival()
    thumbnails.clear()
    thumbnails.request([(C, folder / C)])
    gate.open()
    spin_until(lambda: ready == [C])
    assert thumbnails.stop()
