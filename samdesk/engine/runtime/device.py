"""Devices, precisions, and translating torch's errors."""

from __future__ import annotations

import os
import platform
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from samdesk.base import environment
from samdesk.base.errors import first_line
from samdesk.base.text import counted
from samdesk.engine.protocols import EngineError, OutOfMemory
from samdesk.engine.runtime.imports import import_torch

if TYPE_CHECKING:
    import torch

_GPU_DEVICES = ("/dev/nvidiactl", "/proc/driver/nvidia", "/dev/dxg", "/dev/kfd")
"""Of NVIDIA's driver, the same in WSL, and AMD's, on Linux."""
PRECISIONS = ("auto", "fp32", "fp16", "bf16")


@dataclass(frozen=True)
class DeviceChoice:
    """A device a user can choose: ``id`` as torch names it, ``title`` for users."""

    id: str
    title: str


def devices() -> list[DeviceChoice]:
    """All devices torch can use, the fastest first; the CPU is always last.

    Torch is imported to look for GPUs only if the system has a driver for one.
    """
    if not has_gpu_driver():
        return [DeviceChoice("cpu", title("cpu"))]
    import_torch()
    import torch

    found = [f"cuda:{i}" for i in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    if torch.backends.mps.is_available():
        found.append("mps")
    return [DeviceChoice(name, title(name)) for name in [*found, "cpu"]]


def title(device: str) -> str:
    """The name of a resolved device for users: "NVIDIA H100 80GB HBM3", "Apple GPU", "CPU, 8 threads"."""
    if device == "mps":
        return "Apple GPU"
    if device == "cpu" and "torch" not in sys.modules:
        return cpu_title(cores())
    import torch

    if device == "cpu":
        return cpu_title(torch.get_num_threads())
    return str(torch.cuda.get_device_name(device))


def cpu_title(threads: int) -> str:
    """The title of the CPU for users: "CPU, 8 threads"."""
    return f"CPU, {counted(threads, 'thread')}"


def cores() -> int:
    """The number of cores to compute on: those of this process, unless the user has chosen as for torch."""
    chosen = environment.threads(os.environ)
    if chosen is not None:
        return chosen
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def has_gpu_driver() -> bool:
    """Whether the system may have a GPU that torch can use, as far as can be told without torch."""
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    if sys.platform == "win32":
        return (Path(os.environ.get("SYSTEMROOT", r"C:\Windows")) / "System32" / "nvcuda.dll").is_file()
    return any(Path(device).exists() for device in _GPU_DEVICES)


def resolve(device: str = "") -> str:
    """Resolves a device: "" or "auto" is the fastest one; "0" and "cuda" are the first GPU.

    Raises:
        EngineError: There is no such device.
    """
    wanted = device.strip().lower()
    if wanted == "cpu":
        return wanted
    available = [choice.id for choice in devices()]
    if wanted in ("", "auto"):
        return available[0]
    if wanted == "cuda":
        wanted = "cuda:0"
    if wanted.isdigit():
        wanted = f"cuda:{wanted}"
    if wanted not in available:
        raise EngineError(
            f"There is no device {device!r} on this machine (available: {', '.join(available)}). "
            "Choose another device, or 'auto'."
        )
    return wanted


def precision_for(device: str, precision: str = "auto") -> str:
    """The precision that is used on a resolved device: "fp32", "fp16" or "bf16".

    "auto" is fp16 on CUDA and fp32 elsewhere. On the CPU fp16 is slow: fp32 is used instead.

    Raises:
        EngineError: No such precision.
    """
    wanted = (precision or "auto").lower()
    if wanted not in PRECISIONS:
        raise EngineError(f"There is no precision {precision!r}; choose one of {', '.join(PRECISIONS)}.")
    if wanted == "auto":
        return "fp16" if device.startswith("cuda") else "fp32"
    return "fp32" if device == "cpu" and wanted == "fp16" else wanted


def automatic_precisions(device: str) -> tuple[str, ...]:
    """The precisions to try for SAM on a resolved device, the fastest first; the last is always fp32.

    A CPU is faster in bf16 only if it has instructions for it.
    """
    if device.startswith("cuda"):
        return ("fp16", "bf16", "fp32")
    return ("bf16", "fp32") if device == "cpu" and _cpu_has_bf16() else ("fp32",)


def _cpu_has_bf16() -> bool:
    """Whether the processor has bf16 instructions (AVX-512 BF16 or AMX)."""
    import torch

    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # torch has no public ones
    checks = (getattr(torch.cpu, name, None) for name in names)
    return any(bool(check()) for check in checks if check is not None)


def use_threads(count: int) -> None:
    """Sets how many threads torch computes with on a CPU, for the calling thread alone.

    Torch's own setting is also that of every thread which has not used torch before: it is put back by
    another thread, as a thread that sets it changes its own.
    """
    import torch

    before = torch.get_num_threads()  # fixes the calling thread's number
    if before == count:
        return
    with _THREADS_LOCK:
        torch.set_num_threads(count)
        other = threading.Thread(target=torch.set_num_threads, args=(before,), name="torch threads")
        other.start()
        other.join()


_THREADS_LOCK = threading.Lock()


def dtype_of(precision: str) -> torch.dtype:
    """The torch dtype of "fp32", "fp16" or "bf16"."""
    import torch

    return {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}[precision]


def release() -> None:
    """Releases the unused memory of torch's caching allocator on the GPU."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()


@contextmanager
def translate_torch_errors(what: str, device: str) -> Iterator[None]:
    """Translates torch's errors to ``OutOfMemory`` and ``EngineError`` that name ``what`` and the device."""
    import torch

    try:
        yield
    except (torch.cuda.OutOfMemoryError, MemoryError) as error:
        raise out_of_memory(what, device) from error
    except RuntimeError as error:
        text = str(error)
        if "out of memory" in text.lower() or "can't allocate memory" in text.lower():
            raise out_of_memory(what, device) from error
        raise EngineError(
            f"{what} failed on {device}: {first_line(error)}. Try another device or model."
        ) from error


def out_of_memory(what: str, device: str) -> OutOfMemory:
    """The error for a device that is out of memory."""
    return OutOfMemory(f"{what} needs more memory than {device} has left. Choose a smaller model or the CPU.")
