"""Processes of the benchmark: with fresh memory, a free main thread, offscreen windows, any environment."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TypeVar

from samdesk.base.child_process import inherited
from samdesk.engine.protocols import EngineError

T = TypeVar("T")


def run_in_subprocess(work: Callable[..., T], *arguments: object) -> T:
    """Runs a module-level function in a new process and returns its result or raises its exception.

    Raises:
        EngineError: The process died.
    """
    with Subprocess() as process:
        return process.call(work, *arguments)


class Subprocess:
    """A process that runs module-level functions, one after the other. A context manager.

    Args:
        environment: Its environment variables; None: those of samdesk's own programs.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_offscreen)
        with inherited(environment):
            self._pool.submit(os.getpid)  # starts the process

    def __enter__(self) -> Subprocess:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def call(self, work: Callable[..., T], *arguments: object) -> T:
        """Returns the function's result or raises its exception.

        Raises:
            EngineError: The process died.
        """
        try:
            return self._pool.submit(work, *arguments).result()
        except BrokenProcessPool as error:
            raise EngineError(f"The process that measured {work.__name__} died.") from error


def _offscreen() -> None:
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    os.environ["QT_LOGGING_RULES"] = "default.warning=false"  # the offscreen platform's unsupported features
