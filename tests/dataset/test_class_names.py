"""data.yaml belongs to the user: it is never reverted, never written over unread, and never shrinks."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
import yaml

from samdesk.base import atomic
from samdesk.dataset.dataset import NAMES, Dataset, StoreError
from samdesk.dataset.labels import class_scan
from samdesk.domain.edits import Transaction
from samdesk.domain.labels import LabelSet
from tests.dataset.dataset_kit import SQUARE, draw, photos, with_labels
from tests.dataset.trainer_reader import trained


def session(folder: Path, *edits: str) -> tuple[Dataset, list[str]]:
    """Opens a dataset, draws on images, and returns it with the kinds of its notices about data.yaml."""
    dataset = Dataset.open(folder)
    for key in edits:
        draw(dataset, next(k for k in dataset.keys if k == key))
    return dataset, [n.kind for n in dataset.notices() if n.key == NAMES]


def names_on_disk(folder: Path) -> list[str]:
    names = yaml.safe_load((folder / "data.yaml").read_text())["names"]
    return list(names.values()) if isinstance(names, dict) else names


def test_a_hand_edit_between_two_sessions_is_asked_about(tmp_path: Path) -> None:
    """The file was read and never written: what was seen is remembered all the same."""
    photos(tmp_path, "a.jpg")
    (tmp_path / "data.yaml").write_text("train: .\nval: .\nnames: [cat, dog]\n")
    dataset, asked = session(tmp_path, "a.jpg")
    dataset.close()
    assert asked == []
    theirs = "train: .\nval: .\nnames: [cat, wolf] # better\n"
    (tmp_path / "data.yaml").write_text(theirs)
    dataset, asked = session(tmp_path, "a.jpg")
    assert asked == ["changed-outside"]
    assert (tmp_path / "data.yaml").read_text() == theirs
    dataset.close()

    dataset, asked = session(tmp_path)  # not answered: asked again
    assert asked == ["changed-outside"]
    assert dataset.conflicts == {NAMES}
    dataset.resolve(NAMES, "file")
    assert dataset.labels.names == ("cat", "wolf")
    assert (tmp_path / "data.yaml").read_text() == theirs
    dataset.close()
    assert session(tmp_path)[1] == []


def test_a_name_deleted_by_hand_is_asked_about(tmp_path: Path) -> None:
    photos(tmp_path, "a.jpg")
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "cat", "dog")
    dataset.close()
    (tmp_path / "data.yaml").write_text("train: .\nval: .\nnames: [cat]\n")
    dataset, asked = session(tmp_path, "a.jpg")
    assert asked == ["changed-outside"]
    assert names_on_disk(tmp_path) == ["cat"]
    dataset.close()


def test_a_file_that_could_not_be_written_is_written_later_without_a_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos(tmp_path, "a.jpg")
    dataset = Dataset.open(tmp_path)
    labels = with_labels(dataset, "cat", "dog")

    def refuse(path: Path, text: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(atomic, "write_text", refuse)
        renamed = labels.rename(labels.labels[1].id, "wolf")
        dataset.commit(Transaction("Rename", labels=renamed, labels_before=labels))
        dataset.close()
    assert names_on_disk(tmp_path) == ["cat", "dog"]
    dataset, asked = session(tmp_path)
    assert asked == []
    assert names_on_disk(tmp_path) == ["cat", "wolf"]
    dataset.close()


def test_a_hand_edit_while_a_folder_is_open_for_the_first_time_is_asked_about(tmp_path: Path) -> None:
    photos(tmp_path, "a.jpg")
    (tmp_path / "data.yaml").write_text("names: [cat, dog]\n")
    dataset = Dataset.open(tmp_path)
    (tmp_path / "data.yaml").write_text("names: [cat, wolf]\n")
    draw(dataset, dataset.keys[0])
    assert dataset.conflicts == {NAMES}
    assert names_on_disk(tmp_path) == ["cat", "wolf"]
    dataset.resolve(NAMES, "mine")
    assert names_on_disk(tmp_path) == ["cat", "dog"]
    assert (tmp_path / ".samdesk/replaced/data.yaml").read_text() == "names: [cat, wolf]\n"
    dataset.close()


def test_a_hand_edit_after_a_crash_is_asked_about(tmp_path: Path) -> None:
    """What was written last is saved with the next step; that step never came."""
    photos(tmp_path, "a.jpg")
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "cat", "dog")
    dataset._core._store.close()  # as a crash leaves it
    dataset._core._lock.release()
    (tmp_path / "data.yaml").write_text("names: [cat, wolf]\n")
    dataset, asked = session(tmp_path)
    assert asked == ["changed-outside"]
    assert names_on_disk(tmp_path) == ["cat", "wolf"]
    dataset.close()


def test_a_question_ends_when_the_user_takes_the_edit_back(tmp_path: Path) -> None:
    photos(tmp_path, "a.jpg")
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "cat")
    mine = (tmp_path / "data.yaml").read_text()
    (tmp_path / "data.yaml").write_text("names: [dog]\n")
    draw(dataset, dataset.keys[0])
    assert dataset.conflicts == {NAMES}
    (tmp_path / "data.yaml").write_text(mine)
    with_labels(dataset, "cow")
    assert dataset.conflicts == frozenset()
    assert names_on_disk(tmp_path) == ["cat", "cow"]
    dataset.close()


def test_a_choice_that_cannot_be_saved_leaves_the_question(tmp_path: Path) -> None:
    photos(tmp_path, "a.jpg")
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "cat", "dog")
    draw(dataset, dataset.keys[0], label=1)
    (tmp_path / "data.yaml").write_text("names: [wolf]\n")
    draw(dataset, dataset.keys[0], 20)
    dataset.notices()
    with pytest.raises(StoreError, match="'dog'"):
        dataset.resolve(NAMES, "file")
    assert [n.kind for n in dataset.notices()] == ["changed-outside"]
    draw(dataset, dataset.keys[0], 30)
    assert (tmp_path / "data.yaml").read_text() == "names: [wolf]\n"
    dataset.close()


UNCLEAR = "train: .\nval: .\nnames: obj.names  # to do\n"


def test_names_that_cannot_be_read_are_kept_and_can_be_corrected(tmp_path: Path) -> None:
    photos(tmp_path, "a.jpg")
    (tmp_path / "a.txt").write_text(f"1 {SQUARE}\n")
    (tmp_path / "data.yaml").write_text(UNCLEAR)
    dataset, asked = session(tmp_path)
    assert asked == ["bad-lines"]
    dataset.load(dataset.keys[0])
    draw(dataset, dataset.keys[0])
    assert (tmp_path / "data.yaml").read_text() == UNCLEAR
    assert dataset.notices() == []  # told once
    with pytest.raises(StoreError, match=r"obj\.names"):
        dataset.resolve(NAMES, "file")
    assert [n.kind for n in dataset.notices()] == ["bad-lines"]
    dataset.close()

    dataset, asked = session(tmp_path)
    assert asked == ["bad-lines"]
    (tmp_path / "obj.names").write_text("bear\ncat\n")
    dataset.resolve(NAMES, "file")
    assert dataset.labels.names == ("bear", "cat")
    assert (tmp_path / "data.yaml").read_text() == UNCLEAR  # it says that now
    dataset.close()


@pytest.mark.parametrize("text", [UNCLEAR, "names: [a, b\n"])
def test_names_that_cannot_be_read_can_be_overwritten(tmp_path: Path, text: str) -> None:
    photos(tmp_path, "a.jpg")
    (tmp_path / "data.yaml").write_text(text)
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "cat")
    assert (tmp_path / "data.yaml").read_text() == text
    dataset.resolve(NAMES, "mine")
    assert names_on_disk(tmp_path) == ["cat"]
    assert (tmp_path / ".samdesk/replaced/data.yaml").read_text() == text
    with_labels(dataset, "dog")
    assert names_on_disk(tmp_path) == ["cat", "dog"]
    dataset.close()
    assert session(tmp_path)[1] == []


@pytest.mark.parametrize(
    "names",
    [
        "\n  0:bear\n  1:cat",
        "\n  bear: 0\n  cat: 1",
        "\n  -1: none\n  0: bear\n  1: cat",
        "\n  0.0: bear\n  1.0: cat",
        " bear, cat",
        " obj.names",
    ],
)
def test_names_in_unusual_forms_stay_the_users(tmp_path: Path, names: str) -> None:
    photos(tmp_path, "a.jpg")
    (tmp_path / "obj.names").write_text("bear\ncat\n")
    (tmp_path / "a.txt").write_text(f"1 {SQUARE}\n")
    text = f"# mine\ntrain: .\nval: .\nnames:{names}\n"
    (tmp_path / "data.yaml").write_text(text)
    dataset, asked = session(tmp_path, "a.jpg")
    assert asked == []
    assert dataset.labels.names == ("bear", "cat")
    assert (tmp_path / "data.yaml").read_text() == text
    with_labels(dataset, "cow")
    dataset.close()
    found = trained(tmp_path / "data.yaml")
    assert [name for name in found.names if name != "none"] == ["bear", "cat", "cow"]
    assert found.classes == {"a.jpg": [1, 0]}
    assert "# mine" in (tmp_path / "data.yaml").read_text()


def test_the_file_that_was_found_is_the_one_compared(tmp_path: Path) -> None:
    """A data.yaml without names that comes later hides no names of the dataset's file."""
    photos(tmp_path, "a.jpg")
    (tmp_path / "mine.yaml").write_text("train: .\nval: .\nnames: [cat]\n")
    dataset = Dataset.open(tmp_path)
    (tmp_path / "data.yaml").write_text("names: [other]\n")
    (tmp_path / "mine.yaml").write_text("train: .\nval: .\nnames: [dog]\n")
    draw(dataset, dataset.keys[0])
    assert dataset.conflicts == {NAMES}
    assert (tmp_path / "mine.yaml").read_text() == "train: .\nval: .\nnames: [dog]\n"
    dataset.close()


