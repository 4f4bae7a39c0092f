"""Ctrl+C and SIGTERM end the window as closing it does: settings and what waits are saved."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QTimer

from samdesk.app import end_on_signals, save_before_log_off
from samdesk.settings.table import FILL_OPACITY, WINDOW_GEOMETRY, Settings
from tests.helpers.desk import User, lines

pytestmark = pytest.mark.skipif(os.name == "nt", reason="a process cannot send itself SIGTERM on Windows")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_settings_edits_and_an_accepted_mask_that_waits(
    user: User, folder: Path, number: int
) -> None:
    codes: list[int] = []
    signals = end_on_signals(user.desk, codes.append)
    try:
        user.add_labels("cat")
        user.desk.settings.set(FILL_OPACITY, 77)
        user.predictor.decoding.close()
        user.mouse.click(100, 120)
        user.key(Qt.Key.Key_Return)
        assert user.desk.flows.annotate.mask_pending
        os.kill(os.getpid(), number)
        user.qtbot.wait(30)
        assert codes == [], "the mask is awaited"
        user.predictor.decoding.open()
        user.until(lambda: codes == [128 + number])
    finally:
        second = signal.getsignal(number)
        signals.remove()
    assert second is signal.SIG_DFL, "a second one ends at once"
    assert user.answers.asked == []
    assert not user.window.isVisible()
    assert Settings().get(FILL_OPACITY) == 77
    assert Settings().get(WINDOW_GEOMETRY)
    assert len(lines(folder / "0.png").lines) == 1


def test_logging_off_saves_the_same_and_leaves_the_window_open(user: User, folder: Path) -> None:
    user.add_labels("cat")
    user.desk.settings.set(FILL_OPACITY, 66)
    user.predictor.decoding.close()
    user.mouse.click(100, 120)
    user.key(Qt.Key.Key_Return)
    assert user.desk.flows.annotate.mask_pending
    QTimer.singleShot(60, user.predictor.decoding.open)
    save_before_log_off(user.desk)
    assert len(lines(folder / "0.png").lines) == 1
    assert Settings().get(FILL_OPACITY) == 66
    assert user.window.isVisible(), "logging off may be cancelled"
    assert user.answers.asked == []


def test_a_worker_that_answers_after_the_window_is_gone_finds_no_one(user: User) -> None:
    inference, info = user.desk.workers.inference, user.predictor.info
    user.close_window()
    inference.model_loaded.emit(info)
    inference.encoded.emit("0.png", 1.0, False)
