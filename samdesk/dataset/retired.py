"""Labels that were deleted while changes that use them may still be on their way to the store."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from samdesk.domain.edits import Edit, Transaction
from samdesk.domain.labels import Label, LabelId, LabelSet, free_name


@dataclass
class RetiredLabels:
    """The labels deleted since the dataset was opened.

    Attributes:
        labels: The deleted labels.
        replaced: The label that took the place of each that was replaced.
    """

    labels: dict[LabelId, Label] = field(default_factory=dict)
    replaced: dict[LabelId, LabelId] = field(default_factory=dict)

    def note(self, before: LabelSet, after: LabelSet) -> None:
        """Remembers the labels that a change has deleted."""
        self.labels.update({label.id: label for label in before if label.id not in after})

    def replacement(self, label_id: LabelId, labels: LabelSet) -> LabelId:
        """Returns the label of the set that took the place of a deleted one; the same id if none did."""
        found, seen = label_id, set[LabelId]()
        while found not in labels and found in self.replaced and found not in seen:
            seen.add(found)
            found = self.replaced[found]
        return found if found in labels else label_id

    def adapted(self, edit: Edit, labels: LabelSet) -> Edit:
        """Returns the edit with the labels that took the place of deleted ones."""
        if all(placed.annotation.label_id in labels for placed in edit.put):
            return edit
        put = tuple(
            replace(
                placed,
                annotation=replace(
                    placed.annotation, label_id=self.replacement(placed.annotation.label_id, labels)
                ),
            )
            for placed in edit.put
        )
        return replace(edit, put=put)

    def adapted_step(self, step: Transaction, labels: LabelSet) -> Transaction:
        """Returns a step of the user with the labels that took the place of deleted ones, or with these."""
        if step.labels is not None or not self.labels:
            return step
        edits = tuple((key, self.adapted(edit, labels)) for key, edit in step.edits)
        after = self.brought_back((edit for _, edit in edits), labels)
        if all(new is old for (_, new), (_, old) in zip(edits, step.edits, strict=True)) and after == labels:
            return step
        if after != labels:
            step = replace(step, labels=after, labels_before=labels)
        return replace(step, edits=edits)

    def brought_back(self, edits: Iterable[Edit], labels: LabelSet) -> LabelSet:
        """Returns the set with the deleted labels that edits of the user still use, at its end."""
        for edit in edits:
            for placed in edit.put:
                label = self.labels.get(placed.annotation.label_id)
                if label is not None and label.id not in labels:
                    labels = labels.add(free_name(label.name, labels), label.color, label.id)
        return labels

    def left_out(self, edit: Edit, labels: LabelSet) -> Edit:
        """Returns the edit without the annotations whose label was deleted and is not in the set."""
        kept = tuple(
            placed
            for placed in edit.put
            if placed.annotation.label_id in labels or placed.annotation.label_id not in self.labels
        )
        return edit if len(kept) == len(edit.put) else replace(edit, put=kept)
