"""Makes the tensors of a checkpoint from its storages, in bounds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, Any

import torch
from torch import nn

from samdesk.engine.checkpoints.container import CheckpointFault, Record, read_into

_KINDS = {
    "DoubleStorage": torch.float64, "FloatStorage": torch.float32, "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16, "LongStorage": torch.int64, "IntStorage": torch.int32,
    "ShortStorage": torch.int16, "CharStorage": torch.int8, "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}  # fmt: skip
_MOST_COPIES = 4
"""Tensors may share storages; all of them together have at most this many times the bytes of the file."""
_ALWAYS = 64 << 20
_DAMAGED = "its tensors are damaged"


@dataclass(frozen=True)
class StorageKind:
    """A storage class of torch: the type of its numbers."""

    dtype: torch.dtype


def storage_kinds() -> Mapping[str, StorageKind]:
    """The storage classes by name ("torch.FloatStorage")."""
    kinds = {f"torch.{name}": StorageKind(dtype) for name, dtype in _KINDS.items()}
    kinds |= {f"torch.cuda.{name}": StorageKind(dtype) for name, dtype in _KINDS.items()}
    return kinds | {"torch.storage.UntypedStorage": StorageKind(torch.uint8)}


@dataclass(frozen=True, eq=False)
class Storage:
    """The numbers of a storage.

    Attributes:
        data: Its bytes.
        dtype: The type of its numbers.
    """

    data: torch.UntypedStorage
    dtype: torch.dtype

    @property
    def count(self) -> int:
        return self.data.nbytes() // self.dtype.itemsize


class ArchiveStorages:
    """The storages of a zip archive, read when they are first needed.

    Args:
        file: The open file.
        records: Where they are, by key.
    """

    def __init__(self, file: IO[bytes], records: Mapping[str, Record]) -> None:
        self._file, self._records = file, records
        self._made: dict[str, torch.UntypedStorage] = {}

    def __call__(self, persistent_id: Any) -> Storage:
        """The storage of a persistent id. Raises ``CheckpointFault``."""
        kind, key, count = parse_id(persistent_id)
        record = self._records.get(key)
        if record is None or count * kind.dtype.itemsize > record.size:
            raise CheckpointFault(_DAMAGED)
        if key not in self._made:
            self._made[key] = read_storage(self._file, record)
        return Storage(self._made[key], kind.dtype)


def parse_id(persistent_id: Any) -> tuple[StorageKind, str, int]:
    """Returns the kind, the key and the number of values of a storage. Raises ``CheckpointFault``."""
    if type(persistent_id) is not tuple or len(persistent_id) not in (5, 6):
        raise CheckpointFault(_DAMAGED)
    what, kind, key, _device, count = persistent_id[:5]
    if what != "storage" or not isinstance(kind, StorageKind) or type(key) is not str or not _is_count(count):
        raise CheckpointFault(_DAMAGED)
    if len(persistent_id) == 6 and persistent_id[5] is not None:
        raise CheckpointFault("its tensors are views of an old kind")
    return kind, key, count


def read_storage(file: IO[bytes], record: Record) -> torch.UntypedStorage:
    """Reads a storage. Raises ``CheckpointFault``."""
    buffer = torch.empty(record.size, dtype=torch.uint8)
    read_into(file, record, buffer.numpy().data)
    return buffer.untyped_storage()


class TensorMaker:
    """Makes the tensors of one file.

    Args:
        size: Of the file, bytes.
    """

    def __init__(self, size: int) -> None:
        self._left = _MOST_COPIES * size + _ALWAYS

    def rebuild_v2(
        self, storage: Any, offset: Any, size: Any, stride: Any, requires_grad: Any = False, *_: Any
    ) -> torch.Tensor:
        """As torch's function of this name. Raises ``CheckpointFault``."""
        if not isinstance(storage, Storage):
            raise CheckpointFault(_DAMAGED)
        return self._tensor(storage, storage.dtype, offset, size, stride, requires_grad)

    def rebuild_v3(
        self, storage: Any, offset: Any, size: Any, stride: Any, requires_grad: Any, _hooks: Any, dtype: Any,
        *_: Any,
    ) -> torch.Tensor:  # fmt: skip
        """As torch's function of this name. Raises ``CheckpointFault``."""
        if not isinstance(storage, Storage) or not isinstance(dtype, torch.dtype):
            raise CheckpointFault(_DAMAGED)
        return self._tensor(storage, dtype, offset, size, stride, requires_grad)

    def rebuild_parameter(self, data: Any, requires_grad: Any = False, *_: Any) -> nn.Parameter:
        """As torch's function of this name. Raises ``CheckpointFault``."""
        if not isinstance(data, torch.Tensor):
            raise CheckpointFault(_DAMAGED)
        return nn.Parameter(data, bool(requires_grad) and data.is_floating_point())

    def _tensor(
        self, storage: Storage, dtype: torch.dtype, offset: Any, size: Any, stride: Any, requires_grad: Any
    ) -> torch.Tensor:
        sizes, strides = _counts(size), _counts(stride)
        if len(sizes) != len(strides) or not _is_count(offset) or len(sizes) > 16:
            raise CheckpointFault(_DAMAGED)
        available = storage.data.nbytes() // dtype.itemsize
        count = math.prod(sizes)
        last = offset + sum((n - 1) * step for n, step in zip(sizes, strides, strict=True))
        if count and (last >= available or count > available):
            raise CheckpointFault(_DAMAGED)
        self._left -= count * dtype.itemsize
        if self._left < 0 or (not count and offset > available):
            raise CheckpointFault(_DAMAGED)
        try:
            made = torch.empty(0, dtype=dtype).set_(storage.data, offset, sizes, strides)
            return made.requires_grad_(bool(requires_grad) and made.is_floating_point())
        except RuntimeError as error:
            raise CheckpointFault(_DAMAGED) from error


def _counts(values: Any) -> tuple[int, ...]:
    if not isinstance(values, tuple) or not all(_is_count(value) for value in values):
        raise CheckpointFault(_DAMAGED)
    return tuple(values)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 62


Fill = Callable[[], None]


class StreamStorages:
    """The storages of a stream of PyTorch before 1.6, which follow its pickles.

    Args:
        size: Of the file, bytes: all storages together are not larger.
    """

    def __init__(self, size: int) -> None:
        self._left = size
        self._made: dict[str, Storage] = {}

    def __call__(self, persistent_id: Any) -> Storage:
        """The storage of a persistent id, to be filled by ``read``. Raises ``CheckpointFault``."""
        kind, key, count = parse_id(persistent_id)
        if key not in self._made:
            self._left -= count * kind.dtype.itemsize
            if self._left < 0:
                raise CheckpointFault("it is incomplete")
            data = torch.empty(count * kind.dtype.itemsize, dtype=torch.uint8).untyped_storage()
            self._made[key] = Storage(data, kind.dtype)
        return self._made[key]

    def read(self, file: IO[bytes], start: int, keys: Any) -> None:
        """Fills the storages from the open file. Raises ``CheckpointFault``."""
        if type(keys) is not list or set(map(str, keys)) != set(self._made):
            raise CheckpointFault(_DAMAGED)
        offset = start
        for key in keys:
            storage = self._made[str(key)]
            file.seek(offset)
            if int.from_bytes(file.read(8), "little") != storage.count:
                raise CheckpointFault(_DAMAGED)
            record = Record(offset + 8, storage.data.nbytes())
            storage.data.copy_(read_storage(file, record))
            offset += 8 + record.size
