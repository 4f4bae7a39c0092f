"""What the dialog shows of files before they are imported, and how that is found out in a job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from samdesk.domain.geometry.types import Region, RgbImage
from samdesk.domain.labels import LabelSet
from samdesk.exchange.importing.plan import ImportPlan
from samdesk.exchange.importing.recognition import Recognised, damaged_json, of_format, recognise
from samdesk.exchange.importing.report import ImportReport
from samdesk.exchange.importing.session import ImportSession, plan_for
from samdesk.exchange.importing.survey import ImportSurvey
from samdesk.images.errors import ImageError
from samdesk.images.reader import read_size, read_thumbnail
from samdesk.workers.dataset_jobs import JobContext

_PICTURES = 3
_SIDE = 320


@dataclass(frozen=True, eq=False)
class Picture:
    """An image with what is imported on it.

    Attributes:
        name: The image.
        pixels: (H, W, 3) uint8, RGB, scaled down.
        scale: Of ``pixels`` to the image.
        outlines: Class and region of each instance, pixels of the image.
    """

    name: str
    pixels: RgbImage
    scale: float
    outlines: tuple[tuple[str, Region], ...]


@dataclass(frozen=True, eq=False)
class LookedAt:
    """What files hold.

    Attributes:
        paths: The files and folders that were chosen.
        found: Their files by format, the likeliest first.
        source: The files that were read; None: no format was recognised.
        survey: What they hold; the dialog's owner closes it.
        report: What an import with the likely labels would do.
        plan: That import.
        pictures: Some of the images.
        damaged: Which file of no known format is damaged, as a sentence; "": none.
    """

    paths: tuple[Path, ...]
    found: tuple[Recognised, ...]
    source: Recognised | None = None
    survey: ImportSurvey | None = None
    report: ImportReport | None = None
    plan: ImportPlan | None = None
    pictures: tuple[Picture, ...] = ()
    damaged: str = ""

    @property
    def labels(self) -> LabelSet:
        """The labels of the dataset."""
        return LabelSet() if self.survey is None else self.survey.frame.labels


def session_of(context: JobContext) -> ImportSession:
    """Returns what imports within a job."""
    from samdesk.formats.registry import formats

    def progress(_what: str, done: int, total: int, _unit: str) -> None:
        context.progress(done, total)

    return ImportSession(context.access, formats(), progress, context.cancel)


def look_at(context: JobContext, paths: Sequence[Path], format_id: str) -> LookedAt:
    """Reads files and counts what they would add. Changes nothing; raises as ``ImportSession``.

    Args:
        context: Of the job.
        paths: Files and folders.
        format_id: The format; "": the likeliest.
    """
    session = session_of(context)
    row = next((row for row in session.formats if row.id == format_id), None)
    found = (of_format(paths, row, context.progress),) if row else recognise(
        paths, session.formats, context.progress
    )  # fmt: skip
    if not found:
        return LookedAt(tuple(paths), (), damaged=damaged_json(paths))
    survey = session.read(found[0], ImportPlan())
    try:
        plan = plan_for(survey, ImportPlan())
        report = session.count(survey, plan)
        return LookedAt(tuple(paths), found, found[0], survey, report, plan, _pictures(survey))
    except BaseException:
        survey.close()
        raise


def run(context: JobContext, looked: LookedAt, plan: ImportPlan) -> ImportReport:
    """Imports what was read."""
    assert looked.survey is not None
    return session_of(context).run(looked.survey, plan)


def changed(plan: ImportPlan, classes: dict[str, str | None], **others: object) -> ImportPlan:
    """The plan with other labels and options."""
    return replace(plan, classes=classes, **others)  # type: ignore[arg-type]


def _pictures(survey: ImportSurvey) -> tuple[Picture, ...]:
    """Returns some images that get instances; those that cannot be read are left out."""
    made: list[Picture] = []
    for key in survey.keys[:50]:
        if len(made) == _PICTURES:
            break
        image = survey.spool.image(key, survey.orientation(key))
        if not image.instances:
            continue
        try:
            pixels = read_thumbnail(survey.frame.folder / key, _SIDE)
            width, _ = read_size(survey.frame.folder / key)
        except ImageError:
            continue
        outlines = tuple((instance.label, instance.region) for instance in image.instances[:500])
        made.append(Picture(key, pixels, pixels.shape[1] / max(width, 1), outlines))
    return tuple(made)
