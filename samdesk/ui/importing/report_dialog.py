"""ImportReportDialog: what an import has added, converted and left out, and every problem."""

from __future__ import annotations

from PySide6.QtWidgets import QApplication, QDialog, QDialogButtonBox, QPlainTextEdit, QVBoxLayout, QWidget

from samdesk.exchange.importing.report import ImportReport
from samdesk.ui.kit.fields import heading
from samdesk.ui.kit.plain import plain_lines
from samdesk.ui.kit.theme import UNIT

_SIZE = (600, 480)


class ImportReportDialog(QDialog):
    """The report of an import, beside the window."""

    def __init__(self, report: ImportReport, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Import report")
        self.setModal(False)
        title, *lines = report.lines()
        first = heading(title)
        first.setWordWrap(True)
        self.text = QPlainTextEdit(self)
        self.text.setReadOnly(True)
        self.text.setTabChangesFocus(True)
        self.text.setAccessibleName("What was imported, and what was not")
        self.text.setPlainText(plain_lines("\n".join(lines)))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        copy = buttons.addButton("Copy report", QDialogButtonBox.ButtonRole.ActionRole)
        copy.setAutoDefault(False)
        copy.clicked.connect(lambda: QApplication.clipboard().setText("\n".join((title, *lines))))
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * UNIT, 2 * UNIT, 2 * UNIT, 2 * UNIT)
        layout.setSpacing(UNIT)
        layout.addWidget(first)
        layout.addWidget(self.text, 1)
        layout.addWidget(buttons)
        self.resize(*_SIZE)
