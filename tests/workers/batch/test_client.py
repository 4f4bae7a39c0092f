"""Auto-annotate in its own thread: counts, labels, progress, cancel, failures, stop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event, Lock, current_thread, main_thread

import pytest
from pytestqt.qtbot import QtBot

from samdesk.base.jobs import CancelToken
from samdesk.batch.merge import EDITED, HAS_ANNOTATIONS
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.batch.report import BatchProgress, BatchSummary, DryRun
from samdesk.dataset.change import RunEdit
from samdesk.dataset.dataset import Dataset
from samdesk.dataset.runs.annotated import AnnotatedImage
from samdesk.dataset.runs.record import RunImage, RunRecord
from samdesk.domain.annotation import RunId
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.labels import LabelId
from samdesk.domain.review import ImageReview
from samdesk.images.reader import read_size
from samdesk.workers.batch.client import AutoAnnotateClient
from samdesk.workers.failure import Failure
from samdesk.workers.storage.client import DatasetChange, DatasetInfo, StorageClient
from tests.helpers.finding import NAMES, ColourDetector, ColourModels, annotated
from tests.helpers.gated import PATIENCE, Gate, settle, spin_until
from tests.helpers.make import document, photo

PLAN = AutoAnnotatePlan("colour.pt", "inner.pt")


class Store:
    """Documents in memory, answering any thread but the main one."""

    def __init__(self, folder: Path, keys: tuple[ImageKey, ...]) -> None:
        self.documents = {key: ImageDocument(key, *read_size(folder / key)) for key in keys}
        self.runs: list[str] = []
        self.names: list[tuple[str, ...]] = []
        self.error: Exception | None = None
        self._lock = Lock()

    def annotated(
        self, keys: Sequence[ImageKey], cancel: CancelToken | None = None
    ) -> dict[ImageKey, AnnotatedImage]:
        self._answer()
        with self._lock:
            return {key: annotated(self.documents[key]) for key in keys}

    def run_images(self, run_id: RunId) -> tuple[RunImage, ...]:
        raise NotImplementedError

    def note_image(self, run_id: RunId, key: ImageKey, state: str, message: str) -> None:
        self._answer()

    def resume_run(self, run_id: RunId) -> None:
        raise NotImplementedError

    def begin_run(
        self, text: str, record: RunRecord, keys: Sequence[ImageKey], names: Iterable[str]
    ) -> RunId:
        self._answer()
        self.runs.append("open")
        return RunId(f"run {len(self.runs)}")

    def load_now(self, key: ImageKey) -> ImageDocument:
        self._answer()
        with self._lock:
            return self.documents[key]

    def commit_run(self, run_id: RunId, key: ImageKey, edit: RunEdit, labels: Sequence[str]) -> bool:
        self._answer()
        if self.error is not None:
            raise self.error
        ids = {name: LabelId(name) for name in labels}
        with self._lock:
            self.names.append(tuple(labels))
            if self.documents[key].review is ImageReview.UNREVIEWED:
                made = edit(self.documents[key], ids) if callable(edit) else edit
                assert made is not None
                self.documents[key], _ = made.apply(self.documents[key])
        return self.documents[key].review is ImageReview.UNREVIEWED

    def end_run(self, run_id: RunId) -> None:
        self._answer()
        self.runs[-1] = "closed"

    def touch(self, key: ImageKey) -> None:
        with self._lock:
            self.documents[key] = replace(self.documents[key], review=ImageReview.EDITED)

    def _answer(self) -> None:
        assert current_thread() is not main_thread(), "the window would wait for the store"

    def counts(self) -> list[int]:
        return [len(d.annotations) for d in self.documents.values()]


@dataclass
class Desk:
    """A client and everything it has emitted."""

    client: AutoAnnotateClient
    store: Store
    shelf: ColourModels
    gate: Gate
    counted: list[DryRun] = field(default_factory=list)
    names: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    progress: list[BatchProgress] = field(default_factory=list)
    image_failed: list[tuple[str, str]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    finished: list[BatchSummary] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)

    def run(self, plan: AutoAnnotatePlan = PLAN) -> BatchSummary:
        self.client.start(plan)
        return self.wait()

    def start_at_gate(self) -> None:
        """Starts a run; returns when the detector holds the first image."""
        self.gate.close()
        self.client.start(PLAN)
        spin_until(lambda: bool(self.progress))
        self.gate.wait_for_arrival()

    def wait(self) -> BatchSummary:
        seen = len(self.finished)
        spin_until(lambda: len(self.finished) > seen or bool(self.failed))
        assert not self.failed, str(self.failed[0])
        return self.finished[-1]


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[Desk]:
    keys = tuple(ImageKey(f"photos/{i}.png") for i in range(4))
    for i, key in enumerate(keys):
        photo(tmp_path / key, seed=i)
    gate = Gate()
    shelf = ColourModels(before=lambda _: gate.pass_through())
    store = Store(tmp_path, keys)
    client = AutoAnnotateClient(store, loaders=shelf.loaders)
    desk = Desk(client, store, shelf, gate)
    client.set_dataset(tmp_path, keys)
    connect: list[tuple[object, Callable[..., object]]] = [
        (client.counted, desk.counted.append),
        (client.detector_names, lambda model, names: desk.names.append((model, names))),
        (client.progress, desk.progress.append),
        (client.image_failed, lambda key, why: desk.image_failed.append((key, why))),
        (client.notice, desk.notices.append),
        (client.finished, desk.finished.append),
        (client.failed, desk.failed.append),
    ]
    for signal, slot in connect:
        signal.connect(slot)  # type: ignore[attr-defined]
    yield desk
    gate.open()
    assert client.stop()


def test_a_run_annotates_every_image_in_its_own_thread(desk: Desk) -> None:
    summary = desk.run()
    assert (summary.annotated, summary.annotations, summary.ok) == (4, 8, True)
    assert desk.store.counts() == [2, 2, 2, 2]
    assert desk.store.runs == ["closed"]
    assert summary.run_id == "run 1"
    assert [p.done for p in desk.progress] == [0, 1, 2, 3, 4]
    assert not desk.client.running


def test_an_image_names_the_labels_of_the_classes_found_on_it(desk: Desk) -> None:
    desk.run()
    assert desk.store.names == [("ellipse", "box")] * 4
    document = desk.store.documents[ImageKey("photos/0.png")]
    assert [a.label_id for a in document.annotations] == ["ellipse", "box"]


def test_the_mapping_decides_which_labels_are_made(desk: Desk) -> None:
    desk.run(replace(PLAN, mapping=(("ellipse", "person"), ("nothing", ""))))
    assert desk.store.names == [("person", "box")] * 4


def test_the_main_thread_stays_responsive_while_a_model_works(desk: Desk) -> None:
    desk.start_at_gate()
    assert desk.client.running
    settle()  # returns at once though the network is at work
    desk.gate.open()
    assert desk.wait().annotated == 4


def test_cancel_keeps_finished_images_and_the_next_run_continues(desk: Desk) -> None:
    desk.start_at_gate()
    desk.gate.let_one_through()
    desk.gate.wait_for_arrival()
    desk.client.cancel()
    desk.gate.open()
    summary = desk.wait()
    assert (summary.cancelled, summary.annotated) == (True, 2)
    assert desk.store.counts() == [2, 2, 0, 0]
    assert desk.store.runs == ["closed"]
    again = desk.run()
    assert (again.annotated, len(again.skipped)) == (2, 2)
    assert desk.store.counts() == [2, 2, 2, 2]


def test_an_image_edited_meanwhile_is_skipped(desk: Desk) -> None:
    desk.start_at_gate()
    desk.store.touch(ImageKey("photos/0.png"))
    desk.store.touch(ImageKey("photos/3.png"))
    desk.gate.open()
    summary = desk.wait()
    assert desk.store.counts() == [0, 2, 2, 0]
    assert [s.reason for s in summary.skipped] == [EDITED, EDITED]


def test_the_count_needs_no_model(desk: Desk) -> None:
    keys = tuple(desk.store.documents)
    desk.store.touch(keys[0])
    desk.store.documents[keys[1]] = replace(document("a"), key=keys[1])
    desk.client.count(PLAN)
    spin_until(lambda: bool(desk.counted))
    assert desk.counted[0].annotate == keys[2:]
    assert desk.counted[0].reasons == {EDITED: 1, HAS_ANNOTATIONS: 1}
    desk.client.count(replace(PLAN, existing="add", keys=keys[:2]))
    spin_until(lambda: len(desk.counted) > 1)
    assert desk.counted[1].annotate == keys[1:2]
    assert desk.shelf.asked == []


def test_a_newer_count_replaces_an_older_one(desk: Desk) -> None:
    key, done = ImageKey("photos/1.png"), Event()
    desk.client.count(PLAN)
    desk.client._submit(done.set)
    assert done.wait(PATIENCE), "the first count is answered, but not delivered yet"
    desk.client.count(replace(PLAN, keys=(key,)))
    spin_until(lambda: bool(desk.counted))
    settle()
    assert [count.annotate for count in desk.counted] == [(key,)]


def test_the_models_are_named_before_the_first_image(desk: Desk) -> None:
    loaded: list[tuple[str, int]] = []
    desk.client.loaded.connect(
        lambda models: loaded.extend((model.title, len(desk.progress)) for model in models)
    )
    desk.run()
    assert loaded == [("Colours", 0), ("Inner", 0)]


def test_nothing_to_do_needs_no_model(desk: Desk) -> None:
    for key in desk.store.documents:
        desk.store.touch(key)
    summary = desk.run()
    assert (len(summary.skipped), desk.shelf.asked, desk.store.runs) == (4, [], [])


def test_an_unavailable_detector_is_reported(desk: Desk) -> None:
    desk.client.start(replace(PLAN, det_model="lost.pt"))
    spin_until(lambda: bool(desk.failed))
    assert "lost.pt" in str(desk.failed[0])
    assert not desk.client.running
    assert desk.store.runs == []
    desk.failed.clear()
    assert desk.run().ok, "a failed run must not block the next"


def test_a_bad_image_is_reported_at_once_and_listed(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "photos/1.png").write_bytes(b"no image")
    summary = desk.run()
    assert [key for key, _ in desk.image_failed] == ["photos/1.png"]
    assert [f.key for f in summary.failed] == ["photos/1.png"]
    assert "1.png" in summary.failed[0].message
    assert summary.annotated == 3


def test_a_store_that_fails_stops_the_run_with_a_message(desk: Desk) -> None:
    desk.store.error = OSError(28, "No space left on device")
    summary = desk.run()
    assert "No space left on device" in summary.stopped
    assert desk.store.runs == ["closed"]


def test_class_names_can_be_requested(desk: Desk) -> None:
    desk.client.ask_detector_names("colour.pt")
    spin_until(lambda: bool(desk.names))
    assert desk.names == [("colour.pt", NAMES)]


def test_a_second_start_is_refused(desk: Desk) -> None:
    desk.gate.close()
    desk.client.start(PLAN)
    desk.client.start(PLAN)
    assert "already running" in str(desk.failed.pop())
    desk.gate.open()
    assert desk.wait().annotated == 4


@pytest.mark.logs("workers.thread: .*auto-annotate")
def test_stop_during_a_run_waits_for_the_current_image(desk: Desk) -> None:
    desk.start_at_gate()
    assert not desk.client.stop(timeout_ms=1), "it returned True while a network was at work"
    desk.gate.open()
    assert desk.client.stop()
    assert sum(desk.store.counts()) == 2


def test_with_the_real_store_a_run_is_one_step_on_disk(qtbot: QtBot, tmp_path: Path) -> None:
    """Storage thread, batch thread and main thread together, and what is in the folder afterwards."""
    for i in range(3):
        photo(tmp_path / "images" / f"{i}.png", seed=i)
    opened: list[DatasetInfo] = []
    changes: list[DatasetChange] = []
    ended: list[BatchSummary] = []
    storage = StorageClient()

    client = AutoAnnotateClient(storage, loaders=ColourModels().loaders)
    storage.opened.connect(opened.append)
    storage.changed.connect(changes.append)
    client.finished.connect(ended.append)
    try:
        storage.open(tmp_path)
        spin_until(lambda: bool(opened))
        client.set_dataset(opened[0].folder, opened[0].keys)
        client.start(PLAN)
        spin_until(lambda: bool(ended) and len([c for c in changes if c.keys]) == 4)
    finally:
        assert client.stop()
        assert storage.stop()
    assert (ended[0].annotations, ended[0].ok) == (6, True)
    keys = ("images/0.png", "images/1.png", "images/2.png")
    found = [change.keys for change in changes if change.keys]
    assert found == [*((key,) for key in keys), keys]
    assert storage.history.texts == ("Auto-annotate",)
    shown = [change.labels.names for change in changes if change.labels is not None]
    assert shown == [("ellipse", "box")]  # only what was found
    assert [len(p.read_text().splitlines()) for p in sorted((tmp_path / "labels").glob("*.txt"))] == [2, 2, 2]

    dataset = Dataset.open(tmp_path)
    assert dataset.labels.names == ("ellipse", "box")
    dataset.undo()
    assert dataset.labels.names == ()
    assert [len(dataset.load(key).annotations) for key in dataset.keys] == [0, 0, 0]
    dataset.close()


def test_models_of_single_images_are_kept_until_a_larger_run_or_another_model(
    desk: Desk, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[str] = []

    def load(name: str) -> ColourDetector:
        loads.append(name)
        return ColourDetector()

    loop = desk.client._worker
    loop._loaders = replace(desk.shelf.loaders, detector=lambda name, *_: load(name))
    one = replace(PLAN, existing="add")
    for key in desk.store.documents:
        desk.run(replace(one, keys=(key,)))
    assert loads == ["colour.pt"]
    desk.run(replace(one, keys=(ImageKey("photos/0.png"),), det_model="other.pt"))
    desk.run(one)
    assert loads == ["colour.pt", "other.pt", "colour.pt"]
    assert not loop._kept, "a folder's are not"
    monkeypatch.setattr("samdesk.workers.batch.loop.KEEP_S", 0.01)
    desk.run(replace(one, keys=(ImageKey("photos/0.png"),)))
    qtbot.waitUntil(lambda: not loop._kept)