def test_a_count_of_classes_never_shrinks(tmp_path: Path) -> None:
    photos(tmp_path, "a.jpg")
    (tmp_path / "data.yaml").write_text("train: .\nval: .\nnc: 6\n")
    dataset, _ = session(tmp_path, "a.jpg")
    assert len(dataset.labels) == 6
    assert (tmp_path / "data.yaml").read_text() == "train: .\nval: .\nnc: 6\n"
    with_labels(dataset, "cow")
    dataset.close()
    assert trained(tmp_path / "data.yaml").names == (*(f"class_{i}" for i in range(6)), "cow")


def test_ids_of_label_files_never_loaded_are_classes(tmp_path: Path) -> None:
    photos(tmp_path, "a.jpg", "b.jpg")
    (tmp_path / "b.txt").write_text(f"5 {SQUARE}\n")
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "cat")  # a new class, not another name for one of those there
    draw(dataset, dataset.keys[0], label=6)
    assert names_on_disk(tmp_path) == [*(f"class_{i}" for i in range(6)), "cat"]
    assert len(dataset.labels) == 7
    dataset.close()
    assert trained(tmp_path / "data.yaml").classes == {"a.jpg": [6], "b.jpg": [5]}
    assert len(Dataset.open(tmp_path).labels) == 7


