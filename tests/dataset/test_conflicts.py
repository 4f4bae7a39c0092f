"""Conflicts with other programs, bad lines, full disks, read-only folders, damaged stores, second windows."""

from __future__ import annotations

import errno
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from samdesk.base import atomic
from samdesk.dataset.dataset import NAMES, Dataset, StoreError
from samdesk.dataset.store.database import Store
from samdesk.domain import edits
from samdesk.domain.annotation import Source
from samdesk.domain.document import ImageKey
from samdesk.domain.edits import Transaction
from samdesk.domain.review import AnnotationReview
from tests.dataset.dataset_kit import SQUARE, content, draw, drawn, files, photos, with_labels

BAD = f"0 {SQUARE}\nnonsense here\n1 {SQUARE}\n0 0.1 nan 0.2 0.3 0.4 0.5\n"


def test_bad_lines_are_reported_and_the_file_is_kept(tmp_path: Path) -> None:
    (key,) = photos(tmp_path, "a.jpg")
    path = tmp_path / "a.txt"
    path.write_text(BAD)
    dataset = Dataset.open(tmp_path)
    assert len(dataset.load(key).annotations) == 2
    notices = [n for n in dataset.notices() if n.kind == "bad-lines"]
    assert [(n.path, n.line, n.key) for n in notices] == [(str(path), 2, key), (str(path), 4, key)]
    assert str(path) in notices[0].message
    assert dataset.conflicts == {key}
    draw(dataset, key)
    assert path.read_text() == BAD
    dataset.close()

    dataset = Dataset.open(tmp_path)  # the choice is still to be made
    assert dataset.conflicts == {key}
    draw(dataset, key, 20)
    dataset.undo()
    assert path.read_text() == BAD
    assert dataset.resolve(key, "mine") is None
    assert dataset.conflicts == frozenset()
    assert len(path.read_text().splitlines()) == 3
    assert (tmp_path / ".samdesk/replaced/a.txt").read_text() == BAD
    draw(dataset, key, 30)
    assert len(path.read_text().splitlines()) == 4
    dataset.close()
    assert Dataset.open(tmp_path).conflicts == frozenset()


def test_bad_lines_resolved_without_any_edit(tmp_path: Path) -> None:
    (key,) = photos(tmp_path, "a.jpg")
    (tmp_path / "a.txt").write_text(BAD)
    dataset = Dataset.open(tmp_path)
    dataset.load(key)
    dataset.notices()
    assert dataset.resolve(key, "file") is None
    assert dataset.conflicts == {key}
    assert [n.line for n in dataset.notices()] == [2, 4], "told again"
    assert (tmp_path / "a.txt").read_text() == BAD
    dataset.resolve(key, "mine")
    assert len((tmp_path / "a.txt").read_text().splitlines()) == 2
    assert dataset.conflicts == frozenset()
    dataset.close()


@pytest.mark.parametrize("restart", [False, True])
def test_a_file_changed_outside_is_not_overwritten(tmp_path: Path, restart: bool) -> None:
    (key,) = photos(tmp_path, "a.jpg")
    path = tmp_path / "a.txt"
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "x", "y")
    draw(dataset, key)
    if restart:
        dataset.close()
        dataset = Dataset.open(tmp_path)
    path.write_text(f"1 {SQUARE}\n")
    assert dataset.notices() == []
    draw(dataset, key, 30)
    (notice,) = dataset.notices()
    assert (notice.kind, notice.key, notice.path) == ("changed-outside", key, str(path))
    assert dataset.conflicts == {key}
    assert path.read_text() == f"1 {SQUARE}\n"
    mine = content(dataset.load(key))
    if restart:
        dataset.close()
        dataset = Dataset.open(tmp_path)
        assert dataset.conflicts == {key}
    entry = dataset.resolve(key, "file")
    assert entry is not None
    (annotation,) = dataset.load(key).annotations
    assert dataset.labels.get(annotation.label_id).name == "y"
    assert path.read_text() == f"1 {SQUARE}\n"
    assert dataset.conflicts == frozenset()
    dataset.undo()
    assert content(dataset.load(key)) == mine
    assert len(path.read_text().splitlines()) == 2
    dataset.redo()
    assert path.read_text() == f"1 {SQUARE}\n"
    dataset.close()


