"""SplitDialog: how images are divided, and what each split would get."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from samdesk.base.text import counted
from samdesk.domain.split import SPLITS, Split
from samdesk.exchange.splits.grouping import GROUPINGS
from samdesk.exchange.splits.splitting import SplitOptions, SplitPlan, SplitRow
from samdesk.ui.kit.fields import caption, form, integer_field, muted_label, tab_in_reading_order
from samdesk.ui.kit.plain import plain
from samdesk.ui.kit.theme import UNIT

_SHARES: dict[Split, tuple[str, int]] = {
    "train": ("Training", 80),
    "val": ("Validation", 20),
    "test": ("Test", 0),
}
_MOST_ROWS = 500


class SplitDialog(QDialog):
    """Asks for options, shows the plan that follows from them, and assigns it.

    Signals:
        preview_wanted: (SplitOptions) a plan is to be made.
        assigned: (SplitPlan, bool) it is to be carried out; whether files of other programs are replaced.
    """

    preview_wanted = Signal(object)
    assigned = Signal(object, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Split dataset")
        self._plan: SplitPlan | None = None
        self.shares: dict[Split, QSpinBox] = {}
        for split, (title, share) in _SHARES.items():
            field = integer_field(0, 100, 5, " %", f"Share of the images for {title.lower()}")
            field.setValue(share)
            self.shares[split] = field
        self.group = QComboBox()
        for value, title in GROUPINGS.items():
            self.group.addItem(plain(title), value)
        self.pattern = QLineEdit()
        self.pattern.setPlaceholderText(r"For example (cam\d+)_")
        self.pattern.setToolTip("A regular expression: images in whose path its first group matches alike")
        self.alike = QCheckBox("Keep near-duplicates together")
        self.alike.setToolTip("Images that differ only in size, compression, brightness or by a small crop")
        self.folders = QCheckBox("Respect folders named train, val and test")
        self.keep = QCheckBox("Keep images in the splits they are in")
        for box in (self.alike, self.folders, self.keep):
            box.setChecked(True)
        self.seed = integer_field(0, 9999, 1, "", "Another seed gives another split")
        self.replace = QCheckBox("")
        self.replace.hide()
        self.now = muted_label("")
        self.outcome = muted_label("")
        self.outcome.setWordWrap(True)
        self.table = QTableWidget(0, 1 + len(SPLITS))
        self.preview = QPushButton("Preview")
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.assign = self.buttons.addButton("Split", QDialogButtonBox.ButtonRole.AcceptRole)
        self._lay_out()
        tab_in_reading_order(self)
        self._connect()
        self._outdate()

    @property
    def options(self) -> SplitOptions:
        """What is filled in."""
        return SplitOptions(
            ratios={split: field.value() / 100 for split, field in self.shares.items()},
            seed=self.seed.value(),
            group_by=self.group.currentData(),
            pattern=self.pattern.text(),
            near_duplicates=self.alike.isChecked(),
            keep=self.keep.isChecked(),
            by_folder=self.folders.isChecked(),
        )

    def set_state(self, state: tuple[str, tuple[str, ...]]) -> None:
        """Shows how the images are split now, and which files of other programs stand in the way."""
        summary, foreign = state
        self.now.setText(f"Now: {summary}")
        self.replace.setVisible(bool(foreign))
        self.replace.setText(
            plain(f"Replace {', '.join(foreign)}, which another program wrote (a copy is kept)")
        )

    def show_plan(self, plan: SplitPlan) -> None:
        """Shows what each split would get."""
        self._plan = plan
        parts = [f"{plan.text}. {counted(len(plan.changes), 'image')} would change."]
        if not plan.changes and self.keep.isChecked():
            parts[0] = f"{plan.text}, as now. Uncheck “{self.keep.text()}” to divide them anew."
        if plan.alike:
            parts.append(f"{counted(plan.alike, 'near-duplicate')} stay together.")
        if plan.straddling:
            groups = counted(len(plan.straddling), "group is", "groups are")
            parts.append(f"{groups} in more than one split already, for example {plan.straddling[0][0]}.")
        self.outcome.setText(plain(" ".join(parts)))
        rows = plan.table()[:_MOST_ROWS]
        self.table.setRowCount(len(rows))
        for n, row in enumerate(rows):
            self._fill(n, row)
        self.preview.setEnabled(True)
        self.assign.setEnabled(bool(plan.changes) or self.replace.isVisible())
        self.assign.setDefault(True)

    def show_problem(self, text: str) -> None:
        """Shows why there is no plan."""
        self._outdate()
        self.outcome.setText(plain(text))

    def accept(self) -> None:
        """Assigns the plan."""
        if self._plan is not None:
            self.assigned.emit(self._plan, self.replace.isVisible() and self.replace.isChecked())
            super().accept()

    def _lay_out(self) -> None:
        shares = QHBoxLayout()
        shares.setSpacing(UNIT)
        for split, (title, _) in _SHARES.items():
            shares.addWidget(caption(title))
            shares.addWidget(self.shares[split])
        shares.addStretch(1)
        fields = form()
        fields.addRow(caption("Shares"), shares)
        fields.addRow(caption("Together"), self.group)
        fields.addRow(caption("Pattern"), self.pattern)
        for box in (self.alike, self.folders, self.keep):
            fields.addRow(caption(""), box)
        fields.addRow(caption("Seed"), self.seed)
        titles = ["Images / annotations", *(title for title, _ in _SHARES.values())]
        for column, title in enumerate(titles):
            heading = QTableWidgetItem(plain(title))
            side = Qt.AlignmentFlag.AlignRight if column else Qt.AlignmentFlag.AlignLeft
            heading.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
            self.table.setHorizontalHeaderItem(column, heading)
        self.table.verticalHeader().hide()
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.setSelectionMode(QTableWidget.SelectionMode.NoSelection)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.table.setMinimumSize(64 * UNIT, 24 * UNIT)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * UNIT, 2 * UNIT, 2 * UNIT, 2 * UNIT)
        layout.setSpacing(int(1.5 * UNIT))
        layout.addWidget(self.now)
        layout.addLayout(fields)
        layout.addWidget(self.preview, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.outcome)
        layout.addWidget(self.replace)
        layout.addWidget(self.buttons)

    def _connect(self) -> None:
        self.preview.clicked.connect(self._ask_preview)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.group.currentIndexChanged.connect(self._outdate)
        self.pattern.textChanged.connect(self._outdate)
        for box in (self.alike, self.folders, self.keep):
            box.toggled.connect(self._outdate)
        for field in (*self.shares.values(), self.seed):
            field.valueChanged.connect(self._outdate)

    def _ask_preview(self) -> None:
        self._outdate()
        self.preview.setEnabled(False)
        self.outcome.setText("Looking at the images…")
        self.preview_wanted.emit(self.options)

    def _outdate(self) -> None:
        """What is shown no longer follows from the fields."""
        self._plan = None
        self.pattern.setEnabled(self.group.currentData() == "pattern")
        self.preview.setEnabled(any(field.value() for field in self.shares.values()))
        self.preview.setDefault(True)
        self.assign.setEnabled(False)
        self.table.setRowCount(0)
        self.outcome.setText("Preview shows what each split would get, before anything is written.")

    def _fill(self, n: int, row: SplitRow) -> None:
        self.table.setItem(n, 0, QTableWidgetItem(plain(row.name) or "All"))
        for column, split in enumerate(SPLITS, 1):
            text = f"{row.images.get(split, 0):,} / {row.instances.get(split, 0):,}"
            cell = QTableWidgetItem(plain(text))
            cell.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self.table.setItem(n, column, cell)
