"""UndoHistory is the log of the store with the pending changes on top, whatever comes in between."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Thread

import pytest
from pytestqt.qtbot import QtBot

from samdesk.dataset.change import AppliedEdit
from samdesk.dataset.dataset import Dataset
from samdesk.domain.annotation import Annotation, AnnotationId, RunId
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import Edit, Transaction, add
from samdesk.domain.labels import LabelId, LabelSet
from samdesk.domain.review import AnnotationReview
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


def proposing(name: str, run_id: RunId, label: LabelId = LABELS.labels[0].id) -> Edit:
    review = AnnotationReview.PENDING
    return add([Annotation(AnnotationId(name), label, square(), review=review, run_id=run_id)])


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


@pytest.mark.parametrize(
    ("actions", "meanwhile", "expected"),
    [
        ("", [["Add label", "Add a"], []], [["Add label", "Add a", "Auto-annotate"], []]),
        ("c", [["Add label", "Add a", "Add b"], []], [["Add label", "Add a", "Add b", "Auto-annotate"], []]),
        ("u", [["Add label"], ["Add a"]], [["Add label", "Auto-annotate"], []]),
        ("ur", [["Add label", "Add a"], []], [["Add label", "Add a", "Auto-annotate"], []]),
    ],
)
def test_a_run_that_is_resumed_leaves_the_history_until_it_ends(
    client: StorageClient, actions: str, meanwhile: list[list[str]], expected: list[list[str]]
) -> None:
    """What is done while the run is being opened again is meant for the steps as they will be."""
    client.history.commit(drawing("a", KEYS[0]))
    before_end, storage = Gate(), Gate()
    runs: list[RunId] = []

    def run() -> None:
        runs.append(client.begin_run("Auto-annotate"))
        client.commit_run(runs[0], KEYS[2], proposing("found", runs[0]))
        client.end_run(runs[0])

    def resume() -> None:
        client.resume_run(runs[0])
        before_end.pass_through()
        client.commit_run(runs[0], KEYS[1], proposing("more", runs[0]))
        client.end_run(runs[0])

    ended_by(Thread(target=run))
    assert texts_shown(client) == [["Add label", "Add a", "Auto-annotate"], []]
    storage.close()
    before_end.close()
    client.ask(lambda _dataset: storage.pass_through(), lambda _: None)
    storage.wait_for_arrival()
    thread = Thread(target=resume)
    thread.start()
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
    before_end.wait_for_arrival()
    saved(client)
    settle()
    assert texts_in_log(client) == texts_shown(client) == meanwhile
    before_end.open()
    ended_by(thread)
    assert texts_in_log(client) == texts_shown(client) == expected
    client.history.undo()
    saved(client)
    assert loaded(client, KEYS[2]).annotations == ()
    assert [a.id for a in loaded(client, KEYS[1]).annotations] == ["b"] * ("c" in actions)


def test_labels_that_a_run_adds_and_changes_of_the_user_meet_in_the_store(client: StorageClient) -> None:
    """A change of labels that is on its way when the run adds one loses nothing, and nor does the run."""
    shown: list[tuple[str, ...]] = []
    client.changed.connect(lambda change: shown.append(change.labels.names) if change.labels else None)
    storage = Gate()
    storage.close()
    client.ask(lambda _dataset: storage.pass_through(), lambda _: None)
    storage.wait_for_arrival()

    def run() -> None:
        run_id = client.begin_run("Auto-annotate", names=["CAT", "dog"])

        def edit(_: ImageDocument, ids: Mapping[str, LabelId]) -> Edit:
            return add(p.annotation for n, i in ids.items() for p in proposing(n, run_id, i).put)

        client.commit_run(run_id, KEYS[0], edit, ["CAT", "dog"])
        client.end_run(run_id)

    thread = Thread(target=run)
    thread.start()
    while client._jobs.empty():
        settle()
    after = LABELS.rename(LABELS.labels[0].id, "Katze").add("own")
    client.history.commit(Transaction("Change labels", labels=after, labels_before=LABELS))
    storage.open()
    ended_by(thread)
    document = loaded(client, KEYS[0])
    assert shown[-1] == ("Katze", "own", "dog") or shown[-1] == ("Katze", "dog", "own")
    assert next(a.label_id for a in document.annotations) == LABELS.labels[0].id
    client.history.undo()
    saved(client)
    settle()
    assert shown[-1] == ("Katze", "own")


def ended_by(thread: Thread) -> None:
    """Lets a thread run to its end, and the storage thread with it."""
    if not thread.ident:
        thread.start()
    while thread.is_alive():
        settle()
    settle()


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
