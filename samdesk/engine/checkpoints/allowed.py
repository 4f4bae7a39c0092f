"""What a checkpoint may name: tensors, plain values, and the networks of torch and of Ultralytics.

Networks are made empty and get their state from the file; their constructors are never called, as some of
them run text or open files. A name that is not here is an "unknown name": the file is not opened without the
user's permission (``engine.checkpoints.read``).
"""

from __future__ import annotations

import importlib
import pathlib
import re
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from samdesk.engine.checkpoints.container import CheckpointFault
from samdesk.engine.checkpoints.machine import Allowed, NeedsCodeError, checked_key
from samdesk.engine.checkpoints.storages import StorageKind, TensorMaker, storage_kinds

_NETWORKS = re.compile(
    r"(torch\.nn\.modules|ultralytics\.nn\.modules|ultralytics\.nn\.tasks)(\.[a-z_0-9]+)*\.[A-Za-z_0-9]+"
)
_HELPERS = re.compile(r"ultralytics\.(utils\.(loss|tal)|nn\.distill_model)\.[A-Za-z_0-9]+")
_FUNCTIONS = re.compile(
    r"torch\.nn\.functional\.(relu|relu6|gelu|silu|mish|hardswish|leaky_relu|elu|sigmoid)"
)
_NOT_NEEDED = re.compile(r"(torchvision\.transforms|albumentations|PIL)\.[A-Za-z_0-9.]+")
"""What classification checkpoints have for their images; detection and segmentation do not."""
_METHODS = re.compile(r"forward(_[a-z_0-9]+)?")
_RENAMED = {
    "ultralytics.nn.modules.block.Silence": "torch.nn.modules.linear.Identity",
    "ultralytics.nn.tasks.YOLOv10DetectionModel": "ultralytics.nn.tasks.DetectionModel",
    "ultralytics.utils.loss.v10DetectLoss": "ultralytics.utils.loss.E2EDetectLoss",
}
_MOVED = {"ultralytics.yolo.utils.": "ultralytics.utils.", "ultralytics.yolo.v8.": "ultralytics.models.yolo."}


class MissingClass(CheckpointFault):
    """The file needs a class that the installed version of torch or Ultralytics does not have."""


class NotNeeded:
    """Stands for an object that is not used here; it keeps nothing and does nothing."""


class Names:
    """The names that one file may use.

    Args:
        tensors: Makes its tensors.
    """

    def __init__(self, tensors: TensorMaker) -> None:
        self._table: dict[str, Allowed] = {
            **_plain_values(),
            **_torch_values(),
            **{name: Allowed(kind) for name, kind in storage_kinds().items()},
            "torch._utils._rebuild_tensor_v2": _function(tensors.rebuild_v2),
            "torch._utils._rebuild_tensor_v3": _function(tensors.rebuild_v3),
            "torch._utils._rebuild_parameter": _function(tensors.rebuild_parameter),
            "torch._utils._rebuild_parameter_with_state": _function(tensors.rebuild_parameter),
        }

    def __call__(self, name: str) -> Allowed | None:
        """What a name stands for; None: it is not allowed. Raises ``MissingClass``."""
        name = current_name(name)
        found = self._table.get(name)
        if found is not None:
            return found
        if _NETWORKS.fullmatch(name):
            return _network(_imported(name))
        if _HELPERS.fullmatch(name):
            return _plain_class(_imported(name))
        if _FUNCTIONS.fullmatch(name):
            return Allowed(_imported(name))
        if _NOT_NEEDED.fullmatch(name):
            made = type("NotNeeded", (NotNeeded,), {})
            return Allowed(made, lambda *_: made(), made, _forget)
        return None


def current_name(name: str) -> str:
    """The present name of what older versions of Ultralytics called otherwise."""
    for old, new in _MOVED.items():
        if name.startswith(old):
            name = new + name.removeprefix(old)
    return _RENAMED.get(name, name)


def _imported(name: str) -> Any:
    module, _, attribute = name.rpartition(".")
    try:
        if module.startswith("ultralytics."):
            from samdesk.engine.ultralytics import import_ultralytics

            import_ultralytics()
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        package = module.partition(".")[0]
        raise MissingClass(
            f"it needs {attribute}, which the installed version of {package} does not have"
        ) from error


def _network(cls: Any) -> Allowed | None:
    if not (isinstance(cls, type) and issubclass(cls, nn.Module)):
        return None
    return Allowed(cls, None, lambda: cls.__new__(cls), _build_network)


def _plain_class(cls: Any) -> Allowed | None:
    if not isinstance(cls, type):
        return None
    if issubclass(cls, nn.Module):
        return _network(cls)
    return Allowed(cls, None, lambda: cls.__new__(cls), _build_plain)


def _build_network(module: nn.Module, state: Any) -> None:
    set_state: Any = nn.Module.__setstate__
    set_state(module, _attributes(state))


def _build_plain(instance: Any, state: Any) -> None:
    instance.__dict__.update(_attributes(state))


def _attributes(state: Any) -> dict[str, Any]:
    if type(state) is not dict or not all(type(key) is str and not key.startswith("__") for key in state):
        raise CheckpointFault("its structure is damaged")
    return state


