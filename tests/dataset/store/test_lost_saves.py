"""A store that has lost its last changes says so, and label files are asked about."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from samdesk.dataset.background import integrity
from samdesk.dataset.dataset import Dataset
from samdesk.dataset.store.database import Store
from samdesk.domain.document import ImageKey
from tests.dataset.dataset_kit import draw, photos, with_labels

A, B = ImageKey("a.png"), ImageKey("b.png")


def running(folder: Path) -> Dataset:
    """A dataset of two images, one annotated, that is still open."""
    photos(folder, A, B)
    dataset = Dataset.open(folder)
    with_labels(dataset, "cat")
    draw(dataset, A)
    return dataset


def killed(dataset: Dataset, to: Path) -> Path:
    """The folder as a power cut leaves it."""
    shutil.copytree(dataset.folder, to)
    (to / ".samdesk" / "dataset.db-shm").unlink()
    return to


def told(folder: Path) -> tuple[list[str], Dataset]:
    """What is said about the store once it was read through."""
    dataset = Dataset.open(folder)
    while dataset.unfinished:
        dataset.advance(0)
    return [n.message for n in dataset.notices() if n.kind == integrity.DAMAGED_STORE], dataset


def test_a_store_that_was_not_closed_has_lost_nothing(tmp_path: Path) -> None:
    dataset = running(tmp_path / "set")
    messages, after = told(killed(dataset, tmp_path / "after"))
    assert messages == []
    assert [len(after.load(key).annotations) for key in (A, B)] == [1, 0]
    after.close()
    assert told(tmp_path / "after")[0] == []
    dataset.close()
    messages, closed = told(tmp_path / "set")
    assert messages == []
    assert not closed._integrity.pending
    closed.close()


@pytest.mark.parametrize("damage", ["cut", "no log", "a flipped bit"])
def test_a_torn_log_is_noticed(tmp_path: Path, damage: str) -> None:
    dataset = running(tmp_path / "set")
    log = tmp_path / "set" / ".samdesk" / "dataset.db-wal"
    saved = log.stat().st_size
    draw(dataset, B)
    draw(dataset, A, 30)
    folder = killed(dataset, tmp_path / "after")
    dataset.close()
    torn = folder / ".samdesk" / "dataset.db-wal"
    data = bytearray(torn.read_bytes())
    if damage == "no log":
        torn.unlink()
    elif damage == "cut":
        torn.write_bytes(data[: saved + 100])
    else:
        data[saved + 200] ^= 4
        torn.write_bytes(data)
    messages, after = told(folder)
    assert "saved last: it was cut off, or an older copy took its place" in messages[0]
    if damage != "no log":
        assert len(after.load(A).annotations) == 1
        assert len(after.load(B).annotations) == 1  # not in the store: from its label file
        assert "a.png say something else" in messages[1]
        assert after.conflicts == {A}
        after.resolve(A, "file")
        assert len(after.load(A).annotations) == 2
        draw(after, B, 40)
    after.close()
    if damage != "no log":
        assert told(folder)[0] == []  # told once: the store has been saved since


def test_an_older_copy_in_the_place_of_the_store_is_noticed(tmp_path: Path) -> None:
    running(tmp_path).close()
    path = tmp_path / ".samdesk" / "dataset.db"
    older = path.read_bytes()
    dataset = Dataset.open(tmp_path)
    draw(dataset, A, 30)
    dataset.close()
    path.write_bytes(older)
    messages, dataset = told(tmp_path)
    assert "lacks the changes that were saved last" in messages[0]
    dataset.close()


@pytest.mark.parametrize(
    "noted", [b"", b"x", b"\xff" * 50, b"0 9" * 100, b"other 00000000000000009999\n", None]
)
def test_a_note_that_says_nothing_is_ignored(tmp_path: Path, noted: bytes | None) -> None:
    running(tmp_path).close()
    note = tmp_path / ".samdesk" / "dataset.saves"
    if noted is None:
        note.unlink()
        note.mkdir()
    else:
        note.write_bytes(noted)
    messages, dataset = told(tmp_path)
    assert messages == []
    draw(dataset, A, 20)
    dataset.close()


def test_a_large_store_that_was_not_closed_is_read_through_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("samdesk.dataset.store.database._CHECK_BYTES", 0)
    dataset = running(tmp_path / "set")
    draw(dataset, B)
    dataset.core.rows._store.execute("UPDATE annotations SET mask_score=0.5")
    folder = killed(dataset, tmp_path / "after")
    dataset.close()
    dataset = Dataset.open(folder)
    pieces = 0
    while dataset.unfinished:
        dataset.advance(0)
        pieces += 1
    assert pieces >= 2
    (message,) = [n.message for n in dataset.notices() if n.kind == integrity.DAMAGED_STORE]
    assert message.startswith("The annotations of 2 images (a.png, …) in ")
    dataset.close()


def test_a_new_place_of_the_store_counts_on(tmp_path: Path) -> None:
    running(tmp_path).close()
    store = Store.open(tmp_path / ".samdesk" / "dataset.db")
    moved = store.save_as(tmp_path / "other" / "labels.db")
    assert moved.lost_saves == 0
    with moved.transaction():
        pass
    moved.close()
    assert Store.open(tmp_path / "other" / "labels.db").lost_saves == 0


def test_a_new_store_in_the_place_of_a_deleted_one_has_lost_nothing(tmp_path: Path) -> None:
    running(tmp_path).close()
    (tmp_path / ".samdesk" / "dataset.db").unlink()
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "dog")
    dataset.close()
    messages, dataset = told(tmp_path)
    assert messages == []
    dataset.close()
