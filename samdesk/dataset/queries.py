"""Looking at all of a dataset: the list of images, how labels are used, what a relabelling would change."""

from __future__ import annotations

from collections.abc import Sequence

from samdesk.dataset.core import Core
from samdesk.dataset.types import ImageError, ImageSummary
from samdesk.domain.document import ImageKey
from samdesk.domain.edits import Transaction, relabel
from samdesk.domain.labels import LabelId


def summaries(
    core: Core, all_keys: Sequence[ImageKey], keys: Sequence[ImageKey] | None
) -> list[ImageSummary]:
    """Rows of the list of images; files are looked at for ``keys`` only (None: all images, no look)."""
    heads = core.rows.heads(keys)
    documents = core.documents
    result = []
    for key in all_keys if keys is None else keys:
        head = heads.get(key)
        if head is None and keys is not None:
            documents.glance(key)
        if head is None:
            size = documents.sizes.get(key, (None, None))
            head = (*size, documents.counted(key), 0, False, False)
        width, height, count, pending, done, touched = head
        problem = documents.problems.get(key)
        result.append(ImageSummary(key, width, height, count, pending, bool(done), bool(touched), problem))
    return result


def label_usage(core: Core, keys: Sequence[ImageKey]) -> dict[LabelId, int]:
    """How many annotations each label has, in the store and in label files never loaded."""
    labels = core.documents.labels.labels
    result = {label.id: 0 for label in labels}
    result.update(core.rows.usage())
    for key in core.documents.only_in_files(keys):
        for class_id, count in core.documents.classes(key).items():
            if 0 <= class_id < len(labels):
                result[labels[class_id].id] += count
    return result


def plan_relabel(core: Core, keys: Sequence[ImageKey], old: LabelId, new: LabelId) -> Transaction:
    """The transaction that gives every annotation of one label another label."""
    documents = core.documents
    class_id = documents.labels.index(old)
    unread = [key for key in documents.only_in_files(keys) if documents.classes(key)[class_id]]
    edits = []
    for key in core.rows.images_with(old) + unread:
        try:
            document = documents.get(key)
        except ImageError:
            continue  # without its size the file cannot be read; saving tells of it
        edit = relabel(document, [a.id for a in document.annotations if a.label_id == old], new)
        if edit:
            edits.append((key, edit))
    text = f"Change {documents.labels.get(old).name} to {documents.labels.get(new).name}"
    return Transaction(text, tuple(edits))
