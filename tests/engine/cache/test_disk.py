"""The embedding cache on disk: reads, eviction, damaged files and failing disks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from samdesk.domain.geometry.types import Frame
from samdesk.domain.prompts import PointPrompt, PromptSet
from samdesk.engine.cache.disk import LIMIT_BYTES, DiskCache
from samdesk.engine.cache.file import SUFFIX, InvalidEmbeddingFile, StoredEmbedding, deserialize, serialize
from samdesk.engine.cache.folder import CachedFile, CacheFolder
from samdesk.engine.embedding import Embedding
from samdesk.engine.models.load import load_predictor
from samdesk.engine.protocols import EngineError
from samdesk.engine.sam.predictor import SamPredictor
from samdesk.images.reader import read_image
from samdesk.images.stamp import ContentHashes, ImageStamp
from samdesk.settings.table import EMBEDDING_DISK_GB
from tests.helpers.make import photo

torch = pytest.importorskip("torch")

SESSION = Path(__file__).with_name("cache_session.py")
ROOT = Path(__file__).resolve().parents[3]
CLICK = PromptSet((PointPrompt(80.0, 110.0),))
ONE = 2 * 1024**2 + 600
"""Bytes of one embedding's file, rounded up."""


@pytest.fixture(scope="module")
def predictor(mobile_sam_checkpoint: Path) -> SamPredictor:
    found = load_predictor(str(mobile_sam_checkpoint), "cpu", "fp32")
    assert isinstance(found, SamPredictor)
    return found


@pytest.fixture(scope="module")
def image_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return photo(tmp_path_factory.mktemp("photos") / "a.png")


@pytest.fixture(scope="module")
def embedding(predictor: SamPredictor, image_path: Path) -> Embedding:
    return predictor.encode(read_image(image_path))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "embeddings"


@pytest.fixture
def images(tmp_path: Path) -> Callable[[str], ImageStamp]:
    """Makes files that are told apart by their content. The cache never looks at their pixels."""

    def make(name: str) -> ImageStamp:
        path = tmp_path / name
        path.write_bytes(name.encode())
        return ImageStamp.of(path)

    return make


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*" + SUFFIX))


def test_a_stored_embedding_predicts_the_same_mask(
    predictor: SamPredictor, image_path: Path, embedding: Embedding, folder: Path
) -> None:
    stamp = ImageStamp.of(image_path)
    assert DiskCache(folder).put(predictor, stamp, embedding)
    back = DiskCache(folder).get(predictor, stamp)
    assert back is not None
    assert (back.model, back.image_hw, back.frame) == (embedding.model, embedding.image_hw, embedding.frame)
    before, after = predictor.predict(embedding, CLICK)[0], predictor.predict(back, CLICK)[0]
    assert np.abs(after.logits - before.logits).max() < 0.02 * np.abs(before.logits).max()
    differing = (after.raster() != before.raster()).mean()
    assert differing < 0.002, "half floats move only what lies on the outline"


def test_images_are_identified_by_content_not_by_name(
    predictor: SamPredictor, embedding: Embedding, folder: Path, tmp_path: Path
) -> None:
    disk, path = DiskCache(folder), tmp_path / "a.jpg"
    path.write_bytes(b"first")
    before = path.stat()
    disk.put(predictor, ImageStamp.of(path), embedding)
    shutil.copy(path, tmp_path / "copy.jpg")
    assert disk.has(predictor, ImageStamp.of(tmp_path / "copy.jpg"))
    path.write_bytes(b"other")
    if sys.platform != "win32":  # which does not say when a file was really changed
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    changed = ImageStamp.of(path)
    assert changed.size == before.st_size
    assert disk.get(predictor, changed) is None, "its size and time say that it is the same"


def test_an_image_that_changed_while_it_was_encoded_is_not_stored(
    predictor: SamPredictor, embedding: Embedding, folder: Path, images: Callable[[str], ImageStamp]
) -> None:
    disk, stamp = DiskCache(folder), images("a")
    Path(stamp.path).write_bytes(b"something else")
    assert not disk.put(predictor, stamp, embedding)
    disk.put_soon(predictor, stamp, embedding)
    assert disk.flush()
    assert files(folder) == []


