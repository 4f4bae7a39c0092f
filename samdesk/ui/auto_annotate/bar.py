"""The progress bar of the auto-annotate run: progress, rate, time left, failures, Stop."""

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
from samdesk.ui.kit.plain import plain, tip

__all__ = ["BatchBar", "FailuresDialog"]


class BatchBar(JobBar):
    """A thin bar above the canvas; hidden unless a run is in progress or its result is shown.

    Signals:
        stop_requested: Emitted when the user clicks Stop.
        review_requested: The user wants to review what the run has proposed.
        image_chosen: (image key as str) emitted when the user chooses an image in the list of failures.
    """

    stop_requested = Signal()
    review_requested = Signal()
    image_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Auto-annotate", parent)
        self._failures: dict[str, str] = {}
        self._popup: FailuresDialog | None = None
        self._running = False
        self.failed = self.add_button("", "Show which images failed, and why")
        self.failed.clicked.connect(self._show_failures)
        self.review = self.add_button("Review", "Review what the run has proposed, the most doubtful first")
        self.review.setProperty("primary", True)
        self.review.setVisible(False)
        self.review.clicked.connect(self._review)
        self.stop = self.add_button("Stop")
        self.stop.clicked.connect(self._stop)

    @property
    def failures(self) -> dict[str, str]:
        """Image key -> why it failed, in this run."""
        return dict(self._failures)

    def begin(self) -> None:
        """Shows that a run has started: its models are being loaded."""
        self._running = True
        self.review.setVisible(False)
        self._failures.clear()
        self._update_failures()
        self.bar.setRange(0, 0)
        self.show_progress(True)
        self.detail.setText("Loading models…")
        self.stop.setText("Stop")
        self.stop.setToolTip("Stop after the current image; finished images are kept")
        self.stop.setEnabled(True)
        self.setVisible(True)

    def _review(self) -> None:
        self.end()
        self.review_requested.emit()

    def set_progress(self, progress: BatchProgress) -> None:
        """Shows the progress of the run."""
        self.bar.setRange(0, max(progress.total, 1))
        self.bar.setValue(progress.done)
        parts = [f"{progress.done:,} of {progress.total:,}", rate(progress.rate, "image")]
        if progress.seconds_left is not None and progress.done < progress.total:
            parts.append(f"{duration(progress.seconds_left)} left")
        parts.append(counted(progress.annotations, "annotation"))
        self.detail.setText("  ·  ".join(part for part in parts if part))
        self.bar.setToolTip(tip(progress.key or ""))

    def add_failure(self, key: str, message: str) -> None:
        """Adds an image that failed."""
        self._failures[key] = message
        self._update_failures()
        if self._popup is not None:
            self._popup.add(key, message)

    def set_summary(self, summary: BatchSummary) -> None:
        """Shows the result of a run that has ended, until the user closes the bar."""
        self._running = False
        for failure in summary.failed:
            if failure.key not in self._failures:
                self.add_failure(failure.key, failure.message)
        self.show_progress(False)
        parts = [summary.text, summary.stopped]
        self.detail.setText("  ·  ".join(part for part in parts if part))
        self.review.setVisible(summary.annotations > 0)
        self.stop.setText("Close")
        self.stop.setToolTip("")
        self.stop.setEnabled(True)
        self.setVisible(True)

    def end_summary(self) -> None:
        """Hides the result of a run that has ended, unless images failed; a run in progress stays."""
        if not self._running and not self._failures and self.isVisible():
            self.end()

    def end(self) -> None:
        """Hides the bar."""
        self._running = False
        self.vanish()

    def _stop(self) -> None:
        if not self._running:
            self.end()
            return
        self.stop.setEnabled(False)
        self.stop.setText("Stopping…")
        self.stop_requested.emit()

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


_KEY = Qt.ItemDataRole.UserRole


class FailuresDialog(QDialog):
    """Lists the images of a run that failed, and why. A double click opens the image.

    Signals:
        image_chosen: (image key as str) emitted on a double click.
    """

    image_chosen = Signal(str)

    def __init__(self, failures: dict[str, str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Images that failed")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.list = QTreeWidget(self)
        self.list.setColumnCount(2)
        self.list.setHeaderLabels(["Image", "Reason"])
        self.list.setStyleSheet(TABLE_STYLE)
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        self.list.setAllColumnsShowFocus(True)
        self.list.setProperty("roomy", True)
        self.list.setColumnWidth(0, 220)
        self.list.setToolTip("Double-click to open the image")
        self.list.itemActivated.connect(lambda item: self.image_chosen.emit(item.data(0, _KEY)))
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
        """Adds an image, or updates the reason of a listed one."""
        item = next((row for row in self._rows() if row.data(0, _KEY) == key), None)
        item = item or QTreeWidgetItem(self.list)
        item.setData(0, _KEY, key)
        item.setText(0, plain(key))
        item.setText(1, plain(message.removeprefix(f"{key}: ")))
        for column in (0, 1):
            item.setToolTip(column, tip(f"{key}\n{message}"))

    def _copy(self) -> None:
        lines = (f"{row.text(0)}\t{row.text(1)}" for row in self._rows())
        QApplication.clipboard().setText("\n".join(lines))

    def _rows(self) -> list[QTreeWidgetItem]:
        rows = (self.list.topLevelItem(i) for i in range(self.list.topLevelItemCount()))
        return [row for row in rows if row is not None]
