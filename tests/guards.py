"""What fails a test besides its assertions: messages nobody expected and threads nobody ended.

Qt's own messages and Python's warnings are guarded by ``qt_log_level_fail`` and ``filterwarnings`` in
``pyproject.toml``. Here are the other two:

* A log record at WARNING or above fails the test, unless the test expects it:
  ``@pytest.mark.logs("read-ahead")`` names a regular expression that such a record matches. A test that
  expects a record which does not come fails as well.
* A thread that was started during the test and still runs after it fails the test: a ``QThread`` or one of
  Python's.
"""

from __future__ import annotations

import logging
import re
import threading
import time
import weakref
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QDeadlineTimer, QThread

PATIENCE_S = 20.0
"""A thread that was asked to end may still finish what it is doing."""


class Records(logging.Handler):
    """Keeps every record at WARNING or above."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.kept: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.kept.append(record)


@pytest.fixture(autouse=True)
def no_unexpected_log_record(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails the test for each record at WARNING or above that it does not expect."""
    expected = [str(mark.args[0]) for mark in request.node.iter_markers("logs")]
    handler = Records()
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
    found = [f"{record.levelname} {record.name}: {record.getMessage()}" for record in handler.kept]
    surprising = [line for line in found if not any(re.search(e, line) for e in expected)]
    missing = [e for e in expected if not any(re.search(e, line) for line in found)]
    if surprising:
        pytest.fail("unexpected log records:\n" + "\n".join(surprising), pytrace=False)
    if missing:
        pytest.fail(f"expected log records did not come: {missing}", pytrace=False)


class StartedThreads:
    """Every ``QThread`` that was started since the last test."""

    def __init__(self) -> None:
        self._threads: weakref.WeakSet[QThread] = weakref.WeakSet()

    def add(self, thread: QThread) -> None:
        self._threads.add(thread)

    def take_running(self) -> list[QThread]:
        """Those that run; the others have ended, and none is returned twice."""
        running = [thread for thread in list(self._threads) if is_running(thread)]
        self._threads.clear()
        return running


def is_running(thread: QThread) -> bool:
    try:
        return thread.isRunning()
    except RuntimeError:  # its C++ object was deleted: it has ended
        return False


@pytest.fixture(scope="session")
def started_threads() -> Iterator[StartedThreads]:
    """Records what is started, from the first test on."""
    started, start = StartedThreads(), QThread.start

    def recording(thread: QThread, *arguments: object) -> None:
        started.add(thread)
        start(thread, *arguments)  # type: ignore[arg-type]

    QThread.start = recording  # type: ignore[method-assign,assignment]
    yield started
    QThread.start = start  # type: ignore[method-assign]


@pytest.fixture(autouse=True)
def no_thread_left_running(started_threads: StartedThreads) -> Iterator[None]:
    """Fails the test for each thread that it started and did not end."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + PATIENCE_S
    left = [
        thread.objectName() or type(thread).__name__
        for thread in started_threads.take_running()
        if not thread.wait(QDeadlineTimer(max(1, round((deadline - time.monotonic()) * 1000))))
    ]
    for thread in set(threading.enumerate()) - before:
        if isinstance(thread, threading._DummyThread):  # Python's view of a thread that it did not start
            continue
        thread.join(max(0.0, deadline - time.monotonic()))
        if thread.is_alive():
            left.append(thread.name)
    if left:
        pytest.fail(f"threads left running: {', '.join(sorted(left))}", pytrace=False)
