"""The machine that times were taken on, and how busy it was."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

from samdesk.domain.cv import cv2


@dataclass(frozen=True)
class Machine:
    """What a time depends on.

    Attributes:
        processor: The processor's name.
        cores: How many cores this process may use.
        system: Name of the operating system.
        python: Its version.
        torch: Its version.
        torch_threads: Threads that torch uses for one operation.
        opencv_threads: Threads that OpenCV uses.
    """

    processor: str
    cores: int
    system: str
    python: str
    torch: str
    torch_threads: int
    opencv_threads: int

    def __str__(self) -> str:
        return (
            f"{cores_of(self.cores, self.processor)}, {self.system}\n"
            f"Python {self.python}, torch {self.torch} with {_threads(self.torch_threads)}, "
            f"OpenCV with {_threads(self.opencv_threads)}"
        )


def this_machine() -> Machine:
    """The facts; imports torch."""
    from samdesk.engine.gentle import import_torch

    import_torch()
    import torch

    return Machine(
        processor=processor(),
        cores=cores(),
        system=platform.system(),
        python=platform.python_version(),
        torch=str(torch.__version__),
        torch_threads=torch.get_num_threads(),
        opencv_threads=cv2.getNumThreads(),
    )


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def processor() -> str:
    """The processor's name."""
    named = (line.partition(":")[2].strip() for line in _cpuinfo() if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()


def load_average() -> float | None:
    """Processes that ran or wanted to, on average over the last minute; None where nobody counts."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def cores_of(count: int, name: str) -> str:
    """In words: "2 cores of AMD EPYC"."""
    return f"{count} core{'s' if count > 1 else ''} of {name}"


def _threads(count: int) -> str:
    return f"{count} thread{'s' if count > 1 else ''}"


def _cpuinfo() -> list[str]:
    try:
        return Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return []
