"""Background writes."""

from __future__ import annotations

from threading import Event, current_thread, main_thread

from samdesk.engine.cache.writer import BackgroundWriter

LONG_S = 30.0


def test_jobs_are_done_in_order_elsewhere_and_the_thread_ends() -> None:
    writer, done = BackgroundWriter("w"), []
    for i in range(3):
        assert writer.submit(lambda i=i: done.append((i, current_thread() is main_thread())))  # type: ignore[misc]
        assert writer.flush(LONG_S)
    assert done == [(0, False), (1, False), (2, False)]


def test_a_slow_disk_is_not_waited_for_and_not_queued_up_for() -> None:
    writer, slow, begun, done = BackgroundWriter("w", max_pending=2), Event(), Event(), []

    def job() -> None:
        begun.set()
        slow.wait(LONG_S)
        done.append(1)

    assert writer.submit(job)
    assert begun.wait(LONG_S)
    assert writer.submit(job)
    assert writer.submit(job)
    assert not writer.submit(job), "two wait already"
    assert not writer.flush(0.01)
    assert not writer.close(0.01)
    assert not writer.submit(job)
    slow.set()
    assert writer.flush(LONG_S)
    assert done == [1], "what had not begun when it was closed is dropped"


def test_a_job_that_fails_takes_no_other_with_it() -> None:
    writer, done = BackgroundWriter("w"), []
    writer.submit(lambda: 1 / 0)  # type: ignore[arg-type]
    writer.submit(lambda: done.append(1))
    assert writer.close(LONG_S)
    assert done == [1]
