"""The status bar: where the cursor is, how near we are, how long the model took, what is saved."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QStatusBar, QWidget

from samdesk.ui.kit.theme import UNIT, current_tokens

SAVED_STATES = {
    "saved": "good",
    "saving…": "busy",
    "in memory only": "warning",
    "not saved": "bad",
    "": "none",
}
"""What the saved field may say of its own accord, and the colour of its dot."""


class Dot(QWidget):
    """A small round mark in the colour of a state: good, busy, warning, bad or none."""

    def __init__(self, state: str = "none", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.setFixedSize(8, 8)

    @property
    def state(self) -> str:
        """The state shown."""
        return self._state

    def set_state(self, state: str) -> None:
        """Shows another state."""
        self._state = state
        self.update()

    def sizeHint(self) -> QSize:
        """Eight pixels."""
        return QSize(8, 8)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paints the mark; a ring while busy, so that colour is not the only difference."""
        if self._state == "none":
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        color = state_color(self._state)
        if self._state == "busy":
            painter.setPen(color)
            painter.drawEllipse(1, 1, 6, 6)
        else:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(color)
            painter.drawEllipse(0, 0, 8, 8)
        painter.end()


def state_color(state: str) -> QColor:
    """The colour that stands for a state in the current look."""
    tokens = current_tokens()
    colors = {"good": tokens.good, "warning": tokens.warning, "bad": tokens.bad, "busy": tokens.accent}
    return QColor(colors.get(state, tokens.muted))


class _Field(QLabel):
    """One value; keeps the room of its widest text, so that its neighbours stand still."""

    def __init__(self, name: str, widest: str, tip: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setToolTip(tip)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setMinimumWidth(QFontMetrics(self.font()).horizontalAdvance(widest) + UNIT // 2)


class _Hint(QLabel):
    """The hint of the tool; it gives way to the values and is cut with an ellipsis."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._full = ""
        self.setProperty("muted", True)
        self.setAccessibleName("Hint")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def set_hint(self, text: str) -> None:
        """Shows a hint."""
        self._full = text
        self.setToolTip(text)
        self._fit()

    def resizeEvent(self, event: object) -> None:
        """Cuts the text to the room there is."""
        self._fit()

    def _fit(self) -> None:
        metrics = QFontMetrics(self.font())
        self.setText(metrics.elidedText(self._full, Qt.TextElideMode.ElideRight, max(self.width() - 2, 0)))

    @property
    def hint(self) -> str:
        """The whole hint."""
        return self._full


class StatusBar(QStatusBar):
    """Fields in a fixed order with room for their widest values."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizeGripEnabled(False)
        row = QWidget(self)
        self.hint = _Hint(row)
        self.cursor_field = _Field("Cursor", "x 88888.8  y 88888.8", "Cursor, image pixels", row)
        self.zoom_field = _Field("Zoom", "88888%", "Screen pixels for each image pixel", row)
        self.encode_field = _Field(
            "Encode time",
            "encode 88888 ms",
            "Time the model took to read this image; “ready” if it was read ahead",
            row,
        )
        self.look_field = QLabel(row)  # seldom there: it takes its room from the hint
        self.look_field.setAccessibleName("Closer look")
        self.look_field.hide()
        self.decode_field = _Field("Mask time", "mask 88888 ms", "Time the model took for the last mask", row)
        self.engine_field = QLabel(row)
        self.engine_field.setAccessibleName("Engine and device")
        self.saved_field = _Field("Saved", "Saving…", "Every edit is saved as you make it", row)
        self.saved_dot = Dot("none", row)
        layout = QHBoxLayout(row)
        layout.setContentsMargins(UNIT * 3 // 2, 0, UNIT, 0)
        layout.setSpacing(UNIT * 2)
        layout.addWidget(self.cursor_field)
        layout.addWidget(self.zoom_field)
        layout.addWidget(self.hint, 1)
        for field in (self.look_field, self.encode_field, self.decode_field, self.engine_field):
            layout.addWidget(field)
        saved = QHBoxLayout()
        saved.setSpacing(UNIT * 3 // 4)
        saved.addWidget(self.saved_dot)
        saved.addWidget(self.saved_field)
        layout.addLayout(saved)
        self.addWidget(row, 1)
        self.setMinimumHeight(UNIT * 7 // 2)

    def set_cursor(self, point: tuple[float, float] | None) -> None:
        """Shows where the cursor is, image pixels; None: outside the image."""
        self.cursor_field.setText("" if point is None else f"x {point[0]:.1f}  y {point[1]:.1f}")

    def set_zoom(self, zoom: float | None) -> None:
        """Shows the zoom, 1.0 is 100%; None: no image."""
        self.zoom_field.setText("" if zoom is None else f"{zoom * 100:.{0 if zoom >= 0.1 else 1}f}%")

    def set_timing(
        self, encode_ms: float | None = None, decode_ms: float | None = None, cached: bool = False
    ) -> None:
        """Shows how long the model took.

        Args:
            encode_ms: Milliseconds to read the image; None: not known.
            decode_ms: Milliseconds for the last mask; None: none yet.
            cached: The image had been read before, so it cost nothing.
        """
        encode = "" if encode_ms is None else f"encode {_ms(encode_ms)}"
        self.encode_field.setText("encode ready" if cached else encode)
        self.decode_field.setText("" if decode_ms is None else f"mask {_ms(decode_ms)}")

    def set_look(self, text: str, tip: str = "") -> None:
        """Shows that the model looks at a part of the photo more closely; empty: it does not."""
        self.look_field.setText(text)
        self.look_field.setToolTip(tip)
        self.look_field.setVisible(bool(text))

    def set_engine(self, text: str, tip: str = "") -> None:
        """Shows which model answers on which device."""
        self.engine_field.setText(text)
        self.engine_field.setToolTip(tip)

    def set_saved(self, text: str, state: str | None = None) -> None:
        """Shows whether everything is on disk.

        Args:
            text: "saved", "saving…", "in memory only", "not saved" or other words.
            state: Colour of the dot: good, busy, warning, bad, none; None: as the text says.
        """
        self.saved_field.setText(text[:1].upper() + text[1:])
        self.saved_dot.set_state(state or SAVED_STATES.get(text, "none"))

    def set_hint(self, text: str) -> None:
        """Shows what the tool in use waits for."""
        self.hint.set_hint(text)


def _ms(value: float) -> str:
    return f"{value:.1f} ms" if value < 9.95 else f"{value:,.0f} ms"
