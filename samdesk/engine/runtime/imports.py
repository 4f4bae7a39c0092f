"""Importing torch and ultralytics on a thread without freezing the GUI thread.

An import on one thread blocks the others in two ways. Loading a shared library runs the dynamic loader under
the GIL, most of a second for torch's; loaded first through ctypes, which releases the GIL, it does not block.
And the garbage collector traverses the hundreds of thousands of objects that the import creates again and
again, and in every full collection afterwards; so it is disabled during the import, and the objects are
frozen (``gc.freeze``) after it.

Measured on 2 cores of an AMD EPYC with other work on them, torch 2.15 with CUDA, a 5 ms heartbeat on the
main thread: during the import of torch and ultralytics the longest gap falls from 840 ms to 20 to 70 ms
and the import itself from 5.5 s to 2 to 3 s; torchvision's was 400 ms long.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import importlib
import importlib.util
import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from samdesk.base.environment import set_for_torch
from samdesk.engine.runtime.process_state import LOCK, preserved

log = logging.getLogger(__name__)

# As torch itself loads them (torch/__init__.py, _preload_cuda_deps), in its order.
_CUDA = (
    "cublasLt", "cublas", "cudnn", "nvrtc", "nvrtc-builtins", "cudart", "cupti", "cufft", "nvJitLink",
    "cusparse", "cusparseLt", "cusolver", "nccl", "nvshmem_host", "cufile",
)  # fmt: skip
_TORCH = ("torch_global_deps", "c10", "torch_cpu", "c10_cuda", "torch_cuda", "torch")


def import_torch() -> None:
    """Imports torch without blocking other threads."""
    with LOCK:
        if "torch" not in sys.modules:
            set_for_torch()
            _preload("torch", _torch_libraries)
            import_without_gc("torch")


def import_torchvision() -> None:
    """Imports torchvision, which imports torch's compiler, without blocking other threads."""
    import_torch()
    with LOCK:
        if "torchvision" not in sys.modules:
            _preload("triton", lambda home: [home / "_C" / "libtriton.so"])
            import_without_gc("torchvision")


def import_onnxruntime() -> Any:
    """Imports ONNX Runtime without blocking other threads."""
    with LOCK:
        if "onnxruntime" not in sys.modules:
            _preload(
                "onnxruntime", lambda home: sorted((home / "capi").glob("onnxruntime_pybind11_state*.so"))
            )
            import_without_gc("onnxruntime")
            runtime = sys.modules["onnxruntime"]
            runtime.set_default_logger_severity(3)  # errors only: it warns of GPUs that it does not find
            runtime.disable_telemetry_events()  # on by default in builds for Windows
        return sys.modules["onnxruntime"]


def import_without_gc(name: str) -> None:
    """Imports a module with garbage collection disabled and freezes the objects it has created.

    What it sets for the whole process is not set (``process_state.preserved``).
    """
    with LOCK:  # of two imports at once, none must enable garbage collection too early
        if name in sys.modules:
            return
        was_on = gc.isenabled()
        gc.disable()
        try:
            with preserved():
                importlib.import_module(name)
        finally:
            gc.freeze()
            atexit.register(gc.unfreeze)  # else some libraries report leaks at exit
            if was_on:
                gc.enable()


def _torch_libraries(home: Path) -> list[Path]:
    ending = ".dylib" if sys.platform == "darwin" else ".so"
    own = [home / "lib" / f"lib{name}{ending}" for name in _TORCH]
    return [own[0], *_cuda_libraries(home.parent), *own[1:]]


def _preload(package: str, libraries: Callable[[Path], list[Path]]) -> None:
    """Loads a package's libraries with the GIL released. Failures are ignored: the import reports them."""
    spec = importlib.util.find_spec(package)
    if os.name != "posix" or spec is None or spec.origin is None:
        return  # Windows: torch itself loads them through ctypes
    try:
        dlopen = ctypes.CDLL(None).dlopen
        dlopen.restype, dlopen.argtypes = ctypes.c_void_p, (ctypes.c_char_p, ctypes.c_int)
        for path in libraries(Path(spec.origin).parent):
            mode = os.RTLD_NOW | (os.RTLD_GLOBAL if "global" in path.name else 0)
            if path.is_file() and not dlopen(os.fsencode(path), mode):
                log.info("%s is not preloaded", path.name)
    except (OSError, AttributeError) as error:
        log.info("the libraries of %s are not preloaded: %s", package, error)


def _cuda_libraries(site: Path) -> Iterator[Path]:
    for name in _CUDA:
        found = sorted(site.glob(f"nvidia/*/lib/lib{name}.so.*[0-9]"))
        if found:
            yield found[0]
