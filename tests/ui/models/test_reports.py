"""Diagnostics and model information."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetricsF
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from samdesk.engine.protocols import ModelInfo
from samdesk.ui.models.info_dialog import ModelInfoDialog
from samdesk.ui.shell.dialogs.diagnostics import DiagnosticsDialog

INFO = ModelInfo(
    "mobile_sam.pt", "MobileSAM", "cuda:0", "NVIDIA H100", "fp16", 202, 10_130_092, 39.44, 20_260_184,
    "/weights/mobile_sam.pt", "6dbb90523a35330f",
)  # fmt: skip


def test_the_report_is_shown_and_copied(qtbot: QtBot) -> None:
    dialog = DiagnosticsDialog("device  cuda:0\nencode  41 ms")
    qtbot.addWidget(dialog)
    assert dialog.report.toPlainText() == "device  cuda:0\nencode  41 ms"
    metrics = QFontMetricsF(dialog.report.font())
    assert metrics.horizontalAdvance("iiii") == metrics.horizontalAdvance("MMMM"), "its columns stand in line"
    qtbot.mouseClick(dialog.copy_button, Qt.MouseButton.LeftButton)
    assert QApplication.clipboard().text() == "device  cuda:0\nencode  41 ms"


def test_the_test_can_be_run_again(qtbot: QtBot) -> None:
    dialog = DiagnosticsDialog("old")
    qtbot.addWidget(dialog)
    with qtbot.waitSignal(dialog.rerun_requested):
        qtbot.mouseClick(dialog.rerun_button, Qt.MouseButton.LeftButton)
    assert not dialog.rerun_button.isEnabled()
    assert dialog.report.toPlainText() == "old", "readable while the new one is made"
    dialog.set_text("new")
    assert dialog.rerun_button.isEnabled()
    assert dialog.report.toPlainText() == "new"


def test_without_a_report_it_shows_that_the_test_is_running(qtbot: QtBot) -> None:
    dialog = DiagnosticsDialog()
    qtbot.addWidget(dialog)
    assert dialog.state.text().startswith("Running")
    assert not dialog.copy_button.isEnabled()


def test_model_information(qtbot: QtBot) -> None:
    dialog = ModelInfoDialog(INFO)
    qtbot.addWidget(dialog)
    assert dialog.text("Model") == "MobileSAM"
    assert dialog.text("Device") == "NVIDIA H100 (cuda:0)"
    assert dialog.text("Parameters") == "10,130,092"
    assert dialog.text("Layers") == "202"
    assert dialog.text("GFLOPs per image") == "39.4"
    assert dialog.text("Memory for weights") == "20 MB"
    assert dialog.text("File") == "/weights/mobile_sam.pt"


def test_model_information_is_completed_later(qtbot: QtBot) -> None:
    dialog = ModelInfoDialog(replace(INFO, gflops=None, layers=0, parameters=0, memory_bytes=0))
    qtbot.addWidget(dialog)
    assert {dialog.text(n) for n in ("GFLOPs per image", "Layers", "Parameters", "Memory for weights")} == {
        "–"
    }
    dialog.set_info(INFO)
    assert dialog.text("GFLOPs per image") == "39.4"


def test_a_model_without_a_file(qtbot: QtBot) -> None:
    dialog = ModelInfoDialog(ModelInfo("drawn", "Drawn", "cpu", "CPU, 2 threads", "fp32"))
    qtbot.addWidget(dialog)
    assert dialog.text("Precision") == "fp32 (full)"
    assert dialog.text("File") == "Built in"
