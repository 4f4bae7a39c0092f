"""Edits in a real window while its disk fails: ``python -m tests.robustness.window_session FOLDER FAULT``.

Prints what the window said, and how many of the six annotations are there after the fault was lifted and the
dataset was opened again: three were saved before it, three were drawn during it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QApplication, QPushButton

from samdesk.app import Desk, build, make_application
from samdesk.dataset.dataset import Dataset
from samdesk.domain.annotation import Annotation, Source, new_annotation_id
from samdesk.domain.document import ImageKey
from samdesk.domain.edits import add
from samdesk.domain.geometry.regions import from_box

KEY = ImageKey("0.png")


def until(application: QApplication, holds: Callable[[], bool], seconds: float) -> bool:
    """Handles events until something holds; returns whether it does."""
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        application.processEvents()
        time.sleep(0.01)
    return holds()


def draw(desk: Desk, number: int) -> None:
    """Adds an annotation, as accepting a mask does."""
    label = desk.session.model.labels.labels[0].id
    region = from_box(10 + 20 * number, 20, 25 + 20 * number, 60)
    drawn = Annotation(new_annotation_id(), label, region, Source.MANUAL)
    desk.session.edit(f"Add {number}", add([drawn]))


def press(desk: Desk, title: str) -> bool:
    """Presses a button of a message."""
    found = (b for b in desk.view.window.message_bar.findChildren(QPushButton) if b.text() == title)
    button = next(found, None)
    if button is not None:
        button.click()
    return button is not None


def fail(disk: Path, fault: str) -> Callable[[], object]:
    """Lets the disk fail; returns what puts it right again."""
    if fault == "full":
        filler = disk / "filler"
        with filler.open("wb", buffering=0) as file:
            try:
                while file.write(b"x" * 4096):
                    pass
            except OSError:
                pass
        return filler.unlink
    if fault == "read-only":
        # The system refuses it while the store is open for writing; mounted over itself, only new files fail.
        subprocess.run(["mount", "--bind", str(disk), str(disk)], check=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", str(disk)], check=True)
        return lambda: subprocess.run(["umount", "-l", str(disk)], check=True)
    away = disk.parent / "away"
    away.mkdir()
    subprocess.run(["mount", "--move", str(disk), str(away)], check=True)
    disk.rmdir()

    def back() -> None:
        disk.mkdir(exist_ok=True)
        subprocess.run(["mount", "--move", str(away), str(disk)], check=True)

    return back


def main(folder: Path, fault: str) -> None:
    """Runs the session and prints what happened."""
    application = make_application()
    desk = build(application)
    history = desk.workers.storage.history
    desk.start([folder])
    assert until(application, lambda: desk.session.model.document is not None, 30)
    desk.session.change_labels("Add label cat", desk.session.model.labels.add("cat"))
    for number in range(3):
        draw(desk, number)
    assert until(application, lambda: history.pending == 0, 20)
    repair = fail(folder.parent, fault)
    for number in range(3, 6):
        draw(desk, number)
    until(application, lambda: bool(desk.view.window.message_bar.texts()) and history.pending > 0, 5)
    until(application, lambda: False, 1)
    texts, waiting = desk.view.window.message_bar.texts(), history.pending
    on_screen = len(desk.session.model.document.annotations)  # type: ignore[union-attr]
    repair()
    if history.pending and not press(desk, "Try again"):
        press(desk, "Retry")
    saved = until(application, lambda: history.pending == 0, 20)
    desk.view.window.close()
    desk.stop()
    dataset = Dataset.open(folder)
    kept = len(dataset.load(KEY).annotations)
    lines = len((folder / "0.txt").read_text().splitlines())
    dataset.close()
    print(
        f"{waiting} changes waited, {on_screen} annotations on screen; "
        f"{'all saved' if saved else 'NOT saved'} after the repair: {kept} of 6, {lines} label lines. "
        f"The window said: {' / '.join(texts)}"
    )
    sys.stdout.flush()
    os._exit(0 if kept == 6 and lines == 6 else 3)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
