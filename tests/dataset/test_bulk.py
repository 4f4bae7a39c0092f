"""Changes of many images: label files in parts, stop and resume, restart, kill; pauses and cancelling."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from samdesk.base.jobs import Cancelled
from samdesk.dataset import core, plans
from samdesk.dataset.dataset import Dataset
from samdesk.dataset.queries import early_document
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import Transaction
from samdesk.formats.yolo import data_yaml
from tests.dataset.dataset_kit import SQUARE, content, draw, photos

MANY = 150
NAMES = ("cat", "dog", "bird")
SESSION = Path(__file__).with_name("bulk_session.py")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core, "_SCAN_SECONDS", 0.0)
    monkeypatch.setattr(core, "_CLOSING_SECONDS", 0.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Images with one annotation each, of three classes in turn, and their names."""
    photos(tmp_path, "images/0.png")
    (tmp_path / "labels").mkdir()
    for number in range(MANY):
        if number:
            os.link(tmp_path / "images/0.png", tmp_path / f"images/{number}.png")
        (tmp_path / f"labels/{number}.txt").write_text(before(number))
    (tmp_path / "data.yaml").write_text(f"train: images\nval: images\nnames: [{', '.join(NAMES)}]\n")
    return tmp_path


def before(number: int) -> str:
    return f"{number % 3} {SQUARE}\n"


def moved(number: int) -> str:
    """The label file once "cat" has moved to the end: 0 is 2, 1 is 0, 2 is 1."""
    return f"{(number % 3 + 2) % 3} {SQUARE}\n"


def count(folder: Path, expected: Callable[[int], str]) -> int:
    return sum((folder / f"labels/{n}.txt").read_text() == expected(n) for n in range(MANY))


def whole(folder: Path) -> bool:
    """Whether every file is as before or as after."""
    texts = [(folder / f"labels/{number}.txt").read_text() for number in range(MANY)]
    return all(text in (before(number), moved(number)) for number, text in enumerate(texts))


def names(folder: Path) -> tuple[str, ...]:
    found = data_yaml.read_names(folder)
    return () if found is None else tuple(found.names)


def move_label(dataset: Dataset) -> None:
    labels = dataset.labels
    turned = labels.move(labels.labels[0].id, 2)
    dataset.commit(Transaction("Move label", labels=turned, labels_before=labels))


def finish(dataset: Dataset) -> int:
    parts = 0
    while dataset.unfinished:
        dataset.advance(0)
        parts += 1
    return parts


