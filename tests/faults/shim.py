"""The library ``disk_faults.c``: built, loaded into a fresh Python, armed."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from enum import IntEnum
from pathlib import Path

SOURCE = Path(__file__).with_name("disk_faults.c")
_LOADED = "SAMDESK_DISK_FAULTS"


class Mode(IntEnum):
    """What happens at the chosen call."""

    COUNT = 0
    KILL = 1
    FAIL_ONCE = 2
    FAIL_ON = 3


def missing() -> str:
    """Returns why the library cannot be used here; "" if it can."""
    if not sys.platform.startswith("linux"):
        return "needs LD_PRELOAD of Linux"
    return "" if shutil.which("cc") else "needs a C compiler"


def environment(folder: Path) -> dict[str, str]:
    """Builds the library in a folder; returns the environment of a Python that has it loaded."""
    library = folder / "disk_faults.so"
    command = ["cc", "-O1", "-shared", "-fPIC", "-o", str(library), str(SOURCE), "-ldl"]
    subprocess.run(command, check=True)
    return {**os.environ, "LD_PRELOAD": str(library), _LOADED: "1"}


def is_loaded() -> bool:
    return os.environ.get(_LOADED) == "1"


def arm(folder: Path, call: int, mode: Mode, error: int = 0) -> None:
    """Starts to count the calls that change files below a folder; at ``call`` (from 1) it happens."""
    ctypes.CDLL(None).faults_arm(os.fsencode(folder), ctypes.c_long(call), int(mode), error)


def disarm() -> int:
    """Stops it; returns the number of calls."""
    function = ctypes.CDLL(None).faults_disarm
    function.restype = ctypes.c_long
    return int(function())
