"""Auto-annotate runs: one step of the history, and images edited by hand are left alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from samdesk.dataset.dataset import Dataset, StoreError
from samdesk.domain.document import ImageKey
from samdesk.domain.edits import Transaction, add, remove, update
from samdesk.domain.review import ImageReview
from tests.dataset.dataset_kit import by_run, content, draw, files, photos, region, user, with_labels


def opened(folder: Path, *names: str) -> tuple[Dataset, list[ImageKey]]:
    keys = photos(folder, *names)
    dataset = Dataset.open(folder)
    with_labels(dataset, "x", "y")
    return dataset, keys


def test_a_run_is_one_step(tmp_path: Path) -> None:
    dataset, keys = opened(tmp_path, "a.jpg", "b.jpg", "c.jpg")
    label = dataset.labels.labels[0].id
    before = files(tmp_path), [content(dataset.load(k)) for k in keys]
    run = dataset.begin_run("Auto-annotate")
    for key in keys:
        assert dataset.commit_run(run, key, add([by_run(label, run), by_run(label, run, 5)]))
    assert (tmp_path / "b.txt").exists()  # saved as it goes
    entry = dataset.end_run(run)
    assert entry is not None
    assert entry.do.text == "Auto-annotate"
    assert entry.do.run_id == run
    assert entry.do.keys == entry.undo.keys == tuple(keys)
    after = files(tmp_path), [content(dataset.load(k)) for k in keys]
    assert [e.seq for e in dataset.history()[0]][-1] == entry.seq
    undone = dataset.undo()
    assert undone is not None
    assert undone.run_id == run
    assert (files(tmp_path), [content(dataset.load(k)) for k in keys]) == before
    dataset.close()
    dataset = Dataset.open(tmp_path)
    assert dataset.redo() is not None
    assert (files(tmp_path), [content(dataset.load(k)) for k in keys]) == after
    with pytest.raises(StoreError, match="has ended"):
        dataset.commit_run(run, keys[0], remove([]))
    dataset.close()


def test_an_image_edited_by_hand_is_left_alone(tmp_path: Path) -> None:
    dataset, (a, b) = opened(tmp_path, "a.jpg", "b.jpg")
    label = dataset.labels.labels[0].id
    run = dataset.begin_run("Run")
    draw(dataset, a)
    touched = content(dataset.load(a))
    assert not dataset.commit_run(run, a, add([by_run(label, run)]))
    assert content(dataset.load(a)) == touched
    assert dataset.commit_run(run, b, add([by_run(label, run)]))
    entry = dataset.end_run(run)
    assert entry is not None
    assert entry.do.keys == (b,)
    dataset.close()


def test_an_image_where_a_run_found_nothing_gets_an_empty_file(tmp_path: Path) -> None:
    dataset, (key,) = opened(tmp_path, "a.jpg")
    run = dataset.begin_run("Run")
    assert dataset.commit_run(run, key, add([]))
    dataset.end_run(run)
    assert files(tmp_path, ".txt") == {"a.txt": b""}
    dataset.undo()
    assert files(tmp_path, ".txt") == {}
    dataset.redo()
    assert files(tmp_path, ".txt") == {"a.txt": b""}
    dataset.close()


def test_a_run_without_edits_leaves_no_step(tmp_path: Path) -> None:
    dataset, _ = opened(tmp_path, "a.jpg")
    steps = len(dataset.history()[0])
    assert dataset.end_run(dataset.begin_run("Run")) is None
    assert len(dataset.history()[0]) == steps
    dataset.close()


def test_undoing_a_run_keeps_what_was_edited_by_hand(tmp_path: Path) -> None:
    dataset, (a, b) = opened(tmp_path, "a.jpg", "b.jpg")
    label, other = (lab.id for lab in dataset.labels)
    run = dataset.begin_run("Run")
    first, second, third = by_run(label, run), by_run(label, run, 5), by_run(label, run, 40)
    dataset.commit_run(run, a, add([first, second, third]))
    # While the run goes on, a person relabels one and deletes another.
    dataset.commit(user(a, update([replace(first, label_id=other)]), "Relabel"))
    dataset.commit(user(a, remove([second.id]), "Delete"))
    dataset.commit_run(run, b, add([by_run(label, run)]))
    states = [content(dataset.load(a))]
    dataset.end_run(run)
    dataset.undo()
    (kept,) = dataset.load(a).annotations
    assert (kept.id, kept.label_id, kept.run_id) == (first.id, other, run)
    assert dataset.load(b).annotations == ()
    states.append(content(dataset.load(a)))
    dataset.undo()  # the deletion; what belongs to the run does not come back
    assert [x.id for x in dataset.load(a).annotations] == [first.id]
    dataset.undo()  # the relabelling
    assert dataset.load(a).annotations == ()
    assert dataset.load(a).review is ImageReview.UNREVIEWED
    dataset.redo()
    dataset.redo()
    assert content(dataset.load(a)) == states[1]
    dataset.redo()
    assert content(dataset.load(a)) == states[0]
    dataset.close()


def test_undoing_a_run_restores_what_it_replaced(tmp_path: Path) -> None:
    dataset, (key,) = opened(tmp_path, "a.jpg")
    label = dataset.labels.labels[0].id
    first = dataset.begin_run("First")
    old, changed = by_run(label, first), by_run(label, first, 3)
    dataset.commit_run(first, key, add([old, changed]))
    dataset.end_run(first)
    before = content(dataset.load(key))
    second = dataset.begin_run("Second")
    edit = replace(remove([old.id]), put=update([replace(changed, region=region(1, 1), run_id=second)]).put)
    dataset.commit_run(second, key, edit)
    dataset.end_run(second)
    after = content(dataset.load(key))
    dataset.undo()
    assert content(dataset.load(key)) == before
    dataset.redo()
    assert content(dataset.load(key)) == after
    dataset.undo()
    dataset.undo()
    assert dataset.load(key).annotations == ()
    assert not (tmp_path / "a.txt").exists()
    dataset.close()


def test_a_run_interrupted_by_a_crash_is_ended_on_opening(tmp_path: Path) -> None:
    dataset, (a, b) = opened(tmp_path, "a.jpg", "b.jpg")
    label = dataset.labels.labels[0].id
    run = dataset.begin_run("Run")
    dataset.commit_run(run, a, add([by_run(label, run)]))
    dataset._core._store.close()  # the process dies
    dataset._core._lock.release()
    dataset = Dataset.open(tmp_path)
    assert [e.do.text for e in dataset.history()[0]] == ["Add labels", "Run"]
    assert len(dataset.load(a).annotations) == 1
    dataset.undo()
    assert dataset.load(a).annotations == ()
    # Another run goes on with what was left.
    again = dataset.begin_run("Run")
    dataset.commit_run(again, b, add([by_run(label, again)]))
    assert dataset.end_run(again) is not None
    assert dataset.redo() is None
    dataset.close()


def test_a_label_added_by_a_run_can_be_undone_after_it(tmp_path: Path) -> None:
    dataset, (key,) = opened(tmp_path, "a.jpg")
    labels = dataset.labels.add("bus")
    dataset.commit(Transaction("Add bus", labels=labels, labels_before=dataset.labels))
    run = dataset.begin_run("Run")
    dataset.commit_run(run, key, add([by_run(labels.labels[2].id, run)]))
    dataset.end_run(run)
    dataset.undo()
    dataset.undo()
    assert dataset.labels.names == ("x", "y")
    dataset.redo()
    dataset.redo()
    assert (tmp_path / "a.txt").read_text().startswith("2 ")
    dataset.close()
