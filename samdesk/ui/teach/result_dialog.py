"""The dialog with all scores of a training, before and after."""

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

from samdesk.base.text import duration, share
from samdesk.training.record.taught_weights import MASKS, Score, TaughtWeights
from samdesk.ui.kit.fields import TABLE_STYLE, muted_label
from samdesk.ui.kit.plain import plain
from samdesk.ui.kit.theme import UNIT
from samdesk.ui.teach.bar import use_text

_TITLES = {
    "box": "Mask from a box, mean IoU",
    "click": "Mask from one click, mean IoU",
    "map50": "Detector, mAP50",
}
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class TeachResultDialog(QDialog):
    """The scores on the held-out images, before and after. Non-modal: open it with ``show()``.

    Signals:
        use_requested: The user wants to use the improved weights.
    """

    use_requested = Signal()

    def __init__(self, results: Sequence[TaughtWeights], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Teaching results")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.table = _table(results)
        better = [entry for entry in results if entry.better]
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * UNIT, 2 * UNIT, 2 * UNIT, 2 * UNIT)
        layout.setSpacing(UNIT)
        layout.addWidget(muted_label("Measured on accepted images held out from training."))
        layout.addWidget(self.table, 1)
        for entry in results:
            layout.addWidget(muted_label(summary(entry)))
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        self.use_button = self.buttons.addButton(
            use_text(better, len(results)), QDialogButtonBox.ButtonRole.AcceptRole
        )
        self.use_button.setVisible(bool(better))
        self.use_button.setDefault(bool(better))
        self.buttons.accepted.connect(self._use)
        self.buttons.rejected.connect(self.reject)
        layout.addWidget(self.buttons)
        self.resize(560, 144 + 22 * len(results) + 32 * self.table.rowCount())

    def _use(self) -> None:
        self.use_requested.emit()
        self.accept()


def _table(results: Sequence[TaughtWeights]) -> QTableWidget:
    scores = [score for entry in results for score in entry.scores]
    table = QTableWidget(len(scores), 4)
    table.setHorizontalHeaderLabels(["", "Before", "After", "Change"])
    table.setStyleSheet(TABLE_STYLE)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(4 * UNIT)
    table.setShowGrid(False)
    table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    table.setAccessibleName("Scores before and after")
    header = table.horizontalHeader()
    header.setHighlightSections(False)
    header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    for column in (1, 2, 3):
        header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
        table.setColumnWidth(column, 11 * UNIT)
        title = table.horizontalHeaderItem(column)
        if title is not None:
            title.setTextAlignment(_RIGHT)
    for row, score in enumerate(scores):
        for column, text in enumerate(_cells(score)):
            item = QTableWidgetItem(plain(text))
            if column:
                item.setTextAlignment(_RIGHT)
            table.setItem(row, column, item)
    return table


def _cells(score: Score) -> tuple[str, str, str, str]:
    title = _TITLES.get(score.what, f"    {score.what.removeprefix('class ')}, AP50")
    known = score.before is not None and score.after is not None
    change = f"{score.after - score.before:+.2f}" if known else "new"  # type: ignore[operator]
    return title, share(score.before), share(score.after), change


def summary(entry: TaughtWeights) -> str:
    """The number of images and the duration, in one sentence."""
    what = "Masks" if entry.kind == MASKS else "Detector"
    end = "" if entry.better else " No improvement."
    return (
        f"{what}: trained on {entry.n_train:,} images, measured on {entry.n_held_out:,} others, "
        f"in {duration(entry.seconds, exact=True)}.{end}"
    )
