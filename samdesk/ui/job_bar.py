"""A thin bar that tells how a background job is going and can stop it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QSizePolicy, QWidget

from samdesk.ui.theme import GRID


class JobBar(QFrame):
    """Title, progress, detail and Stop in one line.

    Signals:
        stop_requested(): The user wants the job stopped.
    """

    stop_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("job")
        self._title = QLabel(self)
        self._title.setProperty("heading", True)
        self._bar = QProgressBar(self)
        self._bar.setTextVisible(False)
        self._bar.setFixedHeight(6)
        self._bar.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._bar.setAccessibleName("Progress")
        self._detail = QLabel(self)
        self._detail.setProperty("muted", True)
        self.stop = QPushButton("Stop", self)
        self.stop.setToolTip("Stop the run; what it has done so far stays")
        self.stop.clicked.connect(self.stop_requested)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(GRID * 3 // 2, GRID // 2, GRID, GRID // 2)
        layout.setSpacing(GRID * 3 // 2)
        layout.addWidget(self._title)
        layout.addWidget(self._bar, 1, Qt.AlignmentFlag.AlignVCenter)
        layout.addWidget(self._detail)
        layout.addWidget(self.stop)
        self.setVisible(False)

    def show_job(self, title: str, detail: str = "", done: int = 0, total: int = 0) -> None:
        """Shows how far a job is.

        Args:
            title: What is being done.
            detail: Rate, time left, failures.
            done: Units done.
            total: Units in all; 0: not known yet.
        """
        self._title.setText(title)
        self._detail.setText(detail)
        self._bar.setRange(0, total)
        self._bar.setValue(done)
        self.setVisible(True)

    def text(self) -> str:
        """What it says, title and detail."""
        return f"{self._title.text()} {self._detail.text()}".strip()

    def hide_job(self) -> None:
        """Takes the bar away."""
        self.setVisible(False)
