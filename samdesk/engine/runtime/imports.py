"""Importing torch beside a window that must go on answering.

An import in one thread stops the others in two ways. Opening a library runs the system's loader under
Python's global lock, most of a second for torch's; opened first through a foreign function call, which
gives the lock away, it costs the others nothing. And the garbage collector, which stops everything,
walks again and again over the hundreds of thousands of objects that the import makes, and over all of
them on each full collection ever after; so it rests meanwhile and leaves them out from then on.

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
from threading import RLock

log = logging.getLogger(__name__)

_LOCK = RLock()  # the collector is the process's; two imports at once must not switch it on too early

# As torch itself opens them (torch/__init__.py, _preload_cuda_deps), in its order.
_CUDA = (
    "cublasLt", "cublas", "cudnn", "nvrtc", "nvrtc-builtins", "cudart", "cupti", "cufft", "nvJitLink",
    "cusparse", "cusparseLt", "cusolver", "nccl", "nvshmem_host", "cufile",
)  # fmt: skip
_TORCH = ("torch_global_deps", "c10", "torch_cpu", "c10_cuda", "torch_cuda", "torch")


def import_torch() -> None:
    """Imports torch; other threads run on meanwhile."""
    with _LOCK:
        if "torch" not in sys.modules:
            _open_ahead("torch", _torch_libraries)
            import_gently("torch")


def import_torchvision() -> None:
    """Imports torchvision, which in turn imports torch's compiler; other threads run on meanwhile."""
    import_torch()
    with _LOCK:
        if "torchvision" not in sys.modules:
            _open_ahead("triton", lambda home: [home / "_C" / "libtriton.so"])
            import_gently("torchvision")


def import_gently(name: str) -> None:
    """Imports a module without a garbage collection, now or later, of what it makes."""
    with _LOCK:
        if name in sys.modules:
            return
        was_on = gc.isenabled()
        gc.disable()
        try:
            importlib.import_module(name)
        finally:
            gc.freeze()
            atexit.register(gc.unfreeze)  # else some libraries report leaks when the program ends
            if was_on:
                gc.enable()


def _torch_libraries(home: Path) -> list[Path]:
    ending = ".dylib" if sys.platform == "darwin" else ".so"
    own = [home / "lib" / f"lib{name}{ending}" for name in _TORCH]
    return [own[0], *_cuda_libraries(home.parent), *own[1:]]


def _open_ahead(package: str, libraries: Callable[[Path], list[Path]]) -> None:
    """Opens a package's libraries with the global lock given away. What fails here, its import does."""
    spec = importlib.util.find_spec(package)
    if os.name != "posix" or spec is None or spec.origin is None:
        return  # Windows: torch opens them through a foreign function call already
    try:
        dlopen = ctypes.CDLL(None).dlopen
        dlopen.restype, dlopen.argtypes = ctypes.c_void_p, (ctypes.c_char_p, ctypes.c_int)
        for path in libraries(Path(spec.origin).parent):
            mode = os.RTLD_NOW | (os.RTLD_GLOBAL if "global" in path.name else 0)
            if path.is_file() and not dlopen(os.fsencode(path), mode):
                log.info("%s is not opened ahead", path.name)
    except (OSError, AttributeError) as error:
        log.info("the libraries of %s are not opened ahead: %s", package, error)


def _cuda_libraries(site: Path) -> Iterator[Path]:
    for name in _CUDA:
        found = sorted(site.glob(f"nvidia/*/lib/lib{name}.so.*[0-9]"))
        if found:
            yield found[0]
