"""Runs a function in a new process: with fresh memory, a free main thread and offscreen windows."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TypeVar

from samdesk.engine.protocols import EngineError

T = TypeVar("T")


def run_in_subprocess(work: Callable[..., T], *arguments: object) -> T:
    """Runs a module-level function in a new process and returns its result or raises its exception.

    Raises:
        EngineError: The process died.
    """
    pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_offscreen)
    with pool:
        try:
            return pool.submit(work, *arguments).result()
        except BrokenProcessPool as error:
            raise EngineError(f"The process that measured {work.__name__} died.") from error


def _offscreen() -> None:
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    os.environ["QT_LOGGING_RULES"] = "default.warning=false"  # the offscreen platform's unsupported features
