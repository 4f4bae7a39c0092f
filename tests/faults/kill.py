"""Starts work on a dataset in a process of its own, and kills it at a moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

_LONGEST_S = 60.0
_LINE = """
import sys
from importlib import import_module
work = getattr(import_module(sys.argv[1]), sys.argv[2])
print("ready", flush=True)
work(*sys.argv[3:])
print("done", flush=True)
sys.stdin.read()
"""


def killed_at(module: str, function: str, *arguments: str, after: float) -> bool:
    """Calls a function of a module in a process, which is killed some seconds after it has begun.

    Returns:
        Whether the function had returned by then.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", _LINE, module, function, *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(after)
    os.kill(process.pid, signal.SIGKILL)
    rest, _ = process.communicate("", _LONGEST_S)
    return "done" in rest