def test_annotations_that_the_file_still_says_keep_their_scores_and_reviews(tmp_path: Path) -> None:
    (key,) = photos(tmp_path, "a.jpg")
    path = tmp_path / "a.txt"
    dataset = Dataset.open(tmp_path)
    label = with_labels(dataset, "x", "y").labels[0].id
    drop, guess, twin = (
        drawn(label, x, review=AnnotationReview.PENDING, source=Source.YOLO_SAM, detector_score=0.4 + x / 100)
        for x in (10.3, 30.7, 30.7)
    )
    run = Transaction("Auto-annotate", ((key, edits.add([drop, guess, twin])),))
    dataset.commit(run)
    first, second, third = path.read_text().splitlines()
    path.write_text(f"1 {SQUARE}\r\n{second}\r\n{third.replace(' ', '  ')}\r\n")
    dataset.load(key)
    assert dataset.conflicts == {key}
    text = path.read_bytes()
    assert dataset.resolve(key, "file") is not None
    new, *kept = dataset.load(key).annotations
    assert kept == [guess, twin]
    assert (new.source, dataset.labels.get(new.label_id).name) == (Source.IMPORT, "y")
    assert path.read_bytes() == text
    draw(dataset, key, 50)
    assert path.read_bytes().startswith(text), "lines of annotations that have not changed stay as they are"
    dataset.undo()
    assert path.read_bytes() == text
    dataset.undo()
    assert dataset.load(key).annotations == (drop, guess, twin)
    assert [line.split() for line in path.read_text().splitlines()] == [
        line.split() for line in (first, second, third)
    ]
    dataset.close()


def test_a_change_outside_is_detected_on_loading(tmp_path: Path) -> None:
    (key,) = photos(tmp_path, "a.jpg")
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "x")
    draw(dataset, key)
    (tmp_path / "a.txt").write_text("")
    dataset.load(key)
    dataset.load(key)
    assert [n.kind for n in dataset.notices()] == ["changed-outside"]
    dataset.resolve(key, "mine")
    assert len((tmp_path / "a.txt").read_text().splitlines()) == 1
    dataset.close()


def test_a_label_file_that_appears_is_not_overwritten(tmp_path: Path) -> None:
    (key,) = photos(tmp_path, "a.jpg")
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "x")
    dataset.load(key)
    (tmp_path / "a.txt").write_text(f"0 {SQUARE}\n")
    draw(dataset, key)
    assert (tmp_path / "a.txt").read_text() == f"0 {SQUARE}\n"
    assert dataset.conflicts == {key}
    dataset.close()


def test_a_deleted_label_file_is_written_again(tmp_path: Path) -> None:
    (key,) = photos(tmp_path, "a.jpg")
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "x")
    draw(dataset, key)
    (tmp_path / "a.txt").unlink()
    draw(dataset, key, 30)
    assert len((tmp_path / "a.txt").read_text().splitlines()) == 2
    dataset.close()


def test_labels_cannot_be_reordered_during_a_conflict(tmp_path: Path) -> None:
    a, b = photos(tmp_path, "a.jpg", "b.jpg")
    (tmp_path / "a.txt").write_text(BAD)  # never loaded
    dataset = Dataset.open(tmp_path)
    labels = with_labels(dataset, "x", "y")
    draw(dataset, b)
    before = files(tmp_path)
    move = Transaction("Move", labels=labels.move(labels.labels[1].id, 0), labels_before=labels)
    with pytest.raises(StoreError, match="are in conflict"):
        dataset.commit(move)
    assert files(tmp_path) == before
    dataset.resolve(a, "mine")
    dataset.commit(move)
    assert (tmp_path / "b.txt").read_text().startswith("1 ")
    dataset.close()


