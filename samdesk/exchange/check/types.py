"""Values of a check: what is looked for, what is found, and what a fix would do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from samdesk.domain.annotation import AnnotationId
from samdesk.domain.document import ImageKey

if TYPE_CHECKING:
    from samdesk.exchange.check.facts import CheckFacts, ImageBatch
    from samdesk.exchange.check.fixing.fix import Fix

Severity: TypeAlias = Literal["error", "warning", "information"]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "information")
"""The most serious first."""

MOST_FINDINGS = 200
"""Findings of one check that are kept; the others are counted."""


@dataclass(frozen=True)
class Finding:
    """One thing that a check has found.

    Attributes:
        message: What is wrong, for the user; a sentence.
        image: The image it is about, if any.
        annotations: The annotations of that image it is about.
        file: The file it is about, if not the image: relative to the dataset, or absolute outside of it.
        record: Where in that file ("line 4").
    """

    message: str
    image: ImageKey | None = None
    annotations: tuple[AnnotationId, ...] = ()
    file: str = ""
    record: str = ""


BatchCheck: TypeAlias = "Callable[[ImageBatch, CheckFacts], Iterable[Finding]]"
"""Finds something in a few hundred images; called for all images in turn."""

WholeCheck: TypeAlias = "Callable[[CheckFacts], Iterable[Finding]]"
"""Finds something in what is known of all images; called at the end."""


@dataclass(frozen=True)
class CheckRow:
    """A row of the registry.

    Attributes:
        id: Stable identifier, as on the command line ("duplicates").
        title: What is found, a short phrase ("Duplicate annotations").
        severity: How serious it is: "error" spoils a training, "warning" probably does.
        help: Why it matters, one or two sentences.
        batch: Finds it image by image.
        whole: Finds it in the dataset as a whole; one of both is given.
        fix: What mends it; None: nothing can that is safe.
        search: What the search language calls it; "": it has no word for it.
        pixels: It reads the pixels of all images, and so runs only if that is asked for.
    """

    id: str
    title: str
    severity: Severity
    help: str
    batch: BatchCheck | None = None
    whole: WholeCheck | None = None
    fix: Fix | None = None
    search: str = ""
    pixels: bool = False


@dataclass
class CheckResult:
    """What one check has found.

    Attributes:
        row: The check.
        count: Number of findings.
        findings: The first ``MOST_FINDINGS`` of them.
        images: All images that they are about, in the order found.
        files: All files that they are about and that belong to no image.
    """

    row: CheckRow
    count: int = 0
    findings: list[Finding] = field(default_factory=list)
    images: dict[ImageKey, None] = field(default_factory=dict)
    files: dict[str, None] = field(default_factory=dict)

    def add(self, found: Iterable[Finding]) -> None:
        """Adds findings."""
        for finding in found:
            self.count += 1
            if finding.image is not None:
                self.images[finding.image] = None
            elif finding.file:
                self.files[finding.file] = None
            if len(self.findings) < MOST_FINDINGS:
                self.findings.append(finding)


@dataclass(frozen=True)
class CheckReport:
    """The result of all checks.

    Attributes:
        folder: The dataset.
        images: Number of its images.
        instances: Number of its annotations, without rejected ones.
        seconds: How long the check took.
        at: When it ended, seconds since 1970.
        results: Of the checks that have found something, the most serious first.
        clean: Ids of the checks that have found nothing.
        skipped: Ids of the checks that were not run.
    """

    folder: str
    images: int
    instances: int
    seconds: float
    at: float
    results: tuple[CheckResult, ...] = ()
    clean: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()

    @property
    def counts(self) -> Mapping[Severity, int]:
        """Number of findings of each severity."""
        totals = dict.fromkeys(SEVERITIES, 0)
        for result in self.results:
            totals[result.row.severity] += result.count
        return totals

    def result(self, check_id: str) -> CheckResult | None:
        """What a check has found; None: nothing."""
        return next((result for result in self.results if result.row.id == check_id), None)


def in_order(results: Sequence[CheckResult]) -> tuple[CheckResult, ...]:
    """The most serious first, else in the order given."""
    return tuple(sorted(results, key=lambda result: SEVERITIES.index(result.row.severity)))
