"""Named pipes, devices and folders in the place of images, label files and data.yaml: none is waited for."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from samdesk.batch.targets.label_folder import LabelFolder
from samdesk.dataset import queries
from samdesk.dataset.dataset import Dataset, ImageError, StoreError
from samdesk.domain.document import ImageKey
from samdesk.engine.models import weights
from samdesk.engine.models.weights_file import WeightsFile
from samdesk.images.reader import read_image, read_size, read_thumbnail
from samdesk.settings.file import read_table
from samdesk.training.record.weights_header import TaughtError, check_weights
from tests.dataset.dataset_kit import draw, photos, with_labels

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no named pipes in folders")


@pytest.fixture(autouse=True)
def _time_limit() -> Iterator[None]:
    """Fails a test that waits for a named pipe."""

    def fail(_signal: int, _frame: object) -> None:
        raise AssertionError("it waits for a file")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("read", [read_image, read_size, lambda path: read_thumbnail(path, 64)])
@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_an_image_that_is_no_file_cannot_be_read(tmp_path: Path, kind: str, read: object) -> None:
    path = tmp_path / "x.jpg"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    words = {"pipe": "it is a named pipe", "device": "it is a device", "folder": "folder"}[kind]
    with pytest.raises(ImageError, match=words):
        read(path)  # type: ignore[operator]


def test_a_pipe_among_the_images_is_reported_and_the_others_are_saved(tmp_path: Path) -> None:
    first, other = photos(tmp_path, "a.jpg", "c.jpg")
    os.mkfifo(tmp_path / "b.jpg")
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "cat")
    pipe = dataset.keys[1]
    with pytest.raises(ImageError, match=r"b\.jpg: it is a named pipe"):
        dataset.load(pipe)
    rows = {row.key: row.problem for row in queries.summaries(dataset, dataset.keys)}
    assert rows == {first: None, pipe: "it is a named pipe, not a file", other: None}
    draw(dataset, first)
    assert (tmp_path / "a.txt").is_file()
    dataset.close()


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_a_label_file_that_is_no_file_is_kept_and_reported(tmp_path: Path, kind: str) -> None:
    (key,) = photos(tmp_path, "a.jpg")
    path = tmp_path / "a.txt"
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "cat")
    draw(dataset, key)
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/null")
    else:
        path.mkdir()
    before = path.lstat().st_mode
    draw(dataset, key, 30)
    (notice,) = [n for n in dataset.notices() if n.kind == ("link" if kind == "device" else "save")]
    assert str(path) in notice.message
    reasons = {"pipe": "it is a named pipe, not a file", "device": "leads out of the dataset, to /dev"}
    assert reasons.get(kind, "it is a folder, not a file") in notice.message
    assert path.lstat().st_mode == before
    assert len(dataset.load(key).annotations) == 2  # saved in the store
    (path.rmdir if kind == "folder" else path.unlink)()
    draw(dataset, key, 20)
    assert len(path.read_text().splitlines()) == 3
    dataset.close()


def test_an_image_whose_label_file_is_a_pipe_is_refused_with_its_name(tmp_path: Path) -> None:
    (key,) = photos(tmp_path, "a.jpg")
    os.mkfifo(tmp_path / "a.txt")
    dataset = Dataset.open(tmp_path)
    with pytest.raises(StoreError, match=r"a\.txt cannot be read: it is a named pipe, not a file"):
        dataset.load(key)
    assert queries.summaries(dataset, [key])[0].count == 0
    assert queries.label_usage(dataset) == {}
    dataset.close()


@pytest.mark.parametrize("name", ["data.yaml", "classes.txt", "other.yaml"])
def test_a_pipe_in_place_of_the_class_names_is_kept(tmp_path: Path, name: str) -> None:
    (key,) = photos(tmp_path, "a.jpg")
    os.mkfifo(tmp_path / name)
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "cat")
    draw(dataset, key)
    assert (tmp_path / name).is_fifo()
    told = [n.message for n in dataset.notices() if n.kind == "save"]
    assert len(told) == (1 if name == "data.yaml" else 0)
    assert all("it is a named pipe, not a file" in message for message in told)
    dataset.close()


def test_a_store_that_is_a_pipe_is_reported(tmp_path: Path) -> None:
    photos(tmp_path, "a.jpg")
    (tmp_path / ".samdesk").mkdir()
    os.mkfifo(tmp_path / ".samdesk" / "dataset.db")
    with pytest.raises(StoreError, match="it is a named pipe, not a file"):
        Dataset.open(tmp_path)


def test_pipes_in_place_of_settings_weights_and_cached_embeddings(tmp_path: Path) -> None:
    pipe = tmp_path / "x.safetensors"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="it is a named pipe, not a file"):
        read_table(pipe)
    with pytest.raises(TaughtError, match="it is a named pipe, not a file"):
        check_weights(pipe)
    assert WeightsFile(pipe).names == frozenset()
    assert weights.find(pipe) is None
    assert LabelFolder(tmp_path, ()).read(ImageKey("none.jpg")) is None
    os.mkfifo(tmp_path / "b.txt")
    with pytest.raises(OSError, match="it is a named pipe, not a file"):
        LabelFolder(tmp_path, ()).read(ImageKey("b.jpg"))
