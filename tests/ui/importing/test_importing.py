"""Imports from the window: the dialog, the job, the message with Undo, files that are dropped."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from samdesk.images.reader import read_size
from samdesk.ui.importing.classes_table import CLASS, COUNT
from samdesk.ui.importing.dialog import ImportDialog
from tests.exchange.importing.test_import import coco
from tests.helpers.desk import User
from tests.ui.search.test_search import found

__all__ = ["found"]


def object_at(x: int, **more: Any) -> dict[str, Any]:
    return {"segmentation": [[x, 8, x + 20, 8, x + 20, 23, x, 23]]} | more


@pytest.fixture
def source(found: User, tmp_path: Path) -> Path:
    """A file about two of four images, with a class that the dataset has and one that it has not."""
    info = found.desk.flows.files.info
    assert info is not None
    size = read_size(info.folder / info.keys[0])
    first, second = info.keys[:2]
    objects = {first: [object_at(2), object_at(30, category_id=2)], second: [object_at(4, category_id=2)],
               "gone.png": [object_at(1)]}  # fmt: skip
    return coco(tmp_path / "x.json", objects, ("cat", "bird"), size)


def opened(user: User, path: Path) -> ImportDialog:
    """The dialog for a file that was dropped, once it is read."""
    user.drop(path)
    importing = user.desk.flows.data.importing
    user.until(lambda: importing.dialog is not None)
    dialog = cast(ImportDialog, importing.dialog)
    user.until(lambda: not dialog.outcome.text().startswith("Reading"))
    return dialog


def test_a_dropped_file_is_imported_with_the_labels_chosen_and_undone(found: User, source: Path) -> None:
    before = found.names
    dialog = opened(found, source)
    assert dialog.format.currentText() == "COCO instances (1 file)"
    assert dialog.outcome.text().startswith("3 instances on 2 images of this dataset.")
    rows = {dialog.classes.item(row, CLASS).text(): row for row in range(dialog.classes.rowCount())}
    assert dialog.classes.item(rows["bird"], COUNT).text() == "2"
    assert dialog.classes.choice(rows["bird"]).currentText() == "New label “bird”"
    assert dialog.classes.choice(rows["cat"]).currentText() == "cat"
    assert "the dataset has no image “gone.png”" in dialog.problems.toPlainText()
    choice = dialog.classes.choice(rows["bird"])
    choice.setCurrentIndex(choice.findText("dog"))
    QTest.mouseClick(dialog.import_button, Qt.MouseButton.LeftButton)
    found.until(lambda: "imported" in found.message_text)
    assert "3 annotations on 2 images imported, 1 problem." in found.message_text
    found.until(lambda: found.names == [*before, "cat", "dog"])
    found.press("Undo")
    found.until(lambda: found.names == before)


def test_a_class_that_is_left_out_adds_nothing_and_the_report_says_so(found: User, source: Path) -> None:
    dialog = opened(found, source)
    for row in range(dialog.classes.rowCount()):
        choice = dialog.classes.choice(row)
        choice.setCurrentIndex(choice.findText("Leave out"))
    assert not dialog.import_button.isEnabled()
    first = dialog.classes.choice(0)
    first.setCurrentIndex(0)
    assert dialog.import_button.isEnabled()
    dialog.as_pending.click()
    assert dialog.plan().review == "pending"
    assert list(dialog.plan().classes.values()).count(None) == 1
    dialog.reject()


def test_a_file_of_no_known_format_is_named_and_can_be_read_as_one(found: User, tmp_path: Path) -> None:
    other = tmp_path / "notes.json"
    other.write_text("[]")
    dialog = opened(found, other)
    assert "No annotations of a known format" in dialog.outcome.text()
    dialog.reject()
    other.write_text("[")
    dialog = opened(found, other)
    assert "notes.json is damaged: it is not JSON" in dialog.outcome.text()
    dialog.reject()
    other.write_text("[]")
    dialog = opened(found, other)
    assert not dialog.import_button.isEnabled()
    place = dialog.format.findData("coco")
    dialog.format.setCurrentIndex(place)
    dialog.format.activated.emit(place)
    found.until(lambda: "0 instances" in dialog.outcome.text())
    assert "notes.json" in dialog.problems.toPlainText()
    dialog.reject()
