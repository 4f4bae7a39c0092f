"""What an import does: the label of each class, and what else the user chooses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from samdesk.dataset.runs.record import IMPORT
from samdesk.domain.labels import LabelSet, class_name
from samdesk.exchange.importing.errors import ImportRefusedError
from samdesk.exchange.importing.placing import Coordinates

ImportReview: TypeAlias = Literal["accepted", "pending"]
"""Imported annotations are part of the dataset, or to be reviewed first."""

Mapped: TypeAlias = Mapping[str, "str | None"]
"""The name of a label for each class; None: the class is left out."""


@dataclass(frozen=True)
class ImportPlan:
    """What an import does.

    Attributes:
        classes: The label of each class. A class that is not in it gets a label of its own name.
        review: Of annotations whose review the files do not state.
        splits: Whether the splits that the files state are taken over.
        coordinates: What the coordinates refer to.
        copy_images: Whether images that the dataset lacks are copied into it, if they are there.
    """

    classes: Mapped = field(default_factory=dict)
    review: ImportReview = "accepted"
    splits: bool = True
    coordinates: Coordinates = "auto"
    copy_images: bool = False

    def label_of(self, name: str) -> str | None:
        """Returns the name of the label of a class; None: it is left out."""
        return self.classes.get(name, label_name(name))

    def parameters(self) -> dict[str, Any]:
        """Returns the plan as JSON, for the record of the run."""
        return {
            "kind": IMPORT,
            "classes": dict(self.classes),
            "review": self.review,
            "splits": self.splits,
            "coordinates": self.coordinates,
            "copy_images": self.copy_images,
        }

    @classmethod
    def from_parameters(cls, found: Mapping[str, Any]) -> ImportPlan:
        """Returns the plan of a record. Raises ``ImportRefusedError`` if it is damaged."""
        try:
            classes = {str(k): None if v is None else str(v) for k, v in dict(found["classes"]).items()}
            if found["review"] not in ("accepted", "pending"):
                raise ValueError(found["review"])
            if found["coordinates"] not in ("auto", "upright", "stored"):
                raise ValueError(found["coordinates"])
            return cls(
                classes,
                found["review"],
                bool(found["splits"]),
                found["coordinates"],
                bool(found["copy_images"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ImportRefusedError(
                "What is known of this import is damaged, so it cannot be resumed.",
                next="Undo it, and import again.",
            ) from error


def label_name(name: str) -> str:
    """The name of a label that is made for a class; files may hold any text."""
    return class_name("".join(c for c in name if c.isprintable())[:200], 0)


def guessed(classes: Mapping[str, int], labels: LabelSet) -> dict[str, str | None]:
    """Returns the likely label of each class.

    It is the one of the dataset with its name, else a new one. Classes that no instance has are left out,
    unless the dataset has no labels yet: then it gets all of them, so that class ids stay what they were.

    Args:
        classes: The classes in order, with the number of their instances.
        labels: The labels of the dataset.
    """
    found: dict[str, str | None] = {}
    for name, count in classes.items():
        match = labels.match(label_name(name))
        if match is not None:
            found[name] = match.name
        else:
            found[name] = label_name(name) if count or not len(labels) else None
    return found


def check_classes(given: Mapped, known: Iterable[str]) -> None:
    """Checks classes that the user has named. Raises ``ImportRefusedError`` for unknown ones."""
    there = list(known)
    for name in given:
        if name not in there:
            listed = ", ".join(there[:20]) + (" and others" if len(there) > 20 else "")
            raise ImportRefusedError(f"There is no class {name!r}.", next=f"The files have: {listed}.")
