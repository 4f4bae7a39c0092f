"""What a run asks of 100,000 images before it begins: which have annotations, or were edited by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from samdesk.base.bulk import breathing
from samdesk.base.jobs import CancelToken
from samdesk.dataset.core import DatasetCore
from samdesk.dataset.dataset import Dataset
from samdesk.dataset.store.facts import PENDING, SOURCES
from samdesk.domain.annotation import Source
from samdesk.domain.document import ImageKey
from samdesk.domain.review import ImageReview
from samdesk.images.snapshot import stamp_of

_NOT_OF_MODELS = (Source.IMPORT, Source.CARRIED)


@dataclass(frozen=True)
class AnnotatedImage:
    """An image that has annotations or that the user has worked on.

    Attributes:
        count: Number of its annotations.
        review: How far the user has got with it.
        from_run: A run has made annotations of it that the user has not decided about.
    """

    count: int
    review: ImageReview = ImageReview.UNREVIEWED
    from_run: bool = False


def annotated_images(
    dataset: Dataset, keys: Sequence[ImageKey], cancel: CancelToken | None = None
) -> dict[ImageKey, AnnotatedImage]:
    """Returns those of some images that have annotations or were edited; reads no image and no document.

    Of images that the store does not have, the lines of their label files are counted. Raises ``Cancelled``.
    """
    core = dataset.core
    wanted, stored = set(keys), core.rows.images(None)
    from_run = _from_run(core)
    result = {
        key: AnnotatedImage(image.count, image.review, key in from_run)
        for key, image in stored.items()
        if key in wanted and (image.count or image.review is not ImageReview.UNREVIEWED)
    }
    unread = core.files.existing(key for key in keys if key not in stored)
    known = core.rows.facts.label_files()
    for key in breathing(unread, "Counting annotations", core.breathe):
        if cancel is not None:
            cancel.check()
        stamp, count = known.get(key, (None, 0))
        if stamp is None or stamp != stamp_of(str(core.files.path(key))):
            count = core.documents.class_counts(key).total()
        if count:
            result[key] = AnnotatedImage(count)
    return result


def _from_run(core: DatasetCore) -> set[str]:
    """The images with annotations of runs that the user has not decided about."""
    if core.rows.lack_facts():  # not counted yet: this reads the rows of the annotations, with their regions
        sql = (
            "SELECT DISTINCT image FROM annotations WHERE review='pending' AND run_id NOT NULL"
            f" AND source NOT IN ({', '.join(repr(source.value) for source in _NOT_OF_MODELS)})"
            " AND image IN (SELECT key FROM images WHERE pending > 0)"
        )
    else:
        sql = (
            "SELECT key FROM fact_images WHERE id IN"
            f" (SELECT image FROM facts WHERE review={PENDING} AND run NOT NULL"
            f" AND source NOT IN ({', '.join(str(SOURCES.index(source)) for source in _NOT_OF_MODELS)}))"
        )
    return {str(key) for (key,) in core.rows.store.rows(sql)}
