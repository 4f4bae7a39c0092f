"""Auto-annotates a dataset, or resumes its run, and reports each image as soon as it is stored.

``python -m tests.faults.run_session FOLDER`` prints "open", then a line for each image, then "ended".
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from samdesk.batch.pipeline import AutoAnnotateJob
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.batch.report import BatchProgress, BatchSummary
from samdesk.batch.run_record import plan_of
from samdesk.batch.targets.dataset import DatasetPlace
from samdesk.dataset import queries
from samdesk.dataset.dataset import Dataset
from samdesk.images.sources import ImageSet
from tests.helpers.finding import ColourModels

PLAN = AutoAnnotatePlan("colour.pt", "inner.pt")


def report(text: str) -> None:
    print(text, flush=True)


def annotate(folder: Path, report: Callable[[str], None] = report) -> BatchSummary:
    """Runs over all images, or goes on with what the run before has left."""
    report("open")
    with closing(Dataset.open(folder)) as dataset:
        keys, run = dataset.keys, next(iter(queries.runs(dataset)), None)
    resumes = run if run is not None and run.can_resume else None
    plan = PLAN if resumes is None else plan_of(resumes.record)
    place = DatasetPlace(ImageSet(folder, keys), resumes=resumes and resumes.id)

    def stored(progress: BatchProgress) -> None:
        if progress.key is not None:
            report(f"{progress.key} {progress.added}")

    return place.annotate(AutoAnnotateJob(plan, ColourModels().loaders, progress=stored))


if __name__ == "__main__":
    annotate(Path(sys.argv[1]))
    report("ended")
