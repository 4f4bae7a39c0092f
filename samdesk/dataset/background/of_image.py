"""What a search finds on one image."""

from __future__ import annotations

from samdesk.dataset.background.results import Plan
from samdesk.dataset.store.database import Store
from samdesk.dataset.store.facts import id_from
from samdesk.domain.annotation import AnnotationId
from samdesk.domain.document import ImageKey


def doubts_of_image(store: Store, query: Plan, key: ImageKey) -> dict[AnnotationId, float]:
    """Returns the annotations of an image that a search finds, and their doubts, 0..1.

    Raises:
        StoreError: The store cannot be read.
    """
    row = store.row("SELECT id FROM fact_images WHERE key=?", (key,))
    if row is None:
        return {}
    rows = store.rows(
        "SELECT f.id, f.doubt FROM facts f INDEXED BY facts_by_image"
        f" WHERE f.image = {int(row[0])} AND {query.where}"
    )
    return {AnnotationId(id_from(name)): float(doubt or 0.0) for name, doubt in rows}
