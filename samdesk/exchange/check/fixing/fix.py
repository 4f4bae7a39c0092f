"""Fix: what mends the findings of a check."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from samdesk.base.jobs import Progress
from samdesk.base.text import counted
from samdesk.dataset.dataset import Dataset
from samdesk.dataset.plans import Plan
from samdesk.domain.annotation import AnnotationId
from samdesk.domain.document import ImageKey
from samdesk.exchange.access import DatasetAccess
from samdesk.exchange.check.fixing import documents, files
from samdesk.exchange.check.fixing.documents import DocumentFix
from samdesk.exchange.check.fixing.steps import FixStep, note_step
from samdesk.exchange.check.types import CheckResult


@dataclass(frozen=True)
class Fix:
    """What mends the findings of a check; one of ``document`` and ``change`` is given.

    Attributes:
        title: What it does, an imperative ("Remove duplicates").
        text: What it will do, with counts, for the user.
        document: Makes the edit of one image; the edits of all are one step of the history.
        change: Changes files.
    """

    title: str
    text: Callable[[CheckResult], str]
    document: DocumentFix | None = None
    change: Callable[[DatasetAccess, CheckResult, Progress], FixStep] | None = None

    def plan(self, keys: Sequence[ImageKey], locked: frozenset[AnnotationId] = frozenset()) -> Plan:
        """Returns what plans the step of the history, for ``Dataset.commit_planned``.

        Args:
            keys: The images.
            locked: Annotations that are left alone.
        """
        assert self.document is not None
        keys, fix = tuple(keys), self.document
        return partial(documents.plan, keys=keys, fix=fix, text=self.title, locked=locked)


def apply(access: DatasetAccess, fix: Fix, result: CheckResult, progress: Progress) -> str:
    """Does a fix, without a window. Returns what was done.

    Raises:
        RefusedError: Nothing is left to mend.
        StoreError: It could not be done.
    """
    if fix.change is not None:
        step = fix.change(access, result, progress)
        return f"{step.text}: {counted(len(step.files), 'file')}"
    plan = fix.plan(tuple(result.images))

    def commit(dataset: Dataset) -> str:
        entry = dataset.commit_planned(plan)
        note_step(dataset, entry.do.text, entry.seq)
        return f"{entry.do.text}: {counted(len(entry.do.keys), 'image')}"

    return access.ask_now(commit)


def _on(result: CheckResult, what: str) -> str:
    images = counted(len(result.images), "image")
    pairs, lines = counted(result.count, "pair"), counted(result.count, "bad line")
    return what.format(pairs=pairs, lines=lines, images=images)


REMOVE_DUPLICATES = Fix(
    "Remove duplicates",
    lambda result: _on(
        result,
        "Of {pairs} on {images}, one annotation each is removed. The one that was reviewed stays, else "
        "the older one.",
    ),
    document=documents.without_duplicates,
)
REMOVE_TINY = Fix(
    "Remove tiny annotations",
    lambda result: (
        f"{counted(result.count, 'annotation')} on {counted(len(result.images), 'image')} "
        f"{'is' if result.count == 1 else 'are'} removed."
    ),
    document=documents.without_tiny,
)
REWRITE_OUTLINES = Fix(
    "Repair outlines",
    lambda result: _on(
        result, "The lines are written anew in {images}, with the outline as it is shown. The masks stay."
    ),
    document=documents.uncrossed,
)
OUTLINE_BOXES = Fix(
    "Turn boxes into outlines",
    lambda result: _on(result, "The boxes of {images} are written as outlines of four corners."),
    document=documents.outlined,
)
REMOVE_BAD_LINES = Fix(
    "Remove bad lines",
    lambda result: _on(
        result,
        "The label files of {images} are written without {lines}; the other lines stay as they are. The "
        "files as they are now are kept beside the store.",
    ),
    change=lambda access, result, progress: files.rewrite_bad_lines(access, result.images, progress),
)
REMOVE_ORPHANS = Fix(
    "Remove label files",
    lambda result: (
        f"{counted(result.count, 'label file')} "
        f"{'is' if result.count == 1 else 'are'} moved to the folder “replaced” beside the store."
    ),
    change=lambda access, result, progress: files.remove_orphans(access, result.files, progress),
)
FIX_YAML = Fix(
    "Fix data.yaml",
    lambda _result: (
        "data.yaml is changed so that the trainer finds all images and classes. The file as it is "
        "now is kept beside the store."
    ),
    change=lambda access, _result, progress: files.fix_yaml(access, progress),
)
