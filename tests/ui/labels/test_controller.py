"""Deleting a label: its confirmation waits for its own count of annotations, not for another one."""

from __future__ import annotations

from pathlib import Path

import pytest

from samdesk.dataset import queries
from samdesk.domain.annotation import Annotation, Source, new_annotation_id
from samdesk.domain.edits import add
from tests.helpers.desk import Person, photos
from tests.helpers.gated import Gate
from tests.helpers.make import square


@pytest.fixture
def gate(person: Person) -> Gate:
    """Blocks the storage thread in a first query; later queries wait."""
    person.add_labels("cat", "dog")
    person.until_saved()
    gate = Gate()
    gate.close()
    person.desk.workers.storage.ask(lambda _dataset: gate.pass_through(), lambda _: None)
    person.until(gate.someone_came)
    return gate


def test_an_earlier_count_does_not_answer_a_deletion(person: Person, gate: Gate) -> None:
    labels = person.desk.session.model.labels
    dog = labels.labels[1]
    person.desk.flows.labels.refresh()  # counts no dog yet
    drawn = Annotation(new_annotation_id(), dog.id, square(), Source.MANUAL)
    person.desk.session.edit("Add dog", add([drawn]))
    person.answers.item = None  # think again
    person.desk.view.labels.remove_requested.emit(dog.id)
    counted: list[object] = []
    person.desk.workers.storage.ask(queries.label_usage, counted.append)
    gate.open()
    person.until(lambda: bool(counted))
    assert len(person.answers.asked) == 1
    assert "One annotation uses “dog”." in person.answers.asked[0]
    assert person.desk.session.model.labels == labels


def test_a_deletion_is_dropped_when_another_dataset_is_open(
    person: Person, gate: Gate, tmp_path: Path
) -> None:
    other = photos(tmp_path / "other")
    dog = person.desk.session.model.labels.labels[1]
    person.desk.flows.files.open_folder(other)
    person.desk.view.labels.remove_requested.emit(dog.id)
    gate.open()
    person.until(lambda: person.desk.flows.files.info.folder == other.resolve())  # type: ignore[union-attr]
    person.until(lambda: person.shown == "0.png")
    person.add_labels("dog")
    person.until_saved()
    assert person.answers.asked == []
    assert person.desk.session.model.labels.names == ("dog",)
