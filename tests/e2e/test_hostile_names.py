"""Names of images and classes are text wherever the window shows them: nothing of them acts."""

from __future__ import annotations

import ctypes
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QAbstractItemModel, QPoint, Qt, QTimer
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QComboBox,
    QInputDialog,
    QLabel,
    QMessageBox,
    QToolTip,
    QWidget,
)

from samdesk.ui.auto_annotate.failures import FailuresDialog
from samdesk.ui.kit.messages import Messages
from tests.e2e.conftest import OpenWindow
from tests.helpers.make import photo

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="names that other file systems do not take")

ACTING = ("\x1b", "\x9b", "\x07", "\u202e", "\u2066", "\r", "\0")


def class_names(picture: Path) -> list[str]:
    return [
        f"<img src='{picture}'>",
        "<b>bold</b> & <i>it</i>",
        "esc\x1b]52;c;ZWNobw==\x07 \x9b31m",
        "over\u202egnp.exe\u2066",
        "x" * 5_000,
        "A&B",
    ]


def image_names(picture: Path) -> list[str]:
    escaped = str(picture).replace("/", "%2f")
    return [f"<img src={escaped}>.png", "two\nlines \x1b[2J.png", "gnp\u202egpj.png", f"{'n' * 240}.png"]


class Watch:
    """Whether a file has been opened or read (inotify)."""

    def __init__(self, path: Path) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._handle = self._libc.inotify_init1(os.O_NONBLOCK)
        assert self._libc.inotify_add_watch(self._handle, os.fsencode(path), 0x21) >= 0  # IN_ACCESS | IN_OPEN

    def read(self) -> bool:
        try:
            return bool(os.read(self._handle, 4096))
        except BlockingIOError:
            return False

    def close(self) -> None:
        os.close(self._handle)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """An image that a name in HTML refers to."""
    path = tmp_path / "secret.png"
    photo(path, 40, 30)
    return path


@pytest.fixture
def hostile(tmp_path: Path, picture: Path) -> Path:
    folder = tmp_path / "photos <b>&\u202e"
    for name in image_names(picture):
        photo(folder / name, 120, 90)
    names = "".join(f"  {i}: {json.dumps(name)}\n" for i, name in enumerate(class_names(picture)))
    (folder / "data.yaml").write_text(f"names:\n{names}", "utf-8")
    for name in image_names(picture):
        lines = "".join(f"{i} 0.1 0.1 0.8 0.{i + 2} 0.1 0.8\n" for i in range(6))
        (folder / name).with_suffix(".txt").write_text(lines)
    return folder


def shown_texts(window: QWidget) -> Iterator[tuple[str, str]]:
    """Every text of a window's widgets, items and actions, with where it is."""
    for widget in (window, *window.findChildren(QWidget)):
        where = type(widget).__name__
        yield where, widget.windowTitle()
        yield where, widget.accessibleName()
        yield where, widget.accessibleDescription()
        if isinstance(widget, (QLabel, QAbstractButton)):
            yield where, widget.text()
        if isinstance(widget, QComboBox):
            yield from ((where, widget.itemText(i)) for i in range(widget.count()))
        if isinstance(widget, QAbstractItemView) and widget.model() is not None:
            yield from ((where, text) for text in items(widget.model()))
    yield from (("QAction", action.text()) for action in window.findChildren(QAction))


def items(model: QAbstractItemModel) -> Iterator[str]:
    roles = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole)
    for row in range(model.rowCount()):
        for column in range(4):
            values = (model.index(row, column).data(role) for role in roles)
            yield from (value for value in values if isinstance(value, str))


def tips(window: QWidget) -> Iterator[str]:
    for widget in window.findChildren(QWidget):
        yield widget.toolTip()
        if isinstance(widget, QAbstractItemView) and widget.model() is not None:
            model = widget.model()
            for row in range(model.rowCount()):
                yield model.index(row, 0).data(Qt.ItemDataRole.ToolTipRole) or ""


def check(window: QWidget) -> int:
    """Checks every text of a window; returns how many there are."""
    texts = [(where, text) for where, text in shown_texts(window) if text]
    assert [(w, t[:80]) for w, t in texts if any(c in t for c in ACTING) or len(t) > 1_100] == []
    rich = [
        label.text()
        for label in window.findChildren(QLabel)
        if label.textFormat() is not Qt.TextFormat.PlainText
        and "<" in label.text()
        and "span" not in label.text()
    ]
    assert rich == []
    return len(texts)


def test_hostile_names_are_text_in_the_whole_window(
    open_window: OpenWindow, hostile: Path, picture: Path, qapp: QApplication
) -> None:
    user = open_window()
    user.open(hostile)
    user.until(lambda: len(user.annotations) == 6)
    watch = Watch(picture)
    desk = user.desk
    labels = desk.session.model.labels
    assert labels.labels[4].name == "x" * 5_000, "what is shown is not what is kept"
    for key in desk.flows.files.info.keys:  # type: ignore[union-attr]
        user.go(key)
        desk.view.messages.warn(f"{key}: {labels.labels[0].name}", key=key)
    desk.view.messages.error(labels.labels[2].name, actions=[(labels.labels[1].name, lambda: None)])
    desk.view.canvas.set_all_tags(True)
    desk.session.change_labels(
        f"Recolour {labels.labels[3].name}", labels.recolor(labels.labels[3].id, "#123456")
    )
    desk.view.annotations._fill_relabel_menu()
    desk.flows.files.show_recent()
    qapp.processEvents()
    user.window.grab()
    assert check(user.window) > 100
    for tip in filter(None, list(tips(user.window))):
        QToolTip.showText(QPoint(10, 10), tip, user.window)
        qapp.processEvents()
        assert not any(c in tip for c in ACTING)
    QToolTip.hideText()
    popup = FailuresDialog({image_names(picture)[1]: class_names(picture)[0]}, user.window)
    popup.show()
    qapp.processEvents()
    assert check(popup) >= 2
    popup.close()
    assert not watch.read(), "an image that a name refers to was read"
    watch.close()


def test_hostile_names_are_text_in_questions(qapp: QApplication, picture: Path) -> None:
    watch, names, seen = Watch(picture), class_names(picture), []

    def look() -> None:
        dialog = qapp.activeModalWidget()
        assert isinstance(dialog, (QMessageBox, QInputDialog))
        dialog.grab()
        seen.append(check(dialog))
        assert all(label.textFormat() is Qt.TextFormat.PlainText for label in dialog.findChildren(QLabel))
        if isinstance(dialog, QInputDialog):
            dialog.findChild(QComboBox).setCurrentIndex(2)
            dialog.accept()
        else:
            dialog.reject()

    messages = Messages()
    for name in names:
        QTimer.singleShot(0, look)
        assert not messages.confirm(f"Delete {name}?", f"Delete “{name}”?\nAll of it.", action=name)
    QTimer.singleShot(0, look)
    assert messages.choose_item("Replace", f"“{names[0]}”", [*names, names[2]]) == 2
    assert len(seen) == len(names) + 1
    assert not watch.read()
    watch.close()
