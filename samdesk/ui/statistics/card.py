"""Card: a chart with its title, and what to do while it is empty."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from samdesk.ui.kit import painting
from samdesk.ui.kit.painting import small_font
from samdesk.ui.kit.plain import PlainLabel, plain
from samdesk.ui.kit.theme import UNIT


class Legend(QWidget):
    """Names the colours of a chart, in one line."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._entries: tuple[tuple[str, str], ...] = ()
        self.setFont(small_font(self.font()))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_entries(self, entries: Sequence[tuple[str, str]]) -> None:
        """Sets the (name, colour) pairs."""
        self._entries = tuple(entries)
        self.setAccessibleName(plain(", ".join(name for name, _ in entries)))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:  # noqa: D102
        return QSize(20 * UNIT, QFontMetrics(self.font()).height() + 4)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        painter = QPainter(self)
        metrics, left = QFontMetrics(self.font()), UNIT
        for name, color in self._entries:
            swatch = QRectF(left, (self.height() - 9) / 2, 9, 9)
            painter.fillRect(swatch, QColor(color))
            painter.setPen(painting.faint(self.palette()))
            width = metrics.horizontalAdvance(name) + 2
            place = QRectF(left + 14, 0, width, self.height())
            painter.drawText(place, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, name)
            left += 14 + width + 2 * UNIT


class Card(QFrame):
    """A titled frame around a chart.

    Signals:
        more_toggled: (bool) all bars are to be shown, or only the first ones.
    """

    more_toggled = Signal(bool)

    def __init__(self, title: str, chart: QWidget, empty: str, parent: QWidget | None = None) -> None:
        """``empty`` is shown in place of the chart: why it is empty and what to do."""
        super().__init__(parent)
        self.setProperty("card", True)
        self.chart = chart
        heading = PlainLabel(title, self)
        heading.setProperty("heading", True)
        self.note = PlainLabel("", self)
        self.note.setProperty("muted", True)
        self.note.setFont(small_font(self.note.font()))
        self.note.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.text = PlainLabel("", self)
        self.text.setWordWrap(True)
        self.text.hide()
        self.empty = PlainLabel(empty, self)
        self.empty.setProperty("muted", True)
        self.empty.setWordWrap(True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.legend = Legend(self)
        self.legend.hide()
        self.more = QToolButton(self)
        self.more.setProperty("link", True)
        self.more.setCheckable(True)
        self.more.toggled.connect(self.more_toggled)
        self.more.hide()
        head = QHBoxLayout()
        head.addWidget(heading)
        head.addWidget(self.note, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * UNIT, UNIT + 4, 2 * UNIT, UNIT + 4)
        layout.setSpacing(UNIT)
        layout.addLayout(head)
        layout.addWidget(self.text)
        layout.addWidget(self.legend)
        layout.addWidget(chart)
        layout.addWidget(self.more)
        layout.addWidget(self.empty)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        self.show_chart(False)

    def show_chart(self, filled: bool, note: str = "") -> None:
        """Shows the chart, or the words for an empty one."""
        self.chart.setVisible(filled)
        self.empty.setVisible(not filled)
        self.note.setText(note)

    def set_legend(self, entries: Sequence[tuple[str, str]]) -> None:
        """Names the colours of the bars: (name, colour) pairs."""
        self.legend.set_entries(entries)
        self.legend.setVisible(bool(entries))

    def set_more(self, total: int, shown: int) -> None:
        """Offers to show all bars, or only the first ones again."""
        self.more.setVisible(total > shown)
        self.more.setText("Show fewer" if self.more.isChecked() else f"Show all {total:,}")

    def set_text(self, text: str) -> None:
        """Shows a sentence between the title and the chart."""
        self.text.setText(text)
        self.text.setVisible(bool(text))
