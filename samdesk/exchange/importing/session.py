"""Imports files into a dataset from Python and the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from samdesk.base.jobs import CancelToken
from samdesk.dataset import queries
from samdesk.dataset.dataset import Dataset
from samdesk.exchange.access import DatasetAccess, DirectAccess, check_writable
from samdesk.exchange.importing.copying import copy_images
from samdesk.exchange.importing.errors import ImportRefusedError
from samdesk.exchange.importing.plan import ImportPlan, check_classes, guessed
from samdesk.exchange.importing.recognition import Recognised, of_format, only_one, recognise
from samdesk.exchange.importing.report import ImportReport
from samdesk.exchange.importing.run import ImportJob, check_unchanged, resumed_source
from samdesk.exchange.importing.survey import ImportSurvey, progress_unit, survey_files
from samdesk.formats.base import Format

StageProgress = Callable[[str, int, int, str], None]
"""Called with what is being done, done, total (0: unknown), and what is counted ("image")."""


def ignore_stage(_what: str, _done: int, _total: int, _unit: str) -> None:
    """The ``StageProgress`` that does nothing."""


@dataclass(frozen=True)
class ImportSession:
    """Reads files and imports them; one object for one import.

    Attributes:
        access: The dataset.
        formats: The formats that may be recognised.
        progress: Called as it goes on; it may raise ``Cancelled``.
        cancel: Cancels reading, and stops importing between two images.
    """

    access: DatasetAccess
    formats: Sequence[Format]
    progress: StageProgress = ignore_stage
    cancel: CancelToken = field(default_factory=CancelToken)

    def source(self, paths: Sequence[Path], format_id: str = "") -> Recognised:
        """Returns the files to read. Raises ``ImportRefusedError``."""

        def progress(done: int, total: int) -> None:
            self.cancel.check()
            self.progress("Looking at files", done, total, "file")

        if not format_id:
            return only_one(recognise(paths, self.formats, progress), paths)
        row = next((row for row in self.formats if row.id == format_id), None)
        if row is None:
            raise ImportRefusedError(
                f"There is no format {format_id!r}.", next="'samdesk formats' lists them."
            )
        return of_format(paths, row, progress)

    def read(self, source: Recognised, plan: ImportPlan) -> ImportSurvey:
        """Reads the files. Raises as ``survey_files``."""
        unit = progress_unit(source)
        return survey_files(
            self.access,
            source,
            plan.coordinates,
            lambda done, total: self.progress("Reading", done, total, unit),
            self.cancel,
        )

    def run(self, survey: ImportSurvey, plan: ImportPlan) -> ImportReport:
        """Imports what was read, after copying images if the plan says so; closes the survey."""
        copied, problems = 0, None
        if plan.copy_images and survey.copyable:
            copied, problems = copy_images(
                self.access,
                survey,
                lambda done, total: self.progress("Copying images", done, total, "image"),
                self.cancel,
            )
        if copied:
            survey.close()
            survey = self.read(survey.source, plan)
        if problems is not None:
            survey.problems.items += problems.items
            survey.problems.counts += problems.counts
        try:
            return self.job(survey, plan, copied).run()
        finally:
            survey.close()

    def resume(self) -> ImportReport:
        """Goes on with the newest import that was stopped or interrupted. Raises as ``resume_into``."""
        run = next((r for r in self.access.ask_now(queries.runs) if r.is_import and r.can_resume), None)
        if run is None:
            raise ImportRefusedError("There is no import to resume.")
        plan = ImportPlan.from_parameters(run.record.parameters)
        survey = self.read(resumed_source(run, self.formats), plan)
        try:
            check_unchanged(run, survey)
            return self.job(survey, plan).resume(run)
        finally:
            survey.close()

    def count(self, survey: ImportSurvey, plan: ImportPlan) -> ImportReport:
        """Returns what the import would do. Raises ``Cancelled``."""
        return self.job(survey, plan, what="Comparing").count()

    def job(
        self, survey: ImportSurvey, plan: ImportPlan, copied: int = 0, what: str = "Importing"
    ) -> ImportJob:
        """Returns the job that imports what was read."""

        def progress(done: int, total: int) -> None:
            self.progress(what, done, total, "image")

        return ImportJob(self.access, survey, plan, progress, self.cancel, copied)


def plan_for(survey: ImportSurvey, plan: ImportPlan) -> ImportPlan:
    """Returns the plan with a label for every class: what it names, else the likely one.

    Raises:
        ImportRefusedError: It names a class that the files do not have.
    """
    check_classes(plan.classes, survey.classes)
    return replace(plan, classes={**guessed(survey.classes, survey.frame.labels), **plan.classes})


@contextmanager
def dataset_to_change(folder: Path) -> Iterator[Dataset]:
    """Opens a dataset to change it.

    Raises:
        StoreError: There is none, it is open elsewhere, or it cannot be written.
    """
    dataset = Dataset.open(folder.expanduser())
    try:
        check_writable(dataset)
        yield dataset
    finally:
        dataset.close()


def import_into(
    dataset: Dataset,
    paths: Sequence[Path],
    plan: ImportPlan,
    session: ImportSession | None = None,
    format_id: str = "",
    dry_run: bool = False,
) -> ImportReport:
    """Imports files into an open dataset.

    Args:
        dataset: The dataset.
        paths: Files and folders.
        plan: What to do; classes that it does not name get the likely label.
        session: With formats, progress and cancellation.
        format_id: The format; "": it is recognised.
        dry_run: Only count what would be imported.

    Raises:
        ImportRefusedError: Nothing can be imported, or not as asked.
        StoreError: It could not be saved.
        Cancelled: It was cancelled before anything was changed.
    """
    session = session or ImportSession(DirectAccess(dataset), known_formats())
    survey = session.read(session.source(paths, format_id), plan)
    try:
        whole = plan_for(survey, plan)
        if dry_run:
            return session.count(survey, whole)
        return session.run(survey, whole)
    finally:
        survey.close()


def resume_into(dataset: Dataset, session: ImportSession | None = None) -> ImportReport:
    """Goes on with the newest import of a dataset that was stopped or interrupted.

    Raises:
        ImportRefusedError: There is none, or its files have changed.
        StoreError: It could not be saved.
    """
    return (session or ImportSession(DirectAccess(dataset), known_formats())).resume()


def known_formats() -> Sequence[Format]:
    """Returns all formats, those of other packages included."""
    from samdesk.formats.registry import formats

    return formats()