def test_names_changed_outside(tmp_path: Path) -> None:
    (key,) = photos(tmp_path, "a.jpg")
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "x", "y")
    draw(dataset, key, label=1)
    dataset.close()
    theirs = "train: .\nval: .\nnames: [x, why, z]\n"
    (tmp_path / "data.yaml").write_text(theirs)
    dataset = Dataset.open(tmp_path)
    (notice,) = dataset.notices()
    assert (notice.kind, notice.key) == ("changed-outside", NAMES)
    draw(dataset, key)
    assert (tmp_path / "data.yaml").read_text() == theirs
    assert dataset.resolve(NAMES, "file") is not None
    assert dataset.labels.names == ("x", "why", "z")
    assert (tmp_path / "a.txt").read_text().startswith("1 ")
    dataset.undo()
    assert dataset.labels.names == ("x", "y")
    assert "why" not in (tmp_path / "data.yaml").read_text()
    dataset.close()
    (tmp_path / "data.yaml").write_text(theirs)
    dataset = Dataset.open(tmp_path)
    dataset.resolve(NAMES, "mine")
    assert "why" not in (tmp_path / "data.yaml").read_text()
    assert dataset.conflicts == frozenset()
    dataset.close()


def test_fewer_names_outside_do_not_lose_a_label_in_use(tmp_path: Path) -> None:
    (key,) = photos(tmp_path, "a.jpg")
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "x", "y")
    draw(dataset, key, label=1)
    dataset.close()
    (tmp_path / "data.yaml").write_text("names: [x]\n")
    dataset = Dataset.open(tmp_path)
    with pytest.raises(StoreError, match="'y'"):
        dataset.resolve(NAMES, "file")
    assert dataset.conflicts == {NAMES}
    assert dataset.labels.names == ("x", "y")
    dataset.close()


def test_a_broken_data_yaml_is_kept(tmp_path: Path) -> None:
    (key,) = photos(tmp_path, "a.jpg")
    (tmp_path / "data.yaml").write_text("names: [a, b\n")
    dataset = Dataset.open(tmp_path)
    assert any("data.yaml" in n.message for n in dataset.notices())
    with_labels(dataset, "x")
    draw(dataset, key)
    assert (tmp_path / "data.yaml").read_text() == "names: [a, b\n"
    assert (tmp_path / "a.txt").exists()
    dataset.close()


def test_a_full_disk_for_label_files_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = photos(tmp_path, "a.jpg", "b.jpg")
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "x")
    draw(dataset, a)
    before = files(tmp_path)
    with monkeypatch.context() as full:

        def refuse(path: Path, data: bytes, *, sync: bool = True) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        full.setattr(atomic, "write_bytes", refuse)
        draw(dataset, a, 20)
        draw(dataset, b, 30)
        draw(dataset, b, 40)
        (notice,) = dataset.notices()
        assert notice.kind == "save"
        assert "No space left" in notice.message
        assert files(tmp_path) == before
        assert len(dataset.load(b).annotations) == 2
        dataset.close()
        dataset = Dataset.open(tmp_path)
        assert len(dataset.load(b).annotations) == 2
        assert [n.kind for n in dataset.notices()] == ["save"]
    draw(dataset, b, 5)  # room again: all that is behind follows
    assert {k: len(v.splitlines()) for k, v in files(tmp_path, ".txt").items()} == {"a.txt": 2, "b.txt": 3}
    assert dataset.notices() == []
    dataset.close()


