"""The Teach dialog: the training material, what to train, and how long it takes."""

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
from samdesk.training.record.taught_record import DETECTOR, KINDS, MASKS, Kind, TaughtRecord
from samdesk.training.record.taught_weights import TaughtWeights
from samdesk.training.teach.readiness import Readiness
from samdesk.ui.kit.fields import heading, muted_label, separator
from samdesk.ui.kit.plain import PlainLabel
from samdesk.ui.kit.theme import UNIT
from samdesk.ui.teach.bar import result_text

_WIDTH = 68 * UNIT
_MAX_CLASSES = 8
"""Classes listed by name; the others are counted."""

_CHOICES: dict[Kind, tuple[str, str]] = {
    MASKS: ("Masks", "Clicks and boxes give better masks of your objects."),
    DETECTOR: ("Detector", "Auto-annotate finds your own classes."),
}
_HOW = (
    "It runs in the background at low priority while you work. Some images are held out to measure Flint "
    "before and after. The result is used only if it is better and you agree, and you can undo that. Your "
    "images and labels are not changed."
)


@dataclass(frozen=True)
class TeachEstimate:
    """The content of the Teach dialog.

    Attributes:
        readiness: The counts of the training material.
        taught: The record of taught weights.
        minutes: Estimated duration for each kind.
    """

    readiness: Readiness
    taught: TaughtRecord
    minutes: dict[Kind, int]


class TeachDialog(QDialog):
    """Asks what to train. Open it with ``open()``.

    Signals:
        started: (tuple of kinds) The user starts their training; the dialog closes.
        use_requested: (Teaching) use what was taught before; the dialog closes.
    """

    started = Signal(object)
    use_requested = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Teach Flint")
        self.found = PlainLabel("Reading the accepted annotations…", self)
        self.classes, self.notes, self.before = muted_label(), muted_label(), muted_label()
        self.checks: dict[Kind, QCheckBox] = {}
        self.hints: dict[Kind, QLabel] = {}
        self.minutes: dict[Kind, QLabel] = {}
        for kind in KINDS:
            self.checks[kind] = QCheckBox(_CHOICES[kind][0], self)
            self.checks[kind].setEnabled(False)
            self.checks[kind].toggled.connect(self._update)
            self.hints[kind] = muted_label(_CHOICES[kind][1])
            self.minutes[kind] = muted_label()
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        self.start_button = self.buttons.addButton("Teach", QDialogButtonBox.ButtonRole.AcceptRole)
        self.start_button.setDefault(True)
        self.start_button.setEnabled(False)
        self.buttons.button(QDialogButtonBox.StandardButton.Cancel).setAutoDefault(False)
        self.use_button = self.buttons.addButton(
            "Use earlier weights", QDialogButtonBox.ButtonRole.ActionRole
        )
        self.use_button.setAutoDefault(False)
        self.use_button.hide()
        self._earlier: TaughtWeights | None = None
        self.buttons.accepted.connect(self._start)
        self.buttons.rejected.connect(self.reject)
        self.use_button.clicked.connect(self._use)
        self._lay_out()

    def set_estimate(self, estimate: TeachEstimate) -> None:
        """Shows the material and enables what can be trained."""
        readiness, taught = estimate.readiness, estimate.taught
        self.found.setText(material_text(readiness))
        _show(self.classes, classes_text(readiness.classes))
        _show(self.notes, " ".join(readiness.notes()))
        for kind in KINDS:
            enough = readiness.enough(kind)
            self.checks[kind].setEnabled(enough)
            self.checks[kind].setChecked(enough)
            advice = readiness.advice(kind)
            resumes = "Resumes where it stopped, unless annotations have changed since." if enough else ""
            hints = [_CHOICES[kind][1] if enough else "", advice, resumes if taught.unfinished(kind) else ""]
            self.hints[kind].setText(" ".join(hint for hint in hints if hint))
            self.minutes[kind].setText(f"about {estimate.minutes[kind]} min" if enough else "")
        self._earlier = _unused(taught)
        self.use_button.setVisible(self._earlier is not None)
        _show(self.before, weights_text(taught, self._earlier))
        self._update()
        if self.start_button.isEnabled():
            self.start_button.setFocus()
        self._fit()

    def set_failed(self, message: str) -> None:
        """Shows an error message instead of the material."""
        self.found.setText(message)
        self._fit()

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds chosen."""
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
        layout.addWidget(heading("Training material"))
        for label in (self.found, self.classes, self.notes):
            layout.addWidget(label)
        layout.addSpacing(UNIT)
        layout.addWidget(heading("What to teach"))
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
        """Resizes to the height that the texts need."""
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


def material_text(readiness: Readiness) -> str:
    """The amount of training material, in one line."""
    if not readiness.masks and not readiness.whole_images:
        return "No annotations are accepted yet. Draw or accept some objects first."

    bare = readiness.whole_images - readiness.labelled_images
    without = f", {bare:,} of them without objects" if bare else ""
    return (
        f"{counted(readiness.masks, 'accepted mask')} on {counted(readiness.mask_images, 'image')}. "
        f"{counted(readiness.whole_images, 'accepted image')}{without}."
    )


def classes_text(classes: Sequence[tuple[str, int]]) -> str:
    """The classes with their counts, most frequent first."""
    ranked = sorted(classes, key=lambda pair: -pair[1])
    parts = [f"{name}\u00a0{count:,}" for name, count in ranked[:_MAX_CLASSES]]
    if len(ranked) > _MAX_CLASSES:
        parts.append(f"{len(ranked) - _MAX_CLASSES}\u00a0more")
    return "\u00a0\u00a0·  ".join(parts)  # lines break before a name only


def weights_text(taught: TaughtRecord, earlier: TaughtWeights | None) -> str:
    """The weights in use, newer unused ones, and a problem with the record."""
    lines = [taught.problem] if taught.problem else []
    for kind in KINDS:
        in_use = taught.in_use.of(kind)
        if in_use is not None:
            lines.append(f"In use since {_date_text(in_use)}: {result_text(in_use)}.")
    if earlier is not None:
        lines.append(f"Taught on {_date_text(earlier)}, not in use: {result_text(earlier)}.")
    return "\n".join(lines)


def _unused(taught: TaughtRecord) -> TaughtWeights | None:
    """The newest improved weights of a kind if they are not in use."""
    for kind in KINDS:
        newest, in_use = taught.latest(kind), taught.in_use.of(kind)
        if newest is not None and newest.better and (in_use is None or in_use.when < newest.when):
            return newest
    return None


def _date_text(entry: TaughtWeights) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.when))


def _show(label: QLabel, text: str) -> None:
    label.setText(text)
    label.setVisible(bool(text))
