"""The bar above the canvas that shows work of the store on many images."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from samdesk.base.bulk import BulkProgress
from samdesk.base.text import duration, printable, rate
from samdesk.ui.kit.job_bar import JobBar
from samdesk.workers.storage.client import StorageClient


class BulkBar(JobBar):
    """What the store does, how far it is, and a button to cancel, stop or resume it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Saving", parent)
        self._progress: BulkProgress | None = None
        self.button = self.add_button("Stop")

    def follow(self, storage: StorageClient) -> None:
        """Shows the work of a store."""
        storage.progressed.connect(self.set_progress)
        self.button.clicked.connect(lambda: self._press(storage))

    def set_progress(self, progress: BulkProgress | None) -> None:
        """Shows the progress; None: it is over."""
        self._progress = progress
        if progress is None:
            self.vanish()
            return
        self.title.setText("Stopped" if progress.stopped else printable(progress.what))
        self.bar.setRange(0, max(progress.total, 1))
        self.bar.setValue(progress.done)
        parts = [f"{progress.done:,} of {progress.total:,}"]
        if progress.stopped:
            parts.append("label files and data.yaml do not match until you resume; nothing is lost")
        else:
            parts.append(rate(progress.rate, "image"))
            if progress.seconds_left is not None:
                parts.append(f"{duration(progress.seconds_left)} left")
        self.detail.setText("  ·  ".join(part for part in parts if part))
        if progress.stopped:
            self.button.setText("Resume")
            self.button.setToolTip("Write the other label files")
        elif progress.cancels:
            self.button.setText("Cancel")
            self.button.setToolTip("Cancel this change; nothing of it is saved")
        else:
            self.button.setText("Stop")
            self.button.setToolTip("Stop; annotations are saved, and the other label files are written later")
        self.button.setEnabled(True)
        self.setVisible(True)

    def _press(self, storage: StorageClient) -> None:
        progress = self._progress
        if progress is None:
            return
        self.button.setEnabled(False)
        if progress.stopped:
            storage.resume_writing()
        elif progress.cancels:
            storage.cancel_change()
        else:
            storage.stop_writing()
