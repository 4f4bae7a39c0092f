"""Whatever is edited, undone and redone: the screen, the store and the label files say the same."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Thread

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PySide6.QtWidgets import QApplication

from samdesk.dataset import queries
from samdesk.dataset.change import AppliedEdit
from samdesk.dataset.dataset import Dataset, StoreError
from samdesk.dataset.types import CommittedStep, RefusedError
from samdesk.domain import edits
from samdesk.domain.annotation import Annotation, AnnotationId, Source, new_annotation_id
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import Edit, Transaction
from samdesk.domain.geometry.regions import translate
from samdesk.formats.yolo import segmentation
from samdesk.ui.editing.document_model import DocumentModel
from samdesk.ui.editing.session import Session
from samdesk.workers.storage.changes import RefusedChange
from samdesk.workers.storage.client import DatasetChange, DatasetInfo, StorageClient
from tests.helpers.gated import Gate, settle, spin_until
from tests.helpers.make import photo, reshape, square

SIZE = (120, 90)
KEYS = (ImageKey("a.png"), ImageKey("b.png"))

KINDS = (
    *("add",) * 3, *("undo",) * 4, *("redo",) * 2, *("go",) * 2,
    "nudge", "nudge", "paste",
    "remove", "relabel", "reshape", "done", "add label", "move label", "rename label", "replace label",
)  # fmt: skip
DELAYED = (
    *KINDS,
    *("hold",) * 4,
    "release",
    "run",
    "delete label",
    "replace label",
    "impossible",
    "stop disk",
)
"""While saving is held back, everything else goes on."""


class Work:
    """A session on a real dataset; goes to images as the window does."""

    def __init__(self, folder: Path) -> None:
        self.disk_stops = 0
        self.storage = StorageClient(self._open_dataset)
        self.session = Session(DocumentModel(), self.storage.history)
        self.wanted: ImageKey | None = None
        self._before = 0
        self._found: list[DatasetInfo] = []
        self.session.image_requested.connect(self.go)
        self.gate = Gate()
        self.runs: list[Thread] = []
        self.errors: list[Exception] = []
        self.drawn: set[AnnotationId] = set()
        self.refused: list[RefusedChange] = []
        self.storage.opened.connect(self._open)
        self.storage.changed.connect(self._follow)
        self.storage.history.refused.connect(self.refused.append)
        self.storage.open(folder)
        spin_until(lambda: bool(self._found))
        self.go(KEYS[0])
        self.rest()

    def go(self, key: str) -> None:
        self.wanted, self._before = ImageKey(key), self.session.edits_shown
        self.storage.ask(partial(Dataset.load, key=self.wanted), self._show)

    def rest(self) -> None:
        """Waits until nothing is on its way."""
        answered: list[object] = []
        self.session.end_run()
        self.gate.open()
        while any(run.is_alive() for run in self.runs):
            settle()
        for count in (1, 2, 3, 4):  # what came first may have asked for more
            self.storage.history.retry()
            self.storage.ask(queries.label_usage, answered.append)
            spin_until(lambda count=count: len(answered) >= count)  # type: ignore[misc]
        assert self.storage.history.pending == 0
        assert self.session.model.key == self.wanted

    def hold(self) -> None:
        """Holds back whatever is saved from now on, until ``gate`` opens."""
        self.gate.close()
        self.storage.ask(lambda _dataset: self.gate.pass_through(), lambda _: None)

    def run(self, found: Annotation) -> None:
        """Auto-annotates both images in the background."""

        def work() -> None:
            try:
                run_id = self.storage.begin_run("Auto-annotate")
                try:
                    for key in KEYS:
                        made = replace(found, id=new_annotation_id(), run_id=run_id)
                        self.storage.commit_run(run_id, key, edits.add([made]))
                finally:
                    self.storage.end_run(run_id)
            except Exception as error:  # noqa: BLE001 - looked at by the test
                self.errors.append(error)

        self.runs.append(Thread(target=work))
        self.runs[-1].start()

    def close(self) -> None:
        self.storage.stop()

    def _open_dataset(self, folder: Path, store_path: Path | None) -> Dataset:
        work = self

        class OnFailingDisk(Dataset):
            def commit_step(
                self, transaction: Transaction, applied: AppliedEdit | None = None
            ) -> CommittedStep:
                if work.disk_stops:
                    work.disk_stops -= 1
                    raise StoreError("the disk is full")
                return super().commit_step(transaction, applied)

        return OnFailingDisk.open(folder, store_path=store_path)

    def _follow(self, change: DatasetChange) -> None:
        """As the window does."""
        if change.labels is not None:
            self.session.show_stored_labels(change.labels)
        if self.wanted in change.keys:
            self.go(self.wanted)

    def _open(self, info: DatasetInfo) -> None:
        self._found.append(info)
        self.session.model.set_labels(info.labels)

    def _show(self, document: ImageDocument) -> None:
        if document.key != self.wanted:
            return
        if self.session.model.key == document.key and self._before != self.session.edits_shown:
            self.go(document.key)
        elif self.session.model.key == document.key:
            self.session.show_loaded(document)
        else:
            self.session.model.open(document)


def act(work: Work, rng: random.Random, kind: str = "") -> str:
    """One thing a person may do."""
    session, model = work.session, work.session.model
    document, labels = model.document, model.labels
    assert document is not None
    kind = kind or rng.choice(KINDS)
    label = rng.choice(labels.labels)
    some = rng.sample(document.annotations, len(document.annotations))
    region = square(rng.randint(0, 90), rng.randint(0, 60), 15)
    made = {
        "add": lambda: edits.add([Annotation(new_annotation_id(), label.id, region, Source.MANUAL)]),
        "remove": lambda: edits.remove([a.id for a in some[:2]]),
        "relabel": lambda: edits.relabel(document, [a.id for a in some[:2]], label.id),
        "reshape": lambda: reshape(some[0], region) if some else Edit(),
        "done": lambda: edits.accept_image(document),
    }
    changed = {
        "move label": lambda: labels.move(label.id, rng.randrange(len(labels))),
        "rename label": lambda: labels.rename(label.id, f"name {rng.random()}"),
        "add label": lambda: labels.add(f"name {rng.random()}"),
    }
    other = rng.choice(labels.labels)

    def paste() -> None:
        more = labels.add(f"name {rng.random()}")
        found = Annotation(new_annotation_id(), more.labels[-1].id, region, Source.MANUAL)
        session.edit("paste", edits.add([found]), labels=more)
        work.drawn.add(found.id)

    def nudge() -> None:
        moved = [replace(a, region=translate(a.region, 1, 0)) for a in some[:2] if a.region.bounds[2] < 119]
        session.edit_in_run("nudge", edits.update(moved), "nudge")

    direct: dict[str, Callable[[], object]] = {
        "undo": session.undo,
        "redo": session.redo,
        "go": lambda: work.go(rng.choice(KEYS)),
        "replace label": lambda: session.replace_label(label.id, other.id) if other != label else None,
        "delete label": lambda: session.delete_label(label.id) if len(labels) > 1 else None,
        "run": lambda: work.run(Annotation(new_annotation_id(), label.id, region, Source.YOLO_SAM)),
        "impossible": lambda: work.storage.history.commit(Transaction(kind), plan=impossible),
        "stop disk": lambda: setattr(work, "disk_stops", 1),
        "release": work.gate.open,
        "hold": work.hold,
        "paste": paste,
        "nudge": nudge,
    }
    if kind in made:
        edit = made[kind]()
        session.edit(kind, edit)
        if kind == "add":
            work.drawn.update(p.annotation.id for p in edit.put)
    elif kind in changed:
        session.change_labels(kind, changed[kind]())
    else:
        direct[kind]()
    return kind


def impossible(dataset: Dataset) -> Transaction:
    """A change that the store refuses whenever it is tried."""
    raise RefusedError(f"{dataset.folder} does not take it.")


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 10**9), st.integers(1, 25))
def test_screen_store_and_files_agree(qapp: QApplication, seed: int, steps: int) -> None:
    check_agreement(seed, steps, KINDS)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 10**9), st.integers(1, 40))
@example(3754, 39)  # a change that the disk refused, undone
def test_screen_store_and_files_agree_after_delayed_saves(qapp: QApplication, seed: int, steps: int) -> None:
    check_agreement(seed, steps, DELAYED)


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 10**9), st.integers(1, 40))
def test_nothing_that_was_drawn_is_lost(qapp: QApplication, seed: int, steps: int) -> None:
    check_agreement(seed, steps, [kind for kind in DELAYED if kind not in ("undo", "redo", "remove")])


def check_agreement(seed: int, steps: int, kinds: Sequence[str]) -> None:
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for i, key in enumerate(KEYS):
            photo(folder / key, *SIZE, seed=i)
        (folder / "data.yaml").write_text("names: [one, two, three]\n")
        work = Work(folder)
        done = [act(work, rng, "add")]
        for _ in range(steps):
            done.append(act(work, rng, rng.choice(kinds)))
            pause = rng.randrange(3 if kinds is KINDS else 9)
            if pause == 0:
                work.rest()
            elif pause == 1:
                settle()
        work.rest()
        # A label may wait for the disk when a run needs it.
        assert all("stop disk" in done and "not in the dataset" in str(e) for e in work.errors), done
        assert len(work.refused) >= ("impossible" in done), done
        on_screen = {}
        for key in KEYS:
            work.go(key)
            work.rest()
            on_screen[key] = work.session.model.document
        labels, history = work.session.model.labels, work.session.history
        # A step undone while the disk failed was never saved: only the screen can redo it.
        logged = (history.index, sum(step.in_log for step in history.undone))
        work.close()
        dataset = Dataset.open(folder)
        assert dataset.labels == labels, done
        assert (len(dataset.history()[0]), len(dataset.history()[1])) == logged, done
        for key in KEYS:
            document = on_screen[key]
            assert document is not None
            assert dataset.load(key).annotations == document.annotations, done
            assert dataset.load(key).review == document.review, done
            check_file(folder / key, document, [labels.index(a.label_id) for a in document.annotations])
        if not {"undo", "redo", "remove"}.intersection(kinds):
            assert work.drawn <= {a.id for key in KEYS for a in dataset.load(key).annotations}, done
        dataset.close()


def check_file(image: Path, document: ImageDocument, class_ids: list[int]) -> None:
    path = image.with_suffix(".txt")
    parsed = segmentation.parse(path.read_text("utf-8") if path.exists() else "", *SIZE)
    assert [line.class_id for line in parsed.lines] == class_ids
    for line, annotation in zip(parsed.lines, document.annotations, strict=True):
        assert line.region.centroid.distance(annotation.region.centroid) < 1


def test_the_screen_agrees_at_once(qapp: QApplication, tmp_path: Path) -> None:
    """An edit, an undo and a redo on the open image do not wait for the disk."""
    for key in KEYS:
        photo(tmp_path / key, *SIZE)
    (tmp_path / "data.yaml").write_text("names: [one]\n")
    work = Work(tmp_path)
    session = work.session
    label = session.model.labels.labels[0]
    session.edit("Add", edits.add([Annotation(new_annotation_id(), label.id, square(), Source.MANUAL)]))
    document = session.model.document
    assert document is not None
    assert len(document.annotations) == 1
    session.undo()
    assert session.model.document.annotations == ()  # type: ignore[union-attr]
    session.redo()
    assert session.model.document.annotations == document.annotations  # type: ignore[union-attr]
    work.rest()
    assert session.model.document.annotations == document.annotations  # type: ignore[union-attr]
    work.close()


def test_a_document_read_before_the_newest_edit_does_not_take_it_back(
    qapp: QApplication, tmp_path: Path
) -> None:
    for key in KEYS:
        photo(tmp_path / key, *SIZE)
    (tmp_path / "data.yaml").write_text("names: [one]\n")
    work = Work(tmp_path)
    work.go(KEYS[0])
    act(work, random.Random(0), "add")
    work.rest()
    assert work.session.model.document is not None
    assert len(work.session.model.document.annotations) == 1
    work.close()
