"""Whatever is edited, undone and redone: the screen, the store and the label files say the same."""

from __future__ import annotations

import random
import tempfile
from functools import partial
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtWidgets import QApplication

from samdesk.dataset import queries
from samdesk.dataset.dataset import Dataset
from samdesk.domain import edits
from samdesk.domain.annotation import Annotation, Source, new_annotation_id
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import Edit
from samdesk.formats.yolo import segmentation
from samdesk.ui.editing.document_model import DocumentModel
from samdesk.ui.editing.session import Session
from samdesk.workers.storage.client import DatasetInfo, StorageClient
from tests.helpers.gated import settle, spin_until
from tests.helpers.make import photo, reshape, square

SIZE = (120, 90)
KEYS = (ImageKey("a.png"), ImageKey("b.png"))

KINDS = (
    *("add",) * 3, *("undo",) * 4, *("redo",) * 2, *("go",) * 2,
    "remove", "relabel", "reshape", "done", "move label", "rename label", "replace label",
)  # fmt: skip


class Work:
    """A session on a real dataset; goes to images as the window does."""

    def __init__(self, folder: Path) -> None:
        self.storage = StorageClient()
        self.session = Session(DocumentModel(), self.storage.history)
        self.wanted: ImageKey | None = None
        self._before = 0
        self._found: list[DatasetInfo] = []
        self.session.image_requested.connect(self.go)
        self.storage.opened.connect(self._open)
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
        for count in (1, 2):  # what came first may have asked for more
            self.storage.ask(queries.label_usage, answered.append)
            spin_until(lambda count=count: len(answered) >= count)  # type: ignore[misc]
        assert self.storage.history.pending == 0
        assert self.session.model.key == self.wanted

    def close(self) -> None:
        self.storage.stop()

    def _open(self, info: DatasetInfo) -> None:
        self._found.append(info)
        self.session.model.set_labels(info.labels)

    def _show(self, document: ImageDocument) -> None:
        if document.key != self.wanted:
            return
        if self.session.model.key == document.key and self._before != self.session.edits_shown:
            self.go(document.key)
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
    }
    stepped = {"undo": session.undo, "redo": session.redo}
    if kind in made:
        session.edit(kind, made[kind]())
    elif kind in changed:
        session.change_labels(kind, changed[kind]())
    elif kind in stepped:
        stepped[kind]()
    elif kind == "go":
        work.go(rng.choice(KEYS))
    else:
        work.rest()
        plan = partial(queries.plan_relabel, old=label.id, new=rng.choice(labels.labels).id)
        work.storage.ask(plan, session.perform)
        work.rest()
    return kind


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 10**9), st.integers(1, 25))
def test_screen_store_and_files_agree(qapp: QApplication, seed: int, steps: int) -> None:
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for i, key in enumerate(KEYS):
            photo(folder / key, *SIZE, seed=i)
        (folder / "data.yaml").write_text("names: [one, two, three]\n")
        work = Work(folder)
        done = [act(work, rng, "add")]
        for _ in range(steps):
            done.append(act(work, rng))
            pause = rng.randrange(3)
            if pause == 0:
                work.rest()
            elif pause == 1:
                settle()
        work.rest()
        on_screen = {}
        for key in KEYS:
            work.go(key)
            work.rest()
            on_screen[key] = work.session.model.document
        labels, index, count = (
            work.session.model.labels,
            work.session.history.index,
            len(work.session.history.texts),
        )
        work.close()
        dataset = Dataset.open(folder)
        assert dataset.labels == labels, done
        assert (len(dataset.history()[0]), len(dataset.history()[1])) == (index, count - index), done
        for key in KEYS:
            document = on_screen[key]
            assert document is not None
            assert dataset.load(key).annotations == document.annotations, done
            assert dataset.load(key).review == document.review, done
            check_file(folder / key, document, [labels.index(a.label_id) for a in document.annotations])
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
