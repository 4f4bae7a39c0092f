"""Images are read before all but changes, and in the middle of long changes, which can be cancelled."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PIL import Image
from pytestqt.qtbot import QtBot
from shapely.geometry import MultiPolygon, box

from samdesk.base.bulk import BulkProgress
from samdesk.dataset import lock as lock_module
from samdesk.dataset.dataset import Dataset
from samdesk.dataset.queries import early_document
from samdesk.domain.annotation import Annotation, AnnotationId
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import Transaction, add
from samdesk.domain.labels import LabelSet
from samdesk.ui.dataset.bulk_bar import BulkBar
from samdesk.workers.storage import loop
from samdesk.workers.storage.changes import RefusedChange
from samdesk.workers.storage.client import StorageClient
from tests.helpers.gated import Gate, spin_until

A, B = ImageKey("a.png"), ImageKey("b.png")
LABELS = LabelSet.from_names(["cat"])


@dataclass
class Desk:
    client: StorageClient
    gate: Gate = field(default_factory=Gate)
    seen: list[str] = field(default_factory=list)
    documents: list[list[str]] = field(default_factory=list)
    refused: list[RefusedChange] = field(default_factory=list)
    progress: list[BulkProgress | None] = field(default_factory=list)

    def hold(self) -> None:
        """Lets the store wait in a question."""
        self.gate.close()
        self.client.ask(lambda _dataset: self.gate.pass_through(), lambda _: self.seen.append("held"))
        self.gate.wait_for_arrival()

    def show(self, key: ImageKey) -> None:
        """Asks for an image as the window does when it goes to it."""
        self.client.ask(
            lambda dataset: dataset.load(key), self._show, key=key, early=lambda d: early_document(d, key)
        )

    def _show(self, document: ImageDocument) -> None:
        self.seen.append(document.key)
        self.documents.append([a.id for a in document.annotations])

    def ask(self, name: str) -> None:
        self.client.ask(lambda _dataset: name, self.seen.append)

    def draw(self, name: str, key: ImageKey = A) -> None:
        self.client.history.commit(drawn(name, key))

    def change_many(self, parts: int = 3, shown: Transaction | None = None) -> None:
        """A change that takes long: it arrives at the gate before each of its parts.

        ``shown``: what the window shows of it until it is saved.
        """

        def plan(dataset: Dataset) -> Transaction:
            for part in range(parts):
                self.gate.pass_through()
                time.sleep(loop._BREATH_SECONDS)
                dataset.core.breathe("Finding annotations", part, parts)
            return drawn("many", B)

        self.client.history.commit(shown or Transaction("Change many"), plan=plan)


def drawn(name: str, key: ImageKey) -> Transaction:
    region = MultiPolygon([box(10, 10, 40, 40)])
    annotation = Annotation(AnnotationId(name), LABELS.labels[0].id, region)
    return Transaction(f"Add {name}", ((key, add([annotation])),))


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setattr(loop, "_SHOWN_SECONDS", 0.0)
    for key in (A, B):
        Image.new("RGB", (100, 80)).save(tmp_path / key)
    desk = Desk(StorageClient())
    opened: list[object] = []
    desk.client.opened.connect(opened.append)
    desk.client.history.refused.connect(desk.refused.append)
    desk.client.progressed.connect(desk.progress.append)
    desk.client.open(tmp_path)
    spin_until(lambda: bool(opened))
    desk.client.history.commit(Transaction("Add label", labels=LABELS, labels_before=LabelSet()))
    spin_until(lambda: not desk.client.history.pending)
    yield desk
    desk.gate.open()
    assert desk.client.stop()


def test_an_image_is_read_before_the_other_questions(desk: Desk) -> None:
    desk.hold()
    desk.ask("count")
    desk.ask("list")
    desk.show(B)
    desk.show(A)
    desk.gate.open()
    spin_until(lambda: len(desk.seen) == 5)
    assert desk.seen == ["held", B, A, "count", "list"]


def test_an_image_is_read_after_the_changes_before_it(desk: Desk) -> None:
    desk.hold()
    desk.ask("count")
    desk.draw("one")
    desk.show(A)
    desk.draw("two")
    desk.gate.open()
    spin_until(lambda: bool(desk.documents))
    assert desk.documents == [["one"]]
    assert desk.seen == ["held", "count", A]


def test_an_image_is_read_in_the_middle_of_a_long_change_and_again_after_it(desk: Desk) -> None:
    desk.draw("one", B)
    desk.gate.close()
    desk.change_many()
    desk.gate.wait_for_arrival()
    desk.draw("two", B)  # waits for the long change; the document shows it
    desk.show(B)
    desk.gate.let_one_through()
    spin_until(lambda: len(desk.documents) == 1)
    assert desk.documents == [["one", "two"]]
    assert desk.client.history.pending == 2
    desk.gate.open()
    spin_until(lambda: len(desk.documents) == 2)
    assert desk.documents[1] == ["one", "many", "two"]  # as the store has it, in its turn
    assert desk.client.history.texts == ("Add label", "Add one", "Add many", "Add two")


def test_an_image_read_in_the_middle_of_its_own_long_change_is_as_the_window_shows_it(desk: Desk) -> None:
    """It must not go back to what it was before, and then be changed again."""
    desk.draw("one", B)
    desk.gate.close()
    desk.change_many(shown=drawn("many", B))
    desk.gate.wait_for_arrival()
    desk.show(B)
    desk.gate.let_one_through()
    spin_until(lambda: len(desk.documents) == 1)
    assert desk.client.history.pending == 1
    desk.gate.open()
    spin_until(lambda: len(desk.documents) == 2)
    assert desk.documents == [["one", "many"], ["one", "many"]]


def test_a_long_change_shows_its_progress_and_is_cancelled_whole(desk: Desk) -> None:
    desk.gate.close()
    desk.change_many()
    desk.gate.wait_for_arrival()
    desk.draw("one")
    desk.gate.let_one_through()
    spin_until(lambda: bool(desk.progress))
    shown = desk.progress[0]
    assert shown is not None
    assert (shown.what, shown.total, shown.cancels, shown.stopped) == ("Finding annotations", 3, True, False)
    desk.client.cancel_change()
    desk.gate.open()
    spin_until(lambda: bool(desk.refused) and not desk.client.history.pending)
    assert desk.refused[0].text == (
        "“Change many” was not saved: You cancelled it; nothing of it was changed."
    )
    assert desk.client.history.texts == ("Add label", "Add one")
    desk.show(A)
    desk.show(B)
    spin_until(lambda: len(desk.documents) == 2)
    assert desk.documents == [["one"], []]
    assert desk.progress[-1] is None

    desk.client.history.try_again()
    spin_until(lambda: not desk.client.history.pending)
    assert desk.client.history.texts == ("Add label", "Add one", "Add many")


class TestBar:
    """The bar above the canvas."""

    def test_it_shows_how_far_it_is_and_goes_at_the_end(self, qtbot: QtBot) -> None:
        bar = BulkBar()
        qtbot.addWidget(bar)
        assert bar.isHidden()
        bar.set_progress(BulkProgress("Writing label files", 12_000, 20_000, 800.0, 10.0))
        assert not bar.isHidden()
        assert bar.title.text() == "Writing label files"
        assert bar.detail.text() == "12,000 of 20,000  ·  800.0 images/s  ·  10 s left"
        assert (bar.bar.value(), bar.bar.maximum()) == (12_000, 20_000)
        assert bar.button.text() == "Stop"
        bar.set_progress(BulkProgress("Writing label files", 12_000, 20_000, stopped=True))
        assert (bar.title.text(), bar.button.text()) == ("Stopped", "Resume")
        bar.set_progress(BulkProgress("Saving", 1, 3, cancels=True))
        assert bar.button.text() == "Cancel"
        bar.set_progress(None)
        assert bar.isHidden()


def test_the_lock_is_renewed_while_nothing_is_done(
    desk: Desk, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a user who only looks at images counts as dead on other machines after a minute."""
    lock = tmp_path / ".samdesk" / "lock"
    monkeypatch.setattr(loop, "RENEWED_EVERY_S", 0.02)
    monkeypatch.setattr(lock_module, "RENEWED_EVERY_S", 0.0)
    desk.ask("begin to wait anew")
    spin_until(lambda: desk.seen == ["begin to wait anew"])
    os.utime(lock, (1.0, 1.0))
    qtbot.waitUntil(lambda: lock.stat().st_mtime > 1.0)  # no event comes
