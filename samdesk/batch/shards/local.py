"""Drives the shards of a run, or a part of them, in this process."""

from __future__ import annotations

import secrets
import time

from samdesk.base.jobs import Cancelled
from samdesk.batch.models import Loaders
from samdesk.batch.shards.drive import Beginning, DriverCallbacks, ShardsSummary, ShardTally
from samdesk.batch.shards.worker import ShardWorker

_MOST_ERRORS = 3
"""Shards that fail one after another: where the images are cannot be reached, the disk is full, ..."""


def drive_here(
    beginning: Beginning, callbacks: DriverCallbacks, loaders: Loaders | None = None
) -> ShardsSummary:
    """Does all shards that are left, one after another.

    It begins with any of them, so that several drivers on one output share the work: each leaves out what
    another has finished meanwhile.

    Args:
        beginning: The run.
        callbacks: Called with progress and failures.
        loaders: Load the models; None: the engine's.
    """
    started, tally = time.perf_counter(), ShardTally(beginning, callbacks)
    loaders = loaders or Loaders.real(callbacks.notice, callbacks.cancel, trust=beginning.order.trust)
    worker = ShardWorker(beginning.order, loaders, callbacks.notice, callbacks.cancel)
    first = secrets.randbelow(len(beginning.todo)) if beginning.todo else 0
    failed_in_a_row = 0
    tally.report(0)
    try:
        for shard in (*beginning.todo[first:], *beginning.todo[:first]):
            callbacks.cancel.check()
            result = worker.work(shard, lambda progress: tally.report(progress.done))
            if not result.error:
                tally.finish(result)
                failed_in_a_row = 0
                continue
            tally.errors.append(f"shard {shard}: {result.error}")
            failed_in_a_row += 1
            if result.fatal or failed_in_a_row == _MOST_ERRORS:
                break
    except Cancelled:
        pass
    return tally.summary(time.perf_counter() - started, callbacks.cancel.cancelled)
