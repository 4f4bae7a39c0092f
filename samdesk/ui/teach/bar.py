"""The bar of a teaching: how far it is, and at its end what came of it, to be used or left."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from samdesk.base.text import duration, rate, share
from samdesk.training.record.teaching import MASKS, Teaching
from samdesk.training.teach.events import Begun, Progressed
from samdesk.ui.kit.job_bar import JobBar

_KIND = {"masks": "Masks", "detector": "Detector"}
_SCORES = {"box": "box", "click": "click", "map50": "mAP50"}


class TeachBar(JobBar):
    """A thin bar above the canvas, beside the work.

    Signals:
        stop_requested: The user wants the teaching stopped.
        use_requested: The user wants what was taught.
        details_requested: The user wants to see all figures.
        left: The user leaves what was taught, or closes the bar.
    """

    stop_requested = Signal()
    use_requested = Signal()
    details_requested = Signal()
    left = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Teach Flint", parent)
        self._running = False
        self.details = self.add_button("Details…", "All figures, before and after")
        self.use = self.add_button("Use it")
        self.use.setProperty("primary", True)
        self.leave = self.add_button("Stop")
        self.details.clicked.connect(self.details_requested)
        self.use.clicked.connect(self.use_requested)
        self.leave.clicked.connect(self._leave)

    def begin(self) -> None:
        """A teaching starts: the process is loading."""
        self._running = True
        self.title.setText("Teach Flint")
        self.bar.setRange(0, 0)
        self.show_progress(True)
        self.detail.setWordWrap(False)
        self.detail.setText("Starting…")
        self._show_buttons(use=False, details=False, leave="Stop")
        self.leave.setToolTip("Stop; what was learned is kept, to go on from there")
        self.setVisible(True)

    def set_begun(self, event: Begun) -> None:
        """A kind begins."""
        self.bar.setRange(0, 0)
        again = "going on where it stopped…" if event.again else "reading the photos…"
        self.detail.setText(f"{_KIND[event.kind]}: {again}")

    def set_progress(self, event: Progressed) -> None:
        """Shows where a kind stands."""
        self.bar.setRange(0, max(event.total, 0))
        self.bar.setValue(event.done)
        words = [f"{_KIND[event.kind]}: {event.done:,} of {event.total:,}", rate(event.rate, "step")]
        if event.seconds_left is not None and event.done < event.total:
            words.append(f"{duration(event.seconds_left)} left")
        self.detail.setText("  ·  ".join(word for word in words if word))

    def set_stopping(self) -> None:
        """A stop was asked for."""
        self.leave.setEnabled(False)
        self.leave.setText("Stopping…")

    def set_results(self, results: Sequence[Teaching], *, stopped: bool = False) -> None:
        """Shows what came of it until the user has decided; ``stopped`` before the other kind was done."""
        self._running = False
        better = [teaching for teaching in results if teaching.better]
        self.show_progress(False)
        self.title.setText("Flint got better" if better else "Not better")
        parts = [result_text(teaching, mark=len(better) < len(results)) for teaching in results]
        parts += [] if better else ["Flint stays as it is"]
        parts += ["the rest was stopped, teach again to go on"] if stopped else []
        self.detail.setWordWrap(True)  # a narrow window stays narrow
        self.detail.setText(";  ".join(parts))
        self.use.setText(use_text(better, len(results)))
        self._show_buttons(use=bool(better), details=True, leave="Leave it" if better else "Close")
        self.use.setToolTip("From now on in this dataset; one click takes it back")
        self.leave.setToolTip("Go on with Flint as it is; what was taught is kept" if better else "")
        self.setVisible(True)

    def set_stopped(self) -> None:
        """The user has stopped it: says that nothing is lost."""
        self._running = False
        self.show_progress(False)
        self.detail.setText("Stopped. What was learned is kept: teach again to go on from there.")
        self._show_buttons(use=False, details=False, leave="Close")
        self.leave.setToolTip("")

    def end(self) -> None:
        """Takes the bar away."""
        self._running = False
        self.setVisible(False)

    def _show_buttons(self, *, use: bool, details: bool, leave: str) -> None:
        self.use.setVisible(use)
        self.details.setVisible(details)
        self.leave.setText(leave)
        self.leave.setEnabled(True)

    def _leave(self) -> None:
        if self._running:
            self.set_stopping()
            self.stop_requested.emit()
            return
        self.end()
        self.left.emit()


def result_text(teaching: Teaching, *, mark: bool = False) -> str:
    """What came of a kind: "Masks: box 0.74 → 0.82, click 0.55 → 0.71"."""
    scores = [score for score in teaching.scores if score.what in _SCORES]
    figures = [f"{_SCORES[s.what]} {share(s.before)} → {share(s.after)}" for s in scores]
    end = "" if not mark else " (better)" if teaching.better else " (not better)"
    return f"{_KIND[teaching.kind]}: {', '.join(figures)}{end}"


def use_text(better: Sequence[Teaching], taught: int) -> str:
    """What the button says: which of what was taught it uses."""
    if len(better) == taught:
        return "Use it" if taught == 1 else "Use both"
    return "Use the masks" if better and better[0].kind == MASKS else "Use the detector"
