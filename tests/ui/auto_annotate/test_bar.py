"""The progress bar of the auto-annotate run."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from samdesk.batch.report import BatchProgress, BatchSummary, ImageFailure
from samdesk.domain.document import ImageKey
from samdesk.ui.auto_annotate.bar import BatchBar, FailuresDialog


@pytest.fixture
def bar(qtbot: QtBot) -> BatchBar:
    bar = BatchBar()
    qtbot.addWidget(bar)
    return bar


def test_a_run_from_start_to_end(bar: BatchBar, qtbot: QtBot) -> None:
    assert not bar.isVisible()
    bar.begin()
    assert bar.isVisible()
    assert bar.detail.text() == "Loading models…"
    assert bar.bar.maximum() == 0, "the total is unknown yet"
    bar.set_progress(BatchProgress(128, 412, 0, 1204, 6.23, 45.4, ImageKey("a.jpg")))
    assert bar.detail.text() == "128 of 412  ·  6.2 images/s  ·  45 s left  ·  1,204 annotations"
    assert (bar.bar.value(), bar.bar.maximum()) == (128, 412)
    bar.set_summary(BatchSummary(annotated=412, annotations=3000))
    assert bar.detail.text() == "3,000 annotations on 412 images"
    assert not bar.bar.isVisible()
    with qtbot.assertNotEmitted(bar.stop_requested):
        qtbot.mouseClick(bar.stop, Qt.MouseButton.LeftButton)
    assert not bar.isVisible()


def test_stop_is_requested_once(bar: BatchBar, qtbot: QtBot) -> None:
    bar.begin()
    with qtbot.waitSignal(bar.stop_requested):
        qtbot.mouseClick(bar.stop, Qt.MouseButton.LeftButton)
    assert bar.stop.text() == "Stopping…"
    with qtbot.assertNotEmitted(bar.stop_requested):
        qtbot.mouseClick(bar.stop, Qt.MouseButton.LeftButton)
    bar.set_summary(BatchSummary(cancelled=True, annotated=3, annotations=9))
    assert bar.detail.text().startswith("Stopped: 9 annotations")
    bar.begin()
    assert bar.stop.text() == "Stop"
    assert bar.stop.isEnabled()


def popup(bar: BatchBar) -> FailuresDialog:
    found = [w for w in QApplication.topLevelWidgets() if isinstance(w, FailuresDialog) and w.isVisible()]
    found += [w for w in bar.window().findChildren(FailuresDialog) if w.isVisible() and w not in found]
    assert len(found) == 1
    return found[0]


def test_failures_are_listed_with_their_reasons(bar: BatchBar, qtbot: QtBot) -> None:
    bar.begin()
    assert not bar.failed.isVisible()
    bar.add_failure("images/a.jpg", "The file is cut off.")
    assert bar.failed.isVisible()
    assert bar.failed.text() == "1 failed…"
    qtbot.mouseClick(bar.failed, Qt.MouseButton.LeftButton)
    dialog = popup(bar)
    bar.add_failure("images/b.jpg", "Not an image.")  # while it is open
    rows = [dialog.list.topLevelItem(i) for i in range(dialog.list.topLevelItemCount())]
    assert [(row.text(0), row.text(1)) for row in rows if row] == [
        ("images/a.jpg", "The file is cut off."),
        ("images/b.jpg", "Not an image."),
    ]
    copy = next(b for b in dialog.findChildren(QPushButton) if b.text() == "Copy list")
    qtbot.mouseClick(copy, Qt.MouseButton.LeftButton)
    assert (
        QApplication.clipboard().text() == "images/a.jpg\tThe file is cut off.\nimages/b.jpg\tNot an image."
    )
    with qtbot.waitSignal(bar.image_chosen) as chosen:
        dialog.list.itemActivated.emit(rows[0], 0)
    assert chosen.args == ["images/a.jpg"]
    dialog.close()


def test_failures_of_the_summary_are_kept_and_a_new_run_forgets_them(bar: BatchBar) -> None:
    bar.begin()
    bar.add_failure("a.jpg", "cut off")
    failed = (ImageFailure(ImageKey("a.jpg"), "cut off"), ImageFailure(ImageKey("b.jpg"), "no image"))
    bar.set_summary(BatchSummary(annotated=1, failed=failed))
    assert bar.failures == {"a.jpg": "cut off", "b.jpg": "no image"}
    bar.begin()
    assert bar.failures == {}
    bar.end()
    assert not bar.isVisible()
