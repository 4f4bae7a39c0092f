"""JobBar: progress of a long job in a thin bar above the canvas, hidden while there is nothing to show."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from samdesk.ui.kit.plain import PlainLabel
from samdesk.ui.kit.shield import shield
from samdesk.ui.kit.theme import UNIT


class JobBar(QFrame):
    """Title, progress bar, text and buttons of one job, in one row."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("job")
        self.setAutoFillBackground(True)
        self.title = PlainLabel(title, self)
        self.title.setProperty("heading", True)
        self.bar = QProgressBar(self)
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(6)
        self.bar.setMinimumWidth(80)
        self.bar.setAccessibleName(f"Progress of {title.lower()}")
        self.detail = PlainLabel("", self)
        self._row = layout = QHBoxLayout(self)
        layout.setContentsMargins(UNIT * 3 // 2, UNIT // 2, UNIT, UNIT // 2)
        layout.setSpacing(UNIT * 3 // 2)
        layout.addWidget(self.title)
        layout.addWidget(self.bar, 1, Qt.AlignmentFlag.AlignVCenter)
        layout.addWidget(self.detail)
        self.setVisible(False)

    def add_button(self, text: str, tip: str = "") -> QPushButton:
        """Adds a button at the right."""
        button = QPushButton(text, self)
        button.setToolTip(tip)
        self._row.addWidget(button)
        return button

    def vanish(self) -> None:
        """Hides the bar; the canvas moves into its place."""
        shield(self)
        self.setVisible(False)

    def show_progress(self, shown: bool) -> None:
        """Shows the progress bar, or gives its space to the text."""
        self.bar.setVisible(shown)
        self._row.setStretchFactor(self.detail, 0 if shown else 1)


class JobBars(QWidget):
    """The bars above the canvas, stacked."""

    def __init__(self, *bars: QFrame) -> None:
        super().__init__()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        for bar in bars:
            self.add(bar)

    def add(self, bar: QFrame) -> None:
        """Adds a bar below the others."""
        layout = self.layout()
        assert layout is not None
        layout.addWidget(bar)
