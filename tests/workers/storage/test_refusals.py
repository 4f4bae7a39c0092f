"""A change that the store refuses is dropped alone; the changes around it are saved as they were meant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from samdesk.dataset.dataset import Dataset, StoreError
from samdesk.dataset.types import CommittedStep, RefusedError
from samdesk.domain.annotation import Annotation, AnnotationId
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import Transaction, add
from samdesk.domain.labels import LabelSet
from samdesk.workers.storage.changes import RefusedChange
from samdesk.workers.storage.client import DatasetChange, DatasetInfo, StorageClient
from tests.helpers.gated import Gate, settle, spin_until
from tests.helpers.make import photo, square

KEY = ImageKey("a.png")
LABELS = LabelSet.from_names(["cat", "dog"])


@dataclass
class Desk:
    """A client on a real dataset that refuses some changes."""

    client: StorageClient
    gate: Gate
    refuses: list[str]
    refused: list[RefusedChange] = field(default_factory=list)
    changes: list[DatasetChange] = field(default_factory=list)

    def add(self, name: str) -> None:
        annotation = Annotation(AnnotationId(name), LABELS.labels[0].id, square())
        self.client.history.commit(Transaction(name, ((KEY, add([annotation])),)))

    def do(self, actions: str) -> None:
        """Letters add annotations of that name, "<" undoes, ">" redoes, all before any of it is saved."""
        self.gate.close()
        self.client.ask(lambda _dataset: self.gate.pass_through(), lambda _: None)
        for action in actions:
            if action == "<":
                self.client.history.undo()
            elif action == ">":
                self.client.history.redo()
            else:
                self.add(action)
        self.gate.open()
        spin_until(lambda: self.client.history.pending == 0)

    def stored(self) -> tuple[str, str, str]:
        """The annotations, the steps done and the steps undone, by their letters."""
        found: list[tuple[ImageDocument, list[list[str]]]] = []

        def read(dataset: Dataset) -> tuple[ImageDocument, list[list[str]]]:
            return dataset.load(KEY), [[e.do.text for e in entries] for entries in dataset.history()]

        self.client.ask(read, found.append)
        spin_until(lambda: bool(found))
        document, (done, undone) = found[0]
        return "".join(a.id for a in document.annotations), "".join(done[1:]), "".join(undone)

    def shown(self) -> tuple[str, str]:
        texts, index = self.client.history.texts, self.client.history.index
        return "".join(texts[1:index]), "".join(texts[index:])


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[Desk]:
    refuses: list[str] = []

    class Particular(Dataset):
        """Refuses what is named in ``refuses``: the text of a step, "undo", "redo"; "full" is the disk."""

        def check(self, what: str) -> None:
            if what in refuses:
                raise RefusedError(f"It does not take {what}.")
            if "full" in refuses:
                refuses.remove("full")
                raise StoreError("the disk is full")

        def commit_step(self, transaction: Transaction, applied: object = None) -> CommittedStep:
            self.check(transaction.text)
            return super().commit_step(transaction)

        def undo(self, seq: int | None = None) -> Transaction | None:
            self.check("undo")
            return super().undo(seq)

        def redo(self, seq: int | None = None) -> Transaction | None:
            self.check("redo")
            return super().redo(seq)

    photo(tmp_path / KEY, 120, 90)
    client = StorageClient(lambda folder, path: Particular.open(folder, store_path=path))
    desk = Desk(client, Gate(), refuses)
    opened: list[DatasetInfo] = []
    client.opened.connect(opened.append)
    client.history.refused.connect(desk.refused.append)
    client.changed.connect(desk.changes.append)
    client.open(tmp_path)
    spin_until(lambda: bool(opened))
    client.history.commit(Transaction("Labels", labels=LABELS, labels_before=LabelSet()))
    yield desk
    desk.gate.open()
    assert client.stop()


@pytest.mark.parametrize(
    ("before", "refuses", "actions", "document", "done", "undone"),
    [
        ("a", "x", "x", "a", "a", ""),
        ("a", "x", "xb", "ab", "ab", ""),
        ("a", "x", "x<", "a", "a", ""),  # must not undo "a"
        ("a", "x", "x<b", "ab", "ab", ""),
        ("a", "x", "x<>", "a", "a", ""),
        ("ab<", "x", "x", "a", "a", "b"),  # "b" can be redone again
        ("ab<", "x", "x<>", "a", "a", "b"),  # and is not redone instead of "x"
        ("a", "x", "xb<", "a", "a", "b"),
        ("a", "x", "x<<", "", "", "a"),  # the second is meant for "a"
        ("a", "x", "x<<>", "a", "a", ""),
        ("a", "x y", "xbyc", "abc", "abc", ""),
        ("a", "x y", "xy<<b", "ab", "ab", ""),
        ("ab", "undo", "<", "ab", "ab", ""),
        ("ab", "undo", "<<", "ab", "ab", ""),  # one refusal, told once
        ("ab", "undo", "<>", "ab", "ab", ""),
        ("ab", "undo", "<c", "abc", "abc", ""),
        ("abc<<", "redo", ">>", "a", "a", "bc"),
        ("abc<<", "redo", "><", "a", "a", "bc"),
        ("abc<<", "redo", "><<", "", "", "abc"),
        ("a", "x full", "xb", "ab", "ab", ""),
    ],
)
def test_only_what_is_refused_is_missing(
    desk: Desk, before: str, refuses: str, actions: str, document: str, done: str, undone: str
) -> None:
    desk.do(before)
    desk.refuses += refuses.split()
    if "full" in refuses:
        do_on_a_full_disk(desk, actions)
    else:
        desk.do(actions)
    assert desk.stored() == (document, done, undone)
    assert desk.shown() == (done, undone)
    expected = 2 if refuses == "x y" else 1
    assert len(desk.refused) == expected, [refused.text for refused in desk.refused]


def do_on_a_full_disk(desk: Desk, actions: str) -> None:
    for action in actions:
        desk.add(action)
    spin_until(lambda: desk.client.history.stuck)
    desk.client.history.retry()
    spin_until(lambda: desk.client.history.pending == 0)


def test_what_was_refused_is_named_and_can_be_tried_again(desk: Desk) -> None:
    desk.refuses.append("x")
    desk.do("x")
    assert [r.text for r in desk.refused] == ["“x” was not saved: It does not take x."]
    assert desk.client.history.refused_changes == tuple(desk.refused)
    assert desk.changes[-2].keys == (KEY,)  # the image on screen is read again
    desk.add("a")
    desk.refuses.clear()
    desk.client.history.try_again()
    assert desk.client.history.refused_changes == ()
    spin_until(lambda: desk.client.history.pending == 0)
    assert desk.stored() == ("ax", "ax", "")
    assert desk.shown() == ("ax", "")


def test_an_undo_that_is_refused_is_named(desk: Desk) -> None:
    desk.do("a")
    desk.refuses.append("undo")
    desk.do("<")
    assert [r.text for r in desk.refused] == ["“a” could not be undone: It does not take undo."]
    assert desk.client.history.refused_changes == ()
    desk.refuses.clear()
    desk.do("<")
    assert desk.stored() == ("", "", "a")


def test_an_unexpected_error_blocks_nothing(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    def fail(dataset: Dataset) -> Transaction:
        raise ZeroDivisionError

    with caplog.at_level("CRITICAL", logger="samdesk"):
        desk.client.history.commit(Transaction("Odd"), plan=fail)
        desk.add("a")
        spin_until(lambda: desk.client.history.pending == 0)
    assert desk.stored() == ("a", "a", "")
    (refused,) = desk.refused
    assert "Unexpected error while saving the change: ZeroDivisionError" in refused.text


def test_the_labels_of_the_store_are_shown_again(desk: Desk) -> None:
    desk.do("")
    before = LABELS
    desk.refuses.append("Move")
    moved = before.move(before.labels[1].id, 0)
    desk.client.history.commit(Transaction("Move", labels=moved, labels_before=before))
    spin_until(lambda: desk.client.history.pending == 0)
    settle()
    assert [c.labels for c in desk.changes if c.labels is not None][-1] == before
