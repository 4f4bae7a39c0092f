"""Chooses what an open vocabulary looks for: labels of the dataset, or new ones, by words and by examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from samdesk.base.text import counted, printable
from samdesk.batch.concepts import PlannedConcept, PlannedExample
from samdesk.domain.labels import LabelSet
from samdesk.ui.auto_annotate.concept_table import LABEL, MOST_EXAMPLES, ConceptRow, ConceptTable
from samdesk.ui.auto_annotate.row_table import RowSearch
from samdesk.ui.kit.fields import muted_label
from samdesk.ui.kit.plain import PlainLabel
from samdesk.ui.kit.theme import UNIT

_NAMED = 3
_NAME_LENGTH = 30


class _NewLabel(QLineEdit):
    """Takes the name of another label to look for: Enter adds it, Esc empties the field first."""

    entered = Signal(str)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if name := " ".join(self.text().split()):
                self.clear()
                self.entered.emit(name)
        elif key == Qt.Key.Key_Escape and self.text():
            self.clear()
        else:
            super().keyPressEvent(event)


class ConceptChooser(QWidget):
    """The labels to look for, with their words and examples.

    Signals:
        changed: Emitted when the user changes the choice.
    """

    changed = Signal()

    def __init__(self, labels: LabelSet, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._labels = labels
        self._words_missing = ""
        self._by_default = True
        """The user has chosen nothing yet: what can be looked for is."""
        self.table = ConceptTable(self)
        self.table.concepts.edited.connect(self._take_edit)
        self.search = RowSearch(self.table, self)
        self.search.setAccessibleName("Search labels")
        self.search.setPlaceholderText("Search labels")
        self.search.setToolTip("Part of a name; several with commas: person, dog")
        self.search.textChanged.connect(self._count)
        self.all_button = QPushButton("All", self)
        self.none_button = QPushButton("None", self)
        for button, used in ((self.all_button, True), (self.none_button, False)):
            button.setAutoDefault(False)
            button.setToolTip(
                "Look for all labels listed below" if used else "Look for none of the labels listed below"
            )
            button.clicked.connect(lambda _checked=False, used=used: self._set_used(used))
        self.new_label = _NewLabel(self)
        self.new_label.setPlaceholderText("Look for another label")
        self.new_label.setAccessibleName("Another label to look for")
        self.new_label.setToolTip("Type a name and press Enter; it is looked for by its words")
        self.new_label.entered.connect(self._add)
        self.count = PlainLabel("", self)
        self.count.setProperty("muted", True)
        self.note = muted_label()
        self._lay_out()
        self.set_concepts(())

    def _lay_out(self) -> None:
        head, foot = QHBoxLayout(), QHBoxLayout()
        for row in (head, foot):
            row.setSpacing(UNIT)
        head.addWidget(self.search, 1)
        head.addWidget(self.all_button)
        head.addWidget(self.none_button)
        foot.addWidget(self.new_label, 1)
        foot.addWidget(self.count)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(UNIT)
        layout.addLayout(head)
        layout.addWidget(self.table, 1)
        layout.addLayout(foot)
        layout.addWidget(self.note)

    @property
    def tab_order(self) -> tuple[QWidget, ...]:
        """Its widgets, in the order of Tab."""
        return self.search, self.all_button, self.none_button, self.table, self.new_label

    @property
    def concepts(self) -> tuple[PlannedConcept, ...]:
        """What is to be looked for."""
        return tuple(row.concept for row in self._rows if row.used)

    def set_concepts(self, concepts: Sequence[PlannedConcept]) -> None:
        """Shows what a plan looks for; (): all labels, by their names and a few examples."""
        planned = {_folded(concept.label): concept for concept in concepts}
        rows = [
            _row(label.name, planned.pop(_folded(label.name), None), default=not concepts)
            for label in self._labels.labels
        ]
        rows += [replace(_row(c.label, c), new=True) for c in planned.values()]
        self._by_default = not concepts
        self.table.concepts.set_rows(rows)
        self._show()

    def set_examples(self, found: Mapping[str, Sequence[PlannedExample]]) -> None:
        """Adds the examples that the dataset has of labels, the best first, to those of the plan."""
        rows = []
        for row in self._rows:
            if row.name in found or row.examples is None:
                known = dict.fromkeys((*row.pinned, *found.get(row.name, ())))
                row = replace(row, examples=tuple(known)[:MOST_EXAMPLES])
            rows.append(row)
        self._update_rows(rows)

    def set_words_missing(self, why: str) -> None:
        """Shows why the chosen model understands no words; "": it does."""
        self._words_missing = why
        self._update_rows(self._rows)

    def _update_rows(self, rows: Sequence[ConceptRow]) -> None:
        if self._by_default:
            rows = [replace(row, used=self._can_be_found(row)) for row in rows]
        self.table.concepts.update_rows(rows)
        self._show()

    def _can_be_found(self, row: ConceptRow) -> bool:
        return bool(row.texts and not self._words_missing) or row.examples is None or bool(row.chosen)

    @property
    def problem(self) -> str:
        """Why a run cannot start; "": it can."""
        used = [row for row in self._rows if row.used]
        if not used:
            return self._nothing_chosen
        if any(row.examples is None and row.wanted for row in used):
            return "Looking for examples…"
        neither = [row.name for row in used if not row.texts and not row.chosen]
        if neither:
            has = "has" if len(neither) == 1 else "have"
            return (
                f"{_named(neither)} {has} neither words nor examples: give {_it(neither)} some, or uncheck "
                f"{_it(neither)}."
            )
        only = [row.name for row in used if not row.chosen]
        if self._words_missing and only:
            what = "has" if len(only) == 1 else "have"
            return f"{_named(only)} {what} no example, and words cannot be used: uncheck {_it(only)}."
        return ""

    @property
    def _nothing_chosen(self) -> str:
        if self._words_missing and not any(row.examples for row in self._rows):
            return "There is no example to look for, and words cannot be used: accept an annotation first."
        return "Choose at least one label." if self._rows else "Type what to look for below the table."

    @property
    def _rows(self) -> tuple[ConceptRow, ...]:
        return self.table.concepts.rows

    def _set_used(self, used: bool) -> None:
        self.table.concepts.set_used(used, self.table.filter.shown)

    def _add(self, name: str) -> None:
        """Adds a label, or checks the one that has this name."""
        at = next((i for i, row in enumerate(self._rows) if _folded(row.name) == _folded(name)), None)
        self.search.clear()
        if at is None:
            at = len(self._rows)
            self.table.concepts.set_rows(
                (*self._rows, ConceptRow(name, True, (name,), examples=(), new=True))
            )
            self._take_edit()
        else:
            self.table.concepts.set_used(True, [at])
        self.table.selectRow(at)
        self.table.scrollTo(self.table.filter.index(at, LABEL))

    def _take_edit(self) -> None:
        self._by_default = False
        self._show()
        self.changed.emit()

    def _show(self) -> None:
        self._count()
        self.note.setText(f"{self._words_missing} Examples do without it.")
        self.note.setVisible(bool(self._words_missing))

    def _count(self) -> None:
        rows, shown = self._rows, self.table.filter.rowCount()
        text = f"{sum(row.used for row in rows)} of {counted(len(rows), 'label')}"
        self.count.setText(f"{text}  ·  {shown or 'none'} listed" if shown != len(rows) else text)


def _row(name: str, concept: PlannedConcept | None, *, default: bool = False) -> ConceptRow:
    """The row of a label as a plan has it; a label that the plan does not have is not used."""
    if concept is None:
        return ConceptRow(name, default, (name,))
    # Examples of a plan stay what they are: a run that is made again looks for the same.
    pinned = concept.examples
    return ConceptRow(name, True, concept.texts, len(pinned), pinned or None, pinned)


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()


def _named(names: Sequence[str]) -> str:
    few = " and ".join(f"“{printable(name, limit=_NAME_LENGTH)}”" for name in names[:_NAMED])
    more = len(names) - _NAMED
    return few if more <= 0 else f"{few} and {counted(more, 'more label')}"


def _it(names: Sequence[str]) -> str:
    return "it" if len(names) == 1 else "them"
