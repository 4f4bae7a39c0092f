"""Carries in the journal of runs: each image that objects were carried to is a step of the history."""

from __future__ import annotations

import contextlib

from samdesk.dataset.runs.journal import Journal
from samdesk.dataset.runs.record import RunImage
from samdesk.dataset.store import serial
from samdesk.dataset.store.database import Store
from samdesk.domain.annotation import RunId
from samdesk.domain.document import ImageKey

_DONE = (
    "SELECT image, do FROM log JOIN log_edits ON log_edits.owner = log.owner"
    " WHERE run_id=? AND undone=0 ORDER BY place, n"
)


def follow_carry(store: Store, journal: Journal, run_id: RunId, text: str, source: ImageKey | None) -> None:
    """Writes a carry into the journal as its steps are now: some may be undone.

    Args:
        store: Where the steps are.
        journal: Where the carry is, or begins.
        run_id: The carry.
        text: Of its first step.
        source: The image that its objects are from at first; None: unknown, or the carry is known.
    """
    images: dict[ImageKey, int] = {}
    for key, do in store.rows(_DONE, (run_id,)):
        with contextlib.suppress(ValueError):  # damaged, which is said when the step is undone
            images[ImageKey(key)] = images.get(ImageKey(key), 0) + len(serial.edit_from_text(do).put)
    if images:
        done = [RunImage(key, "done", added=added) for key, added in images.items()]
        journal.set_carried(run_id, text, source, done)
    else:
        journal.set_undone(run_id, undone=True)
