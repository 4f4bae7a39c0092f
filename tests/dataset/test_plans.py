"""Changes are decided by the state of the dataset in which they are saved, and none blocks the others."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from samdesk.dataset import core, plans, queries
from samdesk.dataset.change import AppliedEdit
from samdesk.dataset.dataset import Dataset, StoreError
from samdesk.dataset.labels import class_scan
from samdesk.dataset.types import InConflictError, RefusedError
from samdesk.domain import edits
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import Edit, Transaction, add
from samdesk.domain.review import ImageReview
from tests.dataset.dataset_kit import SIZE, SQUARE, by_run, draw, drawn, photos, user, with_labels

A, B = ImageKey("a.png"), ImageKey("b.png")


@pytest.fixture
def dataset(tmp_path: Path) -> Iterator[Dataset]:
    photos(tmp_path, A, B)
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "cat", "dog", "cow")
    yield dataset
    dataset.close()


def names(dataset: Dataset, key: ImageKey = A) -> list[str]:
    return [dataset.labels.get(a.label_id).name for a in dataset.load(key).annotations]


def test_a_label_is_replaced_on_what_was_drawn_before_it_is_saved(dataset: Dataset) -> None:
    cat, dog, _ = (label.id for label in dataset.labels)
    plan = partial(plans.replace_label, old=cat, new=dog)
    draw(dataset, A, label=0)
    (dataset.folder / "b.txt").write_text(f"0 {SQUARE}\n")
    entry = dataset.commit_planned(plan)
    assert (entry.do.text, set(entry.do.keys)) == ("Replace and delete cat", {A, B})
    assert dataset.labels.names == ("dog", "cow")
    assert (names(dataset), names(dataset, B)) == (["dog"], ["dog"])
    assert (dataset.folder / "b.txt").read_text().split()[0] == "0"
    dataset.undo()
    assert dataset.labels.names == ("cat", "dog", "cow")
    assert (names(dataset), names(dataset, B)) == (["cat"], ["cat"])
    dataset.redo()
    assert (names(dataset), names(dataset, B)) == (["dog"], ["dog"])


def test_an_edit_made_with_a_replaced_label_gets_the_label_that_took_its_place(dataset: Dataset) -> None:
    cat, dog, cow = (label.id for label in dataset.labels)
    late = user(A, add([drawn(cat)]))
    dataset.commit_planned(partial(plans.replace_label, old=cat, new=dog))
    dataset.commit_planned(partial(plans.replace_label, old=dog, new=cow))
    dataset.commit(late)
    assert names(dataset) == ["cow"]
    dataset.undo()
    dataset.redo()
    assert names(dataset) == ["cow"]


def test_annotations_of_many_images_are_decided_as_one_step(dataset: Dataset) -> None:
    cat = dataset.labels.labels[0].id
    run = dataset.begin_run("Run")
    found = {key: [by_run(cat, run), by_run(cat, run, 5)] for key in (A, B)}
    for key, of_image in found.items():
        dataset.commit_run(run, key, add(of_image))
    dataset.end_run(run)
    chosen = {A: {found[A][0].id}, B: {a.id for a in found[B]}}
    before = [(dataset.folder / name).read_bytes() for name in ("a.txt", "b.txt")]
    reject = partial(plans.decide, chosen=chosen, decision=edits.reject, text="Reject 3")
    entry = dataset.commit_planned(reject)
    assert entry.do.text == "Reject 3"
    assert [a.id for a in dataset.load(A).annotations] == [found[A][1].id]
    assert len(dataset.load(B).rejected) == 2
    assert (dataset.folder / "b.txt").read_text() == ""
    assert [i.review for i in queries.summaries(dataset)] == [ImageReview.UNREVIEWED] * 2  # for a later run
    dataset.undo()
    assert [(dataset.folder / name).read_bytes() for name in ("a.txt", "b.txt")] == before
    assert [a.review.value for a in dataset.load(A).annotations] == ["pending", "pending"]
    dataset.commit_planned(partial(plans.decide, chosen=chosen, decision=edits.accept, text="Accept 3"))
    assert [a.review.value for a in dataset.load(A).annotations] == ["accepted", "pending"]
    flag = partial(plans.decide, chosen={A: chosen[A]}, decision=edits.flag, text="Flag 1")
    dataset.commit_planned(flag)
    assert [image.flagged for image in queries.summaries(dataset)] == [1, 0]
    with pytest.raises(RefusedError, match="already"):
        dataset.commit_planned(partial(plans.decide, chosen={B: chosen[B]}, decision=edits.accept, text="No"))


def test_an_edit_made_with_a_deleted_label_brings_the_label_back(dataset: Dataset) -> None:
    dog = dataset.labels.labels[1]
    late = user(A, add([drawn(dog.id)]))
    dataset.commit_planned(partial(plans.delete_label, old=dog.id))
    assert dataset.labels.names == ("cat", "cow")
    dataset.commit(late)
    assert dataset.labels.names == ("cat", "cow", "dog")
    assert dataset.labels.get(dog.id).color == dog.color
    assert names(dataset) == ["dog"]
    dataset.undo()
    assert dataset.labels.names == ("cat", "cow")


def test_a_run_leaves_out_labels_deleted_meanwhile_and_follows_replaced_ones(dataset: Dataset) -> None:
    cat, dog, cow = (label.id for label in dataset.labels)
    run = dataset.begin_run("Run")
    dataset.commit_planned(partial(plans.delete_label, old=dog))
    dataset.commit_planned(partial(plans.replace_label, old=cat, new=cow))
    assert dataset.commit_run(run, A, add([by_run(dog, run), by_run(cat, run), by_run(cow, run)]))
    assert names(dataset) == ["cow", "cow"]
    not_saved_yet = dataset.labels.add("new").labels[-1].id
    with pytest.raises(StoreError, match="are not in the dataset"):  # not left out in silence
        dataset.commit_run(run, B, add([by_run(not_saved_yet, run)]))
    assert dataset.end_run(run) is not None


def test_a_run_merges_with_the_image_as_it_is_when_it_is_saved(dataset: Dataset) -> None:
    run, label = dataset.begin_run("Run"), dataset.labels.labels[0].id
    dataset.commit(Transaction("Add", ((A, add([drawn(label)])),)))

    def merge(document: ImageDocument, _ids: object) -> Edit | None:
        return None if document.annotations else add([by_run(label, run)])

    assert not dataset.commit_run(run, A, merge)
    assert dataset.commit_run(run, B, merge)
    assert (len(names(dataset)), len(names(dataset, B))) == (1, 1)
    assert dataset.end_run(run).do.keys == (B,)  # type: ignore[union-attr]


def test_a_used_label_is_not_deleted(dataset: Dataset) -> None:
    draw(dataset, A, label=1)
    (dataset.folder / "b.txt").write_text(f"1 {SQUARE}\n")
    with pytest.raises(RefusedError) as refused:
        dataset.commit_planned(partial(plans.delete_label, old=dataset.labels.labels[1].id))
    assert refused.value.what == "The label “dog” is used by 2 annotations by now."
    assert dataset.labels.names == ("cat", "dog", "cow")
    assert len(dataset.history()[0]) == 2
    draw(dataset, A, label=0)
    assert names(dataset) == ["dog", "cat"]


@pytest.mark.parametrize("number", [0, 1])
def test_a_plan_about_a_label_that_is_gone_is_refused(dataset: Dataset, number: int) -> None:
    cat, dog, _ = (label.id for label in dataset.labels)
    dataset.commit_planned(partial(plans.delete_label, old=(cat, dog)[number]))
    with pytest.raises(RefusedError, match="has been deleted meanwhile"):
        dataset.commit_planned(partial(plans.replace_label, old=cat, new=dog))


def test_a_move_of_labels_waits_for_conflicts_and_says_so(dataset: Dataset) -> None:
    (dataset.folder / "b.txt").write_text("0 nonsense\n")
    labels = dataset.labels
    moved = labels.move(labels.labels[2].id, 0)
    with pytest.raises(InConflictError, match="cannot be reordered"):
        dataset.commit(Transaction("Move", labels=moved, labels_before=labels))


def test_an_image_whose_file_is_gone_keeps_what_was_drawn_on_it(dataset: Dataset) -> None:
    label = dataset.labels.labels[0].id
    dataset.load(A)
    dataset.core.documents.clear_imports()  # as after 64 other images
    (dataset.folder / A).unlink()
    dataset.commit(user(A, add([drawn(label)])))
    photos(dataset.folder, A)
    assert names(dataset) == ["cat"]


def test_an_edit_on_an_image_that_was_resized_meanwhile_is_scaled(dataset: Dataset) -> None:
    document = dataset.load(A)
    annotation = drawn(dataset.labels.labels[0].id)
    step = user(A, add([annotation]))
    draw(dataset, A, 40)  # the store has another document than the screen
    Image.new("RGB", (SIZE[0] * 2, SIZE[1] * 2)).save(dataset.folder / A)
    dataset.load(A)
    dataset.commit(step, AppliedEdit.of(step.edits[0][1], document))
    kept = dataset.load(A).annotations[-1]
    assert kept.region.bounds == tuple(2 * v for v in annotation.region.bounds)
    dataset.undo()
    dataset.redo()
    assert dataset.load(A).annotations[-1].region.bounds == kept.region.bounds


def test_a_label_file_that_cannot_be_written_does_not_keep_a_change_from_being_saved(tmp_path: Path) -> None:
    photos(tmp_path, A, B)
    first = Dataset.open(tmp_path)
    with_labels(first, "cat")
    draw(first, B)
    first.close()
    with contextlib.closing(sqlite3.connect(tmp_path / ".samdesk" / "dataset.db")) as store:
        store.execute("UPDATE annotations SET region=x'00'")
        store.execute("UPDATE images SET dirty=1")
        store.commit()
    dataset = Dataset.open(tmp_path)
    (text,) = (n.message for n in dataset.notices() if n.kind == "save")
    assert text.startswith(f"{tmp_path / 'b.txt'} could not be written (")
    assert "the annotations of b.png are damaged" in text
    assert text.endswith("). The annotations are saved in samdesk's store.")
    draw(dataset, A)
    assert names(dataset) == ["cat"]
    assert (tmp_path / "a.txt").exists()
    assert len(dataset.history()[0]) == 3
    dataset.close()


def test_a_label_file_that_cannot_be_read_keeps_only_its_own_class_ids(dataset: Dataset) -> None:
    (dataset.folder / "b.txt").mkdir()  # reading it fails
    labels = dataset.labels
    draw(dataset, A, label=2)
    moved = labels.move(labels.labels[2].id, 0)
    dataset.commit(Transaction("Move", labels=moved, labels_before=labels))
    assert dataset.labels.names == ("cow", "cat", "dog")
    assert (dataset.folder / "a.txt").read_text().split()[0] == "0"
    assert any("b.txt keeps its old class ids" in n.message for n in dataset.notices())


def test_two_changes_of_the_labels_made_from_one_state_are_both_kept(dataset: Dataset) -> None:
    base = dataset.labels
    cat, dog, cow = (label.id for label in base)
    dataset.commit(Transaction("Rename", labels=base.rename(cat, "tiger"), labels_before=base))
    dataset.commit(Transaction("Move", labels=base.move(cow, 0), labels_before=base))
    dataset.commit(Transaction("Delete", labels=base.remove(dog), labels_before=base))
    assert dataset.labels.names == ("cow", "tiger")


def test_a_step_keeps_what_it_was_saved_as(dataset: Dataset) -> None:
    cat, dog, _ = (label.id for label in dataset.labels)
    step = user(A, add([drawn(cat)]))
    dataset.commit_planned(partial(plans.replace_label, old=cat, new=dog))
    dataset.commit(step)
    dataset.undo()
    dataset.redo()
    assert names(dataset) == ["dog"]


def test_labels_are_counted_a_part_at_a_time_and_each_file_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core, "_SCAN_SECONDS", 0.0)
    monkeypatch.setattr(class_scan, "_SOME", 1)
    keys = photos(tmp_path, *(f"{i}.png" for i in range(9)))
    (tmp_path / "data.yaml").write_text("names: [cat, dog, cow]\n")
    for key in keys:
        (tmp_path / key).with_suffix(".txt").write_text(f"0 {SQUARE}\n2 {SQUARE}\n")
    dataset = Dataset.open(tmp_path)
    parts = 1
    while (found := queries.label_usage_within(dataset, seconds=0)) is None:
        parts += 1
    assert parts == 8  # the first was counted when opening looked for its class ids
    assert found == queries.label_usage(dataset)
    assert list(found.values()) == [9, 0, 9]
    assert queries.label_usage_within(dataset, seconds=0) == found
    dataset.close()
