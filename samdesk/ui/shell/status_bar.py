"""StatusBar: cursor, zoom, hint, closer look, model times, model and saving."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QStatusBar, QWidget

from samdesk.ui.kit.plain import PlainLabel, plain, tip
from samdesk.ui.kit.theme import UNIT, current_tokens

SAVED_STATES = {
    "saved": "good",
    "saving…": "busy",
    "in memory only": "warning",
    "not saved": "bad",
    "": "none",
}
"""Texts of the saved field, and the state that the dot beside it shows."""


class Dot(QWidget):
    """A small dot in the colour of a state: good, busy, warning, bad or none."""

    def __init__(self, state: str = "none", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.setFixedSize(8, 8)

    @property
    def state(self) -> str:
        """The state shown."""
        return self._state

    def set_state(self, state: str) -> None:
        """Sets the state."""
        self._state = state
        self.update()

    def sizeHint(self) -> QSize:
        """Returns 8 x 8 logical pixels."""
        return QSize(8, 8)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paints a disc, or a ring while busy, so that the states differ not only in colour."""
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
    """The colour of a state in the current theme."""
    tokens = current_tokens()
    colors = {"good": tokens.good, "warning": tokens.warning, "bad": tokens.bad, "busy": tokens.accent}
    return QColor(colors.get(state, tokens.muted))


class _Field(PlainLabel):
    """One value, at least as wide as its widest text, so that the other fields do not move."""

    def __init__(self, name: str, widest: str, explanation: str, parent: QWidget) -> None:
        super().__init__("", parent)
        self.setAccessibleName(name)
        self.setToolTip(explanation)
        self.setMinimumWidth(QFontMetrics(self.font()).horizontalAdvance(widest) + UNIT // 2)


class _Hint(PlainLabel):
    """The hint of the tool in use; elided if there is too little space."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__("", parent)
        self._full = ""
        self.setProperty("muted", True)
        self.setAccessibleName("Hint")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def set_hint(self, text: str) -> None:
        """Shows a hint."""
        self._full = plain(text)
        self.setToolTip(tip(text))
        self._fit()

    def resizeEvent(self, event: object) -> None:
        """Elides the text to the new width."""
        self._fit()

    def _fit(self) -> None:
        metrics = QFontMetrics(self.font())
        self.setText(metrics.elidedText(self._full, Qt.TextElideMode.ElideRight, max(self.width() - 2, 0)))

    @property
    def hint(self) -> str:
        """The whole hint."""
        return self._full


class StatusBar(QStatusBar):
    """The status bar: fields in a fixed order, as wide as their widest values."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizeGripEnabled(False)
        row = QWidget(self)
        self.hint = _Hint(row)
        self.cursor_field = _Field("Cursor", "x 88888.8  y 88888.8", "Cursor, image pixels", row)
        self.zoom_field = _Field("Zoom", "88888%", "Screen pixels per image pixel", row)
        self.encode_field = _Field(
            "Encode time",
            "encode 88888 ms",
            "Time the model took to encode this image; “cached” if it was encoded before",
            row,
        )
        self.closer_look_field = PlainLabel("", row)  # rarely visible: it takes its space from the hint
        self.closer_look_field.setAccessibleName("Closer look")
        self.closer_look_field.hide()
        self.ahead_field = PlainLabel("", row)
        self.ahead_field.setAccessibleName("Annotate ahead")
        self.ahead_field.hide()
        self.decode_field = _Field("Mask time", "mask 88888 ms", "Time the model took for the last mask", row)
        self.engine_field = PlainLabel("", row)
        self.engine_field.setAccessibleName("Model and device")
        self.saved_field = _Field("Saved", "Saving…", "Every edit is saved as you make it", row)
        self.saved_dot = Dot("none", row)
        layout = QHBoxLayout(row)
        layout.setContentsMargins(UNIT * 3 // 2, 0, UNIT, 0)
        layout.setSpacing(UNIT * 2)
        layout.addWidget(self.cursor_field)
        layout.addWidget(self.zoom_field)
        layout.addWidget(self.hint, 1)
        for field in (
            self.ahead_field,
            self.closer_look_field,
            self.encode_field,
            self.decode_field,
            self.engine_field,
        ):
            layout.addWidget(field)
        saved = QHBoxLayout()
        saved.setSpacing(UNIT * 3 // 4)
        saved.addWidget(self.saved_dot)
        saved.addWidget(self.saved_field)
        layout.addLayout(saved)
        self.addWidget(row, 1)
        self.setMinimumHeight(UNIT * 7 // 2)

    def set_cursor(self, point: tuple[float, float] | None) -> None:
        """Shows the cursor position, image pixels; None: outside the image."""
        self.cursor_field.setText("" if point is None else f"x {point[0]:.1f}  y {point[1]:.1f}")

    def set_zoom(self, zoom: float | None) -> None:
        """Shows the zoom factor, 1.0 is 100%; None: no image."""
        self.zoom_field.setText("" if zoom is None else f"{zoom * 100:.{0 if zoom >= 0.1 else 1}f}%")

    def set_timing(
        self, encode_ms: float | None = None, decode_ms: float | None = None, cached: bool = False
    ) -> None:
        """Shows the model's times.

        Args:
            encode_ms: Time to encode the image, ms; None: unknown.
            decode_ms: Time to decode the last mask, ms; None: no mask yet.
            cached: The image was encoded before; "ready" is shown instead of a time.
        """
        encode = "" if encode_ms is None else f"encode {_ms(encode_ms)}"
        self.encode_field.setText("encode cached" if cached else encode)
        self.decode_field.setText("" if decode_ms is None else f"mask {_ms(decode_ms)}")

    def set_closer_look(self, text: str, explanation: str = "") -> None:
        """Shows the state of the closer look; empty: there is none."""
        self.closer_look_field.setText(text)
        self.closer_look_field.setToolTip(tip(explanation))
        self.closer_look_field.setVisible(bool(text))

    def set_ahead(self, text: str, explanation: str = "") -> None:
        """Shows what is annotated ahead; empty: nothing."""
        self.ahead_field.setText(text)
        self.ahead_field.setToolTip(tip(explanation))
        self.ahead_field.setVisible(bool(text))

    def set_engine(self, text: str, explanation: str = "") -> None:
        """Shows the model and its device."""
        self.engine_field.setText(plain(text))
        self.engine_field.setToolTip(tip(explanation))

    def set_saved(self, text: str, state: str | None = None) -> None:
        """Shows whether all edits are saved.

        Args:
            text: A key of ``SAVED_STATES``, or another text.
            state: State of the dot: good, busy, warning, bad or none; None: from ``SAVED_STATES``.
        """
        self.saved_field.setText(text[:1].upper() + text[1:])
        self.saved_dot.set_state(state or SAVED_STATES.get(text, "none"))

    def set_hint(self, text: str) -> None:
        """Shows the hint of the tool in use."""
        self.hint.set_hint(text)


def _ms(value: float) -> str:
    return f"{value:.1f} ms" if value < 9.95 else f"{value:,.0f} ms"
