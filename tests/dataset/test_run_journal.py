"""The journal of runs: what became of each image, resuming after a stop or a crash, the labels a run adds."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest

from samdesk.dataset import core, plans, queries
from samdesk.dataset.dataset import Dataset, StoreError
from samdesk.dataset.runs.record import RunCounts, RunImage, RunModel, RunRecord
from samdesk.domain.annotation import RunId
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import Edit, Transaction, add
from samdesk.domain.labels import LabelId, LabelSet
from tests.dataset.dataset_kit import by_run, content, draw, files, photos, with_labels

RECORD = RunRecord(
    {"conf": 0.25, "classes": None, "name": "Größe"},
    (RunModel("detector", "yolo11n.pt", "ab12", "cpu", "fp32"),),
)
KEYS = [ImageKey(f"{name}.png") for name in "abcd"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    photos(tmp_path, *KEYS)
    with closing(Dataset.open(tmp_path)) as dataset:
        with_labels(dataset, "x", "Dog")
    return tmp_path


def begin(dataset: Dataset, names: tuple[str, ...] = ()) -> RunId:
    return dataset.begin_run("Auto-annotate", RECORD, KEYS, names)


def find(dataset: Dataset, run: RunId, key: ImageKey, *names: str) -> bool:
    """Saves one object of each of these classes, as the run finds it."""

    def edit(_: ImageDocument, ids: Mapping[str, LabelId]) -> Edit:
        return add([by_run(ids[name], run, 5 * n) for n, name in enumerate(names)])

    return dataset.commit_run(run, key, edit, names)


def die(dataset: Dataset) -> None:
    dataset._core._store.close()
    dataset._core._lock.release()


def states(dataset: Dataset, run: RunId) -> str:
    return "".join(image.state[0] for image in queries.run_images(dataset, run))


def steps(dataset: Dataset) -> list[str]:
    return [entry.do.text for entry in dataset.history()[0]]


def names_used(dataset: Dataset, key: ImageKey) -> list[str]:
    return [dataset.labels.get(a.label_id).name for a in dataset.load(key).annotations]


class TestJournal:
    def test_what_became_of_each_image(self, folder: Path) -> None:
        dataset = Dataset.open(folder)
        run = begin(dataset)
        find(dataset, run, KEYS[0], "Dog", "Dog")
        dataset.runs.note(run, KEYS[1], "skipped", "edited by hand")
        dataset.runs.note(run, KEYS[2], "failed", "it is damaged")
        assert states(dataset, run) == "dsft"  # before they are written, too
        assert queries.run_images(dataset, run)[0] == RunImage(KEYS[0], "done", added=2)
        assert dataset.end_run(run) is not None
        dataset.close()
        dataset = Dataset.open(folder)
        (info,) = queries.runs(dataset)
        assert (info.id, info.text, info.state, info.record) == (run, "Auto-annotate", "stopped", RECORD)
        assert info.counts == RunCounts(1, 1, 1, 1, annotations=2)
        assert info.can_resume
        assert info.started is not None
        assert info.ended is not None
        assert 0 <= info.seconds <= info.ended - info.started + 0.1
        assert queries.run_images(dataset, run)[2] == RunImage(KEYS[2], "failed", "it is damaged")
        dataset.close()

    def test_a_run_of_all_images_is_done_and_its_state_follows_undo_and_redo(self, folder: Path) -> None:
        dataset = Dataset.open(folder)
        runs = [begin(dataset), begin(dataset)]
        for run, key in zip(runs, KEYS, strict=False):
            find(dataset, run, key, "x")
            for other in KEYS:
                if other != key:
                    dataset.runs.note(run, other, "skipped", "edited by hand")
            dataset.end_run(run)
        dataset.undo()
        assert {i.id: i.state for i in queries.runs(dataset)} == {runs[0]: "done", runs[1]: "undone"}
        with pytest.raises(StoreError, match="cannot be resumed"):
            dataset.resume_run(runs[1])
        dataset.redo()
        assert [info.state for info in queries.runs(dataset)] == ["done", "done"]
        dataset.close()

    @pytest.mark.parametrize(
        "sql",
        [
            "UPDATE run_images SET state='todo' WHERE image='a.png'",
            "UPDATE run_images SET state=x'00' WHERE image='a.png'",
            "UPDATE run_images SET added=7 WHERE image='a.png'",
            "UPDATE run_scopes SET images=x'00'",
            "UPDATE run_scopes SET images=zeroblob(9)",
            "DELETE FROM run_scopes",
            "UPDATE runs SET record='[1, 2'",
            "UPDATE runs SET record='{}'",
            "UPDATE runs SET labels='[[1]]'",
            "UPDATE runs SET counts='x', started='soon'",
            "UPDATE runs SET state='else'",
        ],
    )
    def test_a_damaged_journal_loses_no_annotation_and_the_run_can_be_undone(
        self, folder: Path, sql: str
    ) -> None:
        dataset = Dataset.open(folder)
        run = begin(dataset)
        find(dataset, run, KEYS[0], "Dog")
        find(dataset, run, KEYS[1], "cat")
        dataset.end_run(run)
        dataset.close()
        with closing(sqlite3.connect(folder / ".samdesk" / "dataset.db")) as connection, connection:
            assert connection.execute(sql).rowcount > 0
        dataset = Dataset.open(folder)
        (info,) = queries.runs(dataset)
        assert info.id == run
        assert {image.key for image in queries.run_images(dataset, run)} >= {KEYS[0], KEYS[1]}
        if "DELETE" not in sql:
            dataset.history()
            assert f"run {run}" in dataset.core.history.damaged
        assert names_used(dataset, KEYS[0]) == ["Dog"]
        assert dataset.undo() is not None
        assert dataset.load(KEYS[0]).annotations == ()
        dataset.close()


class TestResume:
    @pytest.mark.parametrize("how", ["stopped", "interrupted"])
    def test_it_goes_on_as_the_same_run_and_one_step(self, folder: Path, how: str) -> None:
        dataset = Dataset.open(folder)
        before = files(folder)
        run = begin(dataset)
        find(dataset, run, KEYS[0], "Dog")
        dataset.runs.note(run, KEYS[1], "failed", "the disk")
        find(dataset, run, KEYS[2], "cat")
        if how == "stopped":
            dataset.end_run(run)
            dataset.close()
        else:
            die(dataset)
        dataset = Dataset.open(folder)
        (info,) = queries.runs(dataset)
        assert info.state == how
        assert steps(dataset) == ["Add labels", "Auto-annotate"]
        draw(dataset, KEYS[3], 1)  # the user works on
        resumed = dataset.resume_run(run)
        assert (resumed.id, resumed.record) == (run, RECORD)
        assert steps(dataset) == ["Add labels", "Add"]  # while it goes on it cannot be undone
        todo = [i.key for i in queries.run_images(dataset, run) if i.state in ("todo", "failed")]
        assert todo == [KEYS[1], KEYS[3]]
        assert find(dataset, run, KEYS[1], "dog", "cat")
        assert not find(dataset, run, KEYS[3], "cat")
        dataset.runs.note(run, KEYS[3], "skipped", "edited by hand")
        dataset.end_run(run)
        assert steps(dataset) == ["Add labels", "Add", "Auto-annotate"]
        assert dataset.labels.names == ("x", "Dog", "cat")
        (info,) = queries.runs(dataset)
        assert (info.state, info.counts) == ("done", RunCounts(0, 3, 1, 0, annotations=4))
        dataset.undo()
        assert [len(dataset.load(key).annotations) for key in KEYS] == [0, 0, 0, 1]
        assert dataset.labels.names == ("x", "Dog")
        dataset.redo()
        assert names_used(dataset, KEYS[1]) == ["Dog", "cat"]
        dataset.undo()
        dataset.undo()  # the drawn one
        assert files(folder) == before
        dataset.close()

    def test_a_crash_before_the_first_image_leaves_a_run_that_can_be_resumed(self, folder: Path) -> None:
        dataset = Dataset.open(folder)
        run = begin(dataset)
        die(dataset)
        dataset = Dataset.open(folder)
        assert steps(dataset) == ["Add labels"]
        (info,) = queries.runs(dataset)
        assert (info.state, info.counts.todo, info.can_resume) == ("interrupted", 4, True)
        dataset.resume_run(run)
        with pytest.raises(StoreError, match="cannot be resumed"):
            dataset.resume_run(run)
        find(dataset, run, KEYS[0], "x")
        die(dataset)
        dataset = Dataset.open(folder)
        assert steps(dataset) == ["Add labels", "Auto-annotate"]
        dataset.close()


class TestLabels:
    def test_only_classes_that_were_found_are_added_at_the_end(self, folder: Path) -> None:
        dataset = Dataset.open(folder)
        run = begin(dataset, ("dog", "cat", "bus", "tram"))
        find(dataset, run, KEYS[0], "dog")
        assert dataset.labels.names == ("x", "Dog")
        find(dataset, run, KEYS[1], "bus", "DOG")
        find(dataset, run, KEYS[2], "cat", "Bus")
        assert dataset.labels.names == ("x", "Dog", "bus", "cat")
        assert names_used(dataset, KEYS[2]) == ["cat", "bus"]
        dataset.end_run(run)
        assert steps(dataset) == ["Add labels", "Auto-annotate"]
        after, labels = files(folder), dataset.labels
        dataset.undo()
        assert dataset.labels.names == ("x", "Dog")
        dataset.close()
        dataset = Dataset.open(folder)
        dataset.redo()
        assert dataset.labels == labels  # with the same ids and colours
        assert files(folder) == after
        dataset.close()

    def test_the_user_may_change_labels_meanwhile(self, folder: Path) -> None:
        dataset = Dataset.open(folder)
        run = begin(dataset, ("dog", "cat"))
        find(dataset, run, KEYS[0], "cat")

        def change(text: str, labels: LabelSet) -> None:
            dataset.commit(Transaction(text, labels=labels, labels_before=dataset.labels))

        dog, cat = dataset.labels.labels[1:]
        change("Rename", dataset.labels.rename(cat.id, "Katze").rename(dog.id, "Hund"))
        change("Add", dataset.labels.add("own"))
        change("Move", dataset.labels.move(cat.id, 0))
        find(dataset, run, KEYS[1], "cat", "dog")
        assert dataset.labels.names == ("Katze", "x", "Hund", "own")
        assert names_used(dataset, KEYS[1]) == ["Katze", "Hund"]
        draw(dataset, KEYS[2], label=0)  # with the label of the run
        dataset.end_run(run)
        dataset.undo()
        assert dataset.labels.names == ("Katze", "x", "Hund", "own")  # it is in use
        dataset.undo()
        dataset.redo()
        dataset.redo()
        assert names_used(dataset, KEYS[1]) == ["Katze", "Hund"]
        dataset.close()

    def test_a_label_that_the_user_replaces_or_deletes_is_not_added_again(self, folder: Path) -> None:
        dataset = Dataset.open(folder)
        run = begin(dataset)
        find(dataset, run, KEYS[0], "cat", "bus")
        cat, bus = (label.id for label in dataset.labels.labels[2:])
        dataset.commit_planned(lambda d: plans.replace_label(d, cat, bus))
        find(dataset, run, KEYS[1], "cat", "bus")
        assert names_used(dataset, KEYS[1]) == ["bus", "bus"]
        assert dataset.labels.names == ("x", "Dog", "bus")
        dataset.end_run(run)
        dataset.undo()
        dataset.redo()
        dataset.close()

    def test_a_class_id_of_a_label_file_does_not_become_that_of_a_new_label(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(core, "SCANNED_ON_OPENING", 0)  # as in a dataset of many images
        line = " 0.25 0.25 0.5 0.25 0.5 0.75 0.25 0.75\n"
        (folder / "d.txt").write_text(f"3{line}")
        dataset = Dataset.open(folder)
        run = begin(dataset)
        find(dataset, run, KEYS[0], "cat")
        assert dataset.labels.names == ("x", "Dog", "class_2", "class_3", "cat")
        dataset.end_run(run)
        dataset.undo()
        assert names_used(dataset, KEYS[3]) == ["class_3"]
        dataset.close()

    def test_an_edit_of_the_user_that_is_on_its_way_keeps_the_label_of_the_run(self, folder: Path) -> None:
        dataset = Dataset.open(folder)
        base = dataset.labels
        run = begin(dataset)
        find(dataset, run, KEYS[0], "cat")
        dataset.commit(Transaction("Add own", labels=base.add("own"), labels_before=base))
        assert sorted(dataset.labels.names) == ["Dog", "cat", "own", "x"]
        before = content(dataset.load(KEYS[0]))
        dataset.end_run(run)
        dataset.undo()
        assert dataset.labels.names == ("x", "Dog", "own")
        dataset.redo()
        assert content(dataset.load(KEYS[0])) == before
        dataset.close()
