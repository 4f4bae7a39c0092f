"""Chooses the detector's classes: all of them, until its class names are known and the user unchecks some."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from samdesk.domain.labels import LabelSet
from samdesk.ui.auto_annotate.class_table import ClassRow, ClassTable
from samdesk.ui.auto_annotate.row_table import RowSearch
from samdesk.ui.kit.plain import PlainLabel
from samdesk.ui.kit.theme import UNIT

_ALL = "All classes are used. Each becomes the label of the same name; labels are added for what is found."


class ClassChooser(QWidget):
    """The classes to use, their minimum confidence, and the labels they become.

    Signals:
        changed: Emitted when the user changes the choice.
        names_requested: Emitted when the class names are needed; answer with ``set_names``.
    """

    changed = Signal()
    names_requested = Signal()

    def __init__(self, labels: LabelSet, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._classes: tuple[int, ...] | None = None
        self._mapping: tuple[tuple[str, str], ...] = ()
        self._class_conf: tuple[tuple[str, float], ...] = ()
        self.table = ClassTable(labels, self)
        self.table.classes.edited.connect(self._take_edit)
        self.message = PlainLabel(_ALL, self)
        self.message.setWordWrap(True)
        self.message.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.show_button = QPushButton("Show classes", self)
        self.show_button.setToolTip("Loads the detector to read its class names")
        self.show_button.setAutoDefault(False)
        self.show_button.clicked.connect(self.request_names)
        self.search = RowSearch(self.table, self)
        self.search.setAccessibleName("Search classes")
        self.search.setPlaceholderText("Search classes by name or id")
        self.search.setToolTip("Part of a name, or an id; several with commas: person, dog, 7")
        self.search.textChanged.connect(self._count)
        self.all_button = QPushButton("All", self)
        self.none_button = QPushButton("None", self)
        for button, used in ((self.all_button, True), (self.none_button, False)):
            button.setAutoDefault(False)
            button.setToolTip(
                "Use all classes listed below" if used else "Use none of the classes listed below"
            )
            button.clicked.connect(lambda _checked=False, used=used: self._set_used(used))
        self.count = PlainLabel("", self)
        self.count.setProperty("muted", True)
        self._stack = QStackedWidget(self)
        self._stack.addWidget(self._make_unknown())
        self._stack.addWidget(self._make_known())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._stack)

    def _make_unknown(self) -> QWidget:
        page = QFrame(self)
        page.setProperty("card", True)
        layout = QVBoxLayout(page)
        layout.setContentsMargins(3 * UNIT, 2 * UNIT, 3 * UNIT, 2 * UNIT)
        layout.setSpacing(2 * UNIT)
        layout.addStretch(1)
        layout.addWidget(self.message)
        layout.addWidget(self.show_button, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(1)
        return page

    def _make_known(self) -> QWidget:
        page = QWidget(self)
        head = QHBoxLayout()
        head.setSpacing(UNIT)
        head.addWidget(self.search, 1)
        head.addWidget(self.all_button)
        head.addWidget(self.none_button)
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(UNIT)
        layout.addLayout(head)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.count)
        return page

    def request_names(self) -> None:
        """Requests the class names, as the button does."""
        self.show_button.setEnabled(False)
        self.show_button.setText("Loading the detector…")
        self.names_requested.emit()

    @property
    def known(self) -> bool:
        """Whether the class names are known and shown."""
        return bool(self.table.classes.rows)

    @property
    def classes(self) -> tuple[int, ...] | None:
        """The class ids to use, None for all."""
        return self._classes

    @property
    def mapping(self) -> tuple[tuple[str, str], ...]:
        """(detector class name, label name) where they differ."""
        return self._mapping

    @property
    def class_conf(self) -> tuple[tuple[str, float], ...]:
        """(detector class name, minimum confidence) of classes with one of their own."""
        return self._class_conf

    def set_choice(
        self,
        classes: tuple[int, ...] | None,
        mapping: tuple[tuple[str, str], ...],
        class_conf: tuple[tuple[str, float], ...] = (),
    ) -> None:
        """Shows a choice of classes, labels and minimum confidences."""
        self._classes, self._mapping, self._class_conf = classes, mapping, class_conf
        self._fill([row.name for row in self.table.classes.rows])

    def set_names(self, names: Sequence[str]) -> None:
        """Shows the class names, () if they are unknown; the choice is kept as far as it applies."""
        self.show_button.setEnabled(True)
        self.show_button.setText("Show classes")
        self._fill(names)

    def set_failed(self, reason: str) -> None:
        """Shows why the class names are unavailable."""
        self.set_names(())
        self.message.setText(f"{_ALL}\n\nThe class names are unavailable: {reason}")

    def reset(self) -> None:
        """Chooses all classes of another detector, whose class names are unknown."""
        self._classes, self._mapping, self._class_conf = None, (), ()
        self.message.setText(_ALL)
        self.search.clear()
        self.set_names(())

    def _set_used(self, used: bool) -> None:
        self.table.classes.set_used(used, self.table.filter.shown)

    def _fill(self, names: Sequence[str]) -> None:
        labels, confs = dict(self._mapping), dict(self._class_conf)
        used = None if self._classes is None else set(self._classes)
        rows = [
            ClassRow(
                name,
                (used is None or i in used) and labels.get(name) != "",
                labels.get(name) or name,
                confs.get(name),
            )
            for i, name in enumerate(names)
        ]
        self.table.classes.set_rows(rows)
        self._stack.setCurrentIndex(1 if rows else 0)
        self._count()

    def _take_edit(self) -> None:
        rows = self.table.classes.rows
        used = tuple(i for i, row in enumerate(rows) if row.used)
        self._classes = None if len(used) == len(rows) else used
        self._mapping = tuple((row.name, row.label) for row in rows if row.used and row.label != row.name)
        self._class_conf = tuple((row.name, row.conf) for row in rows if row.used and row.conf is not None)
        self._count()
        self.changed.emit()

    def _count(self) -> None:
        rows, shown = self.table.classes.rows, self.table.filter.rowCount()
        text = f"{sum(row.used for row in rows)} of {len(rows)} classes"
        if shown != len(rows):
            text += f"  ·  {shown or 'none'} listed"
        self.count.setText(text)
