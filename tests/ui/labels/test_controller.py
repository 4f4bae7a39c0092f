"""Deleting a label: its confirmation waits for its own count of annotations, not for another one."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from samdesk.dataset import queries
from samdesk.dataset.dataset import Dataset
from samdesk.domain.annotation import Annotation, Source, new_annotation_id
from samdesk.domain.document import ImageKey
from samdesk.domain.edits import add
from tests.helpers.desk import User, lines, photos
from tests.helpers.gated import Gate
from tests.helpers.make import square


@pytest.fixture
def gate(user: User) -> Gate:
    """Blocks the storage thread in a first query; later queries wait."""
    user.add_labels("cat", "dog")
    user.until_saved()
    gate = Gate()
    gate.close()
    user.desk.workers.storage.ask(lambda _dataset: gate.pass_through(), lambda _: None)
    user.until(gate.has_arrival)
    return gate


def test_an_earlier_count_does_not_answer_a_deletion(user: User, gate: Gate) -> None:
    labels = user.desk.session.model.labels
    dog = labels.labels[1]
    user.desk.flows.labels.refresh()  # counts no dog yet
    drawn = Annotation(new_annotation_id(), dog.id, square(), Source.MANUAL)
    user.desk.session.edit("Add dog", add([drawn]))
    user.answers.item = None  # think again
    user.desk.view.labels.remove_requested.emit(dog.id)
    counted: list[object] = []
    user.desk.workers.storage.ask(queries.label_usage, counted.append)
    gate.open()
    user.until(lambda: bool(counted))
    assert len(user.answers.asked) == 1
    assert "One annotation uses “dog”." in user.answers.asked[0]
    assert user.desk.session.model.labels == labels


def test_what_is_drawn_while_a_label_is_replaced_gets_the_other_label(user: User, folder: Path) -> None:
    user.add_labels("cat", "dog")
    first = user.draw(100, 100, Qt.Key.Key_1)
    user.until_saved()
    storage, gate = user.desk.workers.storage, Gate()
    gate.close()
    user.answers.item = 0  # "dog" in place of "cat"
    user.desk.view.labels.remove_requested.emit(first.label_id)
    user.until(lambda: len(user.answers.asked) == 1)
    user.draw(200, 100)  # goes on at once with the label that is still on screen, or its successor
    storage.ask(lambda _dataset: gate.pass_through(), lambda _: None)
    user.draw(250, 150)
    gate.open()
    user.until_saved()
    assert user.desk.session.model.labels.names == ("dog",)
    assert user.names == ["dog", "dog", "dog"]
    assert [line.class_id for line in lines(folder / "0.png").lines] == [0, 0, 0]
    assert "Try again" not in user.buttons
    for count in (2, 1, 1, 1):  # the replacement renumbers labels: the first press names it
        user.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        user.until_saved()
        user.until(lambda count=count: len(user.annotations) == count)  # type: ignore[misc]
    user.until(lambda: user.names == ["cat"])


def test_a_label_that_was_used_meanwhile_comes_back_and_its_annotations_stay(user: User, gate: Gate) -> None:
    labels = user.desk.session.model.labels
    dog = labels.labels[1]
    drawn = Annotation(new_annotation_id(), dog.id, square(), Source.YOLO_SAM)

    def find(dataset: Dataset) -> None:
        run = dataset.begin_run("Auto-annotate")
        dataset.commit_run(run, ImageKey("1.png"), add([drawn]))
        dataset.end_run(run)

    user.desk.workers.storage.ask(find, lambda _: None)
    user.desk.session.delete_label(dog.id)
    user.draw(100, 100)
    gate.open()
    user.until_saved()
    assert user.names == ["cat"]
    assert user.desk.session.model.labels == labels
    assert (
        "“Delete label dog” was not saved: The label “dog” is used by 1 annotation by now. "
        "Delete it again to choose another label for them."
    ) in user.message_text
    history = user.desk.session.history
    assert history.texts[history.index - 1] == "Add cat"
    user.go("1.png")
    assert user.names == ["dog"]


def test_a_deletion_is_dropped_when_another_dataset_is_open(user: User, gate: Gate, tmp_path: Path) -> None:
    other = photos(tmp_path / "other")
    dog = user.desk.session.model.labels.labels[1]
    user.desk.flows.files.open_folder(other)
    user.desk.view.labels.remove_requested.emit(dog.id)
    gate.open()
    user.until(lambda: user.desk.flows.files.info.folder == other.resolve())  # type: ignore[union-attr]
    user.until(lambda: user.shown == "0.png")
    user.add_labels("dog")
    user.until_saved()
    assert user.answers.asked == []
    assert user.desk.session.model.labels.names == ("dog",)
