"""Checks of classes, splits and data.yaml."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from samdesk.base.text import counted
from samdesk.dataset.trainer.checks import CHECKS
from samdesk.domain.document import ImageKey
from samdesk.domain.split import SPLIT_NAMES
from samdesk.exchange.check.facts import CheckFacts
from samdesk.exchange.check.types import Finding, WholeCheck

FEW = 10
"""A class with fewer annotations is hardly learned."""
_SHOWN = 5


def nothing_annotated(facts: CheckFacts) -> Iterator[Finding]:
    """A dataset without images or without annotations."""
    if not facts.keys:
        yield Finding("The dataset has no images.")
    elif not any(facts.used.values()):
        yield Finding("No image has annotations.")


def empty_classes(facts: CheckFacts) -> Iterator[Finding]:
    """Classes without annotations."""
    for label in facts.labels:
        if not facts.used[label.id]:
            yield Finding(f"The class {label.name} has no annotations.")


def rare_classes(facts: CheckFacts) -> Iterator[Finding]:
    """Classes with few annotations."""
    for label in facts.labels:
        count = facts.used[label.id]
        if 0 < count < FEW:
            yield Finding(f"The class {label.name} has {counted(count, 'annotation')} only.")


def missing_in_split(facts: CheckFacts) -> Iterator[Finding]:
    """Classes that are trained and not validated, or the other way round."""
    used = {split for split in facts.splits.values() if split in ("train", "val")}
    if len(used) < 2:
        return
    for label in facts.labels:
        train, val = (facts.in_split[split][label.id] for split in ("train", "val"))
        if train and not val:
            yield Finding(f"The class {label.name} is trained on, but not validated: its "
                          f"{counted(train, 'annotation')} {_are(train)} on training images.")  # fmt: skip
        elif val and not train:
            yield Finding(f"The class {label.name} is validated, but not trained on: its "
                          f"{counted(val, 'annotation')} {_are(val)} on validation images.")  # fmt: skip


def _are(count: int) -> str:
    return "is" if count == 1 else "are all"


def same_for_both(facts: CheckFacts) -> Iterator[Finding]:
    """data.yaml trains and validates on the same images."""
    if facts.training.unsplit:
        yield Finding(
            f"{facts.training.file.name} names the same images for training and validation, so the figures "
            "of a training flatter. Make a split.",
            file=str(facts.training.file),
        )


def without_split(facts: CheckFacts) -> Iterator[Finding]:
    """Images in no split, where there are splits."""
    if not facts.splits:
        return
    for key in facts.keys:
        if key not in facts.splits:
            yield Finding("The image is in no split, so it is neither trained on nor validated with.", key)


def missing_of_lists(facts: CheckFacts) -> Iterator[Finding]:
    """Images that lists name and that are not there."""
    for split, paths in facts.listed.items():
        for path in paths:
            yield Finding(
                f"The list of images for {_name(split)} names an image that does not exist.", file=path
            )


def leaks(facts: CheckFacts) -> Iterator[Finding]:
    """The same image in several splits."""
    yield from _across(facts, facts.identical, "is the same file as")


def near_leaks(facts: CheckFacts) -> Iterator[Finding]:
    """Nearly the same image in several splits."""
    same = {frozenset(group) for group in facts.identical}
    groups = [group for group in facts.similar or () if frozenset(group) not in same]
    yield from _across(facts, groups, "looks like")


def _across(facts: CheckFacts, groups: Sequence[tuple[ImageKey, ...]], how: str) -> Iterator[Finding]:
    for group in groups:
        by_split: dict[str, list[ImageKey]] = {}
        for key in group:
            own = facts.splits.get(key)
            if own is not None:
                by_split.setdefault(own, []).append(key)
        if len(by_split) < 2:
            continue
        (first, keys), *others = sorted(by_split.items())
        for split, found in others:
            for key in found:
                also = f"{keys[0]} (for {_name(first)})"
                yield Finding(f"The image, for {_name(split)}, {how} {also}.", key)


def same_images(facts: CheckFacts) -> Iterator[Finding]:
    """The same image several times, outside of different splits."""
    for group in facts.identical:
        splits = {facts.splits.get(key) for key in group}
        if len(splits) > 1:
            continue
        rest = ", ".join(group[1 : 1 + _SHOWN])
        more = f" and {len(group) - 1 - _SHOWN:,} more" if len(group) > 1 + _SHOWN else ""
        yield Finding(f"{counted(len(group), 'image')} are the same file: also {rest}{more}.", group[0])


def of_trainer(code: str) -> WholeCheck:
    """Returns the check for what ``dataset.trainer.checks`` finds under a code."""
    find = next(row.find for row in CHECKS if row.code == code.removesuffix("-images"))

    def check(facts: CheckFacts) -> Iterator[Finding]:
        text = find(facts.training)
        if text:
            yield Finding(text, file=str(facts.training.file))

    return check


def _name(split: str) -> str:
    return next((name for known, name in SPLIT_NAMES.items() if known == split), split)
