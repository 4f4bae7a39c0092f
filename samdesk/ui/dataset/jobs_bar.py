"""The bar above the canvas that shows a job on the dataset: an import, an export, a check."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from samdesk.base.rate import Rate
from samdesk.base.text import duration, printable, rate
from samdesk.ui.kit.job_bar import JobBar
from samdesk.workers.dataset_jobs import DatasetJobs, JobProgress

_RATE_INTERVAL_S = 0.2


class DatasetJobsBar(JobBar):
    """What the job does, how far it is, its rate, the time that is left, and Cancel."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Working", parent)
        self._rate = Rate(min_interval=_RATE_INTERVAL_S)
        self.button = self.add_button("Cancel")

    def follow(self, jobs: DatasetJobs) -> None:
        """Shows the jobs of a worker."""
        jobs.began.connect(self._begin)
        jobs.progressed.connect(self.set_progress)
        jobs.ended.connect(self.vanish)
        self.button.clicked.connect(lambda: self._cancel(jobs))

    def set_progress(self, progress: JobProgress) -> None:
        """Shows how far the job has got."""
        self._rate.step(progress.done)
        self.bar.setRange(0, progress.total)
        self.bar.setValue(progress.done)
        parts = [f"{progress.done:,} of {progress.total:,}" if progress.total else f"{progress.done:,}"]
        parts.append(rate(self._rate.per_second, progress.unit))
        left = self._rate.seconds(progress.total - progress.done) if progress.total else None
        if left is not None and progress.done < progress.total:
            parts.append(f"{duration(left)} left")
        self.detail.setText("  ·  ".join(part for part in parts if part))

    def _begin(self, progress: JobProgress) -> None:
        self._rate = Rate(min_interval=_RATE_INTERVAL_S)
        self.title.setText(printable(progress.title))
        self.bar.setRange(0, 0)
        self.bar.setAccessibleName(printable(f"Progress of {progress.title.lower()}"))
        self.detail.setText("")
        self.button.setText("Cancel")
        self.button.setEnabled(True)
        self.setVisible(True)

    def _cancel(self, jobs: DatasetJobs) -> None:
        self.button.setEnabled(False)
        self.button.setText("Cancelling…")
        jobs.cancel()