def test_a_full_disk_for_the_store_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (key,) = photos(tmp_path, "a.jpg")
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "x")
    draw(dataset, key)
    saved, on_disk = content(dataset.load(key)), files(tmp_path)
    store = dataset._core._store
    (pages,) = store.row("PRAGMA page_count") or (0,)
    store.execute(f"PRAGMA max_page_count={pages + 1}")
    refused = None
    for x in range(300):
        try:
            draw(dataset, key, x % 40)
        except StoreError as error:
            refused = error
            break
        saved, on_disk = content(dataset.load(key)), files(tmp_path)
    assert "the disk is full" in str(refused)
    assert content(dataset.load(key)) == saved
    assert files(tmp_path) == on_disk
    store.execute(f"PRAGMA max_page_count={pages + 10_000}")
    draw(dataset, key)
    dataset.undo()
    assert content(dataset.load(key)) == saved
    dataset.close()
    assert content(Dataset.open(tmp_path).load(key)) == saved


def test_a_full_disk_at_the_first_edit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (key,) = photos(tmp_path, "a.jpg")
    dataset = Dataset.open(tmp_path)
    with monkeypatch.context() as full:

        def refuse(folder: Path) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        full.setattr(atomic, "sync_folder", refuse)
        with pytest.raises(StoreError, match="No space left"):
            with_labels(dataset, "x")
    assert dataset.labels.names == ()
    with_labels(dataset, "x")
    draw(dataset, key)
    assert (tmp_path / "a.txt").exists()
    dataset.close()


def test_a_read_only_folder_keeps_work_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (key,) = photos(tmp_path / "data", "a.jpg")
    folder = tmp_path / "data"
    with monkeypatch.context() as read_only:
        read_only.setattr(atomic, "is_writable", lambda place: False)
        dataset = Dataset.open(folder)
        (notice,) = dataset.notices()
        assert notice.kind == "read-only"
        assert (dataset.in_memory, dataset.read_only, dataset.reason) == (True, False, notice.message)
        with_labels(dataset, "x")
        draw(dataset, key)
        dataset.undo()
        dataset.redo()
        assert [p.name for p in folder.iterdir()] == ["a.jpg"]
        saved = content(dataset.load(key))
        place = tmp_path / "elsewhere" / "dataset.db"
        dataset.save_store_to(place)
        assert (dataset.in_memory, dataset.reason) == (False, "")
        dataset.close()
    again = Dataset.open(folder)  # found again without being told where
    assert content(again.load(key)) == saved
    assert not (folder / ".samdesk").exists()
    draw(again, key, 30)
    again.close()
    with pytest.raises(StoreError, match="already exists"):
        _memory(tmp_path / "data2", monkeypatch).save_store_to(place)


def _memory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    photos(folder, "a.jpg")
    with monkeypatch.context() as read_only:
        read_only.setattr(atomic, "is_writable", lambda place: False)
        return Dataset.open(folder)


def test_a_store_in_a_read_only_folder_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (key,) = photos(tmp_path, "a.jpg")
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "x")
    draw(dataset, key)
    saved = content(dataset.load(key))
    dataset.close()
    bytes_before = (tmp_path / ".samdesk/dataset.db").read_bytes()
    with monkeypatch.context() as read_only:
        read_only.setattr(atomic, "is_writable", lambda place: False)
        dataset = Dataset.open(tmp_path)
    assert dataset.in_memory
    assert content(dataset.load(key)) == saved
    draw(dataset, key, 30)
    dataset.close()
    assert (tmp_path / ".samdesk/dataset.db").read_bytes() == bytes_before


@pytest.mark.skipif(
    not Path("/proc/sys/kernel/random").is_dir(), reason="needs a folder that nobody can write to"
)
def test_a_folder_on_a_file_system_without_writing() -> None:
    dataset = Dataset.open(Path("/proc/sys/kernel/random"))
    assert dataset.in_memory
    with_labels(dataset, "x")
    dataset.close()


