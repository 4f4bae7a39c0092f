"""The chips above the images: common searches with their counts, one click each."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QToolButton, QWidget

from samdesk.base.text import counted
from samdesk.domain.search import Search, parse
from samdesk.domain.search_words import quoted
from samdesk.ui.commands.popup import Popup
from samdesk.ui.kit.plain import button_text, plain, tip
from samdesk.ui.kit.theme import UNIT

_GAP = UNIT // 2
_LONGEST_NAME = 18


@dataclass(frozen=True)
class Chip:
    """A common search.

    Attributes:
        id: Its name in code.
        title: Its text.
        text: The search; "" for the images that cannot be read, which no search finds.
        group: Chips of one group exclude each other; "": it combines with all.
        counts_images: Whether its number is that of images, not of annotations.
    """

    id: str
    title: str
    text: str
    group: str = ""
    counts_images: bool = False

    @property
    def search(self) -> Search:
        """The search."""
        return parse(self.text)


PROBLEMS = Chip("problems", "Cannot be read", "", "image", counts_images=True)
CHIPS = (
    Chip("to_review", "To review", "state:pending", "state"),
    Chip("flagged", "Flagged", "is:flagged", "state"),
    Chip("low_score", "Score under 0.5", "score:<0.5"),
    Chip("border", "At the border", "is:touching-border"),
    Chip("not_done", "Not done", "-image:done", "image", counts_images=True),
    Chip("done", "Done", "image:done", "image", counts_images=True),
    Chip("empty", "No annotations", "image:empty", "image", counts_images=True),
    Chip("corrected", "Corrected", "state:corrected", "state"),
    Chip("rejected", "Rejected", "state:rejected", "state"),
)
"""The common searches in the order of their use; those there is no room for are in a menu."""


def label_chip(name: str) -> Chip:
    """The chip of the current label."""
    shown = name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
    return Chip("label", shown, f"class:{quoted(name)}", "class")


def short_count(number: int) -> str:
    """A number with little room: "9,999", "12k", "1.2M"."""
    if number < 10_000:
        return f"{number:,}"
    return f"{number / 1_000:.0f}k" if number < 999_500 else f"{number / 1_000_000:.1f}M"


class ChipRow(QWidget):
    """A row of chips; those that there is no room for are in a menu at its end.

    Signals:
        toggled: (Chip, bool) the user switched a chip on or off.
    """

    toggled = Signal(object, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._chips: list[Chip] = []
        self._buttons: dict[str, QToolButton] = {}
        self._counts: dict[str, tuple[int, int]] = {}
        self._active: frozenset[str] = frozenset()
        self._more = QToolButton(self)
        self._more.setProperty("chip", True)
        self._more.setText("More")
        self._more.setToolTip("More common searches")
        self._more.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._more.clicked.connect(self._open_more)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    @property
    def chips(self) -> Sequence[Chip]:
        """The chips, in order."""
        return tuple(self._chips)

    def button(self, chip_id: str) -> QToolButton:
        """The button of a chip; ``KeyError`` if there is none."""
        return self._buttons[chip_id]

    def set_chips(self, chips: Sequence[Chip]) -> None:
        """Shows these chips."""
        gone = self._buttons.keys() - {chip.id for chip in chips}
        for chip_id in gone:
            self._buttons.pop(chip_id).deleteLater()
        changed = [chip for chip in chips if chip not in self._chips]
        for chip in changed:
            self._counts.pop(chip.id, None)
        self._chips = list(chips)
        for chip in chips:
            if chip.id not in self._buttons:
                self._buttons[chip.id] = self._make(chip.id)
            self._update(chip)
        self._arrange()

    def set_active(self, chip_ids: Collection[str]) -> None:
        """Marks the chips that are part of the search in use."""
        self._active = frozenset(chip_ids)
        for chip in self._chips:
            self._update(chip)

    def set_count(self, chip: Chip, annotations: int, images: int) -> None:
        """Shows how much a chip finds."""
        if chip in self._chips:
            self._counts[chip.id] = (annotations, images)
            self._update(chip)
            self._arrange()

    def _make(self, chip_id: str) -> QToolButton:
        button = QToolButton(self)
        button.setProperty("chip", True)
        button.setCheckable(True)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(lambda checked: self._clicked(chip_id, checked))
        return button

    def _clicked(self, chip_id: str, checked: bool) -> None:
        chip = next((chip for chip in self._chips if chip.id == chip_id), None)
        if chip is not None:
            self.toggled.emit(chip, checked)

    def _text(self, chip: Chip) -> str:
        counts = self._counts.get(chip.id)
        number = "" if counts is None else f"  {short_count(counts[1] if chip.counts_images else counts[0])}"
        return button_text(chip.title + number)

    def _update(self, chip: Chip) -> None:
        button, counts = self._buttons[chip.id], self._counts.get(chip.id)
        button.setText(self._text(chip))
        button.setChecked(chip.id in self._active)
        found = ""
        if counts is not None:
            images = counted(counts[1], "image")
            found = (
                f"\n{images}" if chip.counts_images else f"\n{counted(counts[0], 'annotation')} in {images}"
            )
        button.setToolTip(tip(f"{chip.text or 'Images that cannot be read'}{found}"))
        button.setAccessibleName(plain(f"{chip.title}{found}"))

    def _arrange(self) -> None:
        """Places the chips that there is room for."""
        hints = [self._buttons[chip.id].sizeHint() for chip in self._chips]
        room, more = self.width(), self._more.sizeHint().width() + _GAP
        if sum(hint.width() + _GAP for hint in hints) - _GAP <= room:
            more = 0
        left, full = 0, False
        for chip, hint in zip(self._chips, hints, strict=True):
            button = self._buttons[chip.id]
            full = full or left + hint.width() > room - more
            button.setVisible(not full)
            if not full:
                button.setGeometry(left, (self.height() - hint.height()) // 2, hint.width(), hint.height())
                left += hint.width() + _GAP
        self._more.setVisible(full)
        size = self._more.sizeHint()
        self._more.setGeometry(left, (self.height() - size.height()) // 2, size.width(), size.height())

    def _open_more(self) -> None:
        menu = Popup("", self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for chip in self._chips:
            if self._buttons[chip.id].isHidden():
                action = menu.addAction(self._text(chip))
                action.setCheckable(True)
                action.setChecked(chip.id in self._active)
                action.triggered.connect(lambda checked, chip=chip: self.toggled.emit(chip, checked))
        menu.popup(self._more.mapToGlobal(self._more.rect().bottomLeft()))

    # Qt overrides

    def sizeHint(self) -> QSize:  # noqa: D102
        return QSize(40 * UNIT, self._more.sizeHint().height())

    def minimumSizeHint(self) -> QSize:  # noqa: D102
        size = self._more.sizeHint()
        return QSize(size.width(), size.height())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102
        super().resizeEvent(event)
        self._arrange()
