"""Background writes."""

from __future__ import annotations

from threading import Event, current_thread, main_thread

import pytest

from samdesk.engine.cache.writer import BackgroundWriter

LONG_S = 30.0


def test_jobs_run_in_order_on_another_thread_which_ends() -> None:
    writer, done = BackgroundWriter("w"), []
    for i in range(3):
        assert writer.submit(lambda i=i: done.append((i, current_thread() is main_thread())))  # type: ignore[misc]
        assert writer.flush(LONG_S)
    assert done == [(0, False), (1, False), (2, False)]


def test_a_slow_disk_blocks_nothing_and_its_queue_is_bounded() -> None:
    writer, slow, begun, done = BackgroundWriter("w", max_pending=2), Event(), Event(), []

    def job() -> None:
        begun.set()
        slow.wait(LONG_S)
        done.append(1)

    assert writer.submit(job)
    assert begun.wait(LONG_S)
    assert writer.submit(job)
    assert writer.submit(job)
    assert not writer.submit(job), "the queue is full"
    assert not writer.flush(0.01)
    assert not writer.close(0.01)
    assert not writer.submit(job)
    slow.set()
    assert writer.flush(LONG_S)
    assert done == [1], "pending jobs are dropped by close"


@pytest.mark.logs("engine.cache.writer: ")
def test_jobs_run_after_one_that_fails() -> None:
    writer, done = BackgroundWriter("w"), []
    writer.submit(lambda: 1 / 0)  # type: ignore[arg-type]
    writer.submit(lambda: done.append(1))
    assert writer.close(LONG_S)
    assert done == [1]
