"""The bar of the auto-annotate run: its progress while it works, and its result and what to do with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from PySide6.QtCore import QPoint, Signal
from PySide6.QtWidgets import QWidget

from samdesk.base.text import counted, duration, rate
from samdesk.batch.report import BatchProgress, BatchSummary
from samdesk.engine.protocols import ModelInfo
from samdesk.ui.auto_annotate.failures import FailuresDialog
from samdesk.ui.kit.job_bar import JobBar
from samdesk.ui.kit.plain import tip

__all__ = ["BatchBar", "models_text", "summary_text"]


class BatchBar(JobBar):
    """A thin bar above the canvas; hidden unless a run is in progress or its result is shown.

    Signals:
        stop_requested: Emitted when the user clicks Stop.
        review_requested: The user wants to review what the run has proposed.
        undo_requested: The user wants to undo the run.
        resume_requested: The user wants to resume the run.
        dismissed: The user has closed the result of a run.
        image_chosen: (image key as str) emitted when the user chooses an image in the list of failures.
    """

    stop_requested = Signal()
    review_requested = Signal()
    undo_requested = Signal()
    resume_requested = Signal()
    dismissed = Signal()
    image_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Auto-annotate", parent)
        self._failures: dict[str, str] = {}
        self._popup: FailuresDialog | None = None
        self._running = False
        self._models = ""
        self._left = 0
        """Images of the run that are not finished."""
        self.failed = self.add_button("", "Show which images failed, and why")
        self.failed.clicked.connect(self._show_failures)
        self.resume = self.add_button("Resume", "Go on with the images that are left")
        self.resume.clicked.connect(self.resume_requested)
        self.undo = self.add_button("Undo run")
        self.undo.clicked.connect(self.undo_requested)
        self.review = self.add_button("", "Review what the run has proposed, the most doubtful first")
        self.review.setProperty("primary", True)
        self.review.clicked.connect(self._review)
        self.stop = self.add_button("Stop")
        self.stop.clicked.connect(self._stop)
        self._show_buttons()

    @property
    def failures(self) -> dict[str, str]:
        """Image key -> why it failed, in this run."""
        return dict(self._failures)

    def has_failed(self, key: str) -> bool:
        """Whether an image failed in this run."""
        return key in self._failures

    def begin(self, models: str = "") -> None:
        """Shows that a run has started: its models are being loaded.

        Args:
            models: Their names; "": unknown.
        """
        self._running = True
        self._models, self._left = "", 0
        self._failures.clear()
        self._show_buttons()
        self.bar.setRange(0, 0)
        self.show_progress(True)
        self.detail.setWordWrap(False)
        self.detail.setText(f"Loading {models}…" if models else "Loading models…")
        self.stop.setText("Stop")
        self.stop.setToolTip("Stop at once; finished images are kept, and the run can be resumed")
        self.stop.setEnabled(True)
        self.setVisible(True)

    def set_models(self, models: Sequence[ModelInfo]) -> None:
        """Names the models that are at work and their devices."""
        self._models = models_text(models)
        self.detail.setText(self._models)

    def set_progress(self, progress: BatchProgress) -> None:
        """Shows the progress of the run."""
        self.bar.setRange(0, max(progress.total, 1))
        self.bar.setValue(progress.done)
        self._left = progress.total - progress.done
        self.bar.setToolTip(tip(progress.key or ""))
        parts = [f"{progress.done:,} of {progress.total:,}", rate(progress.rate, "image")]
        if not progress.done and self._models:
            parts.append(self._models)
        if progress.seconds_left is not None and progress.done < progress.total:
            parts.append(f"{duration(progress.seconds_left)} left")
        if progress.done:
            parts.append(counted(progress.annotations, "annotation"))
        self.detail.setText("  ·  ".join(part for part in parts if part))
        self.detail.setToolTip(tip(self._models))

    def add_failure(self, key: str, message: str) -> None:
        """Adds an image that failed."""
        self._failures[key] = message
        self._update_failures()
        if self._popup is not None:
            self._popup.add(key, message)

    def set_summary(self, summary: BatchSummary, *, left: bool = False, text: str = "") -> None:
        """Shows the result of a run that has ended, until the user closes the bar.

        Args:
            summary: The result.
            left: Whether the run can be resumed.
            text: What has become of it, if that is not what is said of every run.
        """
        for failure in summary.failed:
            if failure.key not in self._failures:
                self.add_failure(failure.key, failure.message)
        to_do = f"{self._left:,} left" if left and self._left else ""
        self.show_result(
            "  ·  ".join(part for part in (text or summary_text(summary), to_do, summary.stopped) if part),
            to_review=summary.annotations,
            can_resume=left,
            can_undo=summary.run_id is not None and summary.annotations > 0,
        )

    def show_result(
        self, text: str, *, to_review: int = 0, can_resume: bool = False, can_undo: bool = False
    ) -> None:
        """Shows what has become of a run, and what can be done now.

        Args:
            text: What has become of it.
            to_review: Annotations to review; 0: Review is not offered.
            can_resume: Whether Resume is offered.
            can_undo: Whether Undo is offered.
        """
        self._running = False
        self.show_progress(False)
        self.detail.setWordWrap(True)  # allows a narrow window
        self.detail.setText(text)
        self._show_buttons(undo=can_undo, resume=can_resume)
        self.set_to_review(to_review)
        self.stop.setText("Close")
        self.stop.setToolTip("")
        self.stop.setEnabled(True)
        self.setVisible(True)

    def set_to_review(self, count: int) -> None:
        """Sets how many annotations of the run there are to review."""
        self.review.setText(f"Review {count:,}, most doubtful first")
        self.review.setVisible(count > 0)

    def set_undo(self, refused: str = "") -> None:
        """Enables the button that undoes the run, or says why it cannot be undone now."""
        self.undo.setEnabled(not refused)
        self.undo.setToolTip(tip(refused or "Undo all that the run has added, as one step"))

    @property
    def shows_result(self) -> bool:
        """Whether the result of a run is shown."""
        return not self._running and not self.isHidden()

    def end_summary(self) -> None:
        """Hides the result of a run that has ended, unless images failed; a run in progress stays."""
        if not self._running and not self._failures and self.isVisible():
            self.end()

    def end(self) -> None:
        """Hides the bar."""
        self._running = False
        self.vanish()

    def _review(self) -> None:
        self.end()
        self.review_requested.emit()

    def _stop(self) -> None:
        if not self._running:
            self.end()
            self.dismissed.emit()
            return
        self.stop.setEnabled(False)
        self.stop.setText("Stopping…")
        self.stop_requested.emit()

    def _show_buttons(self, *, review: bool = False, undo: bool = False, resume: bool = False) -> None:
        self.review.setVisible(review)
        self.undo.setVisible(undo)
        self.resume.setVisible(resume)
        self._update_failures()

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


def models_text(models: Sequence[ModelInfo]) -> str:
    """The models of a run and their devices: "YOLO11n + MobileSAM on CPU, fp32"."""
    places = [f"{model.device_title}, {model.precision}" for model in models]
    titles = [model.title for model in models]
    if len(set(places)) == 1:
        return f"{' + '.join(dict.fromkeys(titles))} on {places[0]}"
    return " + ".join(f"{title} on {place}" for title, place in zip(titles, places, strict=True))


def summary_text(summary: BatchSummary) -> str:
    """What has become of a run, with the reasons for which images were skipped or failed."""
    stopped = "Stopped: " if summary.cancelled or summary.stopped else ""
    parts = [
        f"{stopped}{counted(summary.annotations, 'annotation')} on {counted(summary.annotated, 'image')}"
    ]
    if not summary.annotated and len(summary.skipped) == 1:
        return f"{stopped}{summary.skipped[0].key} was skipped: {summary.skipped[0].reason}"
    if summary.annotated and not summary.annotations:
        parts = [f"{stopped}No new objects on {counted(summary.annotated, 'image')}"]
    elif summary.empty:
        parts.append(f"{summary.empty:,} with nothing found")
    parts += [f"{count:,} skipped: {reason}" for reason, count in summary.reasons.items()]
    if summary.failed:
        parts.append(_failed_text(summary))
    return "  ·  ".join(parts)


def _failed_text(summary: BatchSummary) -> str:
    """How many images failed, and why if there is one reason for all of them."""
    reasons = Counter(failure.message.removeprefix(f"{failure.key}: ") for failure in summary.failed)
    why = f": {next(iter(reasons))}" if len(reasons) == 1 else ""
    return f"{len(summary.failed):,} failed{why}"
