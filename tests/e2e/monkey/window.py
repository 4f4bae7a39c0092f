"""The window the monkey uses, opened, settled, compared with its store, and closed again."""

from __future__ import annotations

import math
import random
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from PySide6.QtCore import QCoreApplication, QEvent, QEventLoop, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu, QWidget

from samdesk.app import Desk, Services, build, make_application
from samdesk.dataset.dataset import Dataset, ImageError
from samdesk.dataset.search import find_annotations
from samdesk.demo.input_driver import InputDriver
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.labels import LabelSet
from samdesk.domain.review import AnnotationReview
from samdesk.domain.search import AnyOf, Search, Term
from samdesk.ui.kit.message_bar import MessageBar
from samdesk.ui.kit.messages import Messages
from tests.helpers.finding import ColourModels

PATIENCE_S = 30.0
ATTEMPTS = 3
MOST_ROUNDS = 20
LEFT_OUT = ("Show in file manager", "Download MobileSAM")
"""Actions that leave the window."""


T = TypeVar("T")


class MonkeyError(AssertionError):
    """Something that must never happen has happened."""


class RandomMessages(Messages):
    """The real message bar; dialogs are answered at random."""

    def __init__(self, parent: QWidget, bar: MessageBar, rng: random.Random) -> None:
        super().__init__(parent, bar)
        self._rng = rng
        self.agree = False

    def confirm(self, title: str, text: str, *, action: str = "OK", danger: bool = False) -> bool:
        return self.agree or self._rng.random() < 0.7

    def choose_item(self, title: str, text: str, items: Sequence[str]) -> int | None:
        return self._rng.randrange(len(items)) if items and self._rng.random() < 0.8 else None

    def choose_folder(self, title: str, start: Path | None = None) -> Path | None:
        return None

    def choose_file(self, title: str, start: Path | None = None, filters: str = "") -> Path | None:
        return None

    def choose_new_file(self, title: str, start: Path | None = None, filters: str = "") -> Path | None:
        return None

    def choose_color(self, start: str) -> str | None:
        return f"#{self._rng.randrange(1 << 24):06x}"


