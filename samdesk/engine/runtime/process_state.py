"""Keeping what the threads of a process share as it is while a library is imported or set up.

Importing ultralytics sets OpenCV's thread count, environment variables, print options and warning filters,
and replaces ``PIL.Image.open`` and ``torch.save``, for the whole process. In the window this runs on a worker
thread: OpenCV's thread count must not change while another thread is inside OpenCV (a division by zero, which
ends the process), nor the environment while C code reads it, and an image that cannot be read must not be
answered with an attempt to install a package.
"""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

LOCK = threading.RLock()
"""One thread at a time imports libraries or sets them up."""

_SETTERS = (("cv2", "setNumThreads"), ("numpy", "set_printoptions"), ("torch", "set_printoptions"))
"""Functions that change the process, by module; they do nothing meanwhile."""
_REPLACED = (
    ("PIL.Image", "open"),
    ("torch", "save"),
    ("cv2", "imread"),
    ("cv2", "imwrite"),
    ("cv2", "imshow"),
)
"""Functions that ultralytics replaces, by module; they are put back."""


@contextmanager
def preserved() -> Iterator[None]:
    """Lets nothing that the block calls on this thread change the process for the other threads.

    Writes to ``os.environ`` last until the end of the block and never reach the environment that C code
    sees. Other threads may set what they like meanwhile.
    """
    with LOCK, ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        for module, name in _REPLACED:
            stack.enter_context(_put_back(module, name))
        for module, name in _SETTERS:
            stack.enter_context(_ignored_here(module, name))
        stack.enter_context(_environment_kept())
        yield


@contextmanager
def _put_back(module: str, name: str) -> Iterator[None]:
    before = getattr(sys.modules.get(module), name, None)
    try:
        yield
    finally:
        if before is not None:
            setattr(sys.modules[module], name, before)


@contextmanager
def _ignored_here(
    module: str, name: str, record: Callable[..., None] = lambda *_, **__: None
) -> Iterator[None]:
    """Calls of a module's function on this thread only call ``record``."""
    function: Any = getattr(sys.modules.get(module), name, None)
    thread, over = threading.get_ident(), threading.Event()

    def only_elsewhere(*arguments: Any, **named: Any) -> Any:  # a module may keep it: then it acts again
        here = threading.get_ident() == thread and not over.is_set()
        return record(*arguments, **named) if here else function(*arguments, **named)

    if function is None:
        yield
        return
    setattr(sys.modules[module], name, only_elsewhere)
    try:
        yield
    finally:
        over.set()
        setattr(sys.modules[module], name, function)


@contextmanager
def _environment_kept() -> Iterator[None]:
    """``os.environ`` calls ``os.putenv`` and ``os.unsetenv`` for each change, before it changes itself."""
    before: dict[str, str | None] = {}

    def record(name: bytes | str, _value: object = None) -> None:
        key = os.fsdecode(name)
        before.setdefault(key, os.environ.get(key))

    with _ignored_here("os", "putenv", record), _ignored_here("os", "unsetenv", record):
        try:
            yield
        finally:
            for key, value in dict(before).items():
                if value is None:
                    os.environ.pop(key, None)
                else:
                    os.environ[key] = value
