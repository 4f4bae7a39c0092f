"""ExportDialog: what is exported, in which format, and where to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from samdesk.base.places import expanded
from samdesk.base.text import counted
from samdesk.domain.labels import LabelId, LabelSet
from samdesk.exchange.exporting.errors import ExportError
from samdesk.exchange.exporting.plan import ExportPlan, ExportScope
from samdesk.formats.base import Format
from samdesk.ui.exporting.image_fields import ImageFields
from samdesk.ui.exporting.labels_table import LabelsTable
from samdesk.ui.kit.fields import (
    caption,
    form,
    heading,
    integer_field,
    muted_label,
    select_entry,
    separator,
    tab_in_reading_order,
)
from samdesk.ui.kit.plain import plain, tip
from samdesk.ui.kit.theme import UNIT

CAPTION = 15 * UNIT
_SCOPES: tuple[tuple[ExportScope, str, str], ...] = (
    ("all", "All images", "All images of the dataset, annotated or not"),
    ("accepted", "Accepted images", "The images that you have accepted (Ctrl+Enter)"),
    ("search", "Search result", "The images that the search in use finds"),
)
_MOST_AREA = 10_000_000


class ExportDialog(QDialog):
    """Asks for a plan and a folder.

    Args:
        formats: Those that can be written.
        labels: Of the dataset.
        dataset: Its folder.
        parent: The window.

    Signals:
        started: (ExportPlan, Path) the user wants this to be exported to a folder.
        folder_wanted: The user wants to choose a folder.
        preset_chosen: (str) the name of a preset.
        preset_saved: The plan is to be saved under a name.
        preset_deleted: (str) a preset is to be forgotten.
    """

    started = Signal(object, object)
    folder_wanted = Signal()
    preset_chosen = Signal(str)
    preset_saved = Signal(str)
    preset_deleted = Signal(str)

    def __init__(
        self, formats: Sequence[Format], labels: LabelSet, dataset: Path, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export")
        self._formats = {row.id: row for row in formats}
        self._dataset = dataset
        self._plan = ExportPlan()
        self._counts: dict[str, int | None] = {"all": None, "accepted": None, "search": None}
        self._search = ""
        self._make_fields(labels)
        self._lay_out()
        tab_in_reading_order(self)
        self._connect()
        self._show_format()
        self._update()

    # -- what is shown

    def set_presets(self, names: Sequence[str], chosen: str = "") -> None:
        """Lists the presets."""
        self.preset.blockSignals(True)
        self.preset.clear()
        self.preset.addItem("None", "")
        for name in names:
            self.preset.addItem(plain(name), name)
        select_entry(self.preset, chosen, chosen or "None")
        self.preset.blockSignals(False)
        self.delete_button.setEnabled(bool(self.preset.currentData()))

    def set_counts(self, counts: Mapping[str, int | None], search: str) -> None:
        """Shows how many images each scope has; None: not known yet. ``search`` is the one in use."""
        self._counts = {**self._counts, **counts}
        self._search = search
        for scope, title, _ in _SCOPES:
            count = self._counts[scope]
            self.scopes[scope].setText(title if count is None else f"{title} ({count:,})")
        self.scopes["search"].setEnabled(bool(search))
        if not search and self.scopes["search"].isChecked():
            self.scopes["all"].setChecked(True)
        self._update()

    def set_label_counts(self, counts: Mapping[LabelId, int]) -> None:
        """Shows how many annotations each label has."""
        self.labels.set_counts(counts)

    def set_folder(self, folder: Path) -> None:
        """Fills in the folder."""
        self.folder.setText(str(folder))

    def set_train_size(self, size: int) -> None:
        """Sets the training size of the dataset, pixels."""
        self.train_size.setValue(size)

    def set_plan(self, plan: ExportPlan) -> None:
        """Fills the fields."""
        self._plan = plan
        if plan.format_id in self._formats:
            select_entry(self.format, plan.format_id, plan.format_id)
        self._show_format()
        for name, value in plan.options:
            if name in self.options:
                select_entry(self.options[name], value, value)
        scope = plan.scope if plan.scope in self.scopes else "all"
        if scope != "search" or self._search:
            self.scopes[scope].setChecked(True)
        self.states["accepted" if plan.states == "accepted" else "not-rejected"].setChecked(True)
        self.labels.set_choices(plan.labels, plan.renamed)
        self.min_area.setValue(int(plan.min_area))
        self.crowds.setChecked(plan.crowds == "keep")
        self.empty.setChecked(plan.empty == "keep")
        self.images.set_plan(plan)
        self.splits.setChecked(plan.splits)
        if plan.train_size:
            self.train_size.setValue(plan.train_size)
        self._update()

    def plan(self) -> ExportPlan:
        """The plan that the fields show."""
        scope = next(scope for scope, _, _ in _SCOPES if self.scopes[scope].isChecked())
        plan = replace(
            self._plan,
            format_id=self.format.currentData() or "",
            options=tuple((name, combo.currentData()) for name, combo in self.options.items()),
            scope=scope,
            search=self._search if scope == "search" else "",
            keys=(),
            states="accepted" if self.states["accepted"].isChecked() else "not-rejected",
            labels=self.labels.choices,
            renamed=(),
            min_area=float(self.min_area.value()),
            crowds="keep" if self.crowds.isChecked() else "drop",
            empty="keep" if self.empty.isChecked() else "drop",
            splits=self.splits.isChecked(),
            train_size=self.train_size.value(),
        )
        return self.images.applied(plan)

    @property
    def target(self) -> Path:
        """The folder that is typed."""
        return expanded(self.folder.text().strip())

    # -- building

    def _make_fields(self, labels: LabelSet) -> None:
        self.preset = QComboBox(self)
        self.preset.setToolTip("Saved options; samdesk export --preset NAME takes them, too")
        self.save_name = QLineEdit(self)
        self.save_name.setPlaceholderText("Name of a new preset")
        self.save_name.setMaxLength(60)
        self.save_button = _button("Save preset", self)
        self.delete_button = _button("Delete", self)
        self.format = QComboBox(self)
        for row in self._formats.values():
            self.format.addItem(plain(row.title), row.id)
        self.carries = muted_label()
        self.options: dict[str, QComboBox] = {}
        self.scopes, self._scope_group = _radios(_SCOPES, self)
        self.states, self._state_group = _radios(
            (
                (
                    "not-rejected",
                    "All but rejected",
                    "Also what you have not reviewed yet",
                ),
                ("accepted", "Only accepted", "What you have accepted, corrected or drawn"),
            ),
            self,
        )
        self.labels = LabelsTable(self)
        self.labels.set_labels(labels)
        self.all_button, self.none_button = _button("All", self), _button("None", self)
        self.min_area = integer_field(0, _MOST_AREA, 10, " px²", "Smaller annotations are left out")
        self.crowds = QCheckBox("Crowds", self)
        self.crowds.setToolTip("Annotations that stand for many objects (COCO's iscrowd)")
        self.empty = QCheckBox("Images without annotations", self)
        self.empty.setToolTip("Examples of the background: a detector learns from them what is no object")
        self.images = ImageFields(self)
        self.splits = QCheckBox("Keep training, validation and test images apart", self)
        self.train_size = integer_field(
            32, 8192, 32, " px", "The image size you will train with; masks are written and measured for it"
        )
        self.folder = QLineEdit(self)
        self.folder.setPlaceholderText("A new folder outside the dataset")
        self.browse_button = _button("Browse…", self)
        self.summary = muted_label()
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        self.start_button = self.buttons.addButton("Export", QDialogButtonBox.ButtonRole.AcceptRole)
        self.start_button.setProperty("primary", True)

    def _lay_out(self) -> None:
        self._options_form = form()
        left, right = QVBoxLayout(), QVBoxLayout()
        for title, fields in (
            ("Format", self._format_form()),
            ("Images", self._images_form()),
            ("Training", self._training_form()),
        ):
            left.addWidget(heading(title))
            left.addLayout(fields)
            left.addSpacing(UNIT)
        left.addStretch(1)
        row = QHBoxLayout()
        row.addWidget(heading("Annotations"))
        row.addStretch(1)
        row.addWidget(self.all_button)
        row.addWidget(self.none_button)
        right.addLayout(row)
        right.addWidget(self.labels, 1)
        right.addLayout(self._annotations_form())
        columns = QHBoxLayout()
        columns.setSpacing(3 * UNIT)
        columns.addLayout(left, 1)
        columns.addLayout(right, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * UNIT, 2 * UNIT, 2 * UNIT, 2 * UNIT)
        for part in (left, right, layout):
            part.setSpacing(UNIT)
        layout.addLayout(self._preset_row())
        layout.addWidget(separator(self))
        layout.addLayout(columns, 1)
        layout.addWidget(separator(self))
        layout.addLayout(_row(caption("Folder", CAPTION + UNIT), (self.folder, 1), self.browse_button))
        layout.addWidget(self.summary)
        layout.addWidget(self.buttons)
        self.resize(1040, 660)

    def _preset_row(self) -> QHBoxLayout:
        return _row(
            caption("Preset", CAPTION + UNIT), (self.preset, 2), self.delete_button, (self.save_name, 1),
            self.save_button,
        )  # fmt: skip

    def _format_form(self) -> QVBoxLayout:
        fields = form()
        fields.addRow(caption("Write", CAPTION), self.format)
        fields.addRow(caption("", CAPTION), self.carries)
        both = QVBoxLayout()
        both.setSpacing(UNIT)
        both.addLayout(fields)
        both.addLayout(self._options_form)
        return both

    def _images_form(self) -> QFormLayout:
        fields = self.images.form
        scopes = QVBoxLayout()
        scopes.setSpacing(UNIT // 2)
        for button in self.scopes.values():
            scopes.addWidget(button)
        scopes.addWidget(self.empty)
        fields.insertRow(0, caption("Which", CAPTION), scopes)
        return fields

    def _training_form(self) -> QFormLayout:
        fields = form()
        fields.addRow(caption("Training size", CAPTION), self.train_size)
        fields.addRow(caption("Splits", CAPTION), self.splits)
        return fields

    def _annotations_form(self) -> QFormLayout:
        fields = form()
        states = QHBoxLayout()
        states.setSpacing(3 * UNIT)
        for button in self.states.values():
            states.addWidget(button)
        states.addWidget(self.crowds)
        states.addStretch(1)
        fields.addRow(caption("Which"), states)
        fields.addRow(caption("Minimum area"), self.min_area)
        return fields

    def _connect(self) -> None:
        self.format.currentIndexChanged.connect(self._show_format)
        for group in (self._scope_group, self._state_group):
            group.buttonClicked.connect(self._update)
        self.labels.edited.connect(self._update)
        self.images.changed.connect(self._update)
        self.all_button.clicked.connect(lambda: self.labels.check_all(True))
        self.none_button.clicked.connect(lambda: self.labels.check_all(False))
        self.folder.textChanged.connect(self._update)
        self.browse_button.clicked.connect(self.folder_wanted)
        self.preset.currentIndexChanged.connect(self._choose_preset)
        self.save_name.textChanged.connect(self._update)
        self.save_button.clicked.connect(lambda: self.preset_saved.emit(self.save_name.text().strip()))
        self.delete_button.clicked.connect(lambda: self.preset_deleted.emit(self.preset.currentData()))
        self.start_button.clicked.connect(self._start)
        self.buttons.rejected.connect(self.reject)

    # -- what follows from the fields

    def _show_format(self) -> None:
        """Shows what the format keeps, and its options."""
        row = self._formats.get(self.format.currentData())
        carries = ", ".join(sorted(row.carries)) if row is not None and row.carries else ""
        self.carries.setText(f"Keeps {carries}." if carries else "")
        self.carries.setVisible(bool(carries))
        while self._options_form.rowCount():
            self._options_form.removeRow(0)
        self.options = {}
        for option in row.options if row is not None else ():
            combo = QComboBox(self)
            for value, title in option.values.items():
                combo.addItem(plain(title), value)
            self._options_form.addRow(caption(option.title, CAPTION), combo)
            self.options[option.id] = combo
        self._update()

    def _choose_preset(self) -> None:
        name = self.preset.currentData() or ""
        self.delete_button.setEnabled(bool(name))
        if name:
            self.preset_chosen.emit(name)

    def _update(self) -> None:
        problem = self._problem()
        self.start_button.setEnabled(not problem)
        self.save_button.setEnabled(bool(self.save_name.text().strip()))
        self.summary.setText(problem or self._summary())

    def _problem(self) -> str:
        if not self._formats:
            return "There is no format to export to."
        if not self.labels.any_used:
            return "Check at least one label."
        plan = self.plan()
        if self._counts.get(plan.scope) == 0:
            return "There are no such images."
        if not self.folder.text().strip():
            return "Choose a folder."
        try:
            plan.check()
        except ExportError as error:
            return str(error)
        if self._dataset == self.target or self._dataset in self.target.parents:
            return "Choose a folder outside the dataset: the exported images would become images of it."
        return ""

    def _summary(self) -> str:
        plan = self.plan()
        count = self._counts.get(plan.scope)
        what = "Images" if count is None else counted(count, "image")
        made = " in tiles" if plan.tile else ""
        name = self.format.currentText()
        return f"{what} will be exported{made} as {name}, with a report on each annotation."

    def _start(self) -> None:
        if self.start_button.isEnabled():
            self.started.emit(self.plan(), self.target)


def _button(text: str, parent: QWidget) -> QPushButton:
    button = QPushButton(text, parent)
    button.setAutoDefault(False)
    return button


def _radios(
    rows: Sequence[tuple[str, str, str]], parent: QWidget
) -> tuple[dict[str, QRadioButton], QButtonGroup]:
    """Radio buttons of (id, title, tip); the first is checked."""
    group, found = QButtonGroup(parent), {}
    for name, title, text in rows:
        button = QRadioButton(title, parent)
        button.setToolTip(tip(text))
        group.addButton(button)
        found[name] = button
    found[rows[0][0]].setChecked(True)
    return found, group


def _row(*parts: QWidget | tuple[QWidget, int]) -> QHBoxLayout:
    layout = QHBoxLayout()
    layout.setSpacing(UNIT)
    for part in parts:
        if isinstance(part, tuple):
            layout.addWidget(*part)
        else:
            layout.addWidget(part)
    return layout