class Window:
    """One window over one folder, from opening to closing."""

    def __init__(
        self,
        folder: Path,
        rng: random.Random,
        load_predictor: Callable[..., Any],
        written_outside: dict[Path, bytes],
    ) -> None:
        self.folder, self._rng = folder, rng
        self.written_outside = written_outside
        self.uses_menus = True
        self.ended = False
        self.app = make_application()
        self.crashes: list[str] = []
        self._hook, sys.excepthook = sys.excepthook, self._note_crash
        services = Services(
            load_predictor=load_predictor, loaders=ColourModels().loaders, messages=self._messages
        )
        self.desk: Desk = build(self.app, services=services)
        self.window, self.canvas = self.desk.view.window, self.desk.view.canvas
        self.mouse = InputDriver(self.canvas)
        self.changed_outside: set[str] = set()
        self.desk.flows.navigate.key_changed.connect(self.changed_outside.discard)
        self.window.resize(1000, 700)
        self.desk.start([])
        self.window.activateWindow()
        self.desk.flows.files.open_folder(folder)
        self.until(lambda: self.desk.flows.files.info is not None, "the folder is open")
        self.settle()

    def _messages(self, window: QWidget, bar: MessageBar) -> Messages:
        self.messages = RandomMessages(window, bar, self._rng)
        return self.messages

    def _note_crash(
        self, kind: type[BaseException], error: BaseException, traceback: TracebackType | None
    ) -> None:
        self.crashes.append(f"{kind.__name__}: {error}")
        self._hook(kind, error, traceback)

    @property
    def document(self) -> ImageDocument | None:
        return self.desk.session.model.document

    @property
    def labels(self) -> LabelSet:
        return self.desk.session.model.labels

    @property
    def keys(self) -> tuple[ImageKey, ...]:
        return self.desk.flows.navigate.keys

    def shown(self) -> list[str] | None:
        """The document on the screen, described; None: another is about to be shown."""
        document = self.document
        if document is None or document.key != self.desk.flows.navigate.key:
            return None
        return described(document, self.labels)

    def end_run(self) -> None:
        """Waits until what is nudged or grown is one step; leaves the bar that adjusts outlines."""
        if self.desk.flows.outline.active:
            self.mouse.key(self._rng.choice((Qt.Key.Key_Return, Qt.Key.Key_Escape)))
        self.until(lambda: not self.desk.session.run_text, "the run of edits has ended")

    def process(self) -> None:
        """Delivers what has been posted, and closes what waits for an answer."""
        QTimer.singleShot(0, self._close_popups)  # a context menu runs a loop of its own
        self.app.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 10)
        self._close_popups()
        if self.crashes:
            raise MonkeyError(f"an exception: {self.crashes[0]}")

    def _close_popups(self) -> None:
        popup, dialog = QApplication.activePopupWidget(), QApplication.activeModalWidget()
        if isinstance(popup, QMenu):
            actions = [
                a for a in popup.actions() if a.isEnabled() and not a.menu() and a.text() not in LEFT_OUT
            ]
            if actions and self.uses_menus and self._rng.random() < 0.7:
                popup.setActiveAction(self._rng.choice(actions))
                QTest.keyClick(popup, Qt.Key.Key_Return)
        for found in (popup, dialog):
            if found is not None:
                found.close()

    def until(self, holds: Callable[[], bool], what: str) -> None:
        """Processes events until something holds. Raises ``MonkeyError`` after the time limit."""
        end = time.monotonic() + PATIENCE_S
        while not holds():
            if time.monotonic() > end:
                raise MonkeyError(f"never: {what}; messages: {self.window.message_bar.texts()}")
            self.process()

    def settle(self) -> None:
        """Waits until everything asked for is done and saved, and shown, and nothing changes any more."""
        before = None
        for _ in range(MOST_ROUNDS):
            self._settle_once()
            now = (self.desk.flows.navigate.key, self.shown(), self.desk.workers.storage.history.texts)
            if now == before:
                return
            before = now
        raise MonkeyError("the screen goes on changing with nobody there")

    def _settle_once(self) -> None:
        desk = self.desk
        self.until(lambda: not desk.flows.batch.running, "the run has ended")
        self.until(lambda: not desk.flows.annotate.mask_pending, "the accepted masks are computed")
        self.until(lambda: desk.workers.storage.history.pending == 0, "everything is saved")
        self.until(self._arrived, "the image is shown, or why it is not")
        for _ in range(2):  # a question is answered after all that was asked before it
            self._ask(lambda _dataset: True)
        self.until(lambda: desk.workers.storage.history.pending == 0, "everything is saved")

    def _arrived(self) -> bool:
        key = self.desk.flows.navigate.key
        text = self.canvas.accessibleDescription()  # says why there is no image
        return key is None or self.desk.session.model.key == key or not text.startswith("The image and its")

    def compare(self, shown: list[str] | None = None) -> None:
        """Compares the screen, when all is done, with the store and with what it showed before.

        What another program has just changed may be on its way, so that a difference has to last.

        Args:
            shown: What the screen showed before all was saved; None: it is not compared.

        Raises:
            MonkeyError: They differ.
        """
        for attempts_left in reversed(range(ATTEMPTS)):
            try:
                self.end_run()
                self.settle()
                self._compare_with_store()
                if shown is not None:
                    same("after saving, the image", self.shown() or [], shown)
                return
            except MonkeyError:
                if not attempts_left:
                    raise

    def _compare_with_store(self) -> None:
        document = self.document
        if document is None or document.key in self.changed_outside:
            return
        key = document.key
        stored, found, fits = self._ask(lambda dataset: (*both(dataset, key), facts_of(dataset.load(key))))
        same(f"{key} in the store", stored, described(document, self.labels))
        same(f"{key} as the search finds it", found, fits)
        rejected = [a.id for a in document.annotations if a.review is AnnotationReview.REJECTED]
        rejected += [a.id for a in document.rejected if a.review is not AnnotationReview.REJECTED]
        if rejected:
            raise MonkeyError(f"{key} has these among the rejected, or among the others: {rejected}")

    def close(self) -> None:
        """Closes the window; the store, opened again, must hold what the screen showed."""
        self.compare()
        keys = [key for key in self._ask(lambda dataset: dataset.keys) if key not in self.changed_outside]
        before = self._ask(lambda dataset: contents(dataset, keys))
        self.messages.agree = True
        self.window.close()
        self.until(lambda: not self.window.isVisible(), "the window closes")
        self.abandon()
        dataset = Dataset.open(self.folder)
        try:
            after = contents(dataset, keys)
        finally:
            dataset.close()
        for key in keys:
            same(f"{key} after a restart", after[key], before[key])

    def _ask(self, query: Callable[[Dataset], T]) -> T:
        answers: list[T] = []
        failures: list[object] = []
        self.desk.workers.storage.ask(query, answers.append, failures.append)
        self.until(lambda: bool(answers or failures), "the storage thread answers")
        if failures:
            raise MonkeyError(f"the store cannot be read: {failures[0]}")
        return answers[0]

    def abandon(self) -> None:
        """Ends the threads and deletes the window, whatever state it is in."""
        if self.ended:
            return
        self.ended = True
        self.desk.stop()
        sys.excepthook = self._hook
        self.window.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def both(dataset: Dataset, key: ImageKey) -> tuple[list[str], list[str]]:
    """What a dataset has of an image, described, and what its search finds there, as ``facts_of``."""
    states = AnyOf(tuple(review.value for review in AnnotationReview))
    page = find_annotations(dataset, Search((Term("state", states),)), limit=100_000)
    found = sorted(
        fact_line(a.id, a.label_id, a.review, a.area, a.bounds, a.note)
        for a in page.annotations
        if a.image == key
    )
    return described(dataset.load(key), dataset.labels), found


