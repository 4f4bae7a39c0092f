"""The dialog before a teaching: what there is to learn from, what will happen, and how long it takes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from samdesk.base.text import counted
from samdesk.training.record.taught import DETECTOR, KINDS, MASKS, Kind, Taught
from samdesk.training.record.teaching import Teaching
from samdesk.training.teach.readiness import Outlook
from samdesk.ui.kit.fields import heading, muted_label, separator
from samdesk.ui.kit.theme import UNIT
from samdesk.ui.teach.bar import result_text

_WIDTH = 68 * UNIT
_SHOWN = 8
"""Classes that are listed; the rest is counted."""

_WHAT: dict[Kind, tuple[str, str]] = {
    MASKS: ("Masks", "Clicks and boxes give better masks of your objects."),
    DETECTOR: ("Detector", "Auto-annotate finds your own classes."),
}
_HOW = (
    "It works beside you at a low priority. Some of the images are held out, to measure Flint before and "
    "after. Nothing is used unless it is better and you agree; one click takes it back. Your photos and "
    "labels stay as they are."
)


@dataclass(frozen=True)
class Prospect:
    """What the dialog tells.

    Attributes:
        outlook: What there is to learn from.
        taught: What was taught before.
        minutes: About how long each kind takes.
    """

    outlook: Outlook
    taught: Taught
    minutes: dict[Kind, int]


class TeachDialog(QDialog):
    """Asks what shall be taught. Open it with ``open()``: nothing waits for it.

    Signals:
        started: (tuple of kinds) teach them; the dialog closes.
        use_requested: (Teaching) use what was taught before; the dialog closes.
    """

    started = Signal(object)
    use_requested = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Teach Flint")
        self.found = QLabel("Looking at what you have accepted…", self)
        self.classes, self.notes, self.before = muted_label(), muted_label(), muted_label()
        self.checks: dict[Kind, QCheckBox] = {}
        self.hints: dict[Kind, QLabel] = {}
        self.minutes: dict[Kind, QLabel] = {}
        for kind in KINDS:
            self.checks[kind] = QCheckBox(_WHAT[kind][0], self)
            self.checks[kind].setEnabled(False)
            self.checks[kind].toggled.connect(self._update)
            self.hints[kind] = muted_label(_WHAT[kind][1])
            self.minutes[kind] = muted_label()
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        self.start_button = self.buttons.addButton("Teach", QDialogButtonBox.ButtonRole.AcceptRole)
        self.start_button.setDefault(True)
        self.start_button.setEnabled(False)
        self.buttons.button(QDialogButtonBox.StandardButton.Cancel).setAutoDefault(False)
        self.use_button = self.buttons.addButton(
            "Use the earlier one", QDialogButtonBox.ButtonRole.ActionRole
        )
        self.use_button.setAutoDefault(False)
        self.use_button.hide()
        self._earlier: Teaching | None = None
        self.buttons.accepted.connect(self._start)
        self.buttons.rejected.connect(self.reject)
        self.use_button.clicked.connect(self._use)
        self._lay_out()

    def set_prospect(self, prospect: Prospect) -> None:
        """Shows what there is."""
        outlook, taught = prospect.outlook, prospect.taught
        self.found.setText(found_text(outlook))
        _show(self.classes, classes_text(outlook.classes))
        _show(self.notes, " ".join(outlook.notes()))
        for kind in KINDS:
            enough = outlook.enough(kind)
            self.checks[kind].setEnabled(enough)
            self.checks[kind].setChecked(enough)
            advice = outlook.advice(kind)
            goes_on = "It goes on where it stopped, if nothing else was accepted since." if enough else ""
            words = [_WHAT[kind][1] if enough else "", advice, goes_on if taught.unfinished(kind) else ""]
            self.hints[kind].setText(" ".join(word for word in words if word))
            self.minutes[kind].setText(f"about {prospect.minutes[kind]} min" if enough else "")
        self._earlier = _unused(taught)
        self.use_button.setVisible(self._earlier is not None)
        _show(self.before, before_text(taught, self._earlier))
        self._update()
        if self.start_button.isEnabled():
            self.start_button.setFocus()
        self._fit()

    def set_failed(self, why: str) -> None:
        """Says why nothing can be taught."""
        self.found.setText(why)
        self._fit()

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """What is chosen."""
        return tuple(kind for kind in KINDS if self.checks[kind].isChecked())

    def _lay_out(self) -> None:
        choices = QGridLayout()
        choices.setHorizontalSpacing(2 * UNIT)
        choices.setVerticalSpacing(UNIT // 2)
        choices.setColumnStretch(0, 1)
        for row, kind in enumerate(KINDS):
            self.hints[kind].setIndent(3 * UNIT - 2)
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            choices.addWidget(self.checks[kind], 3 * row, 0, Qt.AlignmentFlag.AlignLeft)
            choices.addWidget(self.minutes[kind], 3 * row, 1, right)
            choices.addWidget(self.hints[kind], 3 * row + 1, 0, 1, 2)
            choices.setRowMinimumHeight(3 * row + 2, UNIT)
        self.found.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * UNIT, 2 * UNIT, 2 * UNIT, 2 * UNIT)
        layout.setSpacing(UNIT)
        layout.addWidget(heading("What there is to learn from"))
        for label in (self.found, self.classes, self.notes):
            layout.addWidget(label)
        layout.addSpacing(UNIT)
        layout.addWidget(heading("What shall be taught"))
        layout.addLayout(choices)
        layout.addWidget(heading("What happens"))
        layout.addWidget(muted_label(_HOW))
        layout.addWidget(self.before)
        layout.addSpacing(UNIT)
        layout.addStretch(1)
        layout.addWidget(separator(self))
        layout.addWidget(self.buttons)
        for label in (self.classes, self.notes, self.before):
            label.hide()
        self.setMinimumWidth(_WIDTH)
        self._fit()

    def _fit(self) -> None:
        """As high as its words need."""
        layout = self.layout()
        if layout is not None:
            layout.activate()
            self.resize(self.width(), layout.totalHeightForWidth(self.width()))

    def _update(self) -> None:
        self.start_button.setEnabled(bool(self.kinds))

    def _start(self) -> None:
        if self.start_button.isEnabled():
            self.started.emit(self.kinds)
            self.accept()

    def _use(self) -> None:
        self.use_requested.emit(self._earlier)
        self.accept()


def found_text(outlook: Outlook) -> str:
    """How much there is, in one line."""
    if not outlook.masks and not outlook.whole_images:
        return "Nothing is accepted here yet. Draw or accept some objects, then teach."
    whole = "image is" if outlook.whole_images == 1 else "images are"
    bare = outlook.whole_images - outlook.telling_images
    without = f", {bare:,} of them without an object" if bare else ""
    return (
        f"{counted(outlook.masks, 'accepted mask')} on {counted(outlook.mask_images, 'image')}. "
        f"{outlook.whole_images:,} {whole} accepted as a whole{without}."
    )


def classes_text(classes: Sequence[tuple[str, int]]) -> str:
    """The classes with their counts, the commonest first."""
    ranked = sorted(classes, key=lambda pair: -pair[1])
    words = [f"{name}\u00a0{count:,}" for name, count in ranked[:_SHOWN]]
    if len(ranked) > _SHOWN:
        words.append(f"{len(ranked) - _SHOWN}\u00a0more")
    return "\u00a0\u00a0·  ".join(words)  # a line begins with a name


def before_text(taught: Taught, earlier: Teaching | None) -> str:
    """What is in use, what was taught and not used, and what is wrong with the record."""
    words = [taught.problem] if taught.problem else []
    for kind in KINDS:
        in_use = taught.in_use.of(kind)
        if in_use is not None:
            words.append(f"In use since {_day(in_use)}: {result_text(in_use)}.")
    if earlier is not None:
        words.append(f"Taught on {_day(earlier)} and not used: {result_text(earlier)}.")
    return "\n".join(words)


def _unused(taught: Taught) -> Teaching | None:
    """The newest teaching that was better and is not in use."""
    for kind in KINDS:
        newest, in_use = taught.latest(kind), taught.in_use.of(kind)
        if newest is not None and newest.better and (in_use is None or in_use.when < newest.when):
            return newest
    return None


def _day(teaching: Teaching) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(teaching.when))


def _show(label: QLabel, text: str) -> None:
    label.setText(text)
    label.setVisible(bool(text))