def test_a_second_samdesk_opens_read_only(tmp_path: Path) -> None:
    (key,) = photos(tmp_path, "a.jpg")
    first = Dataset.open(tmp_path)
    with_labels(first, "x")
    draw(first, key)
    script = (
        "import sys; from pathlib import Path; from samdesk.dataset.dataset import Dataset, StoreError\n"
        "from samdesk.domain.edits import Transaction\n"
        "d = Dataset.open(Path(sys.argv[1])); k = d.keys[0]\n"
        "print(d.read_only, len(d.load(k).annotations), d.labels.names, [n.kind for n in d.notices()])\n"
        "print(d.reason)\n"
        "for act in (lambda: d.commit(Transaction('x')), d.undo, lambda: d.begin_run('x')):\n"
        "    try: act(); print('done')\n"
        "    except StoreError as error: print('refused:', error)\n"
        "d.close()"
    )
    before = files(tmp_path)
    out = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert out[0] == "True 1 ('x',) ['locked']"
    assert "is open in another samdesk (process " in out[1]
    assert len(out) == 5
    assert all(line.startswith("refused: ") for line in out[2:])
    assert files(tmp_path) == before
    draw(first, key, 30)
    first.close()
    after = Dataset.open(tmp_path)
    assert not after.read_only
    after.close()


@pytest.mark.parametrize("damage", ["text", "middle", "half"])
def test_a_damaged_store_is_reported_and_kept(tmp_path: Path, damage: str) -> None:
    (key,) = photos(tmp_path, "a.jpg")
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, *(f"class {i}" for i in range(200)))
    for x in range(20):
        draw(dataset, key, x)
    dataset.close()
    path = tmp_path / ".samdesk/dataset.db"
    data = bytearray(path.read_bytes())
    if damage == "text":
        data = bytearray(b"not a database at all, but long enough to look" * 100)
    elif damage == "half":
        data = data[: len(data) // 2]
    else:
        data[4096:40_000] = b"\xa5" * (40_000 - 4096)
    path.write_bytes(data)
    with pytest.raises(StoreError, match=r"dataset\.db is damaged .* left as it is") as told:
        Dataset.open(tmp_path)
    assert str(path) in str(told.value)
    assert path.read_bytes() == data
    beside = Dataset.open(tmp_path, store_path=tmp_path / ".samdesk/dataset-2.db")  # the lock is free again
    assert len(beside.load(key).annotations) == 20  # from the label file
    draw(beside, key)
    beside.close()
    again = Dataset.open(tmp_path)  # the new one is found
    assert len(again.load(key).annotations) == 21
    again.close()
    assert path.read_bytes() == data


def test_a_newer_store_and_another_database_are_refused(tmp_path: Path) -> None:
    photos(tmp_path, "a.jpg")
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "x")
    dataset.close()
    path = tmp_path / ".samdesk/dataset.db"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(StoreError, match="newer samdesk"):
        Dataset.open(tmp_path)
    other = tmp_path / "other.db"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE t (x)")
    connection.commit()
    connection.close()
    with pytest.raises(StoreError, match="not samdesk's"):
        Store.open(other)


def test_a_crash_between_label_file_and_store_is_no_conflict(tmp_path: Path) -> None:
    (key,) = photos(tmp_path, "a.jpg")
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "x")
    draw(dataset, key)
    draw(dataset, key, 30)
    # The process dies here: what close() writes is never written.
    dataset._core._store.close()
    dataset._core._lock.release()
    again = Dataset.open(tmp_path)
    assert again.conflicts == frozenset()
    draw(again, key, 40)
    assert again.notices() == []
    assert len((tmp_path / "a.txt").read_text().splitlines()) == 3
    again.close()


def test_unknown_keys_are_refused(tmp_path: Path) -> None:
    photos(tmp_path, "a.jpg")
    dataset = Dataset.open(tmp_path)
    assert dataset.resolve(ImageKey("a.jpg"), "mine") is None
    with pytest.raises(ValueError, match="choose"):
        dataset.resolve(ImageKey("a.jpg"), "both")
    dataset.close()
