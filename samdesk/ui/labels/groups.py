"""Groups of labels: those whose names begin alike up to a separator, as "car/red" and "car/blue"."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeAlias

from samdesk.domain.labels import Label, LabelId, LabelSet

_PREFIX = re.compile(r"([^/._:\s][^/._:]*)[/._:]+[^/._:]")


@dataclass(frozen=True)
class LabelRow:
    """A row of the labels panel with one label.

    Attributes:
        label: The label.
        class_id: Its index in the label set.
        group: The name of the group it stands in; "" for none.
    """

    label: Label
    class_id: int
    group: str = ""

    @property
    def key(self) -> str:
        """Distinguishes the rows of a list."""
        return f"label {self.label.id}"


@dataclass(frozen=True)
class GroupRow:
    """A row of the labels panel that stands for a group, above its labels.

    Attributes:
        name: What the names have in common.
        labels: Its labels in class order.
        class_id: The smallest index of its labels in the label set.
        collapsed: Whether its labels have no rows of their own.
    """

    name: str
    labels: tuple[Label, ...]
    class_id: int
    collapsed: bool

    @property
    def key(self) -> str:
        """Distinguishes the rows of a list."""
        return f"group {self.name}"


Row: TypeAlias = LabelRow | GroupRow


def prefix(name: str) -> str:
    """What comes before the first separator of a name (one of ``/ . _ :``); "" if there is none."""
    found = _PREFIX.match(name)
    return found.group(1).rstrip() if found else ""


def label_rows(labels: LabelSet, collapsed: Collection[str] = (), *, grouped: bool = True) -> list[Row]:
    """Returns the rows of a label set, in class order; a group is where its first label would be.

    Args:
        labels: The label set.
        collapsed: Names of the groups whose labels are not listed.
        grouped: False: one row per label, no groups.
    """
    groups = _groups(labels) if grouped else {}
    members: dict[str, list[LabelRow]] = {}
    for class_id, label in enumerate(labels):
        group = groups.get(label.id, "")
        members.setdefault(group, []).append(LabelRow(label, class_id, group))
    rows: list[Row] = []
    for class_id, label in enumerate(labels):
        group = groups.get(label.id, "")
        if not group:
            rows.append(LabelRow(label, class_id))
        elif members[group][0].class_id == class_id:
            own = tuple(row.label for row in members[group])
            rows.append(GroupRow(group, own, class_id, group in collapsed))
            rows.extend(() if group in collapsed else members[group])
    return rows


def _groups(labels: LabelSet) -> dict[LabelId, str]:
    """The group of each label that is in one; a group has two labels at least."""
    prefixes = {label.id: prefix(label.name) for label in labels}
    counts = Counter(prefixes.values())
    found = {i: name for i, name in prefixes.items() if name and counts[name] > 1}
    names = set(found.values())
    found.update({label.id: label.name for label in labels if label.name in names})  # "car" of "car/red"
    return found
