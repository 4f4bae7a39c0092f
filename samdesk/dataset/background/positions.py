"""Where on their images annotations are."""

from __future__ import annotations

import numpy as np

from samdesk.dataset.background.results import Plan
from samdesk.dataset.store.database import Store

_MOST_PLACED = 100_000


def count_positions(store: Store, query: Plan, cells: tuple[int, int]) -> tuple[tuple[int, ...], ...]:
    """Counts the centres of the annotations that a search finds, by cells of their images.

    Of more than ``_MOST_PLACED`` every n-th is counted, n times.

    Args:
        store: Where the facts are.
        query: The search.
        cells: Columns and rows that every image is divided into.

    Returns:
        Numbers of annotations: rows from the top, each from the left.

    Raises:
        StoreError: The store cannot be read.
    """
    columns, rows = cells
    top = store.row("SELECT max(number) FROM facts")
    every = max(1, int((top[0] if top else 0) or 0) // _MOST_PLACED)
    found = store.rows(
        f"SELECT min({columns - 1}, CAST((f.x0 + f.x1) * {columns} / (2.0 * w.width) AS INTEGER)),"
        f" min({rows - 1}, CAST((f.y0 + f.y1) * {rows} / (2.0 * w.height) AS INTEGER)), count(*)"
        f" FROM {query.table} JOIN fact_images w ON w.id = f.image"
        f" WHERE {query.where} AND f.number % {every} = 0 AND w.width > 0 AND w.height > 0 GROUP BY 1, 2"
    )
    counts = np.zeros((rows, columns), dtype=np.int64)
    for column, row, count in found:
        counts[max(row, 0), max(column, 0)] += count * every
    return tuple(tuple(line) for line in counts.tolist())