class TestLabelFiles:
    def test_they_are_written_in_parts_and_the_names_at_the_end(self, folder: Path) -> None:
        dataset = Dataset.open(folder)
        move_label(dataset)
        progress = dataset.core.sweep.progress
        assert progress is not None
        assert (progress.total, progress.stopped, progress.cancels) == (MANY, False, False)
        dataset.core.sweep.settle()
        assert 0 < count(folder, moved) < MANY
        assert whole(folder)
        assert names(folder) == NAMES  # as the files that are not written yet say

        assert finish(dataset) > 3
        assert dataset.core.sweep.progress is None
        assert count(folder, moved) == MANY
        assert names(folder) == ("dog", "bird", "cat")
        assert [entry.do.text for entry in dataset.history()[0]] == ["Move label"]
        assert dataset.notices() == []
        dataset.undo()
        finish(dataset)
        assert count(folder, before) == MANY
        assert names(folder) == NAMES
        dataset.close()

    def test_images_are_read_and_edited_between_two_parts(self, folder: Path) -> None:
        dataset = Dataset.open(folder)
        move_label(dataset)
        last = ImageKey("images/99.png")
        assert (folder / "labels/99.txt").read_text() == before(99)
        (annotation,) = dataset.load(last).annotations
        assert dataset.labels.get(annotation.label_id).name == "cat"
        draw(dataset, last, label=1)
        lines = (folder / "labels/99.txt").read_text().splitlines()
        assert [line.split()[0] for line in lines] == ["2", "1"]  # with the new class ids, at once
        finish(dataset)
        assert (folder / "labels/99.txt").read_text().splitlines() == lines
        assert dataset.conflicts == frozenset()
        dataset.close()

    def test_stopped_and_resumed_it_is_one_step(self, folder: Path) -> None:
        dataset = Dataset.open(folder)
        move_label(dataset)
        dataset.advance(0)
        dataset.core.sweep.stop()
        written = count(folder, moved)
        progress = dataset.core.sweep.progress
        assert progress is not None
        assert (progress.done, progress.stopped) == (written, True)
        assert not dataset.core.unfinished
        dataset.advance(1)
        assert count(folder, moved) == written < MANY
        dataset.core.sweep.resume()
        finish(dataset)
        assert count(folder, moved) == MANY
        assert len(dataset.history()[0]) == 1
        dataset.close()

    def test_undone_in_the_middle_all_are_as_before(self, folder: Path) -> None:
        dataset = Dataset.open(folder)
        move_label(dataset)
        dataset.advance(0)
        dataset.undo()
        finish(dataset)
        assert count(folder, before) == MANY
        assert names(folder) == NAMES
        dataset.redo()
        finish(dataset)
        assert count(folder, moved) == MANY
        dataset.close()

    @pytest.mark.parametrize("stopped", [False, True])
    def test_after_a_restart_the_rest_is_written(self, folder: Path, stopped: bool) -> None:
        dataset = Dataset.open(folder)
        move_label(dataset)
        if stopped:
            dataset.core.sweep.stop()
        dataset.close()
        assert 0 < count(folder, moved) < MANY
        dataset = Dataset.open(folder)
        assert dataset.unfinished
        finish(dataset)
        assert count(folder, moved) == MANY
        assert names(folder) == ("dog", "bird", "cat")
        assert dataset.notices() == []
        dataset.close()

    def test_a_full_disk_ends_it_and_the_next_change_goes_on(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        dataset = Dataset.open(folder)
        move_label(dataset)
        dataset.core.sweep.settle()  # a write on its way would make the folder again
        folder.joinpath("labels").rename(folder / "elsewhere")
        (folder / "labels").write_text("no folder")
        finish(dataset)
        assert {notice.kind for notice in dataset.notices()} == {"save"}
        (folder / "labels").unlink()
        (folder / "elsewhere").rename(folder / "labels")
        draw(dataset, ImageKey("images/5.png"))
        finish(dataset)
        assert count(folder, moved) == MANY - 1
        dataset.close()

    def test_killed_between_two_parts_nothing_is_lost(self, folder: Path) -> None:
        process = subprocess.Popen(
            [sys.executable, str(SESSION), str(folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        with process.stdin, process.stdout:
            assert process.stdout.readline() == "saved\n"
            process.stdin.write("\n\n\n")
            process.stdin.flush()
            assert process.stdout.readline() == "part\n"
            process.kill()
        process.wait(30)
        assert 0 < count(folder, moved) < MANY
        assert whole(folder)
        dataset = Dataset.open(folder)
        assert dataset.conflicts == frozenset()
        (annotation,) = dataset.load(ImageKey("images/149.png")).annotations
        assert dataset.labels.get(annotation.label_id).name == NAMES[149 % 3]
        finish(dataset)
        assert count(folder, moved) == MANY
        assert names(folder) == ("dog", "bird", "cat")
        assert [entry.do.text for entry in dataset.history()[0]] == ["Move label"]
        assert dataset.notices() == []
        dataset.close()


class TestPauses:
    """Between two images of a long change."""

    def test_cancelled_nothing_is_changed_and_it_can_be_made_again(self, folder: Path) -> None:
        dataset = Dataset.open(folder)
        labels, keys = dataset.labels, dataset.keys
        seen = [content(dataset.load(key)) for key in keys]
        plan = partial(plans.replace_label, old=labels.labels[0].id, new=labels.labels[1].id)
        told: list[tuple[str, int, int]] = []

        def stop_at(what: str, step: tuple[str, int, int]) -> None:
            told.append(step)
            if step[0] == what and step[1] >= 20:
                raise Cancelled

        for what in ("Finding annotations", "Preparing the change", "Reading label files", "Saving"):
            dataset.core.breathe = lambda *step, what=what: stop_at(what, step)
            with pytest.raises(Cancelled):
                dataset.commit_planned(plan)
            assert told[-1][0] == what
            assert dataset.labels == labels
            assert dataset.history() == ([], [])
            assert [content(dataset.load(key)) for key in keys] == seen
        assert count(folder, before) == MANY

        dataset.core.breathe = lambda *step: told.append(step)
        dataset.commit_planned(plan)
        finish(dataset)
        assert [entry.do.text for entry in dataset.history()[0]] == ["Replace and delete cat"]
        assert names(folder) == ("dog", "bird")
        assert (
            (folder / "labels/0.txt").read_text() == (folder / "labels/1.txt").read_text() == f"0 {SQUARE}\n"
        )
        for done, total in [(d, t) for what, d, t in told if what == "Saving"]:
            assert 0 < done < total
        dataset.undo()
        finish(dataset)
        assert count(folder, before) == MANY
        dataset.close()

    def test_a_document_is_read_in_the_middle_and_nothing_is_remembered_of_it(self, folder: Path) -> None:
        dataset = Dataset.open(folder)
        labels = dataset.labels
        first, last = ImageKey("images/0.png"), ImageKey("images/147.png")
        read: dict[str, list[ImageDocument | None]] = {}

        def look(what: str, _done: int, _total: int) -> None:
            for key in (first, last):
                read.setdefault(what, []).append(early_document(dataset, key))

        dataset.core.breathe = look
        dataset.commit_planned(partial(plans.replace_label, old=labels.labels[0].id, new=labels.labels[1].id))
        assert {"Finding annotations", "Preparing the change", "Saving"} <= read.keys()
        assert all(d is not None and len(d.annotations) == 1 for found in read.values() for d in found)
        assert dataset.load(first).annotations[0].label_id == labels.labels[1].id
        assert dataset.load(last).annotations[0].label_id == labels.labels[1].id
        assert early_document(dataset, ImageKey("nowhere.png")) is None
        finish(dataset)
        dataset.close()