def test_ids_of_label_files_are_classes_at_opening(tmp_path: Path) -> None:
    photos(tmp_path, "a.jpg", "b.jpg")
    (tmp_path / "b.txt").write_text(f"3 {SQUARE}\n")
    text = "train: .\nval: .\nnames: [cat, dog]\n"
    (tmp_path / "data.yaml").write_text(text)
    dataset = Dataset.open(tmp_path)
    assert dataset.labels.names == ("cat", "dog", "class_2", "class_3")
    assert (tmp_path / "data.yaml").read_text() == text  # looking changes nothing
    draw(dataset, dataset.keys[0])
    assert names_on_disk(tmp_path) == ["cat", "dog", "class_2", "class_3"]
    dataset.close()


def test_ids_of_label_files_changed_outside_are_classes(tmp_path: Path) -> None:
    a, _ = photos(tmp_path, "a.jpg", "b.jpg")
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "cat")
    draw(dataset, a)
    dataset.close()
    (tmp_path / "a.txt").write_text(f"3 {SQUARE}\n")
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "dog")
    assert names_on_disk(tmp_path) == ["cat", "class_1", "class_2", "class_3", "dog"]
    dataset.close()


def test_a_deleted_label_does_not_come_back_from_old_label_files(tmp_path: Path) -> None:
    photos(tmp_path, "a.jpg", "b.jpg")
    (tmp_path / "b.txt").write_text(f"1 {SQUARE}\n")
    (tmp_path / "classes.txt").write_text("cat\ndog\n")
    dataset = Dataset.open(tmp_path)
    labels = with_labels(dataset, "cow")
    draw(dataset, dataset.keys[0], label=2)
    fewer = labels.remove(labels.labels[0].id)
    dataset.commit(Transaction("Delete cat", labels=fewer, labels_before=labels))
    assert names_on_disk(tmp_path) == ["dog", "cow"]
    with_labels(dataset, "owl")
    assert names_on_disk(tmp_path) == ["dog", "cow", "owl"]
    dataset.close()
    assert trained(tmp_path / "data.yaml").classes == {"a.jpg": [1], "b.jpg": [0]}


