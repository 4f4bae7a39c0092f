"""A query: how many annotations of which class images have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from samdesk.base.bulk import in_parts
from samdesk.dataset.dataset import Dataset
from samdesk.domain.document import ImageKey

_AT_ONCE = 500


def class_counts(dataset: Dataset, keys: Sequence[ImageKey]) -> dict[ImageKey, Mapping[str, int]]:
    """Returns the annotations of some images by the name of their label, rejected ones left out.

    Label files of images that are not in the store are read: ask for a bounded number of images at a time.
    """
    rows, documents = dataset.core.rows, dataset.core.documents
    stored = rows.images(keys)
    found: dict[ImageKey, dict[str, int]] = {key: {} for key in keys}
    names = {label.id: label.name for label in dataset.labels}
    for part in in_parts(keys, _AT_ONCE):
        marks = ",".join("?" * len(part))
        sql = (
            f"SELECT image, label_id, count(*) FROM annotations WHERE image IN ({marks})"
            " AND review <> 'rejected' GROUP BY image, label_id"
        )
        for key, label_id, count in rows.store.rows(sql, part):
            found[ImageKey(key)][names.get(label_id, "")] = count
    labels = dataset.labels.labels
    for key in keys:
        if key not in stored:
            for class_id, count in documents.class_counts(key).items():
                name = labels[class_id].name if 0 <= class_id < len(labels) else f"class_{class_id}"
                found[key][name] = count
    return dict(found)
