"""The progress bar of a training."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from samdesk.training.record.taught_weights import DETECTOR, MASKS, Score, TaughtWeights
from samdesk.training.teach.events import TrainingProgress, TrainingStarted
from samdesk.ui.teach.bar import TeachBar


def masks(*, better: bool = True) -> TaughtWeights:
    scores = (Score("box", 0.7, 0.8), Score("click", 0.5, 0.6))
    return TaughtWeights("m", MASKS, 1.0, scores, 9, 3, 60.0, better)


def detector(*, better: bool = True) -> TaughtWeights:
    return TaughtWeights(
        "d", DETECTOR, 1.0, (Score("map50", None, 0.6), Score("class a", None, 0.6)), better=better
    )


@pytest.fixture
def bar(qtbot: QtBot) -> TeachBar:
    bar = TeachBar()
    qtbot.addWidget(bar)
    return bar


def test_progress_and_a_result_that_is_used(bar: TeachBar, qtbot: QtBot) -> None:
    assert not bar.isVisible()
    bar.begin()
    assert bar.bar.maximum() == 0
    bar.set_started(TrainingStarted(MASKS, again=True))
    assert bar.detail.text() == "Masks: resuming where it stopped…"
    bar.set_progress(TrainingProgress(MASKS, 1200, 2400, 0.5, 2400.0))
    assert bar.detail.text() == "Masks: 1,200 of 2,400  ·  2.0 s/step  ·  40 min left"
    assert (bar.bar.value(), bar.bar.maximum()) == (1200, 2400)
    assert not bar.use.isVisible()
    bar.set_results([masks(), detector()])
    assert bar.detail.text() == "Masks: box 0.70 → 0.80, click 0.50 → 0.60;  Detector: mAP50 – → 0.60"
    assert bar.use.text() == "Use both"
    with qtbot.waitSignal(bar.use_requested):
        qtbot.mouseClick(bar.use, Qt.MouseButton.LeftButton)


def test_only_improved_weights_are_offered(bar: TeachBar) -> None:
    bar.set_results([masks(better=False), detector()])
    assert bar.title.text() == "Flint has improved"
    assert "(not improved)" in bar.detail.text()
    assert bar.use.text() == "Use detector only"
    bar.set_results([masks()], stopped=True)
    assert bar.use.text() == "Use"
    assert "the rest was stopped" in bar.detail.text()


def test_stop_is_requested_once(bar: TeachBar, qtbot: QtBot) -> None:
    bar.begin()
    with qtbot.waitSignal(bar.stop_requested):
        qtbot.mouseClick(bar.dismiss, Qt.MouseButton.LeftButton)
    with qtbot.assertNotEmitted(bar.stop_requested):
        qtbot.mouseClick(bar.dismiss, Qt.MouseButton.LeftButton)
    bar.set_stopped()
    with qtbot.waitSignal(bar.dismissed):
        qtbot.mouseClick(bar.dismiss, Qt.MouseButton.LeftButton)
    assert not bar.isVisible()


def test_a_narrow_bar_stays_narrow(bar: TeachBar) -> None:
    bar.set_results([masks(better=False), detector()])
    assert bar.minimumSizeHint().width() < 700