def test_a_deleted_class_without_a_name_does_not_come_back(tmp_path: Path) -> None:
    photos(tmp_path, "a.jpg", "b.jpg")
    (tmp_path / "b.txt").write_text(f"5 {SQUARE}\n")
    dataset = Dataset.open(tmp_path)
    labels = dataset.labels
    assert len(labels) == 6
    fewer = labels.remove(labels.labels[2].id)
    dataset.commit(Transaction("Delete class_2", labels=fewer, labels_before=labels))
    with_labels(dataset, "owl")
    assert names_on_disk(tmp_path) == ["class_0", "class_1", "class_3", "class_4", "class_5", "owl"]
    dataset.close()


def test_many_label_files_are_read_a_part_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos(tmp_path, *(f"{i:02}.jpg" for i in range(40)))
    for i in range(40):
        (tmp_path / f"{i:02}.txt").write_text(f"{i} {SQUARE}\n")
    now = [0.0]

    def clock() -> float:
        now[0] += 0.2  # a few files take longer than an edit waits
        return now[0]

    monkeypatch.setattr(class_scan, "monotonic", clock)
    dataset = Dataset.open(tmp_path)
    assert dataset.unfinished
    with_labels(dataset, "cat")
    assert dataset.unfinished
    assert not (tmp_path / "data.yaml").exists()  # not with fewer classes than the label files have
    dataset.advance(0.02)  # 16 at opening, 16 with the label, 8
    assert not dataset.core.unfinished
    assert len(names_on_disk(tmp_path)) == 41
    dataset.close()


def test_closing_writes_what_was_put_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos(tmp_path, "a.jpg", "b.jpg")
    (tmp_path / "b.txt").write_text(f"7 {SQUARE}\n")
    with monkeypatch.context() as slow:
        slow.setattr(class_scan.ClassScan, "advance", lambda *_: False)
        dataset = Dataset.open(tmp_path)
        with_labels(dataset, "cat")
        assert not (tmp_path / "data.yaml").exists()
    dataset.close()
    assert names_on_disk(tmp_path) == ["cat", *(f"class_{i}" for i in range(1, 8))]


