"""The state of a process that its threads share, as text that can be compared.

One list of it: what a library sets for the whole process while the window is up belongs here, and a test
compares it before and after the models are loaded.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import locale
import logging
import os
import random
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

SHARED_LOGGERS = ("", "PIL", "samdesk")
"""Loggers that others than the imported libraries use."""

FUNCTIONS = ("PIL.Image.open", "cv2.imread", "cv2.imwrite", "cv2.imshow", "os.putenv", "os.unsetenv")
"""Functions of libraries that we call and others have replaced."""


def snapshot() -> dict[str, str]:
    """Returns everything the threads share. torch's part is left out until torch has been imported.

    The state of torch's random numbers is left out: each new network draws from it.
    """
    found = {**_interpreter(), **_system(), **_logging(), **_opencv(), **_numpy()}
    if "torch" in sys.modules:
        found.update(_torch())
    return {name: str(value) for name, value in found.items()}


def _interpreter() -> dict[str, object]:
    return {
        "sys.path": sys.path,
        "sys.meta_path": [getattr(finder, "__name__", type(finder).__name__) for finder in sys.meta_path],
        "sys.path_hooks": len(sys.path_hooks),
        "sys.argv": sys.argv,
        "sys.excepthook": _identity(sys.excepthook),
        "sys.unraisablehook": _identity(sys.unraisablehook),
        "threading.excepthook": _identity(threading.excepthook),
        "sys.stdout": _identity(sys.stdout),
        "sys.stderr": _identity(sys.stderr),
        "recursion limit": sys.getrecursionlimit(),
        "switch interval": sys.getswitchinterval(),
        "stack size": threading.stack_size(),
        "garbage collection": (gc.isenabled(), gc.get_threshold()),
        "random state": hash(random.getstate()),
        "warnings": [(f[0], str(f[1]), f[2].__name__, str(f[3]), f[4]) for f in warnings.filters],
        "warnings.showwarning": _identity(warnings.showwarning),
        "replaced functions": [_identity(_function(name)) for name in FUNCTIONS],
        "multiprocessing": _start_method(),
    }


def _system() -> dict[str, object]:
    status = Path("/proc/self/status")
    kept = ("SigIgn", "SigCgt", "Umask", "Cpus_allowed:")
    lines = status.read_text().splitlines() if status.is_file() else []
    return {
        "environment": sorted(os.environ.items()),
        "environment of the C library": _c_environment(),
        "folder": Path.cwd(),
        "locale": locale.setlocale(locale.LC_ALL, None),
        "signal handlers": [(s.name, _identity(signal.getsignal(s))) for s in sorted(signal.Signals)],
        "process": [line for line in lines if line.startswith(kept)],
        "priority": os.getpriority(os.PRIO_PROCESS, 0) if hasattr(os, "getpriority") else 0,
        "dlopen flags": sys.getdlopenflags() if hasattr(sys, "getdlopenflags") else 0,
        "socket timeout": socket.getdefaulttimeout(),
    }


def _logging() -> dict[str, object]:
    found: dict[str, object] = {
        "logging.disable": logging.root.manager.disable,
        "logger class": _identity(logging.getLoggerClass()),
        "log record factory": _identity(logging.getLogRecordFactory()),
    }
    for name in SHARED_LOGGERS:
        logger = logging.getLogger(name)
        found[f"logger '{name}'"] = (logger.level, [_identity(h) for h in logger.handlers], logger.propagate)
    return found


def _opencv() -> dict[str, object]:
    from samdesk.base.cv import cv2

    return {
        "OpenCV": (cv2.getNumThreads(), cv2.useOptimized(), cv2.ocl.useOpenCL()),
        "PIL limits": _pil_limits(),
    }


def _pil_limits() -> tuple[object, object]:
    from PIL import Image, ImageFile

    return Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES


def _numpy() -> dict[str, object]:
    import numpy as np

    return {
        "numpy print options": np.get_printoptions(),
        "numpy errors": np.geterr(),
        "numpy random state": hash(np.random.get_state()[1].tobytes()),  # type: ignore[union-attr]
        "denormals": float(np.float32(1e-38) / np.float32(10)),
    }


def _torch() -> dict[str, object]:
    import torch

    return {
        "torch threads": (torch.get_num_threads(), torch.get_num_interop_threads()),
        "torch modes": (
            torch.is_grad_enabled(),
            torch.is_inference_mode_enabled(),
            torch.is_autocast_enabled(),
        ),
        "torch defaults": (torch.get_default_dtype(), torch.get_default_device()),
        "torch determinism": (
            torch.are_deterministic_algorithms_enabled(),
            torch.get_float32_matmul_precision(),
        ),
        "torch backends": (
            torch.backends.cudnn.benchmark,
            torch.backends.cudnn.deterministic,
            torch.backends.cudnn.allow_tf32,
            torch.backends.cuda.matmul.allow_tf32,
            torch.backends.mkldnn.enabled,
        ),
        "torch.save": _identity(torch.save),
        "torch.load": _identity(torch.load),
        "torch print options": vars(torch._tensor_str.PRINT_OPTS),
    }


def _c_environment() -> list[str]:
    """The environment that C code sees; ``os.environ`` is Python's copy of it."""
    try:
        variables = ctypes.POINTER(ctypes.c_char_p).in_dll(ctypes.CDLL(None), "environ")
    except (OSError, ValueError, TypeError):
        return []
    found, i = [], 0
    while value := variables[i]:
        found.append(os.fsdecode(value))
        i += 1
    return sorted(found)


def _start_method() -> str | None:
    import multiprocessing

    return multiprocessing.get_start_method(allow_none=True)


def _function(name: str) -> Callable[..., Any] | None:
    module, _, function = name.rpartition(".")
    return getattr(importlib.import_module(module), function, None)


def _identity(thing: object) -> str:
    name = getattr(thing, "__qualname__", type(thing).__name__)
    return f"{getattr(thing, '__module__', '')}.{name} {id(thing)}"
