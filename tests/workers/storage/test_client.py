"""The real store behind its thread: order, durability, failures and the batch thread's calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from threading import Thread

import pytest
from PIL import Image
from pytestqt.qtbot import QtBot
from shapely.geometry import MultiPolygon, box

from samdesk.base.jobs import CancelToken
from samdesk.dataset import queries
from samdesk.dataset.change import AppliedEdit
from samdesk.dataset.dataset import Dataset, ImageSummary, Notice, StoreError
from samdesk.dataset.labels.class_scan import ClassScan
from samdesk.dataset.search import find_annotations
from samdesk.dataset.types import CommittedStep
from samdesk.domain.annotation import Annotation, AnnotationId, RunId, Source
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import Edit, Transaction, add, by_user
from samdesk.domain.labels import LabelSet
from samdesk.domain.search import Search
from samdesk.workers.failure import Failure
from samdesk.workers.storage.changes import RefusedChange
from samdesk.workers.storage.client import DatasetChange, DatasetInfo, StorageClient
from tests.helpers.gated import Gate, settle, spin_until

A, B = ImageKey("images/a.png"), ImageKey("images/b.png")


class FullDisk:
    """The real dataset on a disk that can be full, behind a gate."""

    def __init__(self) -> None:
        self.full = False
        self.full_once = False
        self.forgetful = False
        self.gate = Gate()

    def __call__(self, folder: Path, store_path: Path | None) -> Dataset:
        disk = self

        class Guarded(Dataset):
            def commit_step(
                self, transaction: Transaction, applied: AppliedEdit | None = None
            ) -> CommittedStep:
                disk.check()
                return super().commit_step(transaction, applied)

            def undo(self, seq: int | None = None) -> Transaction | None:
                disk.check()
                return None if disk.forgetful else super().undo(seq)

        return Guarded.open(folder, store_path=store_path)

    def check(self) -> None:
        self.gate.pass_through()
        if self.full or self.full_once:
            self.full_once = False
            raise StoreError("the disk is full")


@dataclass
class Heard:
    opened: list[DatasetInfo] = field(default_factory=list)
    saved: list[int] = field(default_factory=list)
    save_failed: list[Failure] = field(default_factory=list)
    refused_changes: list[RefusedChange] = field(default_factory=list)
    documents: list[ImageDocument] = field(default_factory=list)
    refused: list[Failure] = field(default_factory=list)
    pending: list[int] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    changes: list[DatasetChange] = field(default_factory=list)

    @property
    def keys(self) -> list[tuple[ImageKey, ...]]:
        return [change.keys for change in self.changes if change.keys]


@dataclass
class Desk:
    client: StorageClient
    heard: Heard
    disk: FullDisk
    folder: Path
    labels: LabelSet

    def open(self) -> DatasetInfo:
        seen = len(self.heard.opened)
        self.client.open(self.folder)
        spin_until(lambda: len(self.heard.opened) > seen)
        return self.heard.opened[-1]

    def ask_for(self, key: ImageKey) -> None:
        self.client.ask(
            lambda dataset: dataset.load(key), self.heard.documents.append, self.heard.refused.append, key=key
        )

    def load(self, key: ImageKey) -> ImageDocument:
        seen = len(self.heard.documents)
        self.ask_for(key)
        spin_until(lambda: len(self.heard.documents) > seen)
        return self.heard.documents[-1]

    def add(self, name: str, key: ImageKey = A) -> Transaction:
        region = MultiPolygon([box(10, 10, 40, 40)])
        annotation = Annotation(AnnotationId(name), self.labels.labels[0].id, region)
        return Transaction(f"Add {name}", ((key, add([annotation])),))

    def ids(self, key: ImageKey = A) -> list[str]:
        return [a.id for a in self.load(key).annotations]


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[Desk]:
    folder = tmp_path / "photos"
    (folder / "images").mkdir(parents=True)
    for key in (A, B):
        Image.new("RGB", (100, 80)).save(folder / key)
    disk = FullDisk()
    client = StorageClient(disk)
    heard = Heard()
    client.opened.connect(heard.opened.append)
    client.history.saved.connect(heard.saved.append)
    client.history.save_failed.connect(heard.save_failed.append)
    client.history.refused.connect(heard.refused_changes.append)
    client.history.pending_changed.connect(heard.pending.append)
    client.notice.connect(heard.notices.append)
    client.changed.connect(heard.changes.append)
    yield Desk(client, heard, disk, folder, LabelSet.from_names(["cat"]))
    disk.gate.open()
    assert client.stop()


@pytest.fixture
def ready(desk: Desk) -> Desk:
    """Open, with the label "cat" saved."""
    desk.open()
    desk.client.history.commit(Transaction("Add label", labels=desk.labels, labels_before=LabelSet()))
    spin_until(lambda: len(desk.heard.saved) == 1)
    return desk


def test_a_folder_is_opened_edited_closed_and_found_again_with_its_history(ready: Desk) -> None:
    ready.client.history.commit(ready.add("one"))
    ready.client.history.commit(ready.add("two"))
    ready.client.history.undo()
    ready.client.set_setting("last_image", B)
    assert ready.ids() == ["one"]  # asked last, answered after all changes
    assert ready.heard.saved == [1, 2, 3, 4]
    assert (ready.heard.pending[-1], ready.client.history.pending) == (0, 0)
    info = ready.open()
    assert info.keys == (A, B)
    assert info.labels.names == ("cat",)
    assert [entry.do.text for entry in info.done] == ["Add label", "Add one"]
    assert [entry.do.text for entry in info.undone] == ["Add two"]
    assert info.last_image == B
    ready.client.history.redo()
    assert ready.ids() == ["one", "two"]


def test_a_query_that_was_cancelled_has_no_answer(ready: Desk) -> None:
    cancel, answers = CancelToken(), list[object]()
    ready.disk.gate.close()
    ready.client.history.commit(ready.add("one"))
    query = partial(find_annotations, search=Search(), cancel=cancel)
    ready.client.ask(query, answers.append, answers.append)
    cancel.cancel()
    ready.disk.gate.open()
    assert ready.ids() == ["one"]
    assert answers == []


def test_what_was_sent_is_saved_before_the_thread_ends(ready: Desk) -> None:
    ready.disk.gate.close()
    for i in range(20):
        ready.client.history.commit(ready.add(f"n{i}"))
    ready.disk.gate.open()
    assert ready.client.stop()
    again = Dataset.open(ready.folder)
    assert len(again.load(A).annotations) == 20
    again.close()


def test_a_full_disk_keeps_the_order_and_loses_nothing(ready: Desk) -> None:
    ready.client.history.commit(ready.add("saved"))
    spin_until(lambda: ready.heard.saved[-1] == 2)
    ready.disk.gate.close()
    ready.disk.full_once = True  # there is room again right after
    first = ready.client.history.commit(ready.add("first"))
    ready.client.history.undo()  # sent before "first" is known to have failed: it must not undo "saved"
    ready.client.history.commit(ready.add("second"))
    ready.disk.gate.open()
    spin_until(lambda: bool(ready.heard.save_failed))
    assert [f.token for f in ready.heard.save_failed] == [first]
    assert "the disk is full" in str(ready.heard.save_failed[0])
    assert ready.ids() == ["saved"]
    assert (ready.client.history.pending, ready.client.history.stuck) == (3, True)
    third = ready.client.history.commit(ready.add("third"))
    spin_until(lambda: ready.heard.saved[-1] == third)
    assert ready.heard.saved == [1, 2, 3, 4, 5, 6]
    assert ready.ids() == ["saved", "second", "third"]
    assert len(ready.heard.save_failed) == 1


def test_a_disk_that_stays_full_says_so_for_each_try_and_retry_saves(ready: Desk) -> None:
    ready.disk.full = True
    ready.client.history.commit(ready.add("first"))
    spin_until(lambda: len(ready.heard.save_failed) == 1)
    ready.client.history.commit(ready.add("second"))
    spin_until(lambda: len(ready.heard.save_failed) == 2)
    settle()
    ready.disk.full = False
    ready.client.history.retry()
    spin_until(lambda: ready.client.history.pending == 0)
    assert ready.ids() == ["first", "second"]


def test_a_change_that_is_refused_leaves_the_history_and_the_next_ones_are_saved(ready: Desk) -> None:
    ready.client.history.commit(ready.add("saved"))
    ready.client.history.undo()
    spin_until(lambda: ready.client.history.pending == 0)
    bad = Annotation(
        AnnotationId("bad"), LabelSet.from_names(["no"]).labels[0].id, MultiPolygon([box(0, 0, 9, 9)])
    )
    history = ready.client.history
    history.commit(Transaction("Add bad", ((A, add([bad])),)))
    spin_until(lambda: history.pending == 0)
    (refused,) = ready.heard.refused_changes
    assert refused.text == (
        f"“Add bad” was not saved: {A}: the label of an annotation was deleted. Give it another label."
    )
    assert (history.texts, history.index, history.stuck) == (("Add label", "Add saved"), 1, False)
    assert ready.heard.save_failed == []
    ready.disk.gate.close()
    history.try_again()
    history.undo()  # of what the store will not have: not of the step below
    history.redo()  # nor of "saved", which it has undone
    history.undo()
    history.commit(ready.add("next"))
    ready.disk.gate.open()
    spin_until(lambda: history.pending == 0)
    assert ready.ids() == ["next"]
    assert len(ready.heard.refused_changes) == 2
    assert (history.texts, history.index) == (("Add label", "Add next"), 2)


def test_an_undo_that_was_refused_and_its_redo_need_no_saving(ready: Desk) -> None:
    ready.client.history.commit(ready.add("one"))
    spin_until(lambda: ready.client.history.pending == 0)
    ready.disk.full = True
    ready.client.history.undo()
    spin_until(lambda: ready.client.history.stuck)
    ready.client.history.redo()
    assert ready.client.history.pending == 0
    ready.disk.full = False
    ready.client.history.undo()
    spin_until(lambda: ready.client.history.pending == 0)
    assert ready.ids() == []


def test_what_is_sent_while_another_folder_opens_is_about_the_one_before(ready: Desk, tmp_path: Path) -> None:
    other = tmp_path / "other" / "images"
    other.mkdir(parents=True)
    Image.new("RGB", (100, 80)).save(other / "a.png")
    ready.client.open(other.parent)
    ready.client.history.commit(ready.add("old"))
    ready.ask_for(A)
    spin_until(lambda: len(ready.heard.opened) == 2)
    assert ready.ids() == []
    assert [len(d.annotations) for d in ready.heard.documents] in ([0], [1, 0])
    assert [entry.do.text for entry in ready.open().done] == ["Add label", "Add old"]


def test_an_undo_that_the_store_has_no_step_for_is_reported_and_does_not_block(ready: Desk) -> None:
    ready.disk.forgetful = True
    ready.client.history.undo()
    spin_until(lambda: bool(ready.heard.save_failed))
    assert ready.client.history.pending == 0
    assert not ready.client.history.stuck


def test_an_undo_of_nothing_does_nothing(desk: Desk) -> None:
    desk.open()
    assert desk.client.history.undo() is None
    assert desk.client.history.redo() is None
    assert desk.client.history.pending == 0


def test_a_folder_that_cannot_be_opened_leaves_the_one_before(ready: Desk, tmp_path: Path) -> None:
    failures: list[Failure] = []
    ready.client.open(tmp_path / "nowhere", refused=failures.append)
    spin_until(lambda: bool(failures))
    assert "nowhere" in str(failures[0])
    assert "Unexpected" not in str(failures[0])
    ready.client.history.commit(ready.add("still"))
    assert ready.ids() == ["still"]


def test_a_bad_image_is_told_with_its_key(ready: Desk) -> None:
    (ready.folder / B).write_bytes(b"no image")
    ready.ask_for(B)
    spin_until(lambda: bool(ready.heard.refused))
    assert ready.heard.refused[0].key == B
    assert "Unexpected" not in str(ready.heard.refused[0])


def test_summaries_of_all_and_of_images_in_view(ready: Desk) -> None:
    batches: list[list[ImageSummary]] = []
    ready.client.history.commit(ready.add("one"))
    ready.client.ask(queries.summaries, batches.append)
    spin_until(lambda: len(batches) == 1)
    assert {s.key: s.count for s in batches[0]} == {A: 1, B: 0}
    ready.client.ask(partial(queries.summaries, keys=[B]), batches.append)
    spin_until(lambda: len(batches) == 2)
    assert (batches[1][0].width, batches[1][0].height) == (100, 80)


def test_relabelling_is_planned_and_labels_are_counted(ready: Desk) -> None:
    plans: list[Transaction] = []
    usage: list[dict[str, int]] = []
    two = ready.labels.add("dog")
    cat, dog = two.labels
    ready.client.history.commit(Transaction("Add label", labels=two, labels_before=ready.labels))
    ready.client.history.commit(ready.add("one"))
    ready.client.ask(partial(queries.plan_relabel, old=cat.id, new=dog.id), plans.append)
    ready.client.ask(queries.label_usage, usage.append)
    spin_until(lambda: bool(plans) and bool(usage))
    assert plans[0].keys == (A,)
    assert usage[0] == {cat.id: 1, dog.id: 0}


def test_a_question_is_answered_once_and_only_for_its_own_dataset(ready: Desk, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    answers: list[str] = []

    def count(name: str) -> None:
        ready.client.ask(lambda dataset: f"{name} {dataset.folder.name}", answers.append)

    count("first")
    spin_until(lambda: answers == ["first photos"])
    ready.client.open(other)
    count("late")  # run on the dataset that is still open, and answered after the next one is
    spin_until(lambda: len(ready.heard.opened) == 2)
    count("second")
    spin_until(lambda: "second other" in answers)
    assert answers == ["first photos", "second other"]
    count("unanswered")
    ready.client.close()
    ready.client.open(other)
    spin_until(lambda: len(ready.heard.opened) == 3)
    assert answers == ["first photos", "second other"]


def test_labels_found_in_a_file_come_before_its_document(desk: Desk) -> None:
    (desk.folder / "labels").mkdir()
    (desk.folder / "labels" / "a.txt").write_text("2 0.5 0.5 0.2 0.2\n")
    order: list[object] = []
    desk.client.opened.connect(order.append)
    desk.client.changed.connect(order.append)
    desk.open()
    desk.client.ask(lambda dataset: dataset.load(A), order.append)
    spin_until(lambda: bool(order) and isinstance(order[-1], ImageDocument))
    document = order[-1]
    assert isinstance(document, ImageDocument)
    known = next(o for o in reversed(order[:-1]) if isinstance(o, (DatasetChange, DatasetInfo)))
    labels = known.labels
    assert labels is not None
    assert order[-1] is document
    assert labels.index(document.annotations[0].label_id) == 2


def in_thread(work: Callable[[], object]) -> object:
    """Does the work as the batch thread would, while the main thread handles events."""
    results: list[object] = []

    def run() -> None:
        try:
            results.append(work())
        except Exception as error:  # noqa: BLE001 - looked at by the test
            results.append(error)

    thread = Thread(target=run)
    thread.start()
    while thread.is_alive():
        settle()
    thread.join()
    settle()
    return results[0]


def test_a_run_in_another_thread_is_one_step(ready: Desk) -> None:
    annotation = Annotation(
        AnnotationId("found"), ready.labels.labels[0].id, MultiPolygon([box(0, 0, 5, 5)]), Source.YOLO_SAM
    )

    def run() -> RunId:
        run_id = ready.client.begin_run("Auto-annotate")
        for key in (A, B):
            assert ready.client.load_now(key).annotations == ()
            assert ready.client.commit_run(run_id, key, add([replace(annotation, run_id=run_id)]))
        ready.client.end_run(run_id)
        return run_id

    run_id = in_thread(run)
    assert isinstance(run_id, str), run_id
    spin_until(lambda: len(ready.heard.keys) == 3)
    assert ready.heard.keys == [(A,), (B,), (A, B)]
    assert ready.client.history.texts == ("Add label", "Auto-annotate")
    assert ready.ids(B) == ["found"]
    ready.client.history.undo()
    assert ready.ids(B) == []
    assert ready.ids(A) == []


def test_a_run_leaves_an_image_that_a_person_touched_meanwhile(ready: Desk) -> None:
    edit = by_user(ready.add("mine").edits[0][1], ImageDocument(A, 10, 10))
    ready.client.history.commit(Transaction("Add mine", ((A, edit),)))

    def run() -> bool:
        run_id = ready.client.begin_run("Auto-annotate")
        done = ready.client.commit_run(run_id, A, ready.add("theirs").edits[0][1])
        ready.client.end_run(run_id)
        return done

    assert in_thread(run) is False
    assert ready.ids() == ["mine"]
    assert ready.heard.keys == []


def test_the_main_thread_may_not_wait_for_the_store(ready: Desk) -> None:
    with pytest.raises(RuntimeError, match="must not wait"):
        ready.client.load_now(A)


def test_a_call_after_the_end_is_answered_with_an_error(ready: Desk) -> None:
    assert ready.client.stop()
    error = in_thread(lambda: ready.client.load_now(A))
    assert isinstance(error, StoreError)


def test_errors_of_a_call_are_raised_where_it_waits(ready: Desk) -> None:
    error = in_thread(lambda: ready.client.commit_run(RunId("none"), A, Edit()))
    assert isinstance(error, StoreError)


def test_a_conflict_is_noticed_and_settled_with_the_file(ready: Desk) -> None:
    ready.client.history.commit(ready.add("one"))
    assert ready.ids() == ["one"]
    path = ready.folder / "labels" / "a.txt"
    path.write_text("0 0.1 0.1 0.5 0.1 0.5 0.5\n0 0.2 0.2 0.9 0.2 0.9 0.9\n")
    ready.ask_for(A)
    spin_until(lambda: any(n.kind == "changed-outside" for n in ready.heard.notices))
    ready.client.resolve(A, "file")
    spin_until(lambda: bool(ready.heard.keys))
    assert ready.heard.keys == [(A,)]
    assert len(ready.load(A).annotations) == 2
    assert ready.client.history.texts[-1] == "Use the annotations of a.txt"
    ready.client.history.undo()
    assert ready.ids() == ["one"]


def test_a_second_window_is_read_only_and_says_why(ready: Desk, qtbot: QtBot) -> None:
    second = StorageClient()
    opened: list[DatasetInfo] = []
    failures: list[Failure] = []
    second.opened.connect(opened.append)
    second.history.save_failed.connect(failures.append)
    second.open(ready.folder)
    spin_until(lambda: bool(opened))
    assert opened[0].read_only
    assert opened[0].reason
    second.history.commit(ready.add("no"))
    spin_until(lambda: bool(failures))
    assert second.stop()


def test_work_that_was_put_off_is_done_while_the_thread_waits(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Label files of a large dataset are read a part at a time; jobs come first."""
    square = "0.25 0.25 0.5 0.25 0.5 0.75 0.25 0.75"
    (desk.folder / "labels").mkdir(exist_ok=True)
    (desk.folder / "labels/b.txt").write_text(f"4 {square}\n")
    read = ClassScan.advance
    parts = [False, False, False]

    def slow(scan: ClassScan, labels: LabelSet, seconds: float) -> bool:
        return parts.pop() if parts else read(scan, labels, seconds)

    monkeypatch.setattr(ClassScan, "advance", slow)
    desk.open()
    desk.client.history.commit(Transaction("Add label", labels=desk.labels, labels_before=LabelSet()))
    names = desk.folder / "data.yaml"
    spin_until(lambda: names.is_file() and "class_4" in names.read_text())
    assert parts == []
    spin_until(lambda: any(len(c.labels) == 5 for c in desk.heard.changes if c.labels is not None))
