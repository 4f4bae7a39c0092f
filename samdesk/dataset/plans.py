"""Changes that are planned when they are saved, from the dataset as it is then.

A change of many images takes time to plan, and a confirmation takes the user's time: what is drawn meanwhile
must be part of it. The storage thread therefore makes the plan and saves it in one go.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from samdesk.base.bulk import breathing
from samdesk.base.text import counted
from samdesk.dataset import queries
from samdesk.dataset.dataset import Dataset
from samdesk.dataset.types import ImageError, RefusedError
from samdesk.domain.annotation import AnnotationId
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import Edit, Transaction, by_user, remove
from samdesk.domain.labels import Label, LabelId
from samdesk.domain.split import SPLIT_NAMES, Split, SplitChange

Plan: TypeAlias = Callable[[Dataset], Transaction]
"""Makes a step of the history from the present state. May raise ``RefusedError``."""


def replace_label(dataset: Dataset, old: LabelId, new: LabelId) -> Transaction:
    """Gives all annotations of one label another one and deletes it; later edits with it as well."""
    gone, kept = _label(dataset, old), _label(dataset, new)
    step = queries.plan_relabel(dataset, gone.id, kept.id)
    labels = dataset.labels  # planning may have read label files, which may have added labels
    dataset.core.retired.replaced[old] = new
    text = f"Replace and delete {gone.name}"
    return replace(step, text=text, labels=labels.remove(old), labels_before=labels)


def delete_label(dataset: Dataset, old: LabelId) -> Transaction:
    """Deletes a label that no annotation uses, and the rejected annotations that have it."""
    gone, used = _label(dataset, old), queries.label_usage(dataset)[old]
    if used:
        raise RefusedError(
            f"The label “{gone.name}” is used by {counted(used, 'annotation')} by now.",
            next="Delete it again to choose another label for them.",
        )
    edits = []
    for key in dataset.core.rows.images_with(old):
        document = dataset.core.documents.get(key)
        edits.append((key, remove(a.id for a in document.rejected if a.label_id == old)))
    labels = dataset.labels
    dataset.core.retired.replaced.pop(old, None)
    text = f"Delete label {gone.name}"
    return Transaction(text, tuple(edits), labels=labels.remove(old), labels_before=labels)


Decision: TypeAlias = Callable[[ImageDocument, Collection[AnnotationId]], Edit]
"""Makes the edit that decides about annotations of an image, such as ``edits.accept``."""


def decide(
    dataset: Dataset,
    chosen: Mapping[ImageKey, Collection[AnnotationId]],
    decision: Decision,
    text: str,
) -> Transaction:
    """Decides about annotations of many images, as the user does about those of one.

    Args:
        dataset: The dataset.
        chosen: The annotations by image; those that are gone by now are left out.
        decision: What to do with those of an image.
        text: Of the step.
    """
    edits = []
    for key, ids in breathing(list(chosen.items()), "Preparing the change", dataset.core.breathe):
        try:
            document = dataset.core.documents.get(key)
        except ImageError:
            continue  # saving could not write it either
        edit = decision(document, ids)
        if edit:
            edits.append((key, by_user(edit, document)))
    if not edits:
        raise RefusedError("The annotations are as they should be already, or were deleted meanwhile.")
    return Transaction(text, tuple(edits))


def assign_splits(dataset: Dataset, splits: Mapping[ImageKey, Split | None], text: str = "") -> Transaction:
    """Puts images into splits.

    Args:
        dataset: The dataset.
        splits: The split of each image; None: none. Images that are not in the dataset are left out.
        text: Of the step; "": it says what is assigned.

    Raises:
        RefusedError: All of them are in these splits already.
    """
    known = set(dataset.keys)
    before = queries.splits(dataset)
    changes = tuple(
        SplitChange(key, before.get(key), split)
        for key, split in splits.items()
        if key in known and before.get(key) != split
    )
    if not changes:
        raise RefusedError("The images are in these splits already.")
    return Transaction(text or _split_text(changes), splits=changes)


def _split_text(changes: Sequence[SplitChange]) -> str:
    images = changes[0].key if len(changes) == 1 else counted(len(changes), "image")
    after = {change.after for change in changes}
    if len(after) > 1:
        return f"Split {images}"
    (split,) = after
    return f"Use {images} for {SPLIT_NAMES[split]}" if split else f"Use {images} for no split"


def _label(dataset: Dataset, label_id: LabelId) -> Label:
    if label_id not in dataset.labels:
        raise RefusedError("A label that the change is about has been deleted meanwhile.")
    return dataset.labels.get(label_id)
