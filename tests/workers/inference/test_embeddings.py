"""The source of an embedding: device memory, host memory, the disk, or the encoder."""

from __future__ import annotations

from pathlib import Path

import pytest

from samdesk.domain.geometry.types import Frame, RgbImage
from samdesk.domain.prompts import PointPrompt, PromptSet
from samdesk.engine.cache.disk import DiskCache
from samdesk.engine.cache.memory import MemoryCache
from samdesk.engine.models.load import load_predictor
from samdesk.engine.protocols import Predictor
from samdesk.images.errors import ImageError
from samdesk.images.reader import read_image
from samdesk.workers.inference.embeddings import Embeddings
from tests.helpers.make import photo
from tests.helpers.networks import seeded_mobile_sam

GIB = 1024**3


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    return load_predictor(str(seeded_mobile_sam(tmp_path_factory.mktemp("weights"))), "cpu", "fp32")


@pytest.fixture
def disk(tmp_path: Path) -> DiskCache:
    return DiskCache(tmp_path / "cache")


def started(disk: DiskCache, host_bytes: int = GIB) -> tuple[Embeddings, list[Path]]:
    """The state after a start of the program, and the list of images it reads."""
    read: list[Path] = []

    def reader(path: Path) -> RgbImage:
        read.append(path)
        return read_image(path)

    return Embeddings(reader, MemoryCache(0, host_bytes, disk)), read


def test_the_next_start_finds_on_disk_what_was_encoded(
    predictor: Predictor, disk: DiskCache, tmp_path: Path
) -> None:
    path = photo(tmp_path / "a.png")
    embeddings, read = started(disk)
    made = [embeddings.get(predictor, path) for _ in range(2)]
    assert [m.source for m in made] == ["encoded", "host"]
    assert [m.cached for m in made] == [False, True]
    assert disk.close(60), "as at the end of the program"

    embeddings, read = started(DiskCache(tmp_path / "cache"))
    made += [embeddings.get(predictor, path) for _ in range(2)]
    assert [m.source for m in made[2:]] == ["disk", "host"]
    assert read == [], "the image itself is not read"
    click = PromptSet((PointPrompt(80.0, 110.0),))
    first, last = (predictor.predict(m.embedding, click)[0].raster() for m in (made[0], made[3]))
    assert (first != last).mean() < 0.002


def test_embeddings_evicted_from_memory_are_on_disk_and_views_have_their_own(
    predictor: Predictor, disk: DiskCache, tmp_path: Path
) -> None:
    path, view = photo(tmp_path / "a.png"), Frame(100, 50, 120)
    embeddings, _ = started(disk, host_bytes=0)
    whole = embeddings.get(predictor, path)
    seen = embeddings.get(predictor, path, view)
    assert [whole.source, seen.source] == ["encoded", "encoded"]
    assert disk.flush(60)
    again = [embeddings.get(predictor, path, v) for v in (None, view)]
    assert [m.source for m in again] == ["disk", "disk"]
    assert [m.embedding.frame for m in again] == [whole.embedding.frame, seen.embedding.frame]
    assert again[0].embedding.frame != again[1].embedding.frame


def test_a_changed_image_is_encoded_again_and_a_missing_one_raises(
    predictor: Predictor, disk: DiskCache, tmp_path: Path
) -> None:
    path = photo(tmp_path / "a.png", seed=1)
    embeddings, _ = started(disk)
    embeddings.get(predictor, path)
    photo(path, seed=2)
    assert embeddings.get(predictor, path).source == "encoded"
    photo(path, seed=1)
    assert disk.flush(60)
    assert embeddings.get(predictor, path).source == "disk", "its content is known again"
    path.write_bytes(b"not an image")
    with pytest.raises(ImageError):
        embeddings.get(predictor, path)
    path.unlink()
    with pytest.raises(OSError, match=r"a\.png"):
        embeddings.get(predictor, path)


def test_flint_or_a_disabled_disk_cache_stores_nothing_on_disk(
    predictor: Predictor, disk: DiskCache, tmp_path: Path
) -> None:
    path = photo(tmp_path / "a.png")
    disk.configure(False, GIB)
    for model in (load_predictor("flint", "cpu"), predictor):
        embeddings, _ = started(disk)
        assert [embeddings.get(model, path).source for _ in range(2)] == ["encoded", "host"]
    assert disk.flush(60)
    assert not (tmp_path / "cache").exists()
