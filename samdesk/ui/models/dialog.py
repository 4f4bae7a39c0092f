"""The model chooser: the models of the registry, their downloads, device and precision."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFont
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from samdesk.base.rate import Rate
from samdesk.engine.models.plugins import AddedModels
from samdesk.engine.models.registry import MODELS, ModelSpec
from samdesk.ui.kit.fields import CHECKPOINTS, TABLE_STYLE, fill_devices, select_entry
from samdesk.ui.kit.file_manager import take_drops
from samdesk.ui.kit.plain import PlainLabel, plain, tip
from samdesk.ui.kit.theme import UNIT
from samdesk.ui.models.plugin_entries import row_of_plugin
from samdesk.ui.models.rows import ModelRow, StateCell, known_name, row_of, row_of_file, with_progress

PRECISIONS: tuple[tuple[str, str], ...] = (
    ("auto", "Automatic"),
    ("fp32", "fp32 (exact)"),
    ("fp16", "fp16 (fast on GPUs)"),
    ("bf16", "bf16 (fast on new GPUs and CPUs)"),
)
_TITLE, _SIZE, _PARAMETERS, _LICENCE, _STATE, _ACTION = range(6)
_RESIZE = {_STATE: QHeaderView.ResizeMode.Stretch, _ACTION: QHeaderView.ResizeMode.Fixed}
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_RATE_INTERVAL_S = 0.25
"""A download reports many times a second; its rate is averaged over the last seconds."""
_HEADERS = ("Model", "Size", "Parameters", "Licence", "State", "")


class ModelsDialog(QDialog):
    """Chooses the model that draws masks. Open it with ``open()``: nothing waits for it.

    Signals:
        chosen: (registry name or path, device id, precision); the dialog closes.
        download_requested: (registry name).
        cancel_requested: (registry name).
    """

    chosen = Signal(str, str, str)
    download_requested = Signal(str)
    cancel_requested = Signal(str)

    def __init__(
        self,
        parent: QWidget | None = None,
        models: Sequence[ModelSpec] = MODELS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Choose a model")
        self._clock = clock
        self._rows = {model.name: row_of(model) for model in models if model.draws_masks}
        self._speeds: dict[str, Rate] = {}
        self._current = ("", "", "auto")
        self._problems: tuple[str, ...] = ()
        self._cells: dict[str, StateCell] = {}
        self._buttons: dict[str, QPushButton] = {}
        self.table = self._make_table()
        self.problem = PlainLabel("", self)
        self.problem.setWordWrap(True)
        self.problem.setTextFormat(Qt.TextFormat.PlainText)
        self.problem.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.problem.hide()
        self.device = QComboBox(self)
        self.device.addItem("Automatic", "")
        self.device.setMinimumWidth(200)
        self.precision = QComboBox(self)
        for value, title in PRECISIONS:
            self.precision.addItem(title, value)
        self.device.currentIndexChanged.connect(self._refresh_all)
        self.precision.currentIndexChanged.connect(self._refresh_all)
        self.file_button = QPushButton("Use a checkpoint file…", self)
        self.file_button.setToolTip(
            "A SAM, MobileSAM or SAM 2 checkpoint, fine-tuned or not, or taught Flint weights"
        )
        self.file_button.setAutoDefault(False)
        self.file_button.clicked.connect(self._pick_file)
        self._lay_out()
        self._fill()
        take_drops(self, lambda paths: self._use(str(paths[0])))

    def _make_table(self) -> QTableWidget:
        table = QTableWidget(0, len(_HEADERS), self)
        table.setHorizontalHeaderLabels(_HEADERS)
        table.setStyleSheet(TABLE_STYLE)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(5 * UNIT)
        table.setShowGrid(False)
        table.setAlternatingRowColors(False)
        table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # its buttons take the focus
        table.setAccessibleName("Models")
        header = table.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        for column in range(len(_HEADERS)):
            title = table.horizontalHeaderItem(column)
            if title is not None and column in (_SIZE, _PARAMETERS):
                title.setTextAlignment(_RIGHT)
            header.setSectionResizeMode(column, _RESIZE.get(column, QHeaderView.ResizeMode.ResizeToContents))
        table.setColumnWidth(_ACTION, 17 * UNIT)
        return table

    def _lay_out(self) -> None:
        foot = QHBoxLayout()
        foot.setSpacing(UNIT)
        for text, combo in (("Device", self.device), ("Precision", self.precision)):
            label = PlainLabel(text, self)
            label.setBuddy(combo)
            foot.addWidget(label)
            foot.addWidget(combo)
            foot.addSpacing(UNIT)
        foot.addStretch(1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.addButton(self.file_button, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.button(QDialogButtonBox.StandardButton.Close).setAutoDefault(False)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * UNIT, 2 * UNIT, 2 * UNIT, 2 * UNIT)
        layout.setSpacing(2 * UNIT)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.problem)
        layout.addLayout(foot)
        layout.addWidget(buttons)
        self.resize(880, 704)

    @property
    def choice(self) -> tuple[str, str]:
        """The device id ("": the best one) and precision that are selected."""
        return self.device.currentData() or "", self.precision.currentData()

    def set_devices(self, devices: Sequence[tuple[str, str]]) -> None:
        """Lists the devices of this machine as (id, title); keeps the selected one."""
        fill_devices(self.device, list(devices))
        self._refresh_all()

    def set_choice(self, name: str, device: str, precision: str) -> None:
        """Marks the model in use, and selects its device and precision."""
        known = known_name(name)
        if known and known not in self._rows:
            self._rows[known] = row_of_file(known)
            self._fill()
        select_entry(self.device, device, device)  # the list of devices may come later
        self.precision.setCurrentIndex(max(self.precision.findData(precision), 0))
        self._current = (known, *self.choice)
        self._refresh_all()

    def set_downloaded(self, names: Iterable[str]) -> None:
        """Sets which models' weights are on this machine; ends the downloads of those."""
        here = set(names)
        for name, row in self._rows.items():
            if Path(name).is_absolute() or not row.bytes:
                continue
            self._rows[name] = replace(row, present=name in here)
            if name in here:
                self._end_download(name)
        self._refresh_all()

    def set_added(self, added: AddedModels) -> None:
        """Lists the predictors of other packages below Flint, and says why some cannot be chosen."""
        self._problems = tuple(map(str, added.problems))
        self._show_problem()
        rows = self._rows | {plugin.name: row_of_plugin(plugin) for plugin in added.predictors}
        if rows != self._rows:
            self._rows = dict(sorted(rows.items(), key=lambda item: bool(item[1].bytes)))
            self._fill()

    def set_progress(self, name: str, done: int, total: int) -> None:
        """Shows a download's progress in bytes; ``total`` is 0 while it is not known."""
        if name in self._rows:
            speed = self._speeds.setdefault(name, Rate(self._clock, _RATE_INTERVAL_S))
            self._rows[name] = with_progress(self._rows[name], done, total, speed)
            self._refresh(name)

    def set_failed(self, name: str, why: str) -> None:
        """Shows that a download failed, with the reason below the table, or was cancelled (``why`` empty)."""
        if name in self._rows:
            self._end_download(name)
            self._rows[name] = replace(self._rows[name], failed=why)
            self._refresh(name)

    def button(self, name: str) -> QPushButton:
        """The button of a model: Download, Cancel or Use."""
        return self._buttons[name]

    def state_text(self, name: str) -> str:
        """The text of a model's State column."""
        return self._cells[name].label.text()

    def _end_download(self, name: str) -> None:
        self._speeds.pop(name, None)
        self._rows[name] = replace(self._rows[name], done=None, rate=None, failed="")

    def _fill(self) -> None:
        self.table.setRowCount(0)
        self.table.setRowCount(len(self._rows))
        for at, (name, row) in enumerate(self._rows.items()):
            texts = (row.title, row.size_text, row.parameters_text, row.licence)
            for column, text in enumerate(texts):
                item = QTableWidgetItem(plain(text))
                item.setToolTip(tip(name))
                if column in (_SIZE, _PARAMETERS):
                    item.setTextAlignment(_RIGHT)
                self.table.setItem(at, column, item)
            self._cells[name] = StateCell(self.table)
            self.table.setCellWidget(at, _STATE, self._cells[name])
            self.table.setCellWidget(at, _ACTION, self._make_button(name))
            self._refresh(name)

    def _make_button(self, name: str) -> QWidget:
        button = QPushButton(self.table)
        button.setMinimumWidth(96)
        button.setAutoDefault(False)
        button.clicked.connect(partial(self._act, name))
        self._buttons[name] = button
        holder = QWidget(self.table)
        layout = QHBoxLayout(holder)
        layout.setContentsMargins(4, 2, 4, 2)
        layout.addWidget(button)
        return holder

    def _refresh_all(self) -> None:
        for name in self._rows:
            self._refresh(name)

    def _show_problem(self) -> None:
        """Shows why downloads failed and plug-ins cannot be chosen: a cell of the table has no room."""
        reasons = [*(row.failed for row in self._rows.values() if row.failed), *self._problems]
        self.problem.setText("\n".join(reasons))
        self.problem.setVisible(bool(reasons))

    def _refresh(self, name: str) -> None:
        self._show_problem()
        row, button = self._rows[name], self._buttons[name]
        self._cells[name].show_row(row)
        current = name == self._current[0]
        in_use = self._current == (name, *self.choice)
        button.setText(_verb(row, in_use))
        button.setEnabled(not in_use or row.downloading)
        button.setAccessibleName(plain(f"{button.text()} {row.title}"))
        item = self.table.item(list(self._rows).index(name), _TITLE)
        if item is not None:
            font = QFont(self.font())
            font.setBold(current)
            item.setFont(font)
            item.setText(plain(f"{row.title}  ✓" if current else row.title))

    def _act(self, name: str) -> None:
        row = self._rows[name]
        if row.downloading:
            self.cancel_requested.emit(name)
        elif row.present:
            self._use(name)
        else:
            self._speeds[name] = Rate(self._clock, _RATE_INTERVAL_S)
            self._rows[name] = replace(row, done=0, rate=None, failed="")
            self._refresh(name)
            self.download_requested.emit(name)

    def _use(self, name: str) -> None:
        self.chosen.emit(name, *self.choice)
        self.accept()

    def _pick_file(self) -> None:
        picker = QFileDialog(self, "Use a checkpoint file", "", CHECKPOINTS)
        picker.setFileMode(QFileDialog.FileMode.ExistingFile)
        picker.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        picker.fileSelected.connect(self._use)
        picker.open()


def _verb(row: ModelRow, in_use: bool) -> str:
    if row.downloading:
        return "Cancel"
    if in_use:
        return "In use"
    if row.present:
        return "Use"
    return "Retry" if row.failed else "Download"
