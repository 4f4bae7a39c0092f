"""The progress bar of the auto-annotate run."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from samdesk.batch.report import BatchProgress, BatchSummary, ImageFailure, SkippedImage
from samdesk.domain.annotation import RunId
from samdesk.domain.document import ImageKey
from samdesk.engine.protocols import ModelInfo
from samdesk.ui.auto_annotate.bar import BatchBar, models_text
from samdesk.ui.auto_annotate.failures import FailuresDialog


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
    bar.begin("YOLO11n and MobileSAM")
    assert bar.detail.text() == "Loading YOLO11n and MobileSAM…"
    bar.set_models((YOLO, SAM))
    assert bar.detail.text() == "YOLO11n + MobileSAM on CPU, fp32", "named before the work"
    bar.set_progress(BatchProgress(0, 412))
    assert bar.detail.text() == "0 of 412  ·  YOLO11n + MobileSAM on CPU, fp32"
    bar.set_progress(BatchProgress(128, 412, 0, 1204, 6.23, 45.4, ImageKey("a.jpg")))
    assert bar.detail.text() == "128 of 412  ·  6.2 images/s  ·  45 s left  ·  1,204 annotations"
    assert (bar.bar.value(), bar.bar.maximum()) == (128, 412)
    bar.set_summary(BatchSummary(annotated=412, annotations=3000))
    assert bar.detail.text() == "3,000 annotations on 412 images"
    assert not bar.bar.isVisible()
    with qtbot.assertNotEmitted(bar.stop_requested):
        qtbot.mouseClick(bar.stop, Qt.MouseButton.LeftButton)
    assert not bar.isVisible()


YOLO = ModelInfo("yolo11n.pt", "YOLO11n", "cpu", "CPU", "fp32")
SAM = ModelInfo("mobile_sam.pt", "MobileSAM", "cpu", "CPU", "fp32")


def test_models_on_devices_of_their_own_are_named_with_them() -> None:
    gpu = replace(SAM, device="cuda:0", device_title="NVIDIA H100", precision="fp16")
    assert models_text((YOLO, gpu)) == "YOLO11n on CPU, fp32 + MobileSAM on NVIDIA H100, fp16"
    assert models_text((YOLO,)) == "YOLO11n on CPU, fp32"


def test_the_result_names_what_was_skipped_and_failed_and_offers_what_to_do(
    bar: BatchBar, qtbot: QtBot
) -> None:
    bar.begin()
    key = ImageKey("a.jpg")
    bar.set_summary(
        BatchSummary(
            annotated=52,
            empty=3,
            annotations=104,
            skipped=(
                SkippedImage(key, "edited by hand"),
                *(SkippedImage(key, "already has annotations"),) * 2,
            ),
            failed=(ImageFailure(key, "a.jpg: The file is cut off."),),
            run_id=RunId("r1"),
        ),
        left=True,
    )
    assert bar.detail.text() == (
        "104 annotations on 52 images  ·  3 with nothing found  ·  2 skipped: already has annotations"
        "  ·  1 skipped: edited by hand  ·  1 failed: The file is cut off."
    )
    assert bar.review.text() == "Review 104, most doubtful first"
    bar.set_undo("Undo the newer steps first")
    assert not bar.undo.isEnabled()
    bar.set_undo()
    for button, signal in (
        (bar.undo, bar.undo_requested),
        (bar.resume, bar.resume_requested),
        (bar.review, bar.review_requested),
    ):
        assert button.isVisible()
        with qtbot.waitSignal(signal):
            qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert not bar.isVisible(), "the review has begun"


def test_an_only_image_that_was_skipped_is_named_with_the_reason(bar: BatchBar) -> None:
    bar.begin()
    bar.set_summary(BatchSummary(skipped=(SkippedImage(ImageKey("a.jpg"), "edited by hand"),)))
    assert bar.detail.text() == "a.jpg was skipped: edited by hand"
    assert not any(button.isVisible() for button in (bar.review, bar.undo, bar.resume))


def test_a_run_that_adds_nothing_says_so(bar: BatchBar) -> None:
    bar.begin()
    bar.set_summary(BatchSummary(annotated=2, empty=1))
    assert bar.detail.text() == "No new objects on 2 images"


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
    place = dialog.list.visualItemRect(rows[0]).center() if rows[0] else None
    with qtbot.waitSignal(bar.image_chosen) as chosen:
        qtbot.mouseClick(dialog.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
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