@pytest.mark.parametrize("names", [("cat", "dog", "cow"), ()])
def test_a_class_id_far_beyond_the_names_is_a_problem(tmp_path: Path, names: tuple[str, ...]) -> None:
    a, b = photos(tmp_path, "a.jpg", "b.jpg")
    text = f"0 {SQUARE}\n9999 {SQUARE}\n"
    (tmp_path / "a.txt").write_text(text)
    if names:
        (tmp_path / "data.yaml").write_text(f"train: .\nval: .\nnames: [{', '.join(names)}]\n")
    dataset = Dataset.open(tmp_path)
    assert len(dataset.load(a).annotations) == 1
    assert len(dataset.labels) == max(len(names), 1)
    (notice,) = [n for n in dataset.notices() if n.kind == "bad-lines"]
    assert (notice.key, notice.line) == (a, 2)
    assert "9999 is far beyond the class names" in notice.message
    draw(dataset, b)
    draw(dataset, a, 30)
    assert f"9999 {SQUARE}\n" in (tmp_path / "a.txt").read_text()
    assert len(names_on_disk(tmp_path)) == max(len(names), 1)
    dataset.close()
    assert len(Dataset.open(tmp_path).labels) == max(len(names), 1)


def test_ids_a_little_beyond_the_names_and_those_of_large_sets_are_read(tmp_path: Path) -> None:
    a, b = photos(tmp_path, "a.jpg", "b.jpg")
    (tmp_path / "a.txt").write_text(f"1202 {SQUARE}\n")
    dataset = Dataset.open(tmp_path)
    dataset.load(a)
    assert len(dataset.labels) == 1203  # the classes of LVIS
    dataset.close()
    (tmp_path / "data.yaml").write_text("train: .\nval: .\nnames: [cat, dog, cow]\n")
    (tmp_path / "a.txt").write_text(f"102 {SQUARE}\n")
    (tmp_path / "b.txt").write_text(f"103 {SQUARE}\n")
    dataset = Dataset.open(tmp_path)
    assert len(dataset.load(b).annotations) == 0
    assert len(dataset.load(a).annotations) == 1
    assert len(dataset.load(b).annotations) == 0  # whatever was read in between
    dataset.close()


def test_two_datasets_under_one_images_folder_have_a_data_yaml_each(tmp_path: Path) -> None:
    photos(tmp_path, "images/zoo/a.jpg", "images/farm/b.jpg")
    for folder, name in (("zoo", "lion"), ("farm", "cow")):
        dataset = Dataset.open(tmp_path / "images" / folder)
        assert dataset.labels == LabelSet()
        with_labels(dataset, name)
        draw(dataset, dataset.keys[0])
        dataset.close()
    for folder, name, key in (("zoo", "lion", "a.jpg"), ("farm", "cow", "b.jpg")):
        found = trained(tmp_path / "images" / folder / "data.yaml")
        assert (found.names, found.classes) == ((name,), {key: [0]})
    assert not (tmp_path / "data.yaml").exists()
    assert session(tmp_path / "images/zoo")[1] == []


def test_a_data_yaml_above_images_is_that_of_the_folder_it_names(tmp_path: Path) -> None:
    photos(tmp_path, "images/zoo/a.jpg", "images/farm/b.jpg")
    shared = "train: images/zoo\nval: images/zoo\nnames: [lion]\n"
    (tmp_path / "data.yaml").write_text(shared)
    zoo, farm = Dataset.open(tmp_path / "images/zoo"), Dataset.open(tmp_path / "images/farm")
    assert (zoo.labels.names, farm.labels.names) == (("lion",), ())
    with_labels(farm, "cow")
    assert (tmp_path / "data.yaml").read_text() == shared
    with_labels(zoo, "ape")
    assert names_on_disk(tmp_path) == ["lion", "ape"]
    zoo.close()
    farm.close()


def test_splits_under_one_images_folder_share_a_data_yaml(tmp_path: Path) -> None:
    photos(tmp_path, "images/train/a.jpg", "images/val/b.jpg")
    dataset = Dataset.open(tmp_path / "images/train")
    with_labels(dataset, "cat")
    dataset.close()
    assert Dataset.open(tmp_path / "images/val").labels.names == ("cat",)
