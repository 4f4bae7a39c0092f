"""Labels: class names and colours. The position of a label in its set is its YOLO class id."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NewType
from uuid import uuid4

from samdesk.base.errors import UserError
from samdesk.domain.label_colors import label_color, next_color

LabelId = NewType("LabelId", str)


def new_label_id() -> LabelId:
    """A new unique label id."""
    return LabelId(uuid4().hex)


def class_name(name: str, class_id: int) -> str:
    """The name of a class with single spaces between its words; "class_7" if it is blank."""
    return " ".join(name.split()) or f"class_{class_id}"


def unique_names(names: Iterable[str]) -> list[str]:
    """The names by class id as a label set requires them: none blank, none twice."""
    result: dict[str, None] = {}
    for i, name in enumerate(names):
        name = class_name(name, i)
        while name in result:
            name = f"{name}_{i}"
        result[name] = None
    return list(result)


def free_name(name: str, labels: LabelSet) -> str:
    """The name, with "_" at its end as often as it takes for no label to have it."""
    while labels.find(name) is not None:
        name += "_"
    return name


@dataclass(frozen=True)
class Label:
    """A class: a name, unique in its label set, and a colour ``#rrggbb``."""

    id: LabelId
    name: str
    color: str


class LabelError(UserError, ValueError):
    """An invalid change to a label set: an empty or duplicate name, or an unknown id."""

    code = "label"


@dataclass(frozen=True)
class LabelSet:
    """An ordered set of labels. The index of a label is its YOLO class id."""

    labels: tuple[Label, ...] = ()

    @classmethod
    def from_names(cls, names: Iterable[str]) -> LabelSet:
        """A new set in the order given, with the colours of the sequence."""
        return cls().extended(names)

    @property
    def names(self) -> tuple[str, ...]:
        """The class names by class id."""
        return tuple(label.name for label in self.labels)

    @cached_property
    def class_ids(self) -> Mapping[LabelId, int]:
        """The class id of each label."""
        return {label.id: i for i, label in enumerate(self.labels)}

    def __len__(self) -> int:
        return len(self.labels)

    def __iter__(self) -> Iterator[Label]:
        return iter(self.labels)

    def __contains__(self, label_id: object) -> bool:
        return label_id in self.class_ids

    def index(self, label_id: LabelId) -> int:
        """The class id of a label; ``LabelError`` if it is not in the set."""
        found = self.class_ids.get(label_id)
        if found is None:
            raise LabelError(f"There is no label with the id {label_id!r}.")
        return found

    def get(self, label_id: LabelId) -> Label:
        """The label with this id; ``LabelError`` if it is not in the set."""
        return self.labels[self.index(label_id)]

    def find(self, name: str) -> Label | None:
        """The label with this name, or None."""
        return next((label for label in self.labels if label.name == name), None)

    def match(self, name: str) -> Label | None:
        """The label with this name, else the first that differs only in letter case, or None."""
        folded = name.casefold()
        return self.find(name) or next((x for x in self.labels if x.name.casefold() == folded), None)

    def add(self, name: str, color: str | None = None, label_id: LabelId | None = None) -> LabelSet:
        """The set with one more label at the end."""
        color = color or next_color([label.color for label in self.labels])
        return LabelSet((*self.labels, Label(label_id or new_label_id(), self._checked(name), color)))

    def extended(self, names: Iterable[str]) -> LabelSet:
        """The set with labels of these names at the end, each with the next colour that is not used.

        ``LabelError`` for a name that is blank or there already. Takes time in proportion to the names.
        """
        known, used = set(self.names), {label.color.lower() for label in self.labels}
        labels = list(self.labels)
        colors = (color for color in map(label_color, itertools.count()) if color not in used)
        for name, color in zip(names, colors, strict=False):
            name = _spaced(name)
            if name in known:
                raise _duplicate(name)
            known.add(name)
            labels.append(Label(new_label_id(), name, color))
        return LabelSet(tuple(labels))

    def rename(self, label_id: LabelId, name: str) -> LabelSet:
        """The set with one label renamed; its class id does not change."""
        old = self.get(label_id)
        return self._swap(replace(old, name=self._checked(name, except_for=label_id)))

    def recolor(self, label_id: LabelId, color: str) -> LabelSet:
        """The set with the colour (``#rrggbb``) of one label changed."""
        return self._swap(replace(self.get(label_id), color=color))

    def move(self, label_id: LabelId, index: int) -> LabelSet:
        """The set with one label moved to another class id; the ids between shift by one."""
        label = self.get(label_id)
        rest = [other for other in self.labels if other.id != label_id]
        rest.insert(index, label)
        return LabelSet(tuple(rest))

    def remove(self, label_id: LabelId) -> LabelSet:
        """The set without one label; later class ids shift down by one."""
        self.get(label_id)
        return LabelSet(tuple(label for label in self.labels if label.id != label_id))

    def _swap(self, label: Label) -> LabelSet:
        return LabelSet(tuple(label if old.id == label.id else old for old in self.labels))

    def _checked(self, name: str, except_for: LabelId | None = None) -> str:
        name = _spaced(name)
        found = self.find(name)
        if found is not None and found.id != except_for:
            raise _duplicate(name)
        return name


def _spaced(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise LabelError("A label needs a name.")
    return name


def _duplicate(name: str) -> LabelError:
    return LabelError(f"There is already a label named {name!r}.")