def facts_of(document: ImageDocument) -> list[str]:
    """What the search should find of a document, as lines that can be compared."""
    return sorted(
        fact_line(a.id, a.label_id, a.review, a.region.area, a.region.bounds, a.note)
        for a in document.all_annotations
    )


def fact_line(
    annotation_id: str,
    label_id: str,
    review: AnnotationReview,
    area: float,
    bounds: Sequence[float],
    note: str,
) -> str:
    corners = [math.floor(value) for value in bounds[:2]] + [math.ceil(value) for value in bounds[2:]]
    return f"{annotation_id} {label_id} {review.value} {area:.2f} {corners} {note!r}"


def contents(dataset: Dataset, keys: Sequence[ImageKey]) -> dict[ImageKey, list[str]]:
    """What a dataset has of images, described; why it has none of one that cannot be read."""
    found = {}
    for key in keys:
        try:
            found[key] = described(dataset.load(key), dataset.labels)
        except ImageError:
            found[key] = ["cannot be read"]
    return found


def described(document: ImageDocument, labels: LabelSet) -> list[str]:
    """What a user sees of a document, as lines that can be compared."""
    lines = [f"labels {list(labels.names)}", f"image {document.review.name}"]
    for a in document.all_annotations:
        name = labels.get(a.label_id).name if a.label_id in labels else f"unknown {a.label_id}"
        box = [round(value, 2) for value in a.region.bounds]
        scores = [None if s is None else round(s, 6) for s in (a.detector_score, a.mask_score, a.stability)]
        lines.append(
            f"{a.id} {name} {a.review.name} {a.source.value} {box} {a.region.area:.1f} {scores} {a.model!r}"
            f" {a.note!r} {a.run_id}"
        )
    return lines


def same(what: str, found: list[str], expected: list[str]) -> None:
    """Raises ``MonkeyError`` with the lines that differ."""
    if found != expected:
        less = "\n".join(f"  only on the screen: {line}" for line in expected if line not in found)
        more = "\n".join(f"  only there: {line}" for line in found if line not in expected)
        lines = f"{less}\n{more}".strip("\n") or f"  another order: {found}"
        raise MonkeyError(f"{what} differs from what the screen showed:\n{lines}")
