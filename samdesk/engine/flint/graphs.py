"""Flint's networks on ONNX Runtime, on the CPU in fp32: a click is answered without importing torch.

The graphs (``resources/models/flint``, written by ``packaging/flint_graphs.py``) have no weights. Those of
the safetensors file are put in as a graph is loaded, so that taught weights run on the same graphs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samdesk.base import json_file
from samdesk.base.errors import first_line
from samdesk.base.places import flint_graphs, flint_weights
from samdesk.base.regular import read_bytes
from samdesk.engine.flint.arrays import Arrays, network_arrays
from samdesk.engine.flint.maps import CropPrompts, prompt_maps
from samdesk.engine.flint.runtime import Levels
from samdesk.engine.protocols import EngineError, OutOfMemory
from samdesk.engine.runtime.device import cores, cpu_title, out_of_memory
from samdesk.engine.runtime.imports import import_onnxruntime

_GRAPHS = ("embed", "coarse", "fine")
_MOST_THREADS = 8


def available() -> bool:
    """Whether ONNX Runtime and the graphs are installed. Imports nothing."""
    return find_spec("onnxruntime") is not None and (flint_graphs() / "graphs.json").is_file()


class GraphRuntime:
    """A ``FlintRuntime`` on ONNX Runtime.

    Attributes:
        layers: Number of layers of the network.
        parameters: Number of its weights.
        device_title: The CPU, with the number of threads that an operation is computed with, for users.
    """

    def __init__(self, path: Path, threads: int = 0) -> None:
        """Loads the prompt network of a file.

        Args:
            path: The file.
            threads: How many an operation is computed with; 0: as many as there are cores, up to eight.

        Raises:
            EngineError: The file is missing, damaged, or has no prompt network.
        """
        weights = network_arrays(path, flint_weights())
        facts = json_file.read_object(flint_graphs() / "graphs.json")
        shapes: dict[str, dict[str, list[int]]] = facts["weights"]
        needed = {name: tuple(shape) for graph in shapes.values() for name, shape in graph.items()}
        _check(path, weights, needed)
        self.layers: int = facts["layers"]
        self._gflops: float | None = facts["gflops"]
        self.parameters = sum(weights[name].size for name in needed)
        self._path = path
        threads = threads or min(cores(), _MOST_THREADS)
        self.device_title = cpu_title(threads)
        self._sessions = {
            name: _session(path, flint_graphs() / f"{name}.onnx", weights, shapes[name], threads)
            for name in _GRAPHS
        }

    def embed(self, images: NDArray[np.uint8]) -> Levels:
        """See ``FlintRuntime``."""
        return tuple(self._sessions["embed"].run(None, {"pixels": np.ascontiguousarray(images)}))

    def decode(
        self, levels: Levels, prompts: CropPrompts, fine: bool = True
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """See ``FlintRuntime``."""
        maps: NDArray[np.float32] = prompt_maps(prompts, levels[1].shape[2:])
        inputs = {f"level{i}": level for i, level in enumerate(levels) if fine or i}
        logits, iou = self._sessions["fine" if fine else "coarse"].run(None, {**inputs, "maps": maps})
        return logits, iou

    def concatenate(self, parts: Sequence[Levels]) -> Levels:
        """See ``FlintRuntime``."""
        return tuple(np.concatenate(level) for level in zip(*parts, strict=True))

    def replica(self, threads: int) -> GraphRuntime:
        """See ``FlintRuntime``: sessions of its own, as their number of threads is fixed."""
        return GraphRuntime(self._path, threads)

    def count_gflops(self) -> float | None:
        """See ``FlintRuntime``."""
        return self._gflops

    @contextmanager
    def errors(self, what: str) -> Iterator[None]:
        """See ``FlintRuntime``."""
        try:
            yield
        except MemoryError as error:
            raise out_of_memory(what, "cpu") from error
        except _errors() as error:
            raise _translated(what, error) from error


def _check(path: Path, weights: Arrays, needed: Mapping[str, tuple[int, ...]]) -> None:
    for name, shape in needed.items():
        found = weights.get(name)
        if found is None or found.shape != shape:
            fault = f"{name} is missing" if found is None else f"{name} is {found.shape}, not {shape}"
            raise EngineError(f"{path} has no supported Flint network: {fault}. Choose a Flint weights file.")


def _session(path: Path, graph: Path, weights: Arrays, names: Mapping[str, Any], threads: int) -> Any:
    runtime = import_onnxruntime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads  # left to itself it also pins its threads to cores
    options.log_severity_level = 3
    # Threads that spin while they wait take the processor from other programs, and wait for theirs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_cpu_mem_arena = False
    model = read_bytes(graph) + _initializers({name: weights[name] for name in names})
    try:
        return runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except _errors() as error:
        raise _translated(f"Loading {path.name}", error) from error


def _errors() -> tuple[type[Exception], ...]:
    """The exceptions of ONNX Runtime, which have no common base class of their own."""
    state = import_onnxruntime().capi.onnxruntime_pybind11_state
    names = ("Fail", "InvalidArgument", "InvalidGraph", "RuntimeException")
    return (RuntimeError, *(getattr(state, name) for name in names if hasattr(state, name)))


def _translated(what: str, error: Exception) -> EngineError | OutOfMemory:
    if any(words in str(error) for words in ("bad_alloc", "Failed to allocate")):
        return out_of_memory(what, "cpu")
    return EngineError(f"{what} failed on cpu: {first_line(error)}. Try another device or model.")


# Of the format of ONNX files, Protocol Buffers, only this much is needed: a message that follows another in a
# file is merged into it, so weights are added to a graph by appending a model that has nothing but them.
_MODEL_GRAPH, _GRAPH_INITIALIZER = 7, 5
_TENSOR_DIMS, _TENSOR_TYPE, _TENSOR_NAME, _TENSOR_DATA = 1, 2, 8, 9
_FLOAT = 1


def _initializers(weights: Arrays) -> bytes:
    """An ONNX model of nothing but float32 initializers."""
    tensors = (_field(_GRAPH_INITIALIZER, _tensor(*item)) for item in weights.items())
    return _field(_MODEL_GRAPH, b"".join(tensors))


def _tensor(name: str, value: NDArray[Any]) -> bytes:
    dims = b"".join(_varint(_TENSOR_DIMS << 3) + _varint(length) for length in value.shape)
    kind = _varint(_TENSOR_TYPE << 3) + _varint(_FLOAT)
    data = np.ascontiguousarray(value, "<f4").tobytes()
    return dims + kind + _field(_TENSOR_NAME, name.encode()) + _field(_TENSOR_DATA, data)


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
