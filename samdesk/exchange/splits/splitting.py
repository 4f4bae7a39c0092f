"""Plans the splits of a dataset: which images are new, which belong together, and where each goes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from samdesk.base.bulk import in_parts
from samdesk.base.jobs import CancelToken, Progress
from samdesk.base.text import counted
from samdesk.dataset import plans, queries
from samdesk.dataset.dataset import Dataset
from samdesk.dataset.splits.counts import class_counts
from samdesk.dataset.types import LogEntry
from samdesk.domain.document import ImageKey
from samdesk.domain.split import SPLITS, Split
from samdesk.exchange.access import DatasetAccess
from samdesk.exchange.splits.fixed import folder_split
from samdesk.exchange.splits.grouping import GroupBy, SplitError, group_name, groups_of
from samdesk.exchange.splits.similarity import near_duplicates
from samdesk.exchange.splits.stratify import ImageGroup, stratify

_AT_ONCE = 2000
"""Images of one question."""


@dataclass(frozen=True)
class SplitOptions:
    """How images are divided.

    Attributes:
        ratios: The share of each split.
        seed: Decides where there is a choice; the same seed gives the same splits.
        group_by: Which images go to one split together.
        pattern: Of ``group_by`` "pattern": a regular expression.
        near_duplicates: Images that are alike go to one split together.
        keep: Images that are in a split stay there; False: all are divided anew.
        by_folder: Images in folders named train, val or test are in that split.
        fixed: The splits of these images are given.
    """

    ratios: Mapping[Split, float] = field(default_factory=lambda: {"train": 0.8, "val": 0.2})
    seed: int = 0
    group_by: GroupBy = "none"
    pattern: str = ""
    near_duplicates: bool = True
    keep: bool = True
    by_folder: bool = True
    fixed: Mapping[ImageKey, Split] = field(default_factory=dict)


@dataclass(frozen=True)
class SplitPlan:
    """What splitting a dataset would do.

    Attributes:
        before: The splits of the images now.
        after: The splits of all images.
        counts: Image -> class name -> number of its annotations.
        groups: Number of groups of two and more images that stay together.
        alike: Number of images in groups of near-duplicates.
        straddling: The groups that are in more than one split, because their images were there already.
    """

    before: Mapping[ImageKey, Split]
    after: Mapping[ImageKey, Split]
    counts: Mapping[ImageKey, Mapping[str, int]]
    groups: int = 0
    alike: int = 0
    straddling: tuple[tuple[ImageKey, ...], ...] = ()

    @property
    def changes(self) -> dict[ImageKey, Split | None]:
        """The images whose split changes, with the new one."""
        return {key: split for key, split in self.after.items() if self.before.get(key) != split}

    def table(self) -> list[SplitRow]:
        """Returns how many images and instances each split gets: all, then by class, the most used first."""
        images = {"": Counter(self.after.values())}
        instances: dict[str, Counter[Split]] = {"": Counter()}
        for key, split in self.after.items():
            for name, count in self.counts.get(key, {}).items():
                images.setdefault(name, Counter())[split] += 1
                instances.setdefault(name, Counter())[split] += count
                instances[""][split] += count
        names = sorted(images, key=lambda name: (name != "", -instances[name].total(), name))
        return [SplitRow(name, dict(images[name]), dict(instances[name])) for name in names]

    @property
    def text(self) -> str:
        """The result in words."""
        counts = Counter(self.after.values())
        parts = [f"{counts[split]:,} {split}" for split in SPLITS if counts[split]]
        return f"{counted(len(self.after), 'image')}: {', '.join(parts)}"


@dataclass(frozen=True)
class SplitRow:
    """A row of the preview.

    Attributes:
        name: Of the class; "": all images.
        images: Split -> images that have it.
        instances: Split -> its annotations.
    """

    name: str
    images: Mapping[Split, int]
    instances: Mapping[Split, int]


def plan_split(
    access: DatasetAccess,
    folder: Path,
    options: SplitOptions,
    progress: Progress = lambda _done, _total: None,
    cancel: CancelToken | None = None,
) -> SplitPlan:
    """Decides on the split of every image; nothing is changed.

    Args:
        access: The dataset.
        folder: Its folder.
        options: How.
        progress: Called with the number of images looked at and of all.
        cancel: Raises ``Cancelled``.

    Raises:
        SplitError: The options make no sense.
        StoreError: The dataset cannot be read.
    """
    if not any(share > 0 for share in options.ratios.values()):
        raise SplitError("Every split has the share 0.", next="Give one of them a larger share.")
    name = group_name(options.group_by, options.pattern)
    token = cancel or CancelToken()
    keys = access.ask_now(lambda dataset: dataset.keys)
    if not keys:
        raise SplitError(f"There are no images in {folder}.")
    before = access.ask_now(queries.splits)
    given = _given(keys, before, options)
    alike = near_duplicates(folder, keys, progress, token) if options.near_duplicates else []
    counts = _counts(access, keys, token)
    groups = groups_of(keys, name, alike)
    after = _divided(groups, given, counts, options)
    straddling = tuple(tuple(group) for group in groups if len({after[key] for key in group}) > 1)
    return SplitPlan(before, after, counts, sum(len(g) > 1 for g in groups), sum(map(len, alike)), straddling)


def assign_plan(dataset: Dataset, plan: SplitPlan) -> LogEntry | None:
    """A query: saves a plan as one step of the history; None: nothing changes. Raises ``StoreError``."""
    changes = plan.changes
    if not changes:
        return None
    text = f"Split {counted(len(changes), 'image')}"
    entry = dataset.commit_planned(partial(plans.assign_splits, splits=changes, text=text))
    if dataset.lists.pending:
        dataset.lists.sync(now=True)
    return entry


def _given(
    keys: Sequence[ImageKey], before: Mapping[ImageKey, Split], options: SplitOptions
) -> dict[ImageKey, Split]:
    """The images whose split is not to be decided."""
    found: dict[ImageKey, Split] = {}
    for key in keys:
        split = options.fixed.get(key)
        if split is None and options.by_folder:
            split = folder_split(key)
        if split is None and options.keep:
            split = before.get(key)
        if split is not None:
            found[key] = split
    return found


def _counts(
    access: DatasetAccess, keys: Sequence[ImageKey], cancel: CancelToken
) -> dict[ImageKey, Mapping[str, int]]:
    found: dict[ImageKey, Mapping[str, int]] = {}
    for part in in_parts(keys, _AT_ONCE):
        cancel.check()
        found |= access.ask_now(partial(class_counts, keys=part))
    return found


def _divided(
    groups: Sequence[Sequence[ImageKey]],
    given: Mapping[ImageKey, Split],
    counts: Mapping[ImageKey, Mapping[str, int]],
    options: SplitOptions,
) -> dict[ImageKey, Split]:
    after = dict(given)
    free: list[Sequence[ImageKey]] = []
    for group in groups:
        there = Counter(given[key] for key in group if key in given)
        if there:  # its other images join those that are in a split already
            split = max(SPLITS, key=lambda s: there[s])
            after.update({key: split for key in group if key not in given})
        else:
            free.append(group)
    fixed = {s: _group([k for k, split in after.items() if split == s], counts) for s in SPLITS}
    chosen = stratify([_group(group, counts) for group in free], options.ratios, options.seed, fixed)
    for group, split in zip(free, chosen, strict=True):
        after.update(dict.fromkeys(group, split))
    return {key: after[key] for group in groups for key in group}


def _group(keys: Sequence[ImageKey], counts: Mapping[ImageKey, Mapping[str, int]]) -> ImageGroup:
    classes: Counter[object] = Counter()
    for key in keys:
        found = counts.get(key)
        classes.update(dict.fromkeys(found, 1) if found else {"": 1})  # images without objects are a class
    return ImageGroup(len(keys), dict(classes))
