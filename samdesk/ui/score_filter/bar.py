"""ScoreFilterBar: the score, its slider, what it hides, and what can be done with that, above the canvas."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from samdesk.base.text import counted
from samdesk.domain.score_filter import SCORE_KINDS, STEPS, ScoreFilter, ScoreKind
from samdesk.ui.commands.actions import Actions
from samdesk.ui.commands.buttons import CommandButton, CommandIcon
from samdesk.ui.kit.icons import icon
from samdesk.ui.kit.plain import PlainLabel, button_text, plain, tip
from samdesk.ui.kit.shield import shield
from samdesk.ui.kit.theme import UNIT
from samdesk.ui.score_filter.slider import ScoreSlider

_STAY = "They stay in the label files until you drop them."


class ScoreFilterBar(QFrame):
    """Shows the filter and what it hides; decides nothing.

    Signals:
        changed: (ScoreFilter) the user wants another one.
        cleared: Nothing is to be hidden any more.
    """

    changed = Signal(object)
    cleared = Signal()

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("job")
        self.setAutoFillBackground(True)
        self.setAccessibleName("Score filter")
        self.kinds = QComboBox(self)
        self.kinds.setAccessibleName("What annotations are hidden by")
        for kind in SCORE_KINDS:
            self.kinds.addItem(plain(kind.title), kind)
        self.slider = ScoreSlider(self)
        self.value = PlainLabel("", self)
        self.value.setProperty("heading", True)
        self.value.setMinimumWidth(self.fontMetrics().horizontalAdvance("0.00") + UNIT)
        self.text, self.note = PlainLabel("", self), PlainLabel("", self)
        self.note.setProperty("muted", True)
        for label in (self.text, self.note):
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.minimum = CommandIcon(actions, "score_filter.minimum", self)
        self.drop = CommandButton(actions, "score_filter.drop", self)
        self.close_button = QToolButton(self)
        self.close_button.setAutoRaise(True)
        self.close_button.setIcon(icon("ph.x"))
        self.close_button.setIconSize(QSize(18, 18))
        self.close_button.setToolTip(tip("Show everything again (Esc)"))
        self.close_button.setAccessibleName("Show everything again")
        self.close_button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._lay_out()
        self.kinds.activated.connect(self._choose_kind)
        self.slider.moved.connect(lambda _step: self._move())
        self.slider.escaped.connect(self.cleared)
        self.close_button.clicked.connect(self.cleared)
        self.setVisible(False)

    def _lay_out(self) -> None:
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(self.text)
        words.addWidget(self.note)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(UNIT * 3 // 2, UNIT // 2, UNIT, UNIT // 2)
        layout.setSpacing(UNIT)
        layout.addWidget(self.kinds)
        layout.addWidget(self.value)
        layout.addWidget(self.slider, 1)
        layout.addSpacing(UNIT)
        layout.addLayout(words, 2)
        layout.addWidget(self.minimum)
        layout.addWidget(self.drop)
        layout.addWidget(self.close_button)

    @property
    def filter(self) -> ScoreFilter:
        """The filter that is shown."""
        return ScoreFilter(self._kind, self.slider.step)

    def open(self) -> None:
        """Shows the bar with the keyboard on its slider."""
        self.setVisible(True)
        self.slider.setFocus(Qt.FocusReason.OtherFocusReason)

    def vanish(self) -> None:
        """Hides the bar; the canvas moves into its place."""
        shield(self)
        self.setVisible(False)

    def set_filter(self, given: ScoreFilter) -> None:
        """Shows a filter without emitting ``changed``."""
        self.kinds.setCurrentIndex(SCORE_KINDS.index(given.kind))
        self.slider.set_step(given.step)
        self._show_limit()

    def set_counts(self, counts: Sequence[int]) -> None:
        """Shows the numbers of pending annotations, one for each hundredth from 0 to 1."""
        self.slider.histogram.set_counts(counts)

    def show_hidden(self, hidden: int, total: int, images: int | None, unknown: int, scope: str) -> None:
        """Says what is hidden.

        Args:
            hidden: The number of annotations hidden.
            total: Of pending annotations, those without the score included.
            images: The number of images they are on; None: not known yet.
            unknown: Pending annotations without the score, which stay.
            scope: The search; "" for the whole folder.
        """
        where = "" if images is None or not hidden else f" on {counted(images, 'image')}"
        found = "found " if scope else ""
        text = f"Hides {hidden:,} of {counted(total, f'{found}pending annotation')}{where}"
        notes = [_STAY] if hidden else ["Move the slider to hide pending annotations."]
        if unknown:
            notes.append(
                f"{unknown:,} without {self._kind.name} {'stays' if unknown == 1 else 'stay'} shown."
            )
        self.text.setText(text)
        self.note.setText(" ".join(notes))
        more = [f"Of those that the search {scope} finds."] if scope else []
        for label in (self.text, self.note):
            label.setToolTip(tip(" ".join([f"{text}.", *more, *notes])))
        self.setAccessibleDescription(plain(f"{text}. {' '.join(notes)}"))

    def show_text(self, text: str) -> None:
        """Shows a text instead: counting, dropping."""
        self.text.setText(button_text(text))
        self.note.setText("")

    @property
    def _kind(self) -> ScoreKind:
        kind: ScoreKind = self.kinds.currentData()
        return kind

    def _choose_kind(self) -> None:
        """Another number hides nothing at first: its limit is another one."""
        self.slider.set_step(STEPS if self._kind.falls else 0)
        self._move()

    def _move(self) -> None:
        self._show_limit()
        self.changed.emit(self.filter)

    def _show_limit(self) -> None:
        now = self.filter
        self.value.setText(f"{now.limit:.2f}")
        start, end = (now.step, STEPS) if now.kind.falls else (0, now.step)
        self.slider.histogram.set_hidden(start, end)
