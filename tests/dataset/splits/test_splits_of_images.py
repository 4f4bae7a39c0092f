"""Splits of images in the store: assigned as one step, undone and redone exactly; attributes are kept."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from samdesk.dataset import plans, queries
from samdesk.dataset.dataset import Dataset
from samdesk.dataset.types import OutOfOrderError, RefusedError
from samdesk.domain.annotation import CROWD
from samdesk.domain.document import ImageKey
from samdesk.domain.edits import Transaction, add, remove
from samdesk.domain.split import Split, SplitChange, inverse
from tests.dataset.dataset_kit import draw, drawn, photos, user, with_labels

Assigned = dict[ImageKey, Split | None]


def assign(dataset: Dataset, splits: Assigned) -> None:
    dataset.commit_planned(partial(plans.assign_splits, splits=splits))


def reopened(dataset: Dataset) -> Dataset:
    dataset.close()
    return Dataset.open(dataset.folder)


def test_assigning_is_one_step_and_undo_brings_back_what_was(tmp_path: Path) -> None:
    a, b, c, d = photos(tmp_path, "a.png", "Küste/b.png", "c.png", "d.png")
    dataset = Dataset.open(tmp_path)
    assign(dataset, {a: "train", b: "val"})
    assign(dataset, {a: "test", b: None, c: "train", ImageKey("gone.png"): "val"})
    assert queries.splits(dataset) == {a: "test", c: "train"}
    assert queries.splits(dataset, [c, d]) == {c: "train"}
    dataset = reopened(dataset)
    done, _ = dataset.history()
    assert [entry.do.text for entry in done] == ["Split 2 images", "Split 3 images"]
    changes = (SplitChange(a, "train", "test"), SplitChange(b, "val", None), SplitChange(c, None, "train"))
    assert (done[1].do.splits, done[1].undo.splits) == (changes, inverse(changes))
    undone = dataset.undo()
    assert undone is not None
    assert undone.splits == inverse(changes)
    assert queries.splits(dataset) == {a: "train", b: "val"}
    dataset = reopened(dataset)
    dataset.undo()
    assert queries.splits(dataset) == {}
    dataset.redo()
    dataset.redo()
    assert queries.splits(dataset) == {a: "test", c: "train"}
    dataset.undo()
    assign(dataset, {d: "test"})  # what was undone is dropped
    assert dataset.core.rows.store.rows("SELECT DISTINCT owner FROM log_splits") == [("step 1",), ("step 3",)]
    dataset.close()


def test_assigning_what_is_so_already_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    (a,) = photos(tmp_path, "a.png")
    dataset = Dataset.open(tmp_path)
    assign(dataset, {a: "val"})
    with pytest.raises(RefusedError, match="already"):
        assign(dataset, {a: "val", ImageKey("gone.png"): "test"})
    assert [entry.do.text for entry in dataset.history()[0]] == ["Use a.png for validation"]
    dataset.close()


def test_an_image_whose_file_is_gone_keeps_its_split_and_does_no_harm(tmp_path: Path) -> None:
    a, b = photos(tmp_path, "a.png", "b.png")
    dataset = Dataset.open(tmp_path)
    assign(dataset, {a: "train", b: "test"})
    (tmp_path / b).rename(tmp_path / "b.kept")
    dataset = reopened(dataset)
    assert queries.splits(dataset) == {a: "train"}
    dataset.undo()
    dataset.redo()
    (tmp_path / "b.kept").rename(tmp_path / b)
    dataset = reopened(dataset)
    assert queries.splits(dataset) == {a: "train", b: "test"}
    dataset.close()


def test_an_edit_is_not_undone_before_a_newer_assignment(tmp_path: Path) -> None:
    a, b = photos(tmp_path, "a.png", "b.png")
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "x")
    draw(dataset, a)
    edit = dataset.newest_step
    assign(dataset, {a: "train", b: "val"})
    with pytest.raises(OutOfOrderError):
        dataset.undo(edit)
    dataset.undo()
    assert (len(dataset.load(a).annotations), queries.splits(dataset)) == (1, {})
    dataset.undo()
    assert (dataset.load(a).annotations, queries.splits(dataset)) == ((), {})
    dataset.close()


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE log_splits SET changes = zeroblob(9)",
        "DELETE FROM log_splits",
        "UPDATE log SET splits = NULL",
        "UPDATE log SET splits = 7",
    ],
)
def test_a_damaged_step_is_left_out(tmp_path: Path, damage: str) -> None:
    (a,) = photos(tmp_path, "a.png")
    dataset = Dataset.open(tmp_path)
    assign(dataset, {a: "val"})
    dataset.close()
    with closing(sqlite3.connect(tmp_path / ".samdesk" / "dataset.db")) as connection, connection:
        connection.execute(damage)
    dataset = Dataset.open(tmp_path)
    assert dataset.history()[0] == []
    assert any(notice.kind == "damaged-store" for notice in dataset.notices())
    assert dataset.undo() is None
    assert queries.splits(dataset) == {a: "val"}
    dataset.close()


def test_the_splits_of_many_images_are_listed_in_part_and_undone_whole(tmp_path: Path) -> None:
    photos(tmp_path, "a.png")
    dataset = Dataset.open(tmp_path)
    keys = [ImageKey(f"{n}.png") for n in range(5000)]
    step = tuple(SplitChange(key, None, "train") for key in keys)
    back = dataset.commit(Transaction("Split", splits=step))
    assert len(back.splits) == 5000
    ((entry,), _) = dataset.history()
    assert entry.do.splits == step[:2000]
    undone = dataset.undo()
    assert undone is not None
    assert len(undone.splits) == 5000
    assert dataset.core.rows.splits.all() == {}
    dataset.close()


def test_attributes_are_kept_by_the_store_and_the_history(tmp_path: Path) -> None:
    (a,) = photos(tmp_path, "a.png")
    dataset = Dataset.open(tmp_path)
    label = with_labels(dataset, "x").labels[0]
    attributes = ((CROWD, True), ("läge", "links"), ("n", 3), ("weight", 0.25))
    crowd, plain = drawn(label.id, attributes=attributes), drawn(label.id)
    dataset.commit(user(a, add([crowd, plain])))
    dataset.commit(user(a, remove([crowd.id])))
    dataset = reopened(dataset)
    dataset.undo()
    found = dataset.load(a)
    assert {n.id: n.attributes for n in found.annotations} == {crowd.id: attributes, plain.id: ()}
    assert dict(found.annotations[0].attributes)[CROWD] is True
    rows = dataset.core.rows.store.rows("SELECT attributes FROM annotations ORDER BY attributes")
    assert rows[0] == (None,)
    changed = replace(crowd, attributes=(("n", 4),))
    dataset.commit(user(a, add([changed])))
    dataset = reopened(dataset)
    assert dataset.load(a).annotations[0].attributes == (("n", 4),)
    dataset.close()


def test_changed_attributes_are_noticed(tmp_path: Path) -> None:
    (a,) = photos(tmp_path, "a.png")
    dataset = Dataset.open(tmp_path)
    label = with_labels(dataset, "x").labels[0]
    dataset.commit(user(a, add([drawn(label.id, attributes=(("n", 3),))])))
    dataset.close()
    with closing(sqlite3.connect(tmp_path / ".samdesk" / "dataset.db")) as connection, connection:
        connection.execute("UPDATE annotations SET attributes = '{\"n\":4}'")
    dataset = Dataset.open(tmp_path)
    assert not dataset.core.rows.is_sound(a)
    dataset.close()
