"""Edits applied to documents before they are saved, and how label sets follow the history."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from samdesk.dataset.types import StoreError
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import Edit
from samdesk.domain.labels import Label, LabelSet

EditFactory: TypeAlias = Callable[[ImageDocument], Edit]
"""Makes the edit for a document from its current state."""


def constant_edit(edit: Edit) -> EditFactory:
    """Returns a factory that gives the same edit for any document."""
    return lambda _: edit


@dataclass(frozen=True, eq=False)
class AppliedEdit:
    """An edit as it was applied on screen.

    A dataset whose current document is the object ``before`` saves ``after`` without applying the edit again.

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
        """Whether it is this edit of this document object."""
        return self.edit is edit and self.before is document


@dataclass
class ChangeSet:
    """Edits applied to documents in memory, not saved yet.

    Attributes:
        before: Each document before the edits.
        after: Each document after the edits.
        edits: The edits, in the order applied.
        inverses: Their inverses, in the same order.
    """

    before: dict[ImageKey, ImageDocument] = field(default_factory=dict)
    after: dict[ImageKey, ImageDocument] = field(default_factory=dict)
    edits: list[tuple[ImageKey, Edit]] = field(default_factory=list)
    inverses: list[tuple[ImageKey, Edit]] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        edits: Iterable[tuple[ImageKey, EditFactory]],
        read: Callable[[ImageKey], ImageDocument],
        applied: AppliedEdit | None = None,
    ) -> ChangeSet:
        """Applies edits, each made for its document as the edits before it left it.

        Args:
            edits: The edits by image.
            read: Returns the document of an image. May raise ``StoreError`` and ``ImageError``.
            applied: An edit that was applied already, used where it fits.
        """
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
            change.edits.append((key, edit))
            change.inverses.append((key, made.back))
        return change

    def check_labels(self, labels: LabelSet) -> None:
        """Raises ``StoreError`` if an edit puts an annotation whose label is not in the set."""
        known = {label.id for label in labels}
        for key, edit in self.edits:
            for placed in edit.put:
                if placed.annotation.label_id not in known:
                    raise StoreError(
                        f"{key}: the label of an annotation was deleted.", next="Give it another label."
                    )


def rebase_labels(target: LabelSet, base: LabelSet | None, current: LabelSet) -> LabelSet:
    """Returns the label set that a step of the history leads to, with labels added since appended.

    Label files add labels outside the history ("class_7"). Those in neither the step's ``base`` (None:
    ``current``) nor its ``target`` are kept, at the end.
    """
    seen = {label.id for label in (*(base or current), *target)}
    result = target
    for label in current:
        if label.id not in seen:
            result = LabelSet((*result.labels, _renamed(label, result)))
    return result


def class_ids_change(before: LabelSet, after: LabelSet) -> bool:
    """Returns whether any class id of ``before`` stands for another label, or for none, in ``after``."""
    kept = after.labels[: len(before)]
    return [label.id for label in kept] != [label.id for label in before]


def _renamed(label: Label, labels: LabelSet) -> Label:
    name = label.name
    while labels.find(name) is not None:
        name += "_"
    return Label(label.id, name, label.color)
