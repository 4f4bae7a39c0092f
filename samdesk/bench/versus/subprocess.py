"""Work in a process of its own: a fresh memory, a main thread that nobody else uses, no window shown."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TypeVar

from samdesk.engine.protocols import EngineError

T = TypeVar("T")


def aside(work: Callable[..., T], *arguments: object) -> T:
    """Runs a function of a module in a new process and gives what it gives, or raises what it raises.

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
    os.environ["QT_LOGGING_RULES"] = "default.warning=false"  # what offscreen windows cannot do
