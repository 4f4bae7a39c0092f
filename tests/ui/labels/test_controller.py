"""Deleting a label: its confirmation waits for its own count of annotations, not for another one."""

from __future__ import annotations

from pathlib import Path

import pytest

from samdesk.dataset import queries
from samdesk.domain.annotation import Annotation, Source, new_annotation_id
from samdesk.domain.edits import add
from tests.helpers.desk import User, photos
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
