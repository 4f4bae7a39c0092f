"""Imports what was read of files, as one run that can be undone, or counts what it would do."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from samdesk.base.jobs import Cancelled, CancelToken, Progress
from samdesk.base.text import counted
from samdesk.dataset import queries
from samdesk.dataset.dataset import Dataset
from samdesk.dataset.runs.record import RunInfo, RunRecord
from samdesk.dataset.types import ImageError, StoreError
from samdesk.domain.annotation import RunId, new_run_id
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.labels import LabelId
from samdesk.domain.split import Split
from samdesk.exchange.access import DatasetAccess
from samdesk.exchange.importing.edits import ImageCounts, ImportEdit
from samdesk.exchange.importing.errors import ImportRefusedError
from samdesk.exchange.importing.plan import ImportPlan
from samdesk.exchange.importing.recognition import Recognised, of_format
from samdesk.exchange.importing.report import ImportReport, ProblemList
from samdesk.exchange.importing.survey import ImportSurvey
from samdesk.formats.base import Format

_IMAGES_AT_ONCE = 32
_INSTANCES_AT_ONCE = 1_000
"""Of one transaction: the user's own changes wait for it."""
_FILES_NAMED = 100
"""Files that a run names with their hashes; of more, the hash of all of them is kept."""


@dataclass
class _ImportTally:
    """What was done so far."""

    counts: ImageCounts = field(default_factory=ImageCounts)
    images: set[ImageKey] = field(default_factory=set)
    splits: dict[ImageKey, Split] = field(default_factory=dict)
    problems: ProblemList = field(default_factory=ProblemList)


