"""UndoHistory is the log of the store with the pending changes on top, whatever comes in between."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from pytestqt.qtbot import QtBot

from samdesk.dataset.change import AppliedEdit
from samdesk.dataset.dataset import Dataset
from samdesk.domain.annotation import Annotation, AnnotationId
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import Transaction, add
from samdesk.domain.labels import LabelSet
from samdesk.workers.storage.client import DatasetInfo, StorageClient
from tests.helpers.gated import Gate, settle, spin_until
from tests.helpers.make import photo, square

KEYS = (ImageKey("a.png"), ImageKey("b.png"), ImageKey("c.png"))
LABELS = LabelSet.from_names(["cat"])


@pytest.fixture
def client(qtbot: QtBot, tmp_path: Path) -> Iterator[StorageClient]:
    for seed, key in enumerate(KEYS):
        photo(tmp_path / key, 120, 90, seed=seed)
    client = StorageClient()
    opened: list[DatasetInfo] = []
    client.opened.connect(opened.append)
    client.open(tmp_path)
    spin_until(lambda: bool(opened))
    client.history.commit(Transaction("Add label", labels=LABELS, labels_before=LabelSet()))
    saved(client)
    yield client
    assert client.stop()


def saved(client: StorageClient) -> None:
    spin_until(lambda: client.history.pending == 0)


def drawing(name: str, key: ImageKey) -> Transaction:
    annotation = Annotation(AnnotationId(name), LABELS.labels[0].id, square())
    return Transaction(f"Add {name}", ((key, add([annotation])),))


def texts_in_log(client: StorageClient) -> list[list[str]]:
    found: list[list[str]] = []

    def read(dataset: Dataset) -> list[list[str]]:
        return [[entry.do.text for entry in entries] for entries in dataset.history()]

    client.ask(read, found.extend)
    spin_until(lambda: bool(found))
    return found


def texts_shown(client: StorageClient) -> list[list[str]]:
    texts, index = list(client.history.texts), client.history.index
    return [texts[:index], texts[index:]]


def run_behind(client: StorageClient, gate: Gate) -> Thread:
    """Has a whole run wait at the gate, so that what the user does now comes after it."""

    def run() -> None:
        run_id = client.begin_run("Auto-annotate")
        client.commit_run(run_id, KEYS[2], drawing("found", KEYS[2]).edits[0][1])
        gate.pass_through()
        client.end_run(run_id)

    thread = Thread(target=run)
    thread.start()
    gate.wait_for_arrival()
    return thread


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        ("", [["Add label", "Add a", "Auto-annotate"], []]),
        ("c", [["Add label", "Add a", "Auto-annotate", "Add b"], []]),
        ("cu", [["Add label", "Add a", "Auto-annotate"], ["Add b"]]),
        ("cucr", [["Add label", "Add a", "Auto-annotate", "Add b"], []]),
        ("u", [["Add label", "Add a"], ["Auto-annotate"]]),
        ("uc", [["Add label", "Add a", "Add b"], []]),
        ("ur", [["Add label", "Add a", "Auto-annotate"], []]),
        ("uu", [["Add label"], ["Add a", "Auto-annotate"]]),
    ],
)
def test_a_run_that_ends_is_below_the_pending_changes(
    client: StorageClient, actions: str, expected: list[list[str]]
) -> None:
    """What is done while the end of a run is on its way: c commits, u undoes, r redoes."""
    client.history.commit(drawing("a", KEYS[0]))
    saved(client)
    before_end, storage = Gate(), Gate()
    before_end.close()
    storage.close()
    thread = run_behind(client, before_end)
    client.ask(lambda _dataset: storage.pass_through(), lambda _: None)
    storage.wait_for_arrival()
    before_end.open()  # its end is queued behind the question
    while client._jobs.empty():
        settle()
    for action in actions:
        if action == "c":
            client.history.commit(drawing("b", KEYS[1]))
        elif action == "u":
            client.history.undo()
        else:
            client.history.redo()
    storage.open()
    while thread.is_alive():
        settle()
    saved(client)
    settle()
    assert texts_in_log(client) == texts_shown(client) == expected


def loaded(client: StorageClient, key: ImageKey) -> ImageDocument:
    found: list[ImageDocument] = []
    client.ask(lambda dataset: dataset.load(key), found.append)
    spin_until(lambda: bool(found))
    return found[0]


def test_an_edit_on_screen_is_not_applied_again(client: StorageClient) -> None:
    document = loaded(client, KEYS[0])
    for name in ("one", "two"):
        do = drawing(name, KEYS[0])
        applied = AppliedEdit.of(do.edits[0][1], document)
        client.history.commit(do, Transaction(do.text, ((KEYS[0], applied.back),)), applied)
        assert loaded(client, KEYS[0]) is applied.after
        document = applied.after
    client.history.undo()
    assert [a.id for a in loaded(client, KEYS[0]).annotations] == ["one"]
    client.history.redo()
    assert loaded(client, KEYS[0]).annotations == document.annotations


def test_an_edit_of_another_document_than_the_stores_is_applied_to_the_stores(client: StorageClient) -> None:
    out_of_date = loaded(client, KEYS[0])
    client.history.commit(drawing("one", KEYS[0]))
    do = drawing("two", KEYS[0])
    client.history.commit(do, applied=AppliedEdit.of(do.edits[0][1], out_of_date))
    assert [a.id for a in loaded(client, KEYS[0]).annotations] == ["one", "two"]
