"""DownloadClient: downloads weights in background threads, with progress and cancel."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

from PySide6.QtCore import QObject, Signal

from samdesk.base.jobs import Cancelled, CancelToken, Progress
from samdesk.engine.protocols import EngineError
from samdesk.workers.failure import Failure, describe
from samdesk.workers.thread import STOP_TIMEOUT_MS, LoopThread, Post

Download: TypeAlias = Callable[[str, Progress, CancelToken], Path]
"""Downloads the weights of a model by its registry name. Raises ``EngineError`` or ``Cancelled``."""

_PROGRESS_EVERY_S = 0.1


@dataclass(frozen=True)
class _Progressed:
    name: str
    done: int
    total: int


@dataclass(frozen=True)
class _Ended:
    name: str
    result: Path | Failure | None  # None: cancelled


@dataclass(frozen=True)
class _Running:
    thread: LoopThread
    cancel: CancelToken


class DownloadClient(QObject):
    """Downloads weights, each file in its own thread.

    Signals:
        progress: Model name, bytes done, total bytes (0 while unknown); at most ten times a second. Both are
            passed as Python objects, because Qt's ``int`` is too small for large files.
        finished: Model name and its ``Path``.
        failed: ``Failure``; ``where`` is the model's name.
        cancelled: Model name.
    """

    progress = Signal(str, object, object)
    finished = Signal(str, object)
    failed = Signal(object)
    cancelled = Signal(str)

    def __init__(self, download: Download | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._download = download or _download
        self._running: dict[str, _Running] = {}
        self._ending: list[LoopThread] = []
        self._post = Post(self._receive, self)

    @property
    def running(self) -> frozenset[str]:
        """Names of the models being downloaded."""
        return frozenset(self._running)

    def start(self, name: str) -> None:
        """Starts to download the weights of a model, unless that download is already running."""
        if name in self._running:
            return
        self._ending = [thread for thread in self._ending if not thread.isFinished()]
        cancel = CancelToken()
        thread = LoopThread(f"download {name}", partial(self._run, name, cancel))
        self._running[name] = _Running(thread, cancel)
        thread.start()

    def cancel(self, name: str) -> None:
        """Cancels a download; the partial file is kept, so that the next one resumes."""
        if name in self._running:
            self._running[name].cancel.cancel()

    def stop(self, timeout_ms: int = STOP_TIMEOUT_MS) -> bool:
        """Cancels all downloads and waits. Returns False if a thread still waits for its server."""
        for running in self._running.values():
            running.cancel.cancel()
        threads = [running.thread for running in self._running.values()] + self._ending
        return all(thread.join(timeout_ms) for thread in threads)

    def _run(self, name: str, cancel: CancelToken) -> None:
        emitted_at = -1.0

        def progress(done: int, total: int) -> None:
            nonlocal emitted_at
            now = time.monotonic()
            if now - emitted_at >= _PROGRESS_EVERY_S or done == total:
                emitted_at = now
                self._post(_Progressed(name, done, total))

        result: Path | Failure | None
        try:
            result = self._download(name, progress, cancel)
        except Cancelled:
            result = None
        except Exception as error:  # noqa: BLE001 - shown to the user as a Failure
            result = describe(error, f"downloading {name}", name)
        self._post(_Ended(name, result))

    def _receive(self, event: object) -> None:
        if isinstance(event, _Progressed):
            self.progress.emit(event.name, event.done, event.total)
        elif isinstance(event, _Ended):
            self._ending.append(self._running.pop(event.name).thread)
            if event.result is None:
                self.cancelled.emit(event.name)
            elif isinstance(event.result, Failure):
                self.failed.emit(event.result)
            else:
                self.finished.emit(event.name, event.result)


def _download(name: str, progress: Progress, cancel: CancelToken) -> Path:
    from samdesk.engine.models.download import download
    from samdesk.engine.models.registry import spec

    known = spec(name)
    if known is None:
        raise EngineError(f"There is no model {name!r} to download.")
    return download(known, progress=progress, cancel=cancel)
