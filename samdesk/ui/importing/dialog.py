"""ImportDialog: which files are imported, what their classes become, and what that would add."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from samdesk.base.text import counted
from samdesk.exchange.importing.plan import ImportPlan
from samdesk.formats.base import Format
from samdesk.ui.importing.classes_table import ClassesTable, class_colors
from samdesk.ui.importing.looked_at import LookedAt, changed
from samdesk.ui.importing.preview import Pictures
from samdesk.ui.kit.fields import caption, heading, muted_label, tab_in_reading_order
from samdesk.ui.kit.plain import PlainLabel, plain, plain_lines, tip
from samdesk.ui.kit.theme import UNIT

_SIZE = (640, 640)
_SIZE_WITHOUT_FILES = (640, 200)
_MOST_PROBLEMS = 500
_READING = "Reading…"
_UNKNOWN = "No annotations of a known format were found there. If you know the format, choose it above."
_NOTHING = (
    "Choose the files, or the folder, with the annotations. Nothing is changed before you press Import."
)


class ImportDialog(QDialog):
    """Asks for files and what to do with them.

    Args:
        formats: Those that can be read.
        parent: The window.

    Signals:
        file_wanted: The user wants to choose a file.
        folder_wanted: The user wants to choose a folder.
        format_chosen: (str) the files are to be read as this format.
        started: (ImportPlan) the import is to begin.
    """

    file_wanted = Signal()
    folder_wanted = Signal()
    format_chosen = Signal(str)
    started = Signal(object)

    def __init__(self, formats: Sequence[Format], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Import")
        self._formats = [row for row in formats if row.read is not None]
        self.looked: LookedAt | None = None
        self._make_fields()
        self._lay_out()
        tab_in_reading_order(self)
        self.show_nothing(_NOTHING)
        self.resize(*_SIZE_WITHOUT_FILES)

    def show_nothing(self, text: str, *, format_may_help: bool = False) -> None:
        """Shows why there is nothing to import yet."""
        self.looked = None
        self.outcome.setText(plain(text))
        self.details.setVisible(False)
        self.format.setEnabled(format_may_help)
        self.import_button.setEnabled(False)

    def show_reading(self, name: str) -> None:
        """Shows that files are being read."""
        self.source.setText(plain(name))
        self.show_nothing(_READING)

    def show_progress(self, done: int, total: int, unit: str) -> None:
        """Shows how far reading has got."""
        if self.looked is None and self.outcome.text().startswith(_READING):
            of = f" of {total:,}" if total else ""
            self.outcome.setText(plain(f"{_READING} {done:,}{of} {unit}"))

    def show_found(self, looked: LookedAt) -> None:
        """Shows what files hold."""
        if looked.survey is None or looked.plan is None:
            self._list_formats(looked)
            self.show_nothing(looked.damaged or _UNKNOWN, format_may_help=True)
            return
        self.looked = looked
        self._list_formats(looked)
        self.format.setEnabled(True)
        self.classes.show_classes(looked)
        self.pictures.show_pictures(looked.pictures, class_colors(looked))
        self._show_options(looked)
        self.details.setVisible(True)
        self.resize(self.size().expandedTo(QSize(*_SIZE)))
        self._update()
        self.import_button.setFocus()

    def plan(self) -> ImportPlan:
        """What the user has chosen."""
        assert self.looked is not None
        assert self.looked.plan is not None
        return changed(
            self.looked.plan,
            self.classes.classes,
            review="pending" if self.as_pending.isChecked() else "accepted",
            splits=self.splits.isChecked(),
            copy_images=self.copy.isChecked() and not self.copy.isHidden(),
        )

    # -- private

    def _make_fields(self) -> None:
        self.source = PlainLabel("", self)
        self.source.setWordWrap(True)
        self.file_button = QPushButton("Choose file…")
        self.folder_button = QPushButton("Choose folder…")
        for button, signal in (
            (self.file_button, self.file_wanted), (self.folder_button, self.folder_wanted),
        ):  # fmt: skip
            button.setAutoDefault(False)
            button.clicked.connect(signal)
        self.format = QComboBox()
        self.format.setAccessibleName("Format")
        self.format.activated.connect(lambda _index: self.format_chosen.emit(self.format.currentData() or ""))
        self.outcome = PlainLabel("", self)
        self.outcome.setWordWrap(True)
        self.classes = ClassesTable(self)
        self.classes.edited.connect(self._update)
        self.pictures = Pictures(self)
        self.as_accepted = QRadioButton("Accepted")
        self.as_accepted.setToolTip("The annotations are part of the dataset at once")
        self.as_pending = QRadioButton("To be reviewed")
        self.as_pending.setToolTip(
            "The annotations are proposals, which you decide about in the review (Ctrl+R)"
        )
        self.as_accepted.setChecked(True)
        self._reviews = QButtonGroup(self)
        for choice in (self.as_accepted, self.as_pending):
            self._reviews.addButton(choice)
        self.splits, self.copy = QCheckBox(""), QCheckBox("")
        self.splits.setChecked(True)
        self.copy.toggled.connect(lambda _on: self._update())
        self.problems = QPlainTextEdit()
        self.problems.setReadOnly(True)
        self.problems.setTabChangesFocus(True)
        self.problems.setAccessibleName("Problems")
        self.problems.setFixedHeight(10 * UNIT)
        self.problems_title = muted_label("")
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        self.import_button = self.buttons.addButton("Import", QDialogButtonBox.ButtonRole.AcceptRole)
        self.import_button.setDefault(True)
        self.import_button.setProperty("primary", True)
        self.buttons.rejected.connect(self.reject)
        self.buttons.accepted.connect(lambda: self.started.emit(self.plan()))

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * UNIT, 2 * UNIT, 2 * UNIT, 2 * UNIT)
        layout.setSpacing(UNIT)
        layout.addWidget(heading("Annotations of another program"))
        layout.addLayout(_row(self.file_button, self.folder_button, self.source))
        layout.addLayout(_row(caption("Format"), self.format))
        layout.addWidget(self.outcome)
        self.details = QWidget(self)
        inner = QVBoxLayout(self.details)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(UNIT)
        inner.addWidget(self.classes, 1)
        inner.addWidget(self.pictures)
        inner.addLayout(_row(caption("Import as"), self.as_accepted, self.as_pending))
        inner.addWidget(self.splits)
        inner.addWidget(self.copy)
        inner.addWidget(self.problems_title)
        inner.addWidget(self.problems)
        layout.addWidget(self.details, 1)
        layout.addStretch(0)
        layout.addWidget(self.buttons)

    def _list_formats(self, looked: LookedAt) -> None:
        self.format.blockSignals(True)
        self.format.clear()
        for found in looked.found:
            self.format.addItem(plain(found.text), found.format.id)
        if not looked.found:
            self.format.addItem("Not recognised", "")
        self.format.insertSeparator(self.format.count())
        known = {found.format.id for found in looked.found}
        for row in self._formats:
            if row.id not in known:
                self.format.addItem(plain(row.title), row.id)
        self.format.blockSignals(False)

    def _show_options(self, looked: LookedAt) -> None:
        assert looked.survey is not None
        splits, copyable = looked.survey.splits.total(), len(looked.survey.copyable)
        self.splits.setText(plain(f"Take over the splits that the files state ({counted(splits, 'image')})"))
        self.splits.setVisible(bool(splits))
        self.copy.setText(
            plain(f"Copy {counted(copyable, 'image')} that the dataset lacks, and import on them, too")
        )
        self.copy.setVisible(bool(copyable))
        self.copy.setChecked(False)
        problems = looked.survey.problems
        self.problems_title.setText(plain(f"{counted(problems.total, 'problem')}: not imported"))
        texts = "\n".join(problem.text for problem in problems.items[:_MOST_PROBLEMS])
        self.problems.setPlainText(plain_lines(texts))
        for widget in (self.problems_title, self.problems):
            widget.setVisible(bool(problems.total))

    def _update(self) -> None:
        looked = self.looked
        if looked is None or looked.survey is None or looked.report is None:
            return
        chosen = self.classes.classes
        kept = sum(count for name, count in looked.survey.classes.items() if chosen[name] is not None)
        usual = all(
            chosen[name] == label for name, label in (looked.plan.classes if looked.plan else {}).items()
        )
        texts = [
            f"{counted(kept, 'instance')} on {counted(len(looked.survey.keys), 'image')} of this dataset."
        ]
        if looked.report.duplicates and usual:
            are = "is" if looked.report.duplicates == 1 else "are"
            texts.append(f"{looked.report.duplicates:,} {are} there already and will not be added again.")
        texts += [f"{text[:1].upper()}{text[1:]}." for text in looked.report.notes]
        self.outcome.setText(plain(" ".join(texts)))
        nothing = not kept and not (self.copy.isChecked() and not self.copy.isHidden())
        self.import_button.setEnabled(not nothing)
        self.import_button.setToolTip(tip("There is nothing to import" if nothing else ""))


def _row(*widgets: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(UNIT)
    for place, widget in enumerate(widgets):
        row.addWidget(widget, 1 if place == len(widgets) - 1 and not isinstance(widget, QRadioButton) else 0)
    if isinstance(widgets[-1], QRadioButton):
        row.addStretch(1)
    row.setAlignment(Qt.AlignmentFlag.AlignVCenter)
    return row
