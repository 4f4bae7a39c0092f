"""A damaged store in the window: what is shown, what can be kept, and a way on."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from samdesk.dataset.dataset import Dataset
from samdesk.domain.document import ImageKey
from tests.dataset.dataset_kit import draw, with_labels
from tests.e2e.conftest import OpenWindow
from tests.helpers.desk import User

A = ImageKey("0.png")


def annotated(folder: Path) -> Path:
    """Three boxes on the first image. Returns the store."""
    dataset = Dataset.open(folder)
    with_labels(dataset, "cat")
    for x in (10, 60, 110):
        draw(dataset, A, x)
    dataset.close()
    return folder / ".samdesk" / "dataset.db"


def opened(open_window: OpenWindow, folder: Path) -> User:
    user = open_window()
    user.desk.flows.files.open_folder(folder)
    return user


def test_one_damaged_annotation_is_asked_about(open_window: OpenWindow, folder: Path) -> None:
    path = annotated(folder)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE annotations SET region=x'00' WHERE position=0")
    before = (folder / "0.txt").read_bytes()
    user = opened(open_window, folder)
    user.until(lambda: "Keep what can be read" in user.buttons)
    assert "The annotations of 0.png in" in user.message_text
    assert "2 annotations can be read, 1 cannot. The label file 0.txt has 3 lines." in user.message_text
    user.until(lambda: len(user.annotations) == 2)
    assert (folder / "0.txt").read_bytes() == before
    user.press("Use the label file")
    user.until(lambda: len(user.annotations) == 3)
    assert "Keep what can be read" not in user.buttons
    user.draw(200, 120)
    user.until_saved()
    assert (folder / "0.txt").read_bytes().startswith(before)


def test_a_store_that_cannot_be_opened_makes_way_for_the_label_files(
    open_window: OpenWindow, folder: Path
) -> None:
    path = annotated(folder)
    path.write_bytes(b"")
    labels = {p.name: p.read_bytes() for p in folder.glob("*.txt")}
    user = opened(open_window, folder)
    user.until(lambda: "Use the label files…" in user.buttons)
    assert f"{path} is damaged (it is empty) and left as it is." in user.message_text
    user.answers.confirm = False
    user.press("Use the label files…")
    assert path.read_bytes() == b""
    user.answers.confirm = True
    user.press("Use the label files…")
    user.until(lambda: user.shown == "0.png")
    user.until(lambda: len(user.annotations) == 3)
    assert path.with_name("dataset.damaged.db").read_bytes() == b""
    assert {p.name: p.read_bytes() for p in folder.glob("*.txt")} == labels
    user.draw(200, 120)
    user.until_saved()
    assert path.stat().st_size > 0