def test_the_key_has_view_and_checkpoint_but_not_device_or_precision(
    predictor: SamPredictor, embedding: Embedding, folder: Path, images: Callable[[str], ImageStamp]
) -> None:
    disk, stamp, view = DiskCache(folder), images("a"), Frame(10, 20, 100)
    disk.put(predictor, stamp, embedding, view)
    assert disk.has(predictor, stamp, Frame(10.0, 20.0, 100.0))
    for other in (None, Frame(10, 20, 101), Frame(10, 20, 100, 50)):
        assert not disk.has(predictor, stamp, other)
    info = predictor.info
    tuned = SamPredictor(predictor.network, replace(info, sha256="another"))
    assert not disk.has(tuned, stamp, view)
    half = load_predictor(info.path, "cpu", "bf16")
    back = disk.get(half, stamp, view)
    assert back is not None
    assert {t.dtype for t in back.data.encoder_output} == {torch.bfloat16}


def test_the_least_recently_used_is_evicted_first(
    predictor: SamPredictor, embedding: Embedding, folder: Path, images: Callable[[str], ImageStamp]
) -> None:
    disk = DiskCache(folder, 7 * ONE // 2)
    stamps = {name: images(name) for name in "abcd"}
    for name in "abc":
        disk.put(predictor, stamps[name], embedding)
    for age, file in enumerate(sorted(files(folder), key=lambda f: f.stat().st_mtime_ns, reverse=True)):
        os.utime(file, (time.time() - 100 - age, time.time() - 100 - age))
    assert disk.get(predictor, stamps["a"]) is not None
    disk.put(predictor, stamps["d"], embedding)
    assert [n for n in "abcd" if disk.has(predictor, stamps[n])] == ["a", "c", "d"]


def test_a_lower_limit_takes_effect_at_once(
    predictor: SamPredictor, embedding: Embedding, folder: Path, images: Callable[[str], ImageStamp]
) -> None:
    disk = DiskCache(folder)
    for name in "abcd":
        disk.put(predictor, images(name), embedding)
    disk.configure(True, 3 * ONE)
    assert disk.flush(30)
    assert len(files(folder)) == 2


def test_turned_off_it_keeps_its_files_and_reads_none(
    predictor: SamPredictor, embedding: Embedding, folder: Path, images: Callable[[str], ImageStamp]
) -> None:
    disk = DiskCache(folder)
    disk.put(predictor, images("a"), embedding)
    disk.configure(False, LIMIT_BYTES)
    assert disk.get(predictor, images("a")) is None
    assert not disk.put(predictor, images("b"), embedding)
    assert len(files(folder)) == 1
    disk.configure(True, LIMIT_BYTES)
    assert disk.get(predictor, images("a")) is not None


def test_flint_embeddings_are_not_stored(
    folder: Path, images: Callable[[str], ImageStamp], image_path: Path
) -> None:
    flint = load_predictor("flint", "cpu")
    disk, stamp = DiskCache(folder), images("a")
    assert not disk.keeps(flint)
    embedding = flint.encode(read_image(image_path))
    assert not disk.put(flint, stamp, embedding)
    disk.put_soon(flint, stamp, embedding)
    assert disk.get(flint, stamp) is None
    assert not folder.exists()


def test_values_that_overflow_fp16_are_not_stored(
    predictor: SamPredictor, embedding: Embedding, folder: Path, images: Callable[[str], ImageStamp]
) -> None:
    notices: list[str] = []
    disk, stamp = DiskCache(folder, notice=notices.append), images("a")
    large = replace(embedding, data=replace(embedding.data, tokens=embedding.data.tokens * 1e6))
    with pytest.raises(EngineError, match="does not fit fp16"):
        disk.put(predictor, stamp, large)
    disk.put_soon(predictor, stamp, large)
    assert disk.flush()
    assert (files(folder), notices) == ([], [])


def damaged(data: bytes, name: str) -> dict[str, bytes]:
    """A file's bytes, damaged in every way."""
    entry = deserialize(name, data)
    other = StoredEmbedding(tuple(a + np.float16(1) for a in entry.arrays), entry.image_hw, entry.frame)
    nan = entry.arrays[0].copy()
    nan[..., 3] = np.nan
    flipped = bytearray(data)
    flipped[-1000] ^= 1
    return {
        "empty": b"",
        "zeros": bytes(len(data)),
        "cut off in the header": data[:100],
        "cut off in the numbers": data[:-1],
        "longer": data + b"\0",
        "the end lost in a power failure": data[: len(data) // 2] + bytes(len(data) - len(data) // 2),
        "a bit flipped": bytes(flipped),
        "something else": b"\xff\xd8\xff\xe0 not an embedding" * 100,
        "another embedding": serialize("0" * 40, other),
        "not a number": serialize(name, replace(entry, arrays=(nan,))),
        "another shape": serialize(name, replace(entry, arrays=(np.ones((2, 3, 4), np.float16),))),
        "one too many": serialize(name, replace(entry, arrays=(*entry.arrays, *entry.arrays))),
        "nothing in it": serialize(name, replace(entry, arrays=())),
    }


@pytest.mark.logs("engine.cache.disk: ")
def test_a_bad_file_is_deleted_and_the_image_encoded_again(
    predictor: SamPredictor, embedding: Embedding, folder: Path, images: Callable[[str], ImageStamp]
) -> None:
    notices: list[str] = []
    disk, stamp = DiskCache(folder, notice=notices.append), images("a")
    disk.put(predictor, stamp, embedding)
    (file,) = files(folder)
    good = file.read_bytes()
    for what, data in damaged(good, file.stem).items():
        file.write_bytes(data)
        assert disk.get(predictor, stamp) is None, what
        assert not file.exists(), what
    assert disk.put(predictor, stamp, embedding)
    assert disk.get(predictor, stamp) is not None
    assert notices == []


def test_fp32_arrays_are_refused(embedding: Embedding) -> None:
    from safetensors.numpy import save

    data = serialize("n", StoredEmbedding((np.ones((1, 2), np.float16),), (1, 2), Frame(0, 0, 2)))
    about = {"entry": "n", "image_hw": "[1, 2]", "frame": "[0, 0, 2, null]", "crc32": "0"}
    assert deserialize("n", data).arrays[0].tolist() == [[1, 1]]
    with pytest.raises(InvalidEmbeddingFile, match="half floats"):
        deserialize("n", save({"0": np.ones((1, 2), np.float32)}, about))


def test_a_folder_deleted_meanwhile_is_created_again(
    predictor: SamPredictor, embedding: Embedding, folder: Path, images: Callable[[str], ImageStamp]
) -> None:
    disk, stamp = DiskCache(folder), images("a")
    disk.put(predictor, stamp, embedding)
    shutil.rmtree(folder)
    assert disk.get(predictor, stamp) is None
    assert disk.put(predictor, stamp, embedding)
    assert disk.get(predictor, stamp) is not None


@pytest.mark.logs("engine.cache")
def test_a_folder_that_cannot_be_written_is_reported_once(
    predictor: SamPredictor, embedding: Embedding, tmp_path: Path, images: Callable[[str], ImageStamp]
) -> None:
    notices: list[str] = []
    (tmp_path / "cache").write_text("a file where the folder should be")
    disk = DiskCache(tmp_path / "cache" / "embeddings", notice=notices.append)
    for name in "ab":
        disk.put_soon(predictor, images(name), embedding)
    assert disk.flush(30)
    assert disk.get(predictor, images("a")) is None
    (notice,) = notices
    assert "Encoded images cannot be saved in" in notice
    assert str(tmp_path / "cache") in notice
    assert "Nothing is lost" in notice


def test_a_read_only_folder_is_still_read(
    predictor: SamPredictor, embedding: Embedding, folder: Path, images: Callable[[str], ImageStamp]
) -> None:
    notices: list[str] = []
    disk, stamp = DiskCache(folder, notice=notices.append), images("a")
    disk.put(predictor, stamp, embedding)
    group = files(folder)[0].parent
    group.chmod(0o500)
    try:
        if os.access(group, os.W_OK):
            pytest.skip("this user writes everywhere")
        assert disk.get(predictor, stamp) is not None
        disk.put_soon(predictor, images("b"), embedding)
        assert disk.flush(30)
    finally:
        group.chmod(0o700)
    assert len(notices) == 1


@pytest.mark.logs("engine.cache.disk: ")
def test_the_reserve_stays_free(
    predictor: SamPredictor, embedding: Embedding, folder: Path, images: Callable[[str], ImageStamp]
) -> None:
    notices: list[str] = []
    disk = DiskCache(folder, notice=notices.append, reserve_bytes=1 << 60)
    disk.put_soon(predictor, images("a"), embedding)
    assert disk.flush(30)
    assert files(folder) == []
    assert "nearly full" in notices[0]


def session(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(SESSION), *map(str, arguments)],
        stdout=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on a process's files")
def test_a_disk_full_in_the_middle_of_a_file_leaves_no_file(folder: Path) -> None:
    process = session("too-large", folder)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "File too large" in output
    assert [p for p in folder.rglob("*") if p.is_file()] == []


def test_a_process_killed_while_writing_leaves_no_damaged_file(folder: Path) -> None:
    for kill in range(6):
        process = session("write", folder, 10_000, 100_000_000, kill, 2000)
        assert process.stdout is not None
        process.stdout.readline()
        killer = threading.Timer(0.01 * kill, process.kill)  # at any moment; most are inside a write
        killer.start()
        process.communicate(timeout=60)
        assert process.returncode != 0
        for file in files(folder):
            assert deserialize(file.stem, file.read_bytes()).image_hw == (10, 20)
    assert len(files(folder)) >= 3
    cache = CacheFolder(folder, SUFFIX, 100_000_000)
    half_written = folder / "m" / ".tmp-abandoned"
    half_written.write_bytes(b"1")
    list(cache.files())
    assert half_written.exists(), "another process may be writing it"
    os.utime(half_written, (0, 0))
    assert len(list(cache.files())) == len(files(folder))
    assert not half_written.exists()


def test_two_processes_share_a_folder_and_its_limit(folder: Path) -> None:
    limit = 6 * 130_000
    processes = [session("write", folder, 150, limit, seed, 250) for seed in (1, 2)]
    for process in processes:
        process.communicate(timeout=120)
        assert process.returncode == 0
    for file in files(folder):
        deserialize(file.stem, file.read_bytes())
    assert len(files(folder)) >= 3
    assert sum(f.stat().st_size for f in files(folder)) <= 2 * limit, "one may not know of the other's last"
    CacheFolder(folder, SUFFIX, limit).trim()
    assert sum(f.stat().st_size for f in files(folder)) <= limit


def test_files_are_listed_by_model(
    predictor: SamPredictor, embedding: Embedding, folder: Path, images: Callable[[str], ImageStamp]
) -> None:
    disk = DiskCache(folder)
    tuned = SamPredictor(predictor.network, replace(predictor.info, name="my washers?.pt", sha256="x"))
    disk.put(predictor, images("a"), embedding)
    disk.put(tuned, images("a"), replace(embedding, model=tuned.key))
    listed: list[CachedFile] = sorted(disk.files.files(), key=lambda f: f.group[16:])
    assert [f.group[16:] for f in listed] == ["-mobile_sam.pt", "-my_washers_.pt"]
    assert all(abs(f.used_at - time.time()) < 60 and ONE - 600 < f.size < ONE for f in listed)


def test_an_unchanged_file_is_hashed_once(images: Callable[[str], ImageStamp]) -> None:
    hashes, stamp = ContentHashes(), images("a")
    first = hashes.of(stamp)
    Path(stamp.path).unlink()
    assert hashes.of(stamp) == first
    with pytest.raises(OSError, match="No such file"):
        ContentHashes().of(stamp)


def test_the_setting_and_the_engine_agree_on_the_limit() -> None:
    assert EMBEDDING_DISK_GB.default * 1024**3 == LIMIT_BYTES
