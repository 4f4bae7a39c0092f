"""DiagnosticsDialog: the report of what is installed and how the model runs."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QDialogButtonBox,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from samdesk.base.text import printable
from samdesk.ui.kit.plain import PlainLabel
from samdesk.ui.kit.theme import UNIT


class DiagnosticsDialog(QDialog):
    """Shows a report, to read and to copy.

    Signals:
        rerun_requested: The diagnostics are to be run again; call ``set_text`` with the result.
    """

    rerun_requested = Signal()

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Diagnostics")
        self.state = PlainLabel("", self)
        self.state.setWordWrap(True)
        self.report = QPlainTextEdit(self)
        self.report.setReadOnly(True)
        self.report.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.report.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.report.setAccessibleName("Report")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        role = QDialogButtonBox.ButtonRole.ActionRole
        self.copy_button = buttons.addButton("Copy", role)
        self.copy_button.setToolTip("Copy the report, to paste it into a bug report")
        self.rerun_button = buttons.addButton("Run again", role)
        self.copy_button.clicked.connect(self._copy)
        self.rerun_button.clicked.connect(self._rerun)
        for button in (self.copy_button, self.rerun_button):
            button.setAutoDefault(False)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * UNIT, 2 * UNIT, 2 * UNIT, 2 * UNIT)
        layout.setSpacing(UNIT)
        layout.addWidget(self.state)
        layout.addWidget(self.report, 1)
        layout.addWidget(buttons)
        self.resize(720, 520)
        if text:
            self.set_text(text)
        else:
            self.set_running()

    def set_text(self, text: str) -> None:
        """Shows a report."""
        self.report.setPlainText(printable(text, lines=True))
        self.state.setText("What samdesk found on this computer. Nothing is sent anywhere.")
        self.copy_button.setEnabled(True)
        self.rerun_button.setEnabled(True)

    def set_running(self) -> None:
        """Shows that the diagnostics are running; the last report stays visible."""
        self.state.setText("Running: encoding an image and decoding a mask…")
        self.rerun_button.setEnabled(False)
        self.copy_button.setEnabled(bool(self.report.toPlainText()))

    def _copy(self) -> None:
        QApplication.clipboard().setText(self.report.toPlainText())
        self.state.setText("Copied.")

    def _rerun(self) -> None:
        self.set_running()
        self.rerun_requested.emit()
