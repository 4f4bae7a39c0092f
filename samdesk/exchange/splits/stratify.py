"""Divides groups of images into splits so that each split has its share of every class.

This is iterative stratification (K. Sechidis, G. Tsoumakas, I. Vlahavas: "On the Stratification of
Multi-Label Data", ECML PKDD 2011), on groups in place of single images: the class with the fewest images left
is dealt with first, its largest groups first, and each group goes where most images of that class are
missing, then where most images are missing. What is in a split already counts as dealt. The last images of a
class of which none is trained on go to training: else the model is measured on a class it has never seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from samdesk.domain.split import SPLITS, Split


@dataclass(frozen=True)
class ImageGroup:
    """Images that go to one split together.

    Attributes:
        images: How many they are.
        classes: Class -> how many of them have it.
    """

    images: int = 1
    classes: Mapping[Hashable, int] = field(default_factory=dict)


def stratify(
    groups: Sequence[ImageGroup],
    ratios: Mapping[Split, float],
    seed: int = 0,
    fixed: Mapping[Split, ImageGroup] | None = None,
) -> list[Split]:
    """Returns the split of each group.

    Args:
        groups: To be divided.
        ratios: The share of each split; more than 0 for one at least.
        seed: Decides between splits that lack as much.
        fixed: What is in the splits already: all images and classes of each.
    """
    shares = {s: ratios.get(s, 0.0) for s in SPLITS if ratios.get(s, 0.0) > 0}
    whole = sum(shares.values())
    shares = {split: share / whole for split, share in shares.items()}
    known = fixed or {}
    rng = Random(seed)
    total = sum(g.images for g in groups) + sum(g.images for g in known.values())
    missing = {s: share * total - known.get(s, ImageGroup(0)).images for s, share in shares.items()}
    left, of_class = _by_class(groups)
    lacking = {
        name: {
            s: share * (count + sum(g.classes.get(name, 0) for g in known.values()))
            - known.get(s, ImageGroup(0)).classes.get(name, 0)
            for s, share in shares.items()
        }
        for name, count in left.items()
    }
    trained = set(known.get("train", ImageGroup(0)).classes)
    result: dict[int, Split] = {}

    def put(n: int, split: Split) -> None:
        classes = groups[n].classes
        if "train" in shares and _last_of_one(classes, left, trained):
            split = "train"
        if split == "train":
            trained.update(classes)
        result[n] = split
        missing[split] -= groups[n].images
        for name, count in classes.items():
            lacking[name][split] -= count
            if name in left:
                left[name] -= count

    order = list(range(len(groups)))
    rng.shuffle(order)
    place = {n: i for i, n in enumerate(order)}
    while left:
        rarest = min(left, key=lambda name: (left[name], str(name)))
        wants = lacking[rarest]
        chosen = [n for n in of_class[rarest] if n not in result]
        for n in sorted(chosen, key=lambda n: (-groups[n].images, place[n])):
            put(n, max(shares, key=lambda s: (wants[s], missing[s], rng.random())))
        del left[rarest]
        left = {name: count for name, count in left.items() if count > 0}
    for n in sorted((n for n in order if n not in result), key=lambda n: -groups[n].images):
        put(n, max(shares, key=lambda s: (missing[s], rng.random())))
    _fill_empty(groups, result, shares, known)
    return [result[n] for n in range(len(groups))]


def _by_class(
    groups: Sequence[ImageGroup],
) -> tuple[dict[Hashable, int], dict[Hashable, list[int]]]:
    """The number of images of each class, and the groups that have it."""
    images: dict[Hashable, int] = {}
    members: dict[Hashable, list[int]] = {}
    for n, group in enumerate(groups):
        for name, count in group.classes.items():
            images[name] = images.get(name, 0) + count
            members.setdefault(name, []).append(n)
    return images, members


def _last_of_one(
    classes: Mapping[Hashable, int], left: Mapping[Hashable, int], trained: set[Hashable]
) -> bool:
    """Whether images with ``classes`` are the last of a class that is not trained on."""
    return any(left[name] == classes[name] for name in classes.keys() & left.keys() - trained)


def _fill_empty(
    groups: Sequence[ImageGroup],
    result: dict[int, Split],
    shares: Mapping[Split, float],
    known: Mapping[Split, ImageGroup],
) -> None:
    """Gives a split that got nothing a group of the one with most, if that has more than one.

    It is one whose classes the other groups there have as well, if there is one; a small one.
    """
    for split in shares:
        if split in result.values() or known.get(split, ImageGroup(0)).images:
            continue
        members = {s: [n for n, found in result.items() if found == s] for s in shares}
        richest = max(members, key=lambda s: len(members[s]))
        if len(members[richest]) > 1:
            result[_spare(members[richest], groups)] = split


def _spare(members: Sequence[int], groups: Sequence[ImageGroup]) -> int:
    """The group that the others miss least: fewest classes that only it has, then fewest images."""
    having = Counter(name for n in members for name in groups[n].classes)
    alone = {n: sum(having[name] == 1 for name in groups[n].classes) for n in members}
    return min(members, key=lambda n: (alone[n], groups[n].images))
