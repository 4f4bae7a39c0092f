"""Opening, saving, undo and labels: what is loaded again and what is on disk."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from samdesk.dataset import queries
from samdesk.dataset.dataset import Dataset, ImageError, StoreError
from samdesk.dataset.store.migrations import VERSION
from samdesk.domain.annotation import Source
from samdesk.domain.document import ImageKey
from samdesk.domain.edits import Transaction, accept_image, remove, update
from samdesk.domain.geometry.regions import clean
from samdesk.domain.labels import LabelSet
from samdesk.domain.prompts import BoxPrompt, PointPrompt, PromptSet
from samdesk.domain.review import AnnotationReview, ImageReview
from tests.dataset.dataset_kit import SQUARE, content, draw, drawn, files, photos, region, user, with_labels
from tests.helpers.make import reshape


def test_loading_writes_nothing(tmp_path: Path) -> None:
    (key,) = photos(tmp_path, "a.jpg")
    dataset = Dataset.open(tmp_path)
    document = dataset.load(key)
    dataset.settings_set("last_image", key)
    dataset.close()
    assert (document.width, document.height, document.annotations) == (64, 48, ())
    assert [p.name for p in tmp_path.iterdir()] == ["a.jpg"]


def test_an_edit_is_saved_and_loaded_unchanged(tmp_path: Path) -> None:
    keys = photos(tmp_path, "images/ä 1.jpg", "images/b.png")
    dataset = Dataset.open(tmp_path)
    labels = with_labels(dataset, "person", "bus")
    prompts = PromptSet((PointPrompt(3.5, 4.25), PointPrompt(1, 2, False)), BoxPrompt(1, 2, 30, 40))
    annotation = drawn(
        labels.labels[1].id, source=Source.SAM, detector_score=0.5, mask_score=0.987654321, prompts=prompts
    )
    hole = region(2, 2, 30, 30).difference(region(8, 8, 5, 5))
    holed = replace(drawn(labels.labels[0].id), region=clean(hole))
    dataset.commit(user(keys[0], update([annotation, holed])))
    dataset.settings_set("last_image", keys[0])
    before = dataset.load(keys[0])
    dataset.close()

    again = Dataset.open(tmp_path)
    assert again.keys == tuple(keys)
    assert again.labels == labels
    assert content(again.load(keys[0])) == content(before)
    assert again.load(keys[0]).annotations[0] == annotation
    assert again.settings_get("last_image") == keys[0]
    assert again.load(keys[1]).annotations == ()
    assert set(files(tmp_path)) == {"data.yaml", "labels/ä 1.txt"}
    assert (tmp_path / "labels/ä 1.txt").read_text().startswith("1 ")
    assert again.notices() == []
    again.close()


def test_labels_are_beside_images_without_an_images_folder(tmp_path: Path) -> None:
    (key,) = photos(tmp_path, "sub/a.jpg")
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "x")
    draw(dataset, key)
    assert set(files(tmp_path)) == {"data.yaml", "sub/a.txt"}
    dataset.close()


def test_opening_the_images_folder_keeps_the_trainers_layout(tmp_path: Path) -> None:
    photos(tmp_path, "images/train/a.jpg")
    dataset = Dataset.open(tmp_path / "images")
    with_labels(dataset, "x")
    draw(dataset, ImageKey("train/a.jpg"))
    assert set(files(tmp_path)) == {"data.yaml", "labels/train/a.txt"}
    assert (tmp_path / "images/.samdesk/dataset.db").is_file()
    dataset.close()


def test_undo_and_redo_survive_restarts_and_images(tmp_path: Path) -> None:
    a, b = photos(tmp_path, "a.jpg", "b.jpg")
    (tmp_path / "b.txt").write_bytes(b"0  " + SQUARE.encode() + b"  \r\n")
    start = files(tmp_path)
    dataset = Dataset.open(tmp_path)
    first = {key: content(dataset.load(key)) for key in (a, b)}
    drawn_a = draw(dataset, a)
    imported = dataset.load(b).annotations[0]
    dataset.commit(user(b, reshape(imported, region(1, 1))))
    dataset.commit(user(a, remove([drawn_a.id])))
    dataset.commit(user(b, accept_image(dataset.load(b))))
    last = {key: content(dataset.load(key)) for key in (a, b)}
    end = files(tmp_path)
    dataset.close()

    dataset = Dataset.open(tmp_path)
    done, undone = dataset.history()
    assert [entry.do.text for entry in done] == ["Add", "Edit", "Edit", "Edit"]
    assert undone == []
    for _ in range(2):
        assert dataset.undo() is not None
    dataset.close()
    dataset = Dataset.open(tmp_path)
    assert [len(part) for part in dataset.history()] == [2, 2]
    assert dataset.undo() is not None
    assert dataset.undo() is not None
    assert dataset.undo() is None
    assert {key: content(dataset.load(key)) for key in (a, b)} == first
    assert {k: v for k, v in files(tmp_path).items() if k != "data.yaml"} == start  # byte for byte
    for _ in range(4):
        assert dataset.redo() is not None
    assert dataset.redo() is None
    assert {key: content(dataset.load(key)) for key in (a, b)} == last
    assert files(tmp_path) == end
    dataset.undo()
    draw(dataset, a, 20)
    assert dataset.redo() is None
    assert [e.do.text for e in dataset.history()[0]] == ["Add", "Edit", "Edit", "Add"]
    dataset.close()


def test_history_entries_can_be_replayed_on_documents(tmp_path: Path) -> None:
    (key,) = photos(tmp_path, "a.jpg")
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "x")
    draw(dataset, key)
    draw(dataset, key, 30)
    document = dataset.load(key)
    for entry in reversed(dataset.history()[0][1:]):
        ((_, edit),) = entry.undo.edits
        document, _ = edit.apply(document)
    assert document.annotations == ()
    assert document.review is ImageReview.UNREVIEWED
    assert dataset.history(limit=1)[0][0].do.text == "Add"
    whole, named = dataset.core.history.entries(9, whole=1)[0][::-1][:2]
    assert all(edit for _, edit in whole.do.edits)
    assert [(key, bool(edit)) for key, edit in named.do.edits] == [(key, False) for key in named.do.keys]
    numbers = [entry.seq for entry in dataset.core.history.entries(9, whole=1)[0]]
    assert numbers == [entry.seq for entry in dataset.history()[0]]
    dataset.close()


def test_painting_order_is_kept(tmp_path: Path) -> None:
    (key,) = photos(tmp_path, "a.jpg")
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "x")
    made = [draw(dataset, key, x) for x in range(6)]
    dataset.commit(user(key, remove([made[0].id, made[3].id])))
    dataset.undo()
    dataset.close()
    again = Dataset.open(tmp_path)
    assert [a.id for a in again.load(key).annotations] == [a.id for a in made]
    again.close()


@pytest.mark.parametrize("names_file", ["data.yaml", "classes.txt", None])
def test_existing_labels_are_imported(tmp_path: Path, names_file: str | None) -> None:
    (key, other) = photos(tmp_path, "images/a.jpg", "images/b.jpg")
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/a.txt").write_text(f"2 {SQUARE}\n0 0.5 0.5 0.25 0.5\n")
    if names_file == "data.yaml":
        (tmp_path / names_file).write_text("# ours\nkeep: me\ntrain: images\nnames: [cat, dog, cow]\n")
    elif names_file:
        (tmp_path / names_file).write_text("cat\ndog\ncow\n")
    before = files(tmp_path)
    dataset = Dataset.open(tmp_path)
    document = dataset.load(key)
    names = ("cat", "dog", "cow") if names_file else ("class_0", "class_1", "class_2")
    assert dataset.labels.names == names
    assert [dataset.labels.get(a.label_id).name for a in document.annotations] == [names[2], names[0]]
    assert all(
        a.source is Source.IMPORT and a.review is AnnotationReview.ACCEPTED for a in document.annotations
    )
    assert document.annotations[1].region.bounds == pytest.approx((24, 12, 40, 36))
    assert any("boxes" in notice.message for notice in dataset.notices())
    assert files(tmp_path) == before  # looking changes nothing
    draw(dataset, other, label=1)
    after = files(tmp_path)
    assert after["labels/a.txt"] == before["labels/a.txt"]
    if names_file == "data.yaml":
        assert after["data.yaml"] == before["data.yaml"]
    assert [queries.label_usage(dataset)[label.id] for label in dataset.labels] == [1, 1, 1]
    dataset.close()
    assert Dataset.open(tmp_path).labels.names == names


def test_ids_of_imported_annotations_stay(tmp_path: Path) -> None:
    (key,) = photos(tmp_path, "a.jpg")
    (tmp_path / "a.txt").write_text(f"0 {SQUARE}\n0 {SQUARE}\n")
    ids = []
    for _ in range(2):
        dataset = Dataset.open(tmp_path)
        ids.append([a.id for a in dataset.load(key).annotations])
        dataset.close()
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 2


def test_foreign_keys_of_data_yaml_stay_and_names_follow(tmp_path: Path) -> None:
    (key,) = photos(tmp_path, "images/a.jpg")
    (tmp_path / "data.yaml").write_text("# hand-made\nroboflow: {url: x}\nnames:\n  0: cat\nval: images\n")
    dataset = Dataset.open(tmp_path)
    labels = dataset.labels.add("dog")
    dataset.commit(Transaction("Add dog", labels=labels, labels_before=dataset.labels))
    draw(dataset, key, label=1)
    text = (tmp_path / "data.yaml").read_text()
    assert "# hand-made" in text
    assert "roboflow: {url: x}" in text
    assert "dog" in text
    assert [notice.message for notice in dataset.notices()] == [
        "The trainer refuses data.yaml: it has no train folder."  # when it was opened
    ]
    dataset.close()


def test_reordering_rewrites_label_files_never_loaded(tmp_path: Path) -> None:
    a, _ = photos(tmp_path, "a.jpg", "b.jpg")
    (tmp_path / "classes.txt").write_text("cat\ndog\n")
    (tmp_path / "b.txt").write_text(f"1 {SQUARE}\n")
    before = files(tmp_path)
    dataset = Dataset.open(tmp_path)
    draw(dataset, a)
    labels = dataset.labels
    dataset.commit(Transaction("Move dog", labels=labels.move(labels.labels[1].id, 0), labels_before=labels))
    assert (tmp_path / "a.txt").read_text().startswith("1 ")
    assert (tmp_path / "b.txt").read_text().startswith("0 ")
    assert dataset.labels.names == ("dog", "cat")
    dataset.undo()
    assert (tmp_path / "a.txt").read_text().startswith("0 ")
    assert (tmp_path / "b.txt").read_bytes() == before["b.txt"]
    dataset.redo()
    dataset.close()
    again = Dataset.open(tmp_path)
    assert again.labels.names == ("dog", "cat")
    assert (tmp_path / "b.txt").read_text().startswith("0 ")
    again.close()


def test_a_label_in_use_is_not_lost(tmp_path: Path) -> None:
    a, b = photos(tmp_path, "a.jpg", "b.jpg")
    (tmp_path / "classes.txt").write_text("cat\ndog\ncow\n")
    (tmp_path / "b.txt").write_text(f"0 {SQUARE}\n2 {SQUARE}\n")
    dataset = Dataset.open(tmp_path)
    draw(dataset, a, label=2)
    labels = dataset.labels
    cat, dog, _ = labels
    before = files(tmp_path)
    with pytest.raises(StoreError, match="'cat'"):
        dataset.commit(Transaction("Delete cat", labels=labels.remove(cat.id), labels_before=labels))
    assert files(tmp_path) == before
    assert dataset.labels == labels
    plan = queries.plan_relabel(dataset, cat.id, dog.id)
    assert plan.keys == (b,)
    dataset.commit(replace(plan, labels=labels.remove(cat.id), labels_before=labels))
    assert dataset.labels.names == ("dog", "cow")
    assert [line.split()[0] for line in (tmp_path / "b.txt").read_text().splitlines()] == ["0", "1"]
    assert (tmp_path / "a.txt").read_text().startswith("1 ")
    dataset.undo()
    assert {k: v for k, v in files(tmp_path).items() if k != "data.yaml"} == {
        k: v for k, v in before.items() if k != "data.yaml"
    }
    assert dataset.labels.names == labels.names
    dataset.close()


def test_a_broken_image_does_not_stop_a_change_of_labels(tmp_path: Path) -> None:
    _, broken = photos(tmp_path, "a.jpg", "b.jpg")
    (tmp_path / "classes.txt").write_text("cat\ndog\n")
    (tmp_path / "b.txt").write_text(f"0 {SQUARE}\n")
    (tmp_path / "b.jpg").write_bytes(b"no image")
    dataset = Dataset.open(tmp_path)
    labels = dataset.labels
    assert queries.plan_relabel(dataset, labels.labels[0].id, labels.labels[1].id).edits == ()
    moved = labels.move(labels.labels[1].id, 0)
    dataset.commit(Transaction("Move", labels=moved, labels_before=labels))
    (notice,) = dataset.notices()
    assert (notice.kind, notice.key) == ("labels", broken)
    assert "keeps its old class ids" in notice.message
    dataset.close()


def test_labels_from_files_survive_the_undo_of_an_older_step(tmp_path: Path) -> None:
    a, b = photos(tmp_path, "a.jpg", "b.jpg")
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "x")
    draw(dataset, a)
    (tmp_path / "b.txt").write_text(f"3 {SQUARE}\n")  # those there at opening have labels already
    dataset.commit(user(b, reshape(dataset.load(b).annotations[0], region())))
    assert dataset.labels.names == ("x", "class_1", "class_2", "class_3")
    for _ in range(3):
        dataset.undo()
    assert dataset.labels.names == ("class_1", "class_2", "class_3")
    assert dataset.labels.get(dataset.load(b).annotations[0].label_id).name == "class_3"
    assert (tmp_path / "b.txt").read_text().startswith("2 ")
    for _ in range(3):
        dataset.redo()
    assert dataset.labels.names == ("x", "class_1", "class_2", "class_3")
    assert (tmp_path / "b.txt").read_text().startswith("3 ")
    dataset.close()


def test_an_unknown_label_is_refused(tmp_path: Path) -> None:
    (key,) = photos(tmp_path, "a.jpg")
    dataset = Dataset.open(tmp_path)
    stranger = LabelSet.from_names(["x"]).labels[0].id
    with pytest.raises(StoreError, match="label"):
        dataset.commit(user(key, update([drawn(stranger)])))
    assert dataset.load(key).annotations == ()
    dataset.close()


def test_two_images_with_one_label_file(tmp_path: Path) -> None:
    one, two = photos(tmp_path, "a.jpg", "a.png")
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "x", "y")
    draw(dataset, one, label=0)
    draw(dataset, two, label=1)
    (notice,) = dataset.notices()
    assert notice.kind == "labels"
    assert "share the label file" in notice.message
    assert (tmp_path / "a.txt").read_text().startswith("0 ")
    assert len(dataset.load(two).annotations) == 1
    dataset.close()


def test_summaries(tmp_path: Path) -> None:
    a, b, c, d = photos(tmp_path, "a.jpg", "b.jpg", "c.jpg", "d.jpg")
    (tmp_path / "b.txt").write_text(f"0 {SQUARE}\n\n0 {SQUARE}\n")
    (tmp_path / "d.jpg").write_bytes(b"no image")
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "x")
    pending = drawn(dataset.labels.labels[0].id, review=AnnotationReview.PENDING)
    dataset.commit(Transaction("Import", ((a, update([pending])),)))
    by_key = {s.key: s for s in queries.summaries(dataset)}
    assert (by_key[a].count, by_key[a].pending, by_key[a].review) == (1, 1, ImageReview.UNREVIEWED)
    assert by_key[b].count == 2  # known since opening looked for the class ids; nothing is read here
    assert by_key[b].width is None
    by_key = {s.key: s for s in queries.summaries(dataset, [b, c, d])}
    assert (by_key[b].count, by_key[b].width, by_key[b].height) == (2, 64, 48)
    assert by_key[c].problem is None
    assert by_key[d].problem == "not an image samdesk can read"
    dataset.commit(user(a, accept_image(dataset.load(a))))
    (summary,) = queries.summaries(dataset, [a])
    assert (summary.count, summary.pending, summary.review) == (1, 0, ImageReview.ACCEPTED)
    assert {s.key: s.count for s in queries.summaries(dataset)}[b] == 2
    dataset.close()


def test_an_accepted_empty_image_has_an_empty_label_file(tmp_path: Path) -> None:
    (key,) = photos(tmp_path, "a.jpg")
    dataset = Dataset.open(tmp_path)
    dataset.commit(user(key, accept_image(dataset.load(key))))
    assert files(tmp_path) == {"a.txt": b""}
    dataset.undo()
    assert files(tmp_path) == {}
    dataset.close()


def test_bad_images_and_unknown_keys(tmp_path: Path) -> None:
    (key,) = photos(tmp_path, "a.jpg")
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "x")
    (tmp_path / "a.jpg").write_bytes(b"")
    with pytest.raises(ImageError, match="empty"):
        dataset.load(key)
    with pytest.raises(ImageError, match="not in this dataset"):
        dataset.load(ImageKey("../b.jpg"))
    dataset.close()


def test_an_image_that_changed_its_size_is_reported(tmp_path: Path) -> None:
    (key,) = photos(tmp_path, "a.jpg")
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "x")
    draw(dataset, key)
    Image.new("RGB", (30, 30)).save(tmp_path / "a.jpg")
    assert len(dataset.load(key).annotations) == 1
    assert [n.kind for n in dataset.notices()] == ["image"]
    dataset.close()


def test_folder_errors(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no folder"):
        Dataset.open(tmp_path / "none")
    (tmp_path / "a.jpg").write_bytes(b"")
    with pytest.raises(StoreError, match="is a file"):
        Dataset.open(tmp_path / "a.jpg")


def test_a_store_is_sqlite_in_wal_with_full_sync(tmp_path: Path) -> None:
    photos(tmp_path, "a.jpg")
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "x")
    connection = sqlite3.connect(tmp_path / ".samdesk/dataset.db")
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()
    dataset.close()
