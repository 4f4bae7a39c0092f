"""Reads a checkpoint: as data wherever that is possible, and with its code only if the user permits it."""

from __future__ import annotations

import io
import os
import pickle
import pickletools
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from samdesk.base.errors import first_line
from samdesk.base.hashing import hash_bytes, hash_file
from samdesk.base.regular import open_regular, read_bytes
from samdesk.engine.checkpoints.container import CheckpointFault, Container, NotACheckpoint, open_container
from samdesk.engine.checkpoints.machine import NeedsCodeError, PickleMachine, full_name
from samdesk.engine.checkpoints.trusted import UntrustedFileError, is_trusted
from samdesk.engine.protocols import EngineError
from samdesk.engine.runtime.imports import import_torch

_MAGIC = 0x1950A86A20F9469CFC6C
"""The first object of the format before PyTorch 1.6."""
_MAX_CODE_BYTES = 8 << 30


def read_checkpoint(path: Path) -> Any:
    """Returns the object that ``torch.save`` wrote, on the CPU.

    A file that needs nothing but tensors, plain values and networks of torch and of Ultralytics is read
    without running anything in it. Any other is read by torch, which runs its code, if the user has
    permitted that for its content (``trusted``).

    Raises:
        UntrustedFileError: It needs code, and the user has not permitted it.
        EngineError: It is missing, damaged or no checkpoint; names the file.
    """
    import_torch()
    try:
        return _read_as_data(path)
    except NeedsCodeError as error:
        needs = tuple(_unknown_names(path)) or (error.name,)
    except FileNotFoundError as error:
        raise EngineError(f"The file {path} does not exist. Choose the checkpoint again.") from error
    except NotACheckpoint as error:
        raise EngineError(f"{path} is not a PyTorch checkpoint: {error}. Choose another file.") from error
    except (CheckpointFault, OSError, RuntimeError, MemoryError) as error:
        raise EngineError(
            f"{path} cannot be read as a checkpoint: {_reason(error)}. "
            "It may be incomplete; delete it and download it again."
        ) from error
    sha256 = hash_file(path)
    if not is_trusted(sha256):
        raise UntrustedFileError(str(path), sha256, needs)
    return _read_with_code(path, sha256, needs)


def _reason(error: BaseException) -> str:
    return (error.strerror if isinstance(error, OSError) else "") or first_line(error)


def _read_as_data(path: Path) -> Any:
    from samdesk.engine.checkpoints.allowed import Names
    from samdesk.engine.checkpoints.storages import ArchiveStorages, TensorMaker

    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        container = open_container(file)
        names = Names(TensorMaker(size))
        if container.is_archive:
            return PickleMachine(container.pickle, names, ArchiveStorages(file, container.records)).run()
        return _read_stream(container, names, size)


def _read_stream(container: Container, names: Any, size: int) -> Any:
    """Reads the format of PyTorch before 1.6: five pickles, then the storages."""
    from samdesk.engine.checkpoints.storages import StreamStorages

    data = container.pickle
    storages = StreamStorages(size)
    structure = PickleMachine(data, names, storages, _after_header(data, names))
    loaded = structure.run()
    order = PickleMachine(data, names, storages, structure.position)
    keys = order.run()
    storages.read(container.file, order.position, keys)
    return loaded


def _after_header(data: bytes, names: Any) -> int:
    at = 0
    for i in range(3):  # magic number, version, system
        machine = PickleMachine(data, names, _no_storage, at)
        try:
            value = machine.run()
        except (CheckpointFault, NeedsCodeError) as error:
            raise NotACheckpoint(_starts_with(data)) from error
        if i == 0 and value != _MAGIC:
            raise NotACheckpoint(_starts_with(data))
        if i == 2 and isinstance(value, dict) and value.get("little_endian") is False:
            raise CheckpointFault("its numbers are in another byte order")
        at = machine.position
    return at


def _starts_with(data: bytes) -> str:
    return f"it starts with {data[:4]!r}" if data else "it is empty"


def _no_storage(_persistent_id: Any) -> Any:
    raise CheckpointFault("its structure is damaged")


def _unknown_names(path: Path) -> list[str]:
    """The names in a file that are not allowed, in its order."""
    from samdesk.engine.checkpoints.allowed import MissingClass, Names
    from samdesk.engine.checkpoints.storages import TensorMaker

    names, found = Names(TensorMaker(0)), {}
    try:
        with open_regular(path) as file:
            data = open_container(file).pickle
        for name in _globals(data):
            try:
                allowed = names(name)
            except MissingClass:
                continue
            if allowed is None:
                found[name] = True
    except (ValueError, OSError, EOFError, IndexError):
        pass  # the list is for the user to read; what was found so far will do
    return list(found)


def _globals(data: bytes) -> Iterator[str]:
    stream, texts = io.BytesIO(data), ["", ""]
    while stream.tell() < len(data):
        for opcode, argument, _ in pickletools.genops(stream):
            if opcode.name in ("GLOBAL", "INST"):
                yield full_name(*str(argument).partition(" ")[::2])
            elif opcode.name == "STACK_GLOBAL":
                yield full_name(*texts)
            elif isinstance(argument, str):
                texts = [texts[1], argument]


def _read_with_code(path: Path, sha256: str, needs: tuple[str, ...]) -> Any:
    """Lets torch read the file, whose code runs. What is read is what was hashed."""
    import torch

    try:
        data = read_bytes(path, _MAX_CODE_BYTES)
        if hash_bytes(data) != sha256:
            raise UntrustedFileError(str(path), hash_bytes(data), needs)
        pickles: Any = SimpleNamespace(Unpickler=_AliasedUnpickler, load=pickle.load, __name__="pickle")
        return torch.load(io.BytesIO(data), map_location="cpu", weights_only=False, pickle_module=pickles)
    except EngineError:
        raise
    except Exception as error:
        raise EngineError(
            f"{path} cannot be read as a checkpoint: {first_line(error)}. "
            "It may need a package that is not installed."
        ) from error


class _AliasedUnpickler(pickle.Unpickler):
    """Finds classes under the names that older versions of Ultralytics gave them."""

    def find_class(self, module: str, name: str, /) -> Any:
        """Returns what a name in the file stands for."""
        from samdesk.engine.checkpoints.allowed import current_name

        full = current_name(f"{module}.{name}")
        if full != f"{module}.{name}":
            module, _, name = full.rpartition(".")
        return super().find_class(module, name)
