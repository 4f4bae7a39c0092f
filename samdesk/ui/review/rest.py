"""RestDialog: accepts all that is left to review and better than a score or doubt, as one step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from samdesk.base.text import counted
from samdesk.dataset.search import FoundPage
from samdesk.domain import edits
from samdesk.domain.annotation import AnnotationId
from samdesk.domain.document import ImageKey
from samdesk.domain.search import Bounds, Search, Term, parse
from samdesk.domain.search_words import SortKey
from samdesk.ui.editing.marks import score_text
from samdesk.ui.kit.fields import muted_label
from samdesk.ui.kit.plain import PlainLabel, button_text, plain
from samdesk.ui.kit.theme import UNIT
from samdesk.ui.review.crops import COUNT, CropRow
from samdesk.ui.review.parts import Parts

Answer = TypeVar("Answer")

_ASK_AFTER_MS = 80
_AT_ONCE = 5_000
"""Annotations that are found at a time, so that saving does not wait long."""


@dataclass(frozen=True)
class Measure:
    """What the rest is judged by.

    Attributes:
        field: Of the search.
        title: What the user chooses.
        start: The threshold at first, hundredths.
        below: Whether less is better.
    """

    field: str
    title: str
    start: int
    below: bool = False


MEASURES = (
    Measure("doubt", "Doubt of at most", 30, below=True),
    Measure("score", "Detector score of at least", 70),
    Measure("mask", "Mask score of at least", 85),
)


class RestDialog(QDialog):
    """Asks up to which doubt, or from which score on, all that is left is accepted.

    Signals:
        accepted_all: (dict of ImageKey to AnnotationIds) The annotations that were accepted.
    """

    accepted_all = Signal(object)

    def __init__(self, parts: Parts, search: Search, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Accept the rest")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._parts = parts
        self._left = _still_open(search)
        self._total = self._count = 0
        self._chosen: dict[ImageKey, list[AnnotationId]] = {}
        self._collected = 0
        self._asked: Search | None = None
        self._ended = False
        self.measure, self.slider = QComboBox(self), QSlider(Qt.Orientation.Horizontal, self)
        self.value, self.text = PlainLabel("", self), PlainLabel("", self)
        self.crops = CropRow(parts.navigate.folder, parts.labels.color_of, self)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        self.accept_button = QPushButton("Accept", self)
        self.accept_button.setDefault(True)
        self._timer = QTimer(self, singleShot=True, interval=_ASK_AFTER_MS)
        self._fill()
        self._lay_out()
        parts.source.count(self._left, self._until_ended(self._receive_total))
        self._choose(0)

    def _fill(self) -> None:
        for measure in MEASURES:
            self.measure.addItem(plain(measure.title))
        self.measure.setAccessibleName("What the rest is judged by")
        self.slider.setRange(0, 100)
        self.slider.setAccessibleName("Threshold, hundredths")
        self.buttons.addButton(self.accept_button, QDialogButtonBox.ButtonRole.ActionRole)
        self.accept_button.setEnabled(False)
        self.measure.currentIndexChanged.connect(self._choose)
        self.slider.valueChanged.connect(self._follow)
        self._timer.timeout.connect(self._ask)
        self.accept_button.clicked.connect(self._collect)
        self.buttons.rejected.connect(self.reject)
        self.finished.connect(lambda _result: self._end())

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(UNIT)
        row.addWidget(self.measure)
        row.addWidget(self.slider, 1)
        self.value.setMinimumWidth(5 * UNIT)
        row.addWidget(self.value)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * UNIT, 2 * UNIT, 2 * UNIT, 2 * UNIT)
        layout.setSpacing(UNIT * 3 // 2)
        layout.addLayout(row)
        layout.addWidget(self.text)
        layout.addWidget(muted_label("The most doubtful of those that would be accepted:"))
        layout.addWidget(self.crops)
        layout.addWidget(self.buttons)

    @property
    def search(self) -> Search:
        """What would be accepted, the most doubtful first."""
        measure, share = MEASURES[self.measure.currentIndex()], self.slider.value() / 100
        bounds = Bounds(high=share) if measure.below else Bounds(low=share)
        return self._left.plus(Term(measure.field, bounds)).sorted_by(SortKey.DOUBT)

    def _end(self) -> None:
        self._ended = True
        self._timer.stop()
        self.crops.stop()

    def _until_ended(self, receive: Callable[[Answer], None]) -> Callable[[Answer], None]:
        """Receives no answer once the user has closed the dialog: nothing is accepted after Cancel."""
        return lambda answer: None if self._ended else receive(answer)

    def _choose(self, index: int) -> None:
        self.slider.setValue(MEASURES[index].start)
        self._follow()

    def _follow(self) -> None:
        self.value.setText(score_text(self.slider.value() / 100))
        self.accept_button.setEnabled(False)
        self._timer.start()

    def _ask(self) -> None:
        self._asked = self.search
        self._parts.source.page(self._asked, COUNT, 0, self._until_ended(partial(self._receive, self._asked)))

    def _receive(self, search: Search, page: FoundPage) -> None:
        if search != self._asked or self._timer.isActive():
            return
        self._count = page.total
        self.crops.show_annotations(page.annotations)
        self._show_counts()

    def _receive_total(self, total: int) -> None:
        self._total = total
        self._show_counts()

    def _show_counts(self) -> None:
        stay = max(self._total - self._count, 0)
        self.text.setText(
            f"{counted(self._count, 'annotation')} of {max(self._total, self._count):,} would be accepted "
            f"as they are; {stay:,} would stay to review."
        )
        self.accept_button.setText(button_text(f"Accept {self._count:,}"))
        self.accept_button.setEnabled(self._count > 0)

    def _collect(self) -> None:
        """Collects what is found, a part at a time, then accepts it as one step."""
        self.accept_button.setEnabled(False)
        self.slider.setEnabled(False)
        self.measure.setEnabled(False)
        self._parts.source.page(self.search, _AT_ONCE, self._collected, self._until_ended(self._receive_part))

    def _receive_part(self, page: FoundPage) -> None:
        for found in page.annotations:
            self._chosen.setdefault(found.image, []).append(found.id)
        self._collected += _AT_ONCE
        if page.cursor is not None:
            self._collect()
            return
        count = sum(map(len, self._chosen.values()))
        self._parts.session.decide(
            f"Accept {counted(count, 'annotation')}", self._chosen, edits.accept
        )  # fmt: skip
        self.accepted_all.emit(self._chosen)
        self.accept()


def _still_open(search: Search) -> Search:
    """The search, of what the user has not decided about."""
    states = [term for term in search.terms if term.field in ("state", "is")]
    return search if states else search.plus(*parse("state:pending").terms)
