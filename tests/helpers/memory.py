"""How much memory this process takes at most."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

_STATUS = Path("/proc/self/status")
_PEAK = Path("/proc/self/clear_refs")


def peak_growth(action: Callable[[], object]) -> int:
    """By how many bytes the process grows at most while ``action`` runs. Skips the test where unknown."""
    if not _PEAK.exists():
        pytest.skip("needs /proc of Linux")
    before = start_of_peak()
    action()
    return max(0, resident("VmHWM") - before)


def start_of_peak() -> int:
    """Forgets the largest resident memory so far, where the system can (Linux); returns the present one."""
    try:
        _PEAK.write_text("5")
    except OSError:
        return resident("VmHWM")
    return resident("VmRSS")


def resident(field: str) -> int:
    """Returns a field of /proc/self/status in bytes; 0 on other systems."""
    try:
        status = _STATUS.read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith(field)), 0)