def _forget(_instance: Any, _state: Any) -> None:
    """Drops the state of an object that is not needed."""


def _function(function: Callable[..., Any]) -> Allowed:
    return Allowed(function, function)


def _plain_values() -> dict[str, Allowed]:
    """The containers, numbers and paths that checkpoints have beside their networks."""
    table = {
        "collections.OrderedDict": Allowed(OrderedDict, _ordered_dict, OrderedDict),
        "collections.Counter": Allowed(Counter, lambda items=None: Counter(_pairs(items))),
        "builtins.set": Allowed(set, lambda items=(): {checked_key(item) for item in _items(items)}),
        "builtins.frozenset": Allowed(
            frozenset, lambda items=(): frozenset(checked_key(item) for item in _items(items))
        ),
        "builtins.list": Allowed(list),
        "builtins.dict": Allowed(dict),
        "builtins.tuple": Allowed(tuple),
        "builtins.int": Allowed(int),
        "builtins.float": Allowed(float),
        "builtins.str": Allowed(str),
        "builtins.bool": Allowed(bool),
        "builtins.slice": Allowed(slice, _slice),
        "builtins.getattr": Allowed(_method, _method),
        "_codecs.encode": Allowed(_encoded, _encoded),
        "numpy.dtype": Allowed(np.dtype, _number_type, build=_forget, type=_NumberType),
        "types.SimpleNamespace": Allowed(_Namespace, _Namespace, _Namespace, _build_plain),
    }
    names = [f"ultralytics.{part}IterableSimpleNamespace" for part in ("utils.", "cfg.")]
    table |= {name: Allowed(_Namespace, _Namespace, _Namespace, _build_plain) for name in names}
    for module in ("numpy.core.multiarray", "numpy._core.multiarray"):
        table[f"{module}.scalar"] = Allowed(_number, _number)
    for module in ("pathlib", "pathlib._local"):
        for cls in ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath", "Path"):
            table[f"{module}.{cls}"] = Allowed(_path, _path)
    return table


def _torch_values() -> dict[str, Allowed]:
    types = {str(value): Allowed(value) for value in vars(torch).values() if isinstance(value, torch.dtype)}
    return types | {
        "torch.Size": Allowed(torch.Size, _size),
        "torch.device": Allowed(torch.device, lambda *_: torch.device("cpu")),
        "torch.serialization._get_layout": Allowed(_layout, _layout),
        "torch.Tensor": Allowed(torch.Tensor),
        "torch.nn.parameter.Parameter": Allowed(nn.Parameter),
    }


class _Namespace:
    """Stands for a namespace of settings: attributes and nothing else."""


class _NumberType:
    """A numpy type of numbers, as ``numpy.dtype`` names it."""

    def __init__(self, name: str) -> None:
        self.name = name


def _number_type(name: Any, *_: Any) -> _NumberType:
    if type(name) is not str or not re.fullmatch(r"[<=|]?[biuf][1248]", name):
        raise CheckpointFault("its structure is damaged")
    return _NumberType(name)


def _number(kind: Any, raw: Any) -> Any:
    if not isinstance(kind, _NumberType) or not isinstance(raw, bytes):
        raise CheckpointFault("its structure is damaged")
    return np.frombuffer(raw, kind.name)[0].item()


def _encoded(text: Any, encoding: Any = "latin1") -> bytes:
    if type(text) is not str or encoding not in ("latin1", "latin-1", "ascii", "utf-8"):
        raise CheckpointFault("its structure is damaged")
    return text.encode(encoding)


def _path(*parts: Any) -> pathlib.PurePath:
    return pathlib.PurePosixPath(*(str(part) for part in parts))


def _slice(*parts: Any) -> slice:
    return slice(*(part if part is None else int(part) for part in parts))


def _size(values: Any) -> torch.Size:
    return torch.Size(int(value) for value in _items(values))


def _layout(_name: Any) -> torch.layout:
    return torch.strided


def _ordered_dict(items: Any = ()) -> OrderedDict[Any, Any]:
    return OrderedDict(_pairs(items))


def _pairs(items: Any) -> Iterable[tuple[Any, Any]]:
    found = list(items.items()) if isinstance(items, Mapping) else _items(items or ())
    return [(checked_key(key), value) for key, value in found]


def _items(values: Any) -> list[Any] | tuple[Any, ...] | set[Any]:
    if type(values) not in (list, tuple, set):
        raise CheckpointFault("its structure is damaged")
    return values  # type: ignore[no-any-return]


def _method(owner: Any, name: Any) -> Any:
    """``getattr`` as networks are pickled with: a ``forward`` of a network or of its class."""
    cls = owner if isinstance(owner, type) else type(owner)
    if isinstance(owner, type) and issubclass(owner, NotNeeded):
        return owner
    if not issubclass(cls, nn.Module) or type(name) is not str or not _METHODS.fullmatch(name):
        raise NeedsCodeError(f"getattr {str(name)[:60]!r}")
    method = getattr(cls, name)
    return method if isinstance(owner, type) else method.__get__(owner)


__all__ = ["MissingClass", "Names", "StorageKind", "current_name"]
