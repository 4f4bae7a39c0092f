"""A change being made: edits applied to documents, and how to take them back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from samdesk.dataset.types import StoreError
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import Edit
from samdesk.domain.labels import Label, LabelSet

MakeEdit: TypeAlias = Callable[[ImageDocument], Edit]
"""Makes an edit for the document as it is."""


def fixed(edit: Edit) -> MakeEdit:
    """The same edit for any document."""
    return lambda _: edit


@dataclass(frozen=True, eq=False)
class AppliedEdit:
    """An edit as it was applied on screen.

    A dataset that holds the very object ``before`` saves ``after`` instead of applying the edit again.

    Attributes:
        edit: The edit.
        before: The document it was applied to.
        after: The document it made.
        back: The inverse.
    """

    edit: Edit
    before: ImageDocument
    after: ImageDocument
    back: Edit

    @classmethod
    def of(cls, edit: Edit, document: ImageDocument) -> AppliedEdit:
        """Applies an edit to a document."""
        after, back = edit.apply(document)
        return cls(edit, document, after, back)

    def fits(self, edit: Edit, document: ImageDocument) -> bool:
        """Whether it is this edit of this very document."""
        return self.edit is edit and self.before is document


@dataclass
class Change:
    """Documents before and after some edits, and the edits themselves in the order applied.

    Attributes:
        before: Each document as it was.
        after: Each document as it shall be.
        done: The edits.
        back: Their inverses, in the same order.
    """

    before: dict[ImageKey, ImageDocument] = field(default_factory=dict)
    after: dict[ImageKey, ImageDocument] = field(default_factory=dict)
    done: list[tuple[ImageKey, Edit]] = field(default_factory=list)
    back: list[tuple[ImageKey, Edit]] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        edits: Iterable[tuple[ImageKey, MakeEdit]],
        read: Callable[[ImageKey], ImageDocument],
        applied: AppliedEdit | None = None,
    ) -> Change:
        """Applies edits, each made for the document it meets; ``applied`` is used where it fits."""
        change = cls()
        for key, make in edits:
            document = change.after.get(key)
            if document is None:
                document = change.before[key] = read(key)
            edit = make(document)
            if applied is None or not applied.fits(edit, document):
                made = AppliedEdit.of(edit, document)
            else:
                made = applied
            change.after[key] = made.after
            change.done.append((key, edit))
            change.back.append((key, made.back))
        return change

    def check_labels(self, labels: LabelSet) -> None:
        """``StoreError`` if an annotation to be put has a label that is not in the set."""
        known = {label.id for label in labels}
        for key, edit in self.done:
            for placed in edit.put:
                if placed.annotation.label_id not in known:
                    raise StoreError(f"{key}: the label of an annotation is not in the label set any more")


def next_labels(target: LabelSet, base: LabelSet | None, current: LabelSet) -> LabelSet:
    """The label set that a step leads to, when labels were added since the step was made.

    Label files bring labels by themselves ("class_7"), outside the history. One that neither the step's
    ``base`` nor its ``target`` knows stays, at the end.
    """
    seen = {label.id for label in (*(base or current), *target)}
    result = target
    for label in current:
        if label.id not in seen:
            result = LabelSet((*result.labels, _renamed(label, result)))
    return result


def indexes_move(before: LabelSet, after: LabelSet) -> bool:
    """Whether a class id means another label, or none, in ``after``."""
    kept = after.labels[: len(before)]
    return [label.id for label in kept] != [label.id for label in before]


def _renamed(label: Label, labels: LabelSet) -> Label:
    name = label.name
    while labels.find(name) is not None:
        name += "_"
    return Label(label.id, name, label.color)