class ImportJob:
    """One import of a survey into its dataset.

    Attributes:
        survey: What was read.
        plan: What to do with it.
        run_id: The run, once it has begun.
    """

    def __init__(
        self,
        access: DatasetAccess,
        survey: ImportSurvey,
        plan: ImportPlan,
        progress: Progress = lambda _done, _total: None,
        cancel: CancelToken | None = None,
        copied: int = 0,
    ) -> None:
        self.survey, self.plan = survey, plan
        self.run_id: RunId | None = None
        self._access, self._progress = access, progress
        self._cancel = cancel or CancelToken()
        self._copied = copied
        self._tally = _ImportTally()

    def run(self) -> ImportReport:
        """Imports everything. When it is cancelled, what was imported stays, as a stopped run.

        Raises:
            StoreError: It could not be saved; what was saved stays, as an interrupted run.
        """
        survey, names = self.survey, self._names()
        if not survey.keys:
            return self._report("done")
        record = RunRecord({**self.plan.parameters(), **_provenance(survey)})
        colors = {name: color for name, color in self._colors().items() if name in names}
        text = f"Import {survey.source.format.title}"
        self.run_id = self._access.begin_import(text, record, survey.keys, names, colors)
        return self._go_on(survey.keys, names)

    def resume(self, run: RunInfo) -> ImportReport:
        """Goes on with a run of the same files that was stopped or interrupted. Raises as ``run``."""
        images = self._access.ask_now(lambda dataset: queries.run_images(dataset, run.id))
        done = {image.key for image in images if image.state == "done"}
        self._access.resume_run(run.id)
        self.run_id = run.id
        return self._go_on(tuple(key for key in self.survey.keys if key not in done), self._names())

    def count(self) -> ImportReport:
        """Returns what the import would do; changes nothing. Raises ``Cancelled``."""
        ids = self._label_ids()
        done = 0
        for part in self._parts(self.survey.keys):
            self._cancel.check()
            documents = self._access.ask_now(partial(_documents, keys=part))
            for key in part:
                document = documents.get(key)
                if isinstance(document, ImageDocument):
                    edit = self._edit(key, new_run_id())
                    edit(document, ids)
                    self._note(key, edit)
            done += len(part)
            self._progress(done, len(self.survey.keys))
        return self._report("counted")

    def _go_on(self, keys: Sequence[ImageKey], names: Sequence[str]) -> ImportReport:
        assert self.run_id is not None
        done = 0
        try:
            for part in self._parts(keys):
                self._cancel.check()
                self._commit(part, names)
                done += len(part)
                self._progress(done, len(keys))
        except Cancelled:
            self._access.end_run(self.run_id, "stopped")
            return self._report("stopped")
        except BaseException:
            self._end_quietly()
            raise
        self._access.end_import(self.run_id, self._tally.splits if self.plan.splits else {})
        return self._report("done")

    def _end_quietly(self) -> None:
        """The error that comes next says more than one that follows from it."""
        assert self.run_id is not None
        try:
            self._access.end_run(self.run_id, "interrupted")
        except (StoreError, OSError):
            return

    def _commit(self, part: Sequence[ImageKey], names: Sequence[str]) -> None:
        assert self.run_id is not None
        edits = [(key, self._edit(key, self.run_id)) for key in part]
        failed = self._access.commit_images(self.run_id, edits, names)
        for key, message in failed.items():
            self._tally.problems.add("failed", "", "", message if key in message else f"{key}: {message}")
        for key, edit in edits:
            if key not in failed:
                self._note(key, edit)

    def _note(self, key: ImageKey, edit: ImportEdit) -> None:
        tally = self._tally
        tally.counts.add(edit.counts)
        if edit.counts.added:
            tally.images.add(key)
        if edit.image.split is not None:
            tally.splits[key] = edit.image.split

    def _edit(self, key: ImageKey, run_id: RunId) -> ImportEdit:
        image = self.survey.spool.image(key, self.survey.orientation(key))
        return ImportEdit(image, self.plan, run_id)

    def _parts(self, keys: Sequence[ImageKey]) -> Iterator[list[ImageKey]]:
        part: list[ImageKey] = []
        instances = 0
        for key in keys:
            count = self.survey.spool.instance_count(key)
            if part and (len(part) == _IMAGES_AT_ONCE or instances + count > _INSTANCES_AT_ONCE):
                yield part
                part, instances = [], 0
            part.append(key)
            instances += count
        if part:
            yield part

    def _names(self) -> tuple[str, ...]:
        """The labels that are used, in the order of the classes."""
        labels = (self.plan.label_of(name) for name in self.survey.classes)
        return tuple(dict.fromkeys(name for name in labels if name is not None))

    def _colors(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for name, color in self.survey.colors.items():
            label = self.plan.label_of(name)
            if label is not None:
                found.setdefault(label, color)
        return found

    def _label_ids(self) -> dict[str, LabelId]:
        labels = self.survey.frame.labels
        known = {name: labels.match(name) for name in self._names()}
        return {name: LabelId(f"new {name}") if x is None else x.id for name, x in known.items()}

    def _report(self, state: str) -> ImportReport:
        survey, tally = self.survey, self._tally
        problems = [*survey.problems.items, *tally.problems.items]
        return ImportReport(
            format=survey.source.format.title,
            run_id=self.run_id,
            state=state,
            files=len(survey.source.names),
            images=len(tally.images),
            added=tally.counts.added,
            duplicates=tally.counts.duplicates,
            left_out=tally.counts.left_out,
            outside=tally.counts.outside,
            scaled=len(survey.scaled),
            rotated=len(survey.rotated),
            converted=dict(tally.counts.converted),
            splits=len(tally.splits) if self.plan.splits and state != "stopped" else 0,
            copied=self._copied,
            labels=dict(tally.counts.labels),
            problems=tuple(problems),
            problem_count=survey.problems.total + tally.problems.total,
        )


def resumed_source(run: RunInfo, formats: Sequence[Format]) -> Recognised:
    """Returns the files of an import that is to be resumed.

    Raises:
        ImportRefusedError: They are gone, or the format is.
    """
    found = run.record.parameters
    row = next((row for row in formats if row.id == found.get("format")), None)
    paths = [Path(str(path)) for path in found.get("paths", ())]
    if row is None or not paths:
        raise ImportRefusedError(f"The format {found.get('format')} is not known here.")
    return of_format(paths, row)


def check_unchanged(run: RunInfo, survey: ImportSurvey) -> None:
    """Checks that the files of an import are those that it began with. Raises ``ImportRefusedError``."""
    if run.record.parameters.get("sha256") != _provenance(survey)["sha256"]:
        raise ImportRefusedError(
            "The files have changed since the import began, so it cannot be resumed.",
            next="Undo it, and import them again.",
        )


def _documents(dataset: Dataset, keys: Sequence[ImageKey]) -> dict[ImageKey, ImageDocument]:
    found = {}
    for key in keys:
        try:
            found[key] = dataset.core.documents.get_once(key)
        except (ImageError, StoreError):
            continue
    return found


def _provenance(survey: ImportSurvey) -> dict[str, Any]:
    """Where an import came from: format, files and hashes."""
    source, hashes = survey.source, survey.hashes
    whole = hashlib.sha256()
    for name in sorted(hashes):
        whole.update(f"{hashes[name]} {os.fsencode(name).hex()}\n".encode("ascii"))
    found: dict[str, Any] = {
        "format": source.format.id,
        "paths": [str(path) for path in source.chosen],
        "files": counted(len(source.names), "file"),
        "sha256": whole.hexdigest(),
    }
    if len(hashes) <= _FILES_NAMED:
        found["hashes"] = dict(hashes)
    return found
