"""Processes that keep the machine busy while something else is measured."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection

from samdesk.base.child_process import inherited

MAX_SECONDS = 600.0
"""A busy process ends by itself after this time, and as soon as the process that has started it ends."""


@contextmanager
def busy_processes(count: int, max_seconds: float = MAX_SECONDS) -> Iterator[list[int]]:
    """Keeps ``count`` processes busy within the block, each with one core; yields their process ids."""
    context = get_context("spawn")
    pipes = [context.Pipe() for _ in range(count)]
    processes = [context.Process(target=_work, args=(end, max_seconds), daemon=True) for _, end in pipes]
    try:
        with inherited():
            for process in processes:
                process.start()
        for ours, theirs in pipes:
            theirs.close()
            ours.recv()  # it is busy from here on
        yield [process.pid or 0 for process in processes]
    finally:
        for ours, _ in pipes:
            ours.close()
        for process in processes:
            if process.pid is not None:
                process.join()


def _work(connection: Connection, max_seconds: float) -> None:
    end = time.monotonic() + max_seconds
    connection.send(None)
    while time.monotonic() < end and not connection.poll():  # true once the other end is closed
        for _ in range(100_000):
            pass
