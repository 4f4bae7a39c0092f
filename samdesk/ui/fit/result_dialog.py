"""The curves and figures of a training, while it goes on and afterwards."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from samdesk.base.text import counted, duration, printable, share
from samdesk.training.fit.record import EpochFigures, FitRun
from samdesk.ui.fit.curves import Curve, CurveChart
from samdesk.ui.kit.fields import TABLE_STYLE, heading, muted_label
from samdesk.ui.kit.file_manager import open_folder
from samdesk.ui.kit.plain import plain
from samdesk.ui.kit.theme import UNIT

MASK_MAP50, MASK_MAP = "metrics/mAP50(M)", "metrics/mAP50-95(M)"
_SCORES = ((MASK_MAP50, "mask mAP50"), (MASK_MAP, "mask mAP50-95"), ("metrics/mAP50(B)", "box mAP50"))
_LOSSES = (("train/seg_loss", "training"), ("val/seg_loss", "validation"))
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_ROWS = 6


class FitResultDialog(QDialog):
    """Non-modal: open it with ``show()``.

    Signals:
        use_requested: (model name) the user wants to auto-annotate with the model.
    """

    use_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Training results")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._run: FitRun | None = None
        self.name = heading("")
        self.summary = muted_label()
        self.scores = CurveChart("Average precision on the validation images by epoch", 1.0, self)
        self.losses = CurveChart("Mask loss by epoch", None, self)
        self.table = _class_table()
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        self.use_button = self.buttons.addButton("Auto-annotate…", QDialogButtonBox.ButtonRole.AcceptRole)
        self.folder_button = self.buttons.addButton("Open folder", QDialogButtonBox.ButtonRole.ActionRole)
        self.folder_button.setToolTip("Ultralytics' results: args.yaml, results.csv, weights and the log")
        self.folder_button.clicked.connect(self._open_folder)
        self.buttons.accepted.connect(self._use)
        self.buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * UNIT, 2 * UNIT, 2 * UNIT, 2 * UNIT)
        layout.setSpacing(UNIT)
        for part in (
            self.name, self.summary, heading("Average precision on the validation images"), self.scores,
            heading("Mask loss"), self.losses, self.table, self.buttons,
        ):  # fmt: skip
            layout.addWidget(part)
        self.resize(78 * UNIT, 86 * UNIT)

    def show_run(self, run: FitRun, epochs: Sequence[EpochFigures]) -> None:
        """Shows a training as it is now."""
        self._run = run
        self.name.setText(printable(run.name))
        self.summary.setText(summary_text(run, epochs))
        self.scores.set_curves([_curve(epochs, *row) for row in _SCORES], run.best_epoch)
        self.losses.set_curves([_curve(epochs, *row) for row in _LOSSES], run.best_epoch)
        _fill(self.table, run)
        self.use_button.setVisible(run.state == "done")
        self.use_button.setDefault(run.state == "done")

    def _use(self) -> None:
        if self._run is not None:
            self.use_requested.emit(self._run.name)
        self.accept()

    def _open_folder(self) -> None:
        if self._run is not None:
            open_folder(self._run.folder)


def summary_text(run: FitRun, epochs: Sequence[EpochFigures]) -> str:
    """What was trained on what, how far, and the best epoch."""
    images = ", ".join(f"{counted(n, 'image')} ({split})" for split, n in run.images.items())
    parts = [f"{run.start}, {images or 'reading the images'}, {run.settings.imgsz} pixels."]
    state = {"stopped": "Stopped after", "failed": "Failed after"}.get(run.state, "")
    done = f"{len(epochs)} of {counted(run.settings.epochs, 'epoch')}"
    parts.append(f"{state} {done} in {duration(run.seconds, exact=True)}.".strip())
    best = next((found for found in epochs if found.epoch == run.best_epoch), None)
    if best is not None:
        figures = f"mask mAP50 {share(best.value(MASK_MAP50), 3)}, mAP50-95 {share(best.value(MASK_MAP), 3)}"
        parts.append(f"Best is epoch {best.epoch}: {figures}.")
    if run.message:
        parts.append(printable(run.message))
    return " ".join(parts)


def _curve(epochs: Sequence[EpochFigures], name: str, title: str) -> Curve:
    return Curve(title, tuple((e.epoch, v) for e in epochs if (v := e.value(name)) is not None))


def _class_table() -> QTableWidget:
    table = QTableWidget(0, 3)
    table.setHorizontalHeaderLabels(["Class", "Mask AP50", "Mask AP50-95"])
    table.setStyleSheet(TABLE_STYLE)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(4 * UNIT)
    table.setShowGrid(False)
    table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    for column in range(3):
        item = table.horizontalHeaderItem(column)
        if item is not None:
            item.setTextAlignment(_RIGHT if column else _LEFT)
    table.setAccessibleName("Figures by class")
    return table


def _fill(table: QTableWidget, run: FitRun) -> None:
    rows = sorted(run.by_class.items(), key=lambda row: row[1][0])
    table.setRowCount(len(rows))
    for number, (name, figures) in enumerate(rows):
        table.setItem(number, 0, QTableWidgetItem(plain(name)))
        for column, value in enumerate(figures, 1):
            item = QTableWidgetItem(plain(share(value, 3)))
            item.setTextAlignment(_RIGHT)
            table.setItem(number, column, item)
    table.setMinimumHeight(4 * UNIT * (min(len(rows), _ROWS) + 1) + 2 * UNIT)
    table.setVisible(bool(rows))
