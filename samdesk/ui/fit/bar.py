"""The bar above the canvas that shows the progress of a training and offers its model."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from samdesk.base.text import counted, duration, printable, share
from samdesk.engine.models.trained import TrainedModel
from samdesk.training.fit.events import FitBegun, FitEpoch, FitProgress
from samdesk.ui.kit.job_bar import JobBar

_TITLE = "Train a detector"


class FitBar(JobBar):
    """A thin, non-modal bar above the canvas.

    Signals:
        stop_requested: The user pressed Stop.
        use_requested: The user wants to auto-annotate with the model.
        details_requested: The user wants to see curves and figures.
    """

    stop_requested = Signal()
    use_requested = Signal()
    details_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(_TITLE, parent)
        self._running = False
        self._figures = ""
        self.details = self.add_button("Details…", "Curves and figures by epoch")
        self.use = self.add_button("Auto-annotate…", "Find objects with this model in your images")
        self.use.setProperty("primary", True)
        self.dismiss = self.add_button("Stop")
        self.details.clicked.connect(self.details_requested)
        self.use.clicked.connect(self.use_requested)
        self.dismiss.clicked.connect(self._dismiss)

    def begin(self, text: str = "Starting…") -> None:
        """Shows that a training starts: its process is loading."""
        self._running, self._figures = True, ""
        self.title.setText(_TITLE)
        self.bar.setRange(0, 0)
        self.show_progress(True)
        self.detail.setWordWrap(False)
        self.detail.setText(text)
        self._show_buttons(use=False, details=False, dismiss="Stop")
        self.dismiss.setToolTip("Stop; finished epochs are kept, so you can resume later")
        self.setVisible(True)

    def set_begun(self, event: FitBegun) -> None:
        """Shows what is trained on."""
        images, use = event.images, event.instances
        text = f"{counted(images.get('train', 0), 'image')}, {counted(use.get('train', 0), 'instance')}"
        self.detail.setText(f"{text}; validated on {counted(images.get('val', 0), 'image')}")
        self.details.setVisible(event.done > 0)

    def set_progress(self, event: FitProgress) -> None:
        """Shows how far the epoch has got."""
        self.bar.setRange(0, max(event.epochs * event.batches, 1))
        self.bar.setValue((event.epoch - 1) * event.batches + event.batch)
        parts = [f"Epoch {event.epoch:,} of {event.epochs:,}"]
        if event.stage == "val":
            parts.append("validating")
        elif "seg_loss" in event.losses:
            parts.append(f"mask loss {event.losses['seg_loss']:.2f}")
        parts.append(self._figures)
        if event.seconds_left:
            parts.append(f"{duration(event.seconds_left)} left")
        self.detail.setText("  ·  ".join(part for part in parts if part))

    def set_epoch(self, event: FitEpoch) -> None:
        """Shows the figures of a finished epoch."""
        self._figures = f"mask mAP50 {share(event.values.get('metrics/mAP50(M)'))}"
        self.details.setVisible(True)

    def set_stopping(self) -> None:
        """Shows that the training is being stopped."""
        self.dismiss.setEnabled(False)
        self.dismiss.setText("Stopping…")

    def set_result(self, model: TrainedModel) -> None:
        """Offers the model."""
        self._end("Training finished")
        figures = f"mask mAP50 {share(model.mask_map50)}, mAP50-95 {share(model.mask_map)}"
        self.detail.setText(f"{printable(model.name, limit=60)}: {figures}")
        self._show_buttons(use=True, details=True, dismiss="Close")

    def set_stopped(self, epochs: int) -> None:
        """Shows that the user stopped the training, and what is kept."""
        self._end(_TITLE)
        kept = f"{counted(epochs, 'epoch')} kept; resume with Model > Resume training."
        self.detail.setText(f"Stopped. {kept if epochs else 'No epoch was finished.'}")
        self._show_buttons(use=False, details=epochs > 0, dismiss="Close")

    def end(self) -> None:
        """Hides the bar."""
        self._running = False
        self.vanish()

    def _end(self, title: str) -> None:
        self._running = False
        self.title.setText(title)
        self.show_progress(False)
        self.detail.setWordWrap(True)  # allows a narrow window
        self.dismiss.setToolTip("")
        self.setVisible(True)

    def _show_buttons(self, *, use: bool, details: bool, dismiss: str) -> None:
        self.use.setVisible(use)
        self.details.setVisible(details)
        self.dismiss.setText(dismiss)
        self.dismiss.setEnabled(True)

    def _dismiss(self) -> None:
        if self._running:
            self.set_stopping()
            self.stop_requested.emit()
        else:
            self.end()
