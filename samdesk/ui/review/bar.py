"""ReviewBar: what is under review, why it is doubtful, and what can be done, in a bar above the canvas."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from samdesk.ui.commands.actions import Actions
from samdesk.ui.commands.buttons import CommandButton, CommandIcon
from samdesk.ui.editing.marks import score_text
from samdesk.ui.kit import painting
from samdesk.ui.kit.plain import PlainLabel, plain, tip
from samdesk.ui.kit.theme import UNIT
from samdesk.ui.review.item import ReviewItem

_BUTTONS = ("review.flag", "review.reject", "review.accept")
_ICONS = ("review.back", "review.skip", "review.rest", "review.leave")


class NoteField(QLineEdit):
    """The note of a flag. Enter keeps it; leaving the field in another way by key flags without one.

    Signals:
        kept: (str) The note; "" without one.
        dropped: The field was left by the mouse: nothing is flagged.
    """

    kept = Signal(str)
    dropped = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setPlaceholderText("Why? Enter flags it with this note, Esc without")
        self.setAccessibleName("Note of the flag")
        self.setMaxLength(500)
        self.setVisible(False)
        self._open = False
        self.returnPressed.connect(self._keep)

    def ask(self) -> None:
        """Opens the field with the keyboard in it."""
        self.clear()
        self._open = True
        self.setVisible(True)
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    @property
    def is_open(self) -> bool:
        """Whether a note is being written."""
        return self._open

    def drop(self) -> None:
        """Closes the field; nothing is flagged."""
        if self._close():
            self.dropped.emit()

    def _keep(self) -> None:
        text = " ".join(self.text().split())
        if self._close():
            self.kept.emit(text)

    def _close(self) -> bool:
        was_open, self._open = self._open, False
        self.setVisible(False)
        return was_open

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Flags without a note after Esc, which gives the keyboard back; a click drops the flag."""
        super().focusOutEvent(event)
        reason = event.reason()
        if not self._open or reason in (
            Qt.FocusReason.ActiveWindowFocusReason,
            Qt.FocusReason.PopupFocusReason,
        ):
            return
        if reason is Qt.FocusReason.MouseFocusReason:
            self.drop()
        elif self._close():
            self.kept.emit("")


class ElidedLabel(PlainLabel):
    """A label that shortens its text to its width."""

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paints as much of the text as there is room for."""
        painter = QPainter(self)
        painter.setPen(painting.faint(self.palette()))
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)


class DoubtMeter(QWidget):
    """The doubt as a short bar: the longer, the more doubtful."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._doubt = 0.0
        self.setFixedSize(QSize(7 * UNIT, UNIT))

    def set_doubt(self, doubt: float) -> None:
        """Shows a doubt of 0..1."""
        self._doubt = min(max(doubt, 0.0), 1.0)
        self.setToolTip(tip(f"Doubt {score_text(self._doubt)}: how likely it is wrong"))
        self.setAccessibleName(plain(f"Doubt {score_text(self._doubt)}"))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paints the bar."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        palette = self.palette()
        track = QRectF(0, self.height() / 2 - 2.5, self.width(), 5)
        painter.setBrush(painting.line(palette))
        painter.drawRoundedRect(track, 2.5, 2.5)
        painter.setBrush(painting.warning(palette) if self._doubt >= 0.5 else painting.faint(palette))
        track.setWidth(self._doubt * track.width())
        painter.drawRoundedRect(track, 2.5, 2.5)


class Swatch(QWidget):
    """The colour of a label."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._color = QColor()
        self.setFixedSize(QSize(2 * UNIT, 2 * UNIT))

    def set_color(self, color: str) -> None:
        """Shows a colour, ``#rrggbb``."""
        self._color = QColor(color)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paints the colour."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painting.draw_swatch(painter, QRectF(self.rect()).adjusted(1, 1, -1, -1), self._color, self.palette())


class ReviewBar(QFrame):
    """Shows k of n, the label, the scores and the reasons to doubt; buttons for what can be done.

    Signals:
        flagged: (str) The user flags the annotation with this note; "" without one.
    """

    flagged = Signal(str)

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("job")
        self.setAutoFillBackground(True)
        self.count = PlainLabel("", self)
        self.count.setProperty("muted", True)
        self.swatch = Swatch(self)
        self.label = PlainLabel("", self)
        self.label.setProperty("heading", True)
        self.scores = PlainLabel("", self)
        self.meter = DoubtMeter(self)
        self.reasons = ElidedLabel("", self)
        self.reasons.setProperty("muted", True)
        self.note = NoteField(self)
        self.note.kept.connect(self.flagged)
        self.note.dropped.connect(self._show_reasons)
        self.buttons: dict[str, QAbstractButton] = {
            **{name: CommandButton(actions, name, self) for name in _BUTTONS},
            **{name: CommandIcon(actions, name, self) for name in _ICONS},
        }
        self._lay_out()
        self.setVisible(False)

    def _lay_out(self) -> None:
        first, second = QHBoxLayout(), QHBoxLayout()
        for row in (first, second):
            row.setSpacing(UNIT)
        for widget in (self.count, self.swatch, self.label, self.scores):
            first.addWidget(widget)
        first.addStretch(1)
        self.reasons.setMinimumHeight(self.note.sizeHint().height())  # so that the canvas stays where it is
        self.reasons.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        second.addWidget(self.meter)
        second.addWidget(self.reasons, 1)
        second.addWidget(self.note, 1)
        for name in ("review.back", "review.skip", *_BUTTONS, "review.rest", "review.leave"):
            first.addWidget(self.buttons[name])
        layout = QVBoxLayout(self)  # the reasons have a line of their own: none is cut off
        layout.setContentsMargins(UNIT * 3 // 2, UNIT // 2, UNIT, UNIT // 2)
        layout.setSpacing(UNIT // 4)
        layout.addLayout(first)
        layout.addLayout(second)
        self.buttons["review.accept"].setProperty("primary", True)

    def show_item(self, item: ReviewItem) -> None:
        """Shows the annotation under review."""
        self.note.drop()
        self.count.setText(item.count_text)
        self.swatch.setVisible(bool(item.color))
        self.swatch.set_color(item.color)
        self.label.setText(item.label)
        self.scores.setText(item.scores_text)
        self.meter.setVisible(item.doubt is not None)
        self.meter.set_doubt(item.doubt or 0.0)
        self.reasons.setText(item.reasons_text)
        self.reasons.setToolTip(tip(item.reasons_text))
        self._show_reasons()

    def show_text(self, count: str, text: str) -> None:
        """Shows a text instead of an annotation: one that is being read."""
        self.show_item(ReviewItem(count, text))

    def ask_note(self) -> None:
        """Asks for the note of a flag."""
        self.meter.setVisible(False)
        self.reasons.setVisible(False)
        self.note.ask()

    def _show_reasons(self) -> None:
        self.reasons.setVisible(True)
