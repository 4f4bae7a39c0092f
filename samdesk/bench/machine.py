"""Describes the machine that times were measured on, and its load."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from samdesk.base.cv import cv2
from samdesk.base.text import counted
from samdesk.engine.runtime.device import cores, title


@dataclass(frozen=True)
class Machine:
    """Hardware and software versions.

    Attributes:
        processor: Name of the processor.
        cores: Number of cores available to this process.
        system: Name of the operating system.
        python: Version of Python.
        torch: Version of PyTorch.
        torch_threads: Threads torch uses within one operation.
        opencv_threads: Threads OpenCV uses.
        bfloat16: The processor's bfloat16 instruction sets; "": none, or unknown.
        ultralytics: Version of the installed package.
        gpu: Name of the GPU that was used; "": none.
        cuda: Versions of CUDA and cuDNN that torch uses; "": none.
    """

    processor: str
    cores: int
    system: str
    python: str
    torch: str
    torch_threads: int
    opencv_threads: int
    bfloat16: str = ""
    ultralytics: str = ""
    gpu: str = ""
    cuda: str = ""

    def __str__(self) -> str:
        more = "".join(f", {part}" for part in (self.bfloat16, self.gpu, self.cuda) if part)
        return (
            f"{cores_of(self.cores, self.processor)}, {self.system}{more}\n"
            f"Python {self.python}, torch {self.torch} with {_threads(self.torch_threads)}, "
            f"OpenCV with {_threads(self.opencv_threads)}"
            + (f", Ultralytics {self.ultralytics}" if self.ultralytics else "")
        )


def this_machine(device: str = "cpu") -> Machine:
    """Returns the description of this machine, with the GPU if that is the device; imports torch."""
    from samdesk.engine.runtime.imports import import_torch

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
        bfloat16=_bfloat16(),
        ultralytics=_version("ultralytics"),
        gpu="" if device == "cpu" else title(device),
        cuda=_cuda() if device.startswith("cuda") else "",
    )


def processor() -> str:
    """Returns the processor's name."""
    named = (line.partition(":")[2].strip() for line in _cpuinfo() if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()


def resident_bytes() -> int | None:
    """Returns the resident memory of this process in bytes; None where the system does not report it."""
    try:
        pages = int(Path("/proc/self/statm").read_text("utf-8").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return None


def load_average() -> float | None:
    """Returns the load average of the last minute; None where the system has none."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def cores_of(count: int, name: str) -> str:
    """Returns a text such as "2 cores of AMD EPYC"."""
    return f"{counted(count, 'core')} of {name}"


def _threads(count: int) -> str:
    return counted(count, "thread")


def _version(package: str) -> str:
    try:
        found: str = metadata.distribution(package).metadata["Version"]
    except metadata.PackageNotFoundError:
        return ""
    return found


def _bfloat16() -> str:
    flags = next((line.split() for line in _cpuinfo() if line.startswith("flags")), [])
    return ", ".join(name for name in ("avx512_bf16", "amx_bf16") if name in flags)


def _cuda() -> str:
    import torch

    cudnn: Any = torch.backends.cudnn
    return f"CUDA {torch.version.cuda}, cuDNN {cudnn.version()}"


def _cpuinfo() -> list[str]:
    try:
        return Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return []
