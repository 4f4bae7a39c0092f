"""Edits applied to documents before they are saved, and how label sets follow the history."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from samdesk.base.bulk import Breathe, breathing, without_pauses
from samdesk.base.text import counted
from samdesk.dataset.resizing import scaled_edit
from samdesk.dataset.store import wkb
from samdesk.dataset.types import NAMES, InConflictError, RefusedError
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import Edit
from samdesk.domain.labels import Label, LabelId, LabelSet, free_name

EditFactory: TypeAlias = Callable[[ImageDocument], Edit]
"""Makes the edit for a document from its current state."""

RunEdit: TypeAlias = Edit | Callable[[ImageDocument, Mapping[str, LabelId]], Edit | None]
"""An edit of a run, or a function that makes it from the document as it is when it is saved, and from the
labels by the names that the run asks for them by."""


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

    def scaled_to(self, document: ImageDocument) -> Edit:
        """Returns the edit for a document whose image has got another size since."""
        before = self.before
        if (before.width, before.height) == (document.width, document.height):
            return self.edit
        return scaled_edit(self.edit, document.width / before.width, document.height / before.height)


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
        breathe: Breathe = without_pauses,
    ) -> ChangeSet:
        """Applies edits, each made for its document as the edits before it left it.

        Args:
            edits: The edits by image.
            read: Returns the document of an image. May raise ``StoreError`` and ``ImageError``.
            applied: An edit that was applied already, used where it fits.
            breathe: Called between two edits.
        """
        change = cls()
        for key, make in breathing(list(edits), "Preparing the change", breathe):
            document = change.after.get(key)
            if document is None:
                document = change.before[key] = read(key)
            edit = make(document)
            if applied is not None and applied.fits(edit, document):
                made = applied
            else:
                if applied is not None and applied.edit is edit:
                    edit = applied.scaled_to(document)
                made = AppliedEdit.of(edit, document)
            change.after[key] = made.after
            change.edits.append((key, edit))
            change.inverses.append((key, made.back))
        return change

    def check(self, labels: LabelSet) -> None:
        """Raises ``RefusedError`` for an annotation without a label, or one that would be read as damaged."""
        self._check_labels(labels)
        self._check_regions()

    def _check_regions(self) -> None:
        for key, edit in self.edits:
            image = self.after[key]
            for placed in edit.put:
                try:
                    wkb.check_region(placed.annotation.region, (image.width, image.height))
                except wkb.NotARegionError as error:
                    raise RefusedError(f"{key}: the annotation cannot be saved, because {error}.") from error

    def _check_labels(self, labels: LabelSet) -> None:
        known = {label.id for label in labels}
        for key, edit in self.edits:
            for placed in edit.put:
                if placed.annotation.label_id not in known:
                    raise RefusedError(
                        f"{key}: the label of an annotation was deleted.", next="Give it another label."
                    )


def rebase_labels(target: LabelSet, base: LabelSet | None, current: LabelSet) -> LabelSet:
    """Returns the label set that a change made of ``base`` into ``target`` makes of the present one.

    Names, colours and places that the change left alone are those of ``current``. A label that has come
    since keeps its class id where there is room, since label files that were not read yet may use it.

    Args:
        target: The label set after the change.
        base: The label set that it was made from; None: ``current``.
        current: The label set of the store.
    """
    if base is None or base == current:
        return target
    before, now = _by_id(base), _by_id(current)
    own = [_merged(label, before.get(label.id), now[label.id]) if label.id in now else label
           for label in target if label.id in now or label.id not in before]  # fmt: skip
    result = LabelSet()
    for label in _in_order(own, base, current):
        result = LabelSet((*result.labels, _renamed(label, result)))
    targets = _by_id(target)
    for class_id, label in enumerate(current):
        if label.id not in before and label.id not in targets:
            labels = list(result.labels)
            labels.insert(class_id, _renamed(label, result))
            result = LabelSet(tuple(labels))
    return result


def check_no_conflicts(conflicts: Iterable[ImageKey], *, names: bool) -> None:
    """Raises ``InConflictError`` if class ids must not change: files in conflict would mean other labels.

    Args:
        conflicts: The images whose label file is in conflict.
        names: Whether data.yaml is.
    """
    waiting = sorted(conflicts) + ([NAMES] if names else [])
    if waiting:
        named = ", ".join(waiting[:3]) + (" and others" if len(waiting) > 3 else "")
        raise InConflictError(
            f"Labels cannot be reordered or removed while label files are in conflict ({named}), "
            "because their class ids would stand for other labels.",
            next="Choose for each file whether to keep samdesk's annotations or the file's.",
        )


def check_used(usage: Mapping[LabelId, int], labels: LabelSet, before: LabelSet) -> None:
    """Raises ``RefusedError`` if a label of ``before`` that annotations use is not in the set."""
    for label_id, count in usage.items():
        if label_id not in labels:
            name = before.get(label_id).name if label_id in before else ""
            raise RefusedError(
                f"The label {name!r} is still used by {counted(count, 'annotation')}.",
                next="Change their label first.",
            )


def _by_id(labels: LabelSet) -> dict[LabelId, Label]:
    return {label.id: label for label in labels}


def _merged(target: Label, base: Label | None, current: Label) -> Label:
    """The present label with the name and the colour that a change gave it."""
    if base is None:
        return target
    name = current.name if target.name == base.name else target.name
    return Label(target.id, name, current.color if target.color == base.color else target.color)


def _in_order(own: list[Label], base: LabelSet, current: LabelSet) -> list[Label]:
    """The labels of a change in its order, or in the present one if it did not move any."""
    places = {label.id: i for i, label in enumerate(base)}
    known = [label for label in own if label.id in places]
    if any(places[a.id] > places[b.id] for a, b in itertools.pairwise(known)):
        return own
    now = {label.id: i for i, label in enumerate(current)}
    ordered = iter(sorted(known, key=lambda label: now[label.id]))
    return [next(ordered) if label.id in places else label for label in own]


def class_ids_change(before: LabelSet, after: LabelSet) -> bool:
    """Returns whether any class id of ``before`` stands for another label, or for none, in ``after``."""
    kept = after.labels[: len(before)]
    return [label.id for label in kept] != [label.id for label in before]


def _renamed(label: Label, labels: LabelSet) -> Label:
    return Label(label.id, free_name(label.name, labels), label.color)
