"""The bar of the running auto-annotate job: progress, rate, time left, what failed, cancel."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QDialogButtonBox,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from samdesk.base.text import counted, duration, rate
from samdesk.batch.report import BatchProgress, BatchSummary
from samdesk.ui.kit.fields import TABLE_STYLE
from samdesk.ui.kit.job_bar import JobBar

__all__ = ["BatchBar", "FailuresDialog"]


class BatchBar(JobBar):
    """A thin bar above the canvas; hidden while nothing runs and nothing is left to say.

    Signals:
        cancel_requested: The user wants the run stopped.
        image_chosen: (image key as str) the user chose an image in the list of failures.
    """

    cancel_requested = Signal()
    image_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Auto-annotate", parent)
        self._failures: dict[str, str] = {}
        self._popup: FailuresDialog | None = None
        self._running = False
        self.failed = self.add_button("", "Show which images failed, and why")
        self.failed.clicked.connect(self._show_failures)
        self.cancel = self.add_button("Cancel")
        self.cancel.clicked.connect(self._cancel)

    @property
    def failures(self) -> dict[str, str]:
        """Image key -> why it failed, of this run."""
        return dict(self._failures)

    def begin(self) -> None:
        """A run starts: its models are being loaded."""
        self._running = True
        self._failures.clear()
        self._update_failures()
        self.bar.setRange(0, 0)
        self.show_progress(True)
        self.detail.setText("Loading the models…")
        self.cancel.setText("Cancel")
        self.cancel.setToolTip("Stop after the image at work; what is done stays")
        self.cancel.setEnabled(True)
        self.setVisible(True)

    def set_progress(self, progress: BatchProgress) -> None:
        """Shows where the run stands."""
        self.bar.setRange(0, max(progress.total, 1))
        self.bar.setValue(progress.done)
        words = [f"{progress.done:,} of {progress.total:,}", rate(progress.rate, "image")]
        if progress.seconds_left is not None and progress.done < progress.total:
            words.append(f"{duration(progress.seconds_left)} left")
        words.append(counted(progress.annotations, "annotation"))
        self.detail.setText("  ·  ".join(word for word in words if word))
        self.bar.setToolTip(progress.key or "")

    def add_failure(self, key: str, message: str) -> None:
        """One more image that could not be done."""
        self._failures[key] = message
        self._update_failures()
        if self._popup is not None:
            self._popup.add(key, message)

    def set_summary(self, summary: BatchSummary) -> None:
        """The run ended: says what it did until the bar is closed."""
        self._running = False
        for failure in summary.failed:
            if failure.key not in self._failures:
                self.add_failure(failure.key, failure.message)
        self.show_progress(False)
        words = [summary.text, summary.stopped]
        self.detail.setText("  ·  ".join(word for word in words if word))
        self.cancel.setText("Close")
        self.cancel.setToolTip("")
        self.cancel.setEnabled(True)
        self.setVisible(True)

    def end(self) -> None:
        """Takes the bar away."""
        self._running = False
        self.setVisible(False)

    def _cancel(self) -> None:
        if not self._running:
            self.end()
            return
        self.cancel.setEnabled(False)
        self.cancel.setText("Stopping…")
        self.cancel_requested.emit()

    def _update_failures(self) -> None:
        self.failed.setVisible(bool(self._failures))
        self.failed.setText(f"{len(self._failures):,} failed…")

    def _show_failures(self) -> None:
        popup = FailuresDialog(self._failures, self.window())
        popup.image_chosen.connect(self.image_chosen)
        popup.finished.connect(self._forget_popup)
        self._popup = popup
        popup.move(self.failed.mapToGlobal(QPoint(0, self.failed.height())))
        popup.show()

    def _forget_popup(self) -> None:
        self._popup = None


class FailuresDialog(QDialog):
    """The images a run could not do, and why. A double click goes to the image.

    Signals:
        image_chosen: (image key as str).
    """

    image_chosen = Signal(str)

    def __init__(self, failures: dict[str, str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Images that failed")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.list = QTreeWidget(self)
        self.list.setColumnCount(2)
        self.list.setHeaderLabels(["Image", "Why"])
        self.list.setStyleSheet(TABLE_STYLE)
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        self.list.setAllColumnsShowFocus(True)
        self.list.setProperty("roomy", True)
        self.list.setColumnWidth(0, 220)
        self.list.setToolTip("Double-click to go to the image")
        self.list.itemActivated.connect(lambda item: self.image_chosen.emit(item.text(0)))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        copy = buttons.addButton("Copy list", QDialogButtonBox.ButtonRole.ActionRole)
        copy.setAutoDefault(False)
        copy.clicked.connect(self._copy)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(self.list)
        layout.addWidget(buttons)
        for key, message in failures.items():
            self.add(key, message)
        self.resize(640, 320)

    def add(self, key: str, message: str) -> None:
        """One more image, or another reason for one that is there."""
        found = self.list.findItems(key, Qt.MatchFlag.MatchExactly, 0)
        item = found[0] if found else QTreeWidgetItem(self.list)
        item.setText(0, key)
        item.setText(1, message.removeprefix(f"{key}: "))
        for column in (0, 1):
            item.setToolTip(column, f"{key}\n{message}")

    def _copy(self) -> None:
        rows = (self.list.topLevelItem(i) for i in range(self.list.topLevelItemCount()))
        QApplication.clipboard().setText("\n".join(f"{row.text(0)}\t{row.text(1)}" for row in rows if row))
