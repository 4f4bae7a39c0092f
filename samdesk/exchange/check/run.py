"""Runs the checks of a dataset."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from samdesk.base.jobs import Progress
from samdesk.dataset.trainer.fix import report
from samdesk.exchange.access import DatasetAccess
from samdesk.exchange.check.facts import CheckFacts
from samdesk.exchange.check.files import identical_images, orphans
from samdesk.exchange.check.fixing.fix import FIX_YAML
from samdesk.exchange.check.gather import Gatherer, facts_of, opening
from samdesk.exchange.check.registry import CHECKS
from samdesk.exchange.check.types import CheckReport, CheckResult, CheckRow, in_order
from samdesk.exchange.splits.similarity import near_duplicates


@dataclass(frozen=True)
class CheckChoice:
    """Which checks to run.

    Attributes:
        only: Ids of the checks to run; empty: all.
        skip: Ids of checks to leave out.
        pixels: Whether to run those that read the pixels of all images.
    """

    only: frozenset[str] = frozenset()
    skip: frozenset[str] = frozenset()
    pixels: bool = False

    def has(self, row: CheckRow) -> bool:
        """Whether a check is to be run."""
        named = row.id in self.only
        return (
            (named or not self.only) and row.id not in self.skip and (not row.pixels or self.pixels or named)
        )


def run_checks(
    access: DatasetAccess,
    choice: CheckChoice = CheckChoice(),
    progress: Progress = lambda _done, _total: None,
    processes: int | None = None,
) -> CheckReport:
    """Runs the checks of a dataset, some hundred images at a time.

    Args:
        access: The dataset.
        choice: Which checks.
        progress: Called with images done and all; it may raise ``Cancelled``.
        processes: How many read label files that are not in the store; 0: this one does, None: as many as
            there are cores.

    Raises:
        StoreError: The store cannot be read.
    """
    begun = time.monotonic()
    opened = access.ask_now(opening)
    total = len(opened.keys)
    progress(0, total)
    facts = facts_of(opened)
    gatherer = Gatherer.of(access, opened)
    results = {row.id: CheckResult(row) for row in CHECKS if choice.has(row)}
    of_images = [result for result in results.values() if result.row.batch is not None]
    instances = done = 0
    for batch in gatherer.batches(processes):
        facts.labels = gatherer.labels
        facts.count(batch)
        for result in of_images:
            assert result.row.batch is not None
            result.add(result.row.batch(batch, facts))
        instances += len(batch.instances.ids)
        done += len(batch.images)
        progress(done, total)
    _complete(facts, gatherer, choice, lambda: progress(total, total))
    fixable = {finding.code for finding in report(facts.training).findings if finding.fixable}
    for result in results.values():
        if result.row.whole is not None:
            result.add(result.row.whole(facts))
        if result.row.fix is FIX_YAML and result.row.id not in fixable:
            result.row = replace(result.row, fix=None)
    found = [result for result in results.values() if result.count]
    return CheckReport(
        folder=str(opened.folder),
        images=total,
        instances=instances,
        seconds=time.monotonic() - begun,
        at=time.time(),
        results=in_order(found),
        clean=tuple(row_id for row_id, result in results.items() if not result.count),
        skipped=tuple(row.id for row in CHECKS if row.id not in results),
    )


def _complete(facts: CheckFacts, gatherer: Gatherer, choice: CheckChoice, step: Callable[[], None]) -> None:
    """Adds what is known once all images were read."""
    ids = {row.id for row in CHECKS if choice.has(row)}
    facts.training = replace(facts.training, dropped=facts.dropped)
    survey = facts.training.survey
    if "orphans" in ids:
        facts.orphans = orphans(gatherer.files, (*survey.unreadable, *survey.run_outputs))
        step()
    if ids & {"leaks", "same-images", "near-leaks"}:
        facts.identical = identical_images(facts.folder, gatherer.sizes, lambda _done: step())
    if "near-leaks" in ids and len(set(facts.splits.values())) > 1:
        keys = [key for key in facts.keys if key in facts.splits]
        largest = gatherer.opened.max_pixels
        groups = near_duplicates(facts.folder, keys, lambda _done, _all: step(), max_pixels=largest)
        facts.similar = tuple(groups)
