"""Counts the gestures of a user, and reads what they have saved, byte by byte."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt

from samdesk.domain.document import ImageDocument
from tests.helpers.desk import CONTROL, SHIFT, User

NO_KEYS = Qt.KeyboardModifier.NoModifier


@dataclass
class Gestures:
    """A user whose clicks, double clicks, drags and key chords are counted, one each."""

    user: User
    count: int = 0

    def key(self, key: Qt.Key, modifiers: Qt.KeyboardModifier = NO_KEYS) -> None:
        self.count += 1
        self.user.key(key, modifiers)

    def click(self, x: float, y: float, **more: Any) -> None:
        self.count += 1
        self.user.mouse.click(x, y, **more)

    def double_click(self, x: float, y: float) -> None:
        self.count += 1
        self.user.mouse.double_click(x, y)

    def drag(self, *places: tuple[float, float], **more: Any) -> None:
        """Presses at the first place, moves along the others, and releases at the last."""
        self.count += 1
        button = more.pop("button", Qt.MouseButton.LeftButton)
        modifiers = more.pop("modifiers", NO_KEYS)
        self.user.mouse.press(*places[0], button, modifiers)
        for place in places[1:]:
            self.user.mouse.move(*place, modifiers)
        self.user.mouse.release(*places[-1], button, modifiers)


def saved(user: User) -> tuple[list[tuple[Any, ...]], dict[str, bytes]]:
    """The rows of the store about annotations, images and labels, and the label files."""
    user.until_saved()
    folder = user.desk.flows.files.info.folder  # type: ignore[union-attr]
    with closing(sqlite3.connect(f"file:{folder / '.samdesk' / 'dataset.db'}?mode=ro", uri=True)) as store:
        rows = store.execute("SELECT * FROM annotations ORDER BY image, id").fetchall()
        rows += store.execute("SELECT key, width, height, review, count, pending FROM images").fetchall()
        rows += store.execute("SELECT * FROM labels ORDER BY id").fetchall()
    files = [*Path(folder).glob("**/*.txt"), *Path(folder).glob("**/data.yaml")]
    return rows, {path.name: path.read_bytes() for path in sorted(files)}


@contextmanager
def one_step(user: User) -> Iterator[ImageDocument]:
    """Checks that what is done in it is one undo step; undo and redo restore what was saved, exactly."""
    before, document = saved(user), user.document
    steps = len(user.desk.session.history.texts)
    yield document
    after = saved(user)
    assert after != before
    assert len(user.desk.session.history.texts) == steps + 1
    user.key(Qt.Key.Key_Z, CONTROL)
    assert saved(user) == before
    assert user.annotations == document.annotations
    user.key(Qt.Key.Key_Z, CONTROL | SHIFT)
    assert saved(user) == after
