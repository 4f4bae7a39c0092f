"""The steps of the image on screen come first; list and log agree on the order, whatever comes in between."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from samdesk.dataset.dataset import Dataset, StoreError
from samdesk.dataset.types import CommittedStep, LogEntry
from samdesk.domain.annotation import Annotation, AnnotationId
from samdesk.domain.document import ImageKey
from samdesk.domain.edits import Edit, Transaction, add
from samdesk.domain.labels import LabelId, LabelSet
from samdesk.workers.storage.changes import RefusedChange
from samdesk.workers.storage.client import DatasetInfo, StorageClient
from tests.helpers.gated import Gate, settle, spin_until
from tests.helpers.make import photo, square

KEYS = {name: ImageKey(f"{name}.png") for name in "abc"}
LABELS = LabelSet.from_names(["cat"])


@dataclass
class Desk:
    """A client on three images. Steps are named by their image and a number: "a1"."""

    folder: Path
    client: StorageClient
    gate: Gate
    full: bool = False
    refused: list[RefusedChange] = field(default_factory=list)
    made: int = 0

    def guarded(self, folder: Path, store_path: Path | None) -> Dataset:
        desk = self

        class Guarded(Dataset):
            def commit_step(self, *args: object) -> CommittedStep:
                desk.check()
                return super().commit_step(*args)  # type: ignore[arg-type]

            def undo(self, seq: int | None = None) -> Transaction | None:
                desk.check()
                return super().undo(seq)

            def redo(self, seq: int | None = None) -> Transaction | None:
                desk.check()
                return super().redo(seq)

        return Guarded.open(folder, store_path=store_path)

    def check(self) -> None:
        if self.full:
            raise StoreError("the disk is full")

    def open(self) -> None:
        opened: list[DatasetInfo] = []
        self.client.opened.connect(opened.append)
        self.client.open(self.folder)
        spin_until(lambda: bool(opened))

    def hold(self) -> None:
        """Lets the store wait: what is done from now on is pending."""
        self.gate.open()
        self.gate = gate = Gate()
        gate.close()
        self.client.ask(lambda _dataset: gate.pass_through(), lambda _: None)
        gate.wait_for_arrival()

    def do(self, *actions: str) -> None:
        """ "a": an edit of that image; "<a", ">a": undo, redo with it on screen; "run": one of c ends.

        "file": the store takes a label file of b; "label": a change of the label set; "bad": an edit that the
        store refuses.
        """
        for action in actions:
            if action == "run":
                self.client.ask(self._run, self._insert)
            elif action == "file":
                self.client.ask(self._take_file, self._insert)
            elif action[0] == "<":
                self.client.history.undo(KEYS[action[1]])
            elif action[0] == ">":
                self.client.history.redo(KEYS[action[1]])
            elif action == "label":
                self.made += 1
                step = Transaction(f"label{self.made}", labels=LABELS, labels_before=LABELS)
                self.client.history.commit(step)
            else:
                self.made += 1
                bad = action == "bad"
                name = f"{'a' if bad else action}{self.made}"
                label = LabelId("none") if bad else LABELS.labels[0].id
                annotation = Annotation(AnnotationId(name), label, square())
                key = KEYS["a" if bad else action]
                self.client.history.commit(Transaction(name, ((key, add([annotation])),)))

    def _run(self, dataset: Dataset) -> LogEntry | None:
        run = dataset.begin_run("run")
        dataset.commit_run(run, KEYS["c"], add([]))
        return dataset.end_run(run)

    def _take_file(self, dataset: Dataset) -> LogEntry | None:
        dataset.commit(Transaction("file", ((KEYS["b"], Edit()),)))
        return dataset.core.history.find(dataset.newest_step)

    def _insert(self, entry: LogEntry | None) -> None:
        if entry is not None:
            self.client.history.insert(entry)

    def settle(self) -> None:
        self.gate.open()
        spin_until(lambda: self.client.history.pending == 0)
        settle()

    def make_room(self) -> None:
        """Ends that the disk is full, and saves everything."""
        self.gate.open()
        spin_until(lambda: self.client.history.stuck or not self.client.history.pending)
        self.full = False
        self.client.history.retry()
        spin_until(lambda: self.client.history.stuck or not self.client.history.pending)
        self.client.history.retry()
        self.settle()

    def shown(self) -> str:
        texts, index = list(self.client.history.texts), self.client.history.index
        return _named(texts[:index], texts[index:])

    def stored(self) -> str:
        """The log, after checking that each image has what its steps that are done have drawn."""
        found: list[tuple[list[LogEntry], list[LogEntry], list[list[str]]]] = []

        def read(dataset: Dataset) -> tuple[list[LogEntry], list[LogEntry], list[list[str]]]:
            done, undone = dataset.history()
            return done, undone, [[a.id for a in dataset.load(k).annotations] for k in KEYS.values()]

        self.client.ask(read, found.append)
        spin_until(lambda: bool(found))
        done, undone, drawn = found[0]
        texts = [e.do.text for e in done]
        assert drawn == [[t for t in texts if t[0] == name and t[1:].isdigit()] for name in KEYS]
        return _named(texts, [e.do.text for e in undone])


def _named(done: list[str], undone: list[str]) -> str:
    return " ".join(text for text in (*done, "|", *undone) if text != "Add label")


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[Desk]:
    for seed, key in enumerate(KEYS.values()):
        photo(tmp_path / key, 120, 90, seed=seed)
    desk = Desk(tmp_path, None, Gate())  # type: ignore[arg-type]
    desk.client = StorageClient(desk.guarded)
    desk.client.history.refused.connect(desk.refused.append)
    desk.open()
    desk.client.history.commit(Transaction("Add label", labels=LABELS, labels_before=LabelSet()))
    desk.settle()
    yield desk
    desk.gate.open()
    assert desk.client.stop()


ORDERS = [
    ("a b <a", "b2 | a1"),
    ("a b <a <b", "| b2 a1"),
    ("a b <a <b >a", "a1 | b2"),
    ("a b <a >a", "b2 a1 |"),
    ("a b <a >a <b", "a1 | b2"),
    ("a a b c <a <a <b", "c4 | b3 a1 a2"),
    ("a b <a c", "b2 c3 |"),
    ("a label b <a", "a1 label2 | b3"),
    ("a b <c", "a1 | b2"),
]


@pytest.mark.parametrize("pending", [True, False])
@pytest.mark.parametrize(("actions", "expected"), ORDERS)
def test_the_steps_of_the_image_on_screen_come_first(
    desk: Desk, actions: str, expected: str, pending: bool
) -> None:
    if pending:
        desk.hold()
    for action in actions.split():
        desk.do(action)
        if not pending:
            desk.settle()
    assert desk.shown() == expected
    desk.settle()
    assert desk.stored() == desk.shown() == expected
    assert desk.refused == []
    desk.open()
    assert desk.shown() == expected


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        ("<a", "a1 b2 run |"),
        ("<a a", "a1 b2 run a3 |"),
        ("<a <b", "a1 b2 run |"),
        ("a <b", "a1 b2 run a3 |"),
        ("a b <a", "a1 b2 run b4 | a3"),
    ],
)
def test_an_undo_does_not_overtake_a_run_that_has_just_ended(desk: Desk, actions: str, expected: str) -> None:
    """It is dropped rather than made of another step, and so is what relies on it."""
    desk.do("a", "b")
    desk.settle()
    desk.hold()
    desk.do("run", *actions.split())
    desk.settle()
    assert desk.stored() == desk.shown() == expected
    assert desk.refused == [], "no message: nothing was lost"


def test_the_list_is_right_at_any_time_while_an_undo_waits_to_be_dropped(desk: Desk) -> None:
    desk.do("a", "b")
    desk.settle()
    desk.hold()
    desk.do("run", "file", "<a")
    shown: list[str] = []
    desk.client.history.changed.connect(lambda: shown.append(desk.shown()))
    desk.settle()
    assert shown == ["a1 b2 run |", "a1 b2 run file |", "a1 b2 run file |"]


def test_a_label_file_taken_meanwhile_is_overtaken_too(desk: Desk) -> None:
    desk.do("a", "b")
    desk.settle()
    desk.hold()
    desk.do("file", "<a", "<b")
    desk.settle()
    assert desk.stored() == desk.shown() == "b2 | file a1"


@pytest.mark.parametrize("late", [">a", ">b"])
def test_a_redo_that_comes_too_late_does_nothing(desk: Desk, late: str) -> None:
    desk.do("a", "b", "<a", "<b")
    desk.settle()
    desk.hold()
    desk.do("run", "file", late)
    desk.settle()
    assert desk.stored() == desk.shown() == "run file |"


def test_a_step_that_brought_a_label_back_keeps_its_turn(desk: Desk) -> None:
    desk.do("<c", "c", "b")  # undoes the label that c uses
    desk.settle()
    desk.do("<c")
    desk.settle()
    assert desk.stored() == desk.shown() == "c1 | b2"


def test_a_refused_change_below_an_undo_before_its_turn(desk: Desk) -> None:
    desk.do("a")
    desk.settle()
    desk.hold()
    desk.do("bad", "b", "<a", "<a")
    assert desk.shown() == "b3 | a1 a2"
    desk.settle()
    assert [refused.step.do.text for refused in desk.refused] == ["a2"]
    assert desk.stored() == desk.shown() == "b3 | a1"


def test_while_the_disk_is_full_the_order_is_kept_and_saved_later(desk: Desk) -> None:
    desk.do("a", "b")
    desk.settle()
    desk.full = True
    desk.do("<a")
    spin_until(lambda: desk.client.history.stuck)
    desk.do(">a", "c", "<b", ">b", "<c", "<a")
    spin_until(lambda: desk.client.history.stuck)
    shown = desk.shown()
    desk.make_room()
    assert desk.stored() == desk.shown() == shown == "b2 | a1 c3"


def test_an_undo_before_its_turn_is_saved_although_it_is_redone(desk: Desk) -> None:
    """It has moved the step."""
    desk.do("a", "b")
    desk.settle()
    desk.full = True
    desk.do("<a")
    spin_until(lambda: desk.client.history.stuck)
    desk.do(">a")
    desk.make_room()
    assert desk.stored() == desk.shown() == "b2 a1 |"


def test_a_step_that_the_full_disk_has_never_had_keeps_its_turn(desk: Desk) -> None:
    desk.do("a")
    desk.settle()
    desk.full = True
    desk.do("b")
    spin_until(lambda: desk.client.history.stuck)
    desk.do("<b", "<a")
    spin_until(lambda: desk.client.history.stuck)
    desk.do(">b")
    desk.make_room()
    assert desk.shown() == "a1 | b2"
    desk.do(">b")
    desk.settle()
    assert desk.stored() == desk.shown() == "a1 b2 |"


@pytest.mark.parametrize("seed", range(12))
def test_list_and_log_agree_after_anything(desk: Desk, seed: int) -> None:
    rng = random.Random(seed)
    steps = [*"aabbc", *("<a", "<b", "<c") * 2, ">a", ">b", ">c", "label", "bad", "run", "file"]
    steps += ["full", "open"]
    held = False
    for _ in range(60):
        action = rng.choice(steps)
        if action == "full":
            desk.full = not desk.full
        elif action == "open" and held:
            desk.gate.open()
            held = False
        elif action == "open":
            desk.hold()
            held = True
        else:
            desk.do(action)
        if rng.random() < 0.1:
            desk.make_room()
            held = False
            assert desk.stored() == desk.shown()
    desk.make_room()
    assert desk.stored() == desk.shown()
    assert all(refused.step.do.text[0] == "a" for refused in desk.refused)
