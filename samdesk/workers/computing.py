"""ComputingThread: computes one thing at a time off the main thread, the newest first and only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Condition
from typing import TypeVar

from PySide6.QtCore import QObject

from samdesk.base.jobs import Cancelled
from samdesk.workers.failure import Failure, describe
from samdesk.workers.thread import STOP_TIMEOUT_MS, LoopThread, Post

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class _Computation:
    compute: Callable[[], object]
    then: Callable[[object], None]
    refused: Callable[[Failure], None]
    where: str


@dataclass(frozen=True, eq=False)
class _Computed:
    request: _Computation
    result: object


class ComputingThread(QObject):
    """Runs one function at a time in a thread of its own.

    A newer request takes the place of the one before: what was not begun is not computed, and the result of
    what was is dropped.

    Args:
        name: Of the thread.
        doing: What it does, for messages ("changing annotations").
        parent: Qt parent.
    """

    def __init__(self, name: str, doing: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._name, self._doing = name, doing
        self._changed = Condition()
        self._next: _Computation | None = None
        self._closed = False
        self._awaited: _Computation | None = None
        self._post = Post(self._receive, self)
        self._thread: LoopThread | None = None

    @property
    def busy(self) -> bool:
        """Whether a result is awaited."""
        return self._awaited is not None

    def run(
        self,
        compute: Callable[[], T],
        then: Callable[[T], None],
        refused: Callable[[Failure], None],
        where: str = "",
    ) -> None:
        """Computes something in the background.

        Args:
            compute: Runs in the thread. If it raises ``Cancelled``, nothing is called.
            then: Called with the result on the main thread, unless another request has come meanwhile.
            refused: Called instead if ``compute`` raises.
            where: What it is about, for the message ("a.jpg").
        """
        if self._thread is None:
            self._thread = LoopThread(self._name, self._loop)
            self._thread.start()
        request = _Computation(compute, then, refused, where)  # type: ignore[arg-type]
        self._awaited = request
        with self._changed:
            self._next = request
            self._changed.notify_all()

    def drop(self) -> None:
        """Drops the request whose result is awaited."""
        with self._changed:
            self._next = None
        self._awaited = None

    def stop(self, timeout_ms: int = STOP_TIMEOUT_MS) -> bool:
        """Ends the thread after the current computation. Returns False if it still runs after the timeout."""
        self.drop()
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        return self._thread is None or self._thread.join(timeout_ms)

    def _loop(self) -> None:
        while (request := self._take()) is not None:
            try:
                result = request.compute()
            except Cancelled:
                continue
            except Exception as error:  # noqa: BLE001 - shown to the user as a Failure
                result = describe(error, self._doing, request.where)
            self._post(_Computed(request, result))

    def _take(self) -> _Computation | None:
        with self._changed:
            while not self._closed:
                if self._next is not None:
                    request, self._next = self._next, None
                    return request
                self._changed.wait()
            return None

    def _receive(self, computed: object) -> None:
        assert isinstance(computed, _Computed)
        request = computed.request
        if request is not self._awaited:
            return
        self._awaited = None
        if isinstance(computed.result, Failure):
            request.refused(computed.result)
        else:
            request.then(computed.result)
