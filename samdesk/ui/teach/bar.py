"""The bar above the canvas that shows the progress of a training and offers its result."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from samdesk.base.text import duration, rate, share
from samdesk.training.record.taught_weights import MASKS, TaughtWeights
from samdesk.training.teach.events import TrainingProgress, TrainingStarted
from samdesk.ui.kit.job_bar import JobBar

KIND_TITLES = {"masks": "Masks", "detector": "Detector"}
_SCORES = {"box": "box", "click": "click", "map50": "mAP50"}


class TeachBar(JobBar):
    """A thin, non-modal bar above the canvas.

    Signals:
        stop_requested: The user pressed Stop.
        use_requested: The user wants to use the taught weights.
        details_requested: The user wants to see all scores.
        dismissed: The user closed the bar, without using the weights.
    """

    stop_requested = Signal()
    use_requested = Signal()
    details_requested = Signal()
    dismissed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Teach Flint", parent)
        self._running = False
        self.details = self.add_button("Details…", "All scores, before and after")
        self.use = self.add_button("Use")
        self.use.setProperty("primary", True)
        self.dismiss = self.add_button("Stop")
        self.details.clicked.connect(self.details_requested)
        self.use.clicked.connect(self.use_requested)
        self.dismiss.clicked.connect(self._dismiss)

    def begin(self) -> None:
        """Shows that a training starts: its process is loading."""
        self._running = True
        self.title.setText("Teach Flint")
        self.bar.setRange(0, 0)
        self.show_progress(True)
        self.detail.setWordWrap(False)
        self.detail.setText("Starting…")
        self._show_buttons(use=False, details=False, dismiss="Stop")
        self.dismiss.setToolTip("Stop; progress so far is kept, so you can resume later")
        self.setVisible(True)

    def set_started(self, event: TrainingStarted) -> None:
        """Shows that the training of a kind starts."""
        self.bar.setRange(0, 0)
        again = "resuming where it stopped…" if event.again else "reading the images…"
        self.detail.setText(f"{KIND_TITLES[event.kind]}: {again}")

    def set_progress(self, event: TrainingProgress) -> None:
        """Shows the progress of a kind."""
        self.bar.setRange(0, max(event.total, 0))
        self.bar.setValue(event.done)
        parts = [f"{KIND_TITLES[event.kind]}: {event.done:,} of {event.total:,}", rate(event.rate, "step")]
        if event.seconds_left is not None and event.done < event.total:
            parts.append(f"{duration(event.seconds_left)} left")
        self.detail.setText("  ·  ".join(part for part in parts if part))

    def set_stopping(self) -> None:
        """Shows that the training is being stopped."""
        self.dismiss.setEnabled(False)
        self.dismiss.setText("Stopping…")

    def set_results(self, results: Sequence[TaughtWeights], *, stopped: bool = False) -> None:
        """Offers the results; ``stopped`` if the user stopped before the other kind was done."""
        self._running = False
        better = [entry for entry in results if entry.better]
        self.show_progress(False)
        self.title.setText("Flint has improved" if better else "No improvement")
        parts = [result_text(entry, mark=len(better) < len(results)) for entry in results]
        parts += [] if better else ["Flint is unchanged"]
        parts += ["the rest was stopped; teach again to resume"] if stopped else []
        self.detail.setWordWrap(True)  # allows a narrow window
        self.detail.setText(";  ".join(parts))
        self.use.setText(use_text(better, len(results)))
        self._show_buttons(use=bool(better), details=True, dismiss="Not now" if better else "Close")
        self.use.setToolTip("Use the taught weights in this dataset; you can undo this at any time")
        self.dismiss.setToolTip("Keep Flint as it is; you can use the taught weights later" if better else "")
        self.setVisible(True)

    def set_stopped(self) -> None:
        """Shows that the user stopped the training, and that its progress is kept."""
        self._running = False
        self.show_progress(False)
        self.detail.setText("Stopped. Progress so far is kept; teach again to resume.")
        self._show_buttons(use=False, details=False, dismiss="Close")
        self.dismiss.setToolTip("")

    def end(self) -> None:
        """Hides the bar."""
        self._running = False
        self.vanish()

    def _show_buttons(self, *, use: bool, details: bool, dismiss: str) -> None:
        self.use.setVisible(use)
        self.details.setVisible(details)
        self.dismiss.setText(dismiss)
        self.dismiss.setEnabled(True)

    def _dismiss(self) -> None:
        if self._running:
            self.set_stopping()
            self.stop_requested.emit()
            return
        self.end()
        self.dismissed.emit()


def result_text(entry: TaughtWeights, *, mark: bool = False) -> str:
    """The scores of one kind: "Masks: box 0.74 → 0.82, click 0.55 → 0.71"."""
    scores = [score for score in entry.scores if score.what in _SCORES]
    scores_text = [f"{_SCORES[s.what]} {share(s.before)} → {share(s.after)}" for s in scores]
    end = "" if not mark else " (improved)" if entry.better else " (not improved)"
    return f"{KIND_TITLES[entry.kind]}: {', '.join(scores_text)}{end}"


def use_text(better: Sequence[TaughtWeights], trained: int) -> str:
    """The text of the button: which of the taught weights it puts in use."""
    if len(better) == trained:
        return "Use" if trained == 1 else "Use both"
    return "Use masks only" if better and better[0].kind == MASKS else "Use detector only"
