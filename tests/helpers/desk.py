"""A whole samdesk window over a folder of drawn photos: real threads, real files, real events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QEvent, QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from samdesk.app import Desk, Services, build
from samdesk.demo.input_driver import InputDriver
from samdesk.domain.annotation import Annotation
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.geometry.regions import contains
from samdesk.formats.label_lines import ParsedLabels
from samdesk.formats.yolo import segmentation
from samdesk.ui.kit.message_bar import MessageBar
from samdesk.ui.kit.messages import Messages
from samdesk.workers.folder_watch import POLL_S
from tests.helpers.gated import GatedPredictor, Models
from tests.helpers.make import photo

PATIENCE_MS = 20_000
SIZE = (320, 240)
"""Width and height of the drawn images."""
NEVER_S = 1e6
"""Folders are looked at only when a test asks for it."""
CONTROL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


@dataclass
class DialogAnswers:
    """The answers to dialogs; every question is recorded. An unexpected question fails the test."""

    confirm: bool | None = None
    item: int | None = None
    folder: Path | None = None
    color: str | None = None
    file: Path | None = None
    new_file: Path | None = None
    asked: list[str] = field(default_factory=list)


class ScriptedMessages(Messages):
    """The real message bar, with dialogs answered from ``DialogAnswers``."""

    def __init__(self, parent: QWidget, bar: MessageBar, answers: DialogAnswers) -> None:
        super().__init__(parent, bar)
        self.answers = answers

    def confirm(self, title: str, text: str, *, action: str = "OK", danger: bool = False) -> bool:
        self.answers.asked.append(f"{title} {text}")
        assert self.answers.confirm is not None, f"unexpected question: {title} {text}"
        return self.answers.confirm

    def choose_item(self, title: str, text: str, items: Sequence[str]) -> int | None:
        self.answers.asked.append(f"{title} {text} {', '.join(items)}")
        return self.answers.item

    def choose_folder(self, title: str, start: Path | None = None) -> Path | None:
        self.answers.asked.append(title)
        return self.answers.folder

    def choose_file(self, title: str, start: Path | None = None, filters: str = "") -> Path | None:
        self.answers.asked.append(title)
        return self.answers.file

    def choose_new_file(self, title: str, start: Path | None = None, filters: str = "") -> Path | None:
        self.answers.asked.append(title)
        return self.answers.new_file

    def choose_color(self, start: str) -> str | None:
        self.answers.asked.append(start)
        return self.answers.color


class User:
    """A user of a samdesk window: their actions, and what the window shows."""

    def __init__(
        self,
        qtbot: QtBot,
        app: QApplication,
        services: Services | None = None,
        answers: DialogAnswers | None = None,
    ) -> None:
        self.qtbot = qtbot
        self.answers = answers or DialogAnswers()
        self.predictor = GatedPredictor(radius=30.0)
        self.models = Models(self.predictor)
        self.models.default[""] = self.predictor
        given = services or Services()
        self.desk: Desk = build(
            app,
            services=Services(
                load_predictor=given.load_predictor or self.models,
                loaders=given.loaders,
                open_dataset=given.open_dataset,
                teach=given.teach,
                fit=given.fit,
                poll_s=NEVER_S if given.poll_s == POLL_S else given.poll_s,
                messages=lambda window, bar: ScriptedMessages(window, bar, self.answers),
            ),
        )
        self.window, self.canvas = self.desk.view.window, self.desk.view.canvas
        self.mouse = InputDriver(self.canvas)
        self._left = False
        self.window.resize(1200, 800)
        self.desk.start([])
        qtbot.waitExposed(self.window)
        self.window.activateWindow()

    def close_window(self) -> None:
        """Closes the window; everything is saved."""
        if self._left:
            return
        self._left = True
        self.window.close()
        self.desk.stop()
        # A window that is not deleted makes every later change of the theme slower.
        self.window.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)

    # -- actions

    def open(self, folder: Path) -> None:
        """Opens a folder and waits for the first image."""
        self.desk.flows.files.open_folder(folder)
        self.until(lambda: self.desk.flows.files.info is not None)
        self.until(lambda: self.desk.flows.files.info.folder == folder.resolve())  # type: ignore[union-attr]
        self.until(lambda: self.desk.session.model.document is not None)

    def key(self, key: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        """Presses a key with the canvas in focus."""
        if not self.window.isActiveWindow():  # a dialog closed; a window manager would activate the window
            self.window.activateWindow()
            self.until(self.window.isActiveWindow)
        self.canvas.setFocus()
        QTest.keyClick(self.canvas, key, modifiers)

    def go(self, key: str) -> None:
        """Chooses an image in the list and waits until it is on screen."""
        self.desk.flows.navigate.go(key)
        self.until(lambda: self.shown == key)

    def click(self, x: float, y: float, **more: object) -> None:
        """Clicks the image and waits for the mask."""
        self.mouse.click(x, y, **more)  # type: ignore[arg-type]
        self.until(lambda: self.desk.flows.annotate.answered)

    def draw(self, x: float, y: float, label: Qt.Key | None = None) -> Annotation:
        """Clicks the image and accepts the mask."""
        before = len(self.annotations)
        if label is not None:
            self.key(label)
        self.click(x, y)
        self.key(Qt.Key.Key_Return)
        self.until(lambda: len(self.annotations) == before + 1)
        return self.annotations[-1]

    def select(self, annotation: Annotation) -> None:
        """Switches to the select tool and clicks an annotation."""
        self.key(Qt.Key.Key_V)
        inside = annotation.region.representative_point()
        self.mouse.click(inside.x, inside.y)
        assert annotation.id in self.desk.flows.tools.selection

    def add_labels(self, *names: str) -> None:
        """Types labels into the labels panel."""
        entry = self.desk.view.labels.new_name
        for name in names:
            entry.setFocus()
            QTest.keyClicks(entry, name)
            QTest.keyClick(entry, Qt.Key.Key_Return)
            assert name in self.desk.session.model.labels.names
        self.canvas.setFocus()

    def press(self, button: str) -> None:
        """Clicks a button of the message bar."""

        def found() -> list[QPushButton]:
            every = [b for row in self.window.message_bar.rows for b in row.buttons]
            return [b for b in every if b.text() == button and b.height() > 0]  # 0: not laid out yet

        self.until(lambda: bool(found()))
        (only,) = found()
        self.qtbot.mouseClick(only, Qt.MouseButton.LeftButton)

    def drop(self, *paths: Path, on: QWidget | None = None) -> None:
        """Drops files on the window."""
        drop_files(on or self.window, *paths)

    # -- what the window shows

    @property
    def document(self) -> ImageDocument:
        document = self.desk.session.model.document
        assert document is not None, "no image is on screen"
        return document

    @property
    def annotations(self) -> tuple[Annotation, ...]:
        document = self.desk.session.model.document
        return document.annotations if document is not None else ()

    @property
    def shown(self) -> ImageKey | None:
        """The key of the image on screen."""
        return self.desk.session.model.key

    @property
    def names(self) -> list[str]:
        """The label names of the annotations on screen."""
        labels = self.desk.session.model.labels
        return [labels.get(a.label_id).name for a in self.annotations]

    @property
    def message_text(self) -> str:
        """All messages, one per line."""
        return "\n".join(self.window.message_bar.texts())

    @property
    def buttons(self) -> list[str]:
        """The buttons of the messages."""
        return [b.text() for row in self.window.message_bar.rows for b in row.buttons]

    def proposed_at(self, x: float, y: float) -> bool:
        """Returns whether the proposed (or previewed) mask covers a point, image pixels."""
        proposal = self.desk.flows.annotate.proposal
        return proposal is not None and contains(proposal.region, x, y)

    def until(self, holds: Callable[[], bool]) -> None:
        """Processes events until ``holds()`` is true."""
        self.qtbot.waitUntil(holds, timeout=PATIENCE_MS)

    def until_saved(self) -> None:
        """Processes events until every edit is saved."""
        self.until(lambda: self.desk.workers.storage.history.pending == 0)

    def is_enabled(self, command: str) -> bool:
        """Returns whether a command is enabled."""
        return self.desk.view.actions.action(command).isEnabled()


def drop_files(target: QWidget, *paths: Path) -> None:
    """Drops files on a window or dialog, which must accept them."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    place = QPointF(target.width() / 2, target.height() / 2)
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(place.toPoint(), Qt.DropAction.CopyAction, data, buttons, keys)
    QApplication.sendEvent(target, enter)
    assert enter.isAccepted()
    drop = QDropEvent(place, Qt.DropAction.CopyAction, data, buttons, keys, QEvent.Type.Drop)
    QApplication.sendEvent(target, drop)


def lines(image: Path) -> ParsedLabels:
    """Parses an image's label file as the trainer's reader does."""
    return segmentation.parse(image.with_suffix(".txt").read_text("utf-8"), *SIZE)


def photos(folder: Path, count: int = 3) -> Path:
    """Writes drawn images 0.png, 1.png, ... into a folder and returns it."""
    for i in range(count):
        photo(folder / f"{i}.png", *SIZE, seed=i)
    return folder
